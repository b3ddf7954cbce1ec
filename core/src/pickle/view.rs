//! Tensors as views of a storage.

use super::{Result, Storage};

/// A tensor as `torch._utils._rebuild_tensor_v2` is told of it. Strides count numbers.
#[derive(Debug, Clone)]
pub(crate) struct View<'a> {
    pub(crate) storage: Storage<'a>,
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl View<'_> {
    /// How many numbers the tensor has.
    ///
    /// # Errors
    /// They do not lie within the storage. Views that repeat numbers are refused too: nobody saves
    /// images or weights so, and they need no more than a few bytes to claim any size.
    pub(crate) fn count(&self) -> Result<usize> {
        let Self { storage, offset, shape, strides } = self;
        let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
        let last = shape.iter().zip(strides).try_fold(*offset, |last, (length, stride)| {
            last.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
        });
        let stored = storage.length;
        let fits = |(count, last)| count <= stored && (last < stored || count == 0);
        let fitting = count.zip(last).filter(|both| fits(*both) && shape.len() == strides.len());
        fitting.map(|(count, _)| count).ok_or_else(|| {
            let by = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
            format!("a shape of {by} with strides {strides:?} does not fit {stored} numbers")
        })
    }

    /// Whether the numbers lie in C order, none left out or met twice.
    pub(crate) fn packed(&self) -> bool {
        packed(self.shape.iter().zip(&self.strides).rev())
    }

    /// Whether the numbers lie in Fortran order, none left out or met twice.
    pub(crate) fn packed_backwards(&self) -> bool {
        packed(self.shape.iter().zip(&self.strides))
    }

    /// Where the tensor's `count` numbers lie in its storage, in C order.
    pub(crate) fn places(&self, count: usize) -> impl Iterator<Item = usize> {
        let mut index = vec![0; self.shape.len()];
        let mut next = self.offset;
        (0..count).map(move |_| {
            let at = next;
            for axis in (0..index.len()).rev() {
                let (length, stride) = (self.shape[axis], self.strides[axis]);
                index[axis] += 1;
                if index[axis] < length {
                    next += stride;
                    break;
                }
                index[axis] = 0;
                next -= (length - 1) * stride;
            }
            at
        })
    }
}

/// Whether the axes are packed, the first one given running fastest.
fn packed<'a>(axes: impl Iterator<Item = (&'a usize, &'a usize)>) -> bool {
    let mut step = 1;
    axes.filter(|(length, _)| **length > 1).all(|(length, stride)| {
        let fits = *stride == step;
        step *= length;
        fits
    })
}
