//! Reading a tensor that `torch.save` wrote on its own, as ClinicaDL keeps images and parts.
//!
//! Such a file is a zip archive of stored entries: `NAME/data.pkl` describes the tensor in Python's
//! pickle language, `NAME/data/KEY` holds its numbers.

use std::path::Path;

use super::by;
use super::convert::{PLANES, transpose};
use crate::{Code, Error, Place, Result};

mod archive;
mod pickle;

use archive::Archive;
use pickle::{Kind, Tensor};

/// Reads the tensor in a `.pt` file, of `float32` or `float64`: its shape, and its numbers in C
/// order whatever their order in the file.
///
/// # Errors
///
/// The file is not there, damaged, or holds something other than one dense tensor of real numbers.
pub fn read_tensor(path: impl AsRef<Path>) -> Result<(Vec<usize>, Vec<f32>)> {
    let path = path.as_ref();
    let read = || {
        let bytes =
            std::fs::read(path).map_err(|error| Error::io(path, "read the tensor", &error))?;
        parse(&bytes)
    };
    read().map_err(|error| {
        let error = error.at(Place::File(path.into()));
        if error.code() != Code::BadTensor {
            return error;
        }
        error.help("write it again in Python with torch.save(tensor, path), or use the NIfTI image")
    })
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadTensor, message)
}

/// The tensor in the bytes of a file.
pub(super) fn parse(file: &[u8]) -> Result<(Vec<usize>, Vec<f32>)> {
    let archive = Archive::open(file)?;
    let folder = archive
        .names()
        .find_map(|name| name.strip_suffix("/data.pkl"))
        .ok_or_else(|| bad("the archive holds no data.pkl, so torch.save did not write it"))?;
    let order = archive.get(&format!("{folder}/byteorder"))?;
    if order.is_some_and(|order| order != b"little") {
        return Err(bad("the numbers are big-endian"));
    }
    let entry = |name: &str| {
        let name = format!("{folder}/{name}");
        archive.get(&name)?.ok_or_else(|| bad(format!("the archive holds no {name}")))
    };
    let tensor = pickle::read(entry("data.pkl")?)?;
    let data = entry(&format!("data/{}", tensor.storage.key))?;
    let numbers = match tensor.storage.kind {
        Kind::F32 => in_order(&tensor, data.as_chunks().0, f32::from_le_bytes),
        Kind::F64 => in_order(&tensor, data.as_chunks().0, |b| f64::from_le_bytes(b) as f32),
    }?;
    Ok((tensor.shape, numbers))
}

/// The tensor's numbers in C order, out of those of its storage.
fn in_order<T: Copy>(
    tensor: &Tensor,
    stored: &[T],
    number: impl Fn(T) -> f32 + Copy,
) -> Result<Vec<f32>> {
    let Tensor { storage, offset, shape, strides } = tensor;
    if stored.len() != storage.length {
        let message = format!("{} numbers expected, {} found", storage.length, stored.len());
        return Err(bad(message));
    }
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let last = shape.iter().zip(strides).try_fold(*offset, |last, (length, stride)| {
        last.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
    });
    // Views that repeat numbers are refused too: nobody saves images so, and they need no more than
    // a few bytes to claim any size.
    let fits = |(count, last)| count <= stored.len() && (last < stored.len() || count == 0);
    let fitting = count.zip(last).filter(|both| fits(*both) && shape.len() == strides.len());
    let Some((count, _)) = fitting else {
        return Err(bad(format!(
            "a shape of {} with strides {strides:?} does not fit {} numbers",
            by(shape),
            stored.len()
        )));
    };
    if count == 0 {
        return Ok(Vec::new());
    }
    if packed(shape.iter().zip(strides).rev()) {
        return Ok(stored[*offset..*offset + count].iter().map(|stored| number(*stored)).collect());
    }
    if let [ones @ .., nx, ny, nz] = &shape[..]
        && ones.iter().all(|length| *length == 1)
        && packed(shape.iter().zip(strides))
    {
        // The order of a NIfTI file, which ClinicaDL's images keep.
        let mut voxels = vec![0.0; count];
        let planes = stored[*offset..*offset + count].chunks(nx * ny * PLANES);
        for (i, planes) in planes.enumerate() {
            transpose(planes, i * PLANES, [*nx, *ny, *nz], &mut voxels, number);
        }
        return Ok(voxels);
    }
    Ok(gather(tensor, count).map(|at| number(stored[at])).collect())
}

/// Whether no number is left out or met twice, the first axis given running fastest.
fn packed<'a>(axes: impl Iterator<Item = (&'a usize, &'a usize)>) -> bool {
    let mut step = 1;
    axes.filter(|(length, _)| **length > 1).all(|(length, stride)| {
        let fits = *stride == step;
        step *= length;
        fits
    })
}

/// Where the tensor's numbers lie in its storage, in C order.
fn gather(tensor: &Tensor, count: usize) -> impl Iterator<Item = usize> {
    let mut index = vec![0; tensor.shape.len()];
    let mut next = tensor.offset;
    (0..count).map(move |_| {
        let at = next;
        for axis in (0..index.len()).rev() {
            let (length, stride) = (tensor.shape[axis], tensor.strides[axis]);
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
