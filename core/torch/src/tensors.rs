//! Lists of tensors that are changed together, through libtorch's foreach kernels.

use std::ffi::{c_double, c_int};

use tch::{TchError, Tensor};

use crate::{Handle, Result, check, handle};

type InPlace =
    unsafe extern "C" fn(*const Handle, *const Handle, *const Handle, usize, c_double) -> c_int;

macro_rules! in_place {
    ($($name:ident)*) => {
        unsafe extern "C" {
            $(fn $name(
                a: *const Handle,
                b: *const Handle,
                c: *const Handle,
                n: usize,
                value: c_double,
            ) -> c_int;)*
        }
    };
}

in_place! {
    neurhai_torch_foreach_add
    neurhai_torch_foreach_mul
    neurhai_torch_foreach_clamp_min
    neurhai_torch_foreach_clamp_max
    neurhai_torch_foreach_sqrt
    neurhai_torch_foreach_abs
    neurhai_torch_foreach_add_scaled
    neurhai_torch_foreach_mul_each
    neurhai_torch_foreach_div_each
    neurhai_torch_foreach_maximum
    neurhai_torch_foreach_lerp
    neurhai_torch_foreach_addcmul
    neurhai_torch_foreach_addcdiv
}

unsafe extern "C" {
    fn neurhai_torch_foreach_add_over_root(
        a: *const Handle,
        b: *const Handle,
        c: *const Handle,
        n: usize,
        value: c_double,
        scale: c_double,
        eps: c_double,
    ) -> c_int;
    fn neurhai_torch_foreach_clone(a: *const Handle, n: usize, out: *mut Handle) -> c_int;
    fn neurhai_torch_foreach_norm(a: *const Handle, n: usize, out: *mut c_double) -> c_int;
}

/// A list of tensors on one device. What changes it changes each tensor in place, without a record for
/// autograd, and gives the list again, so that calls can be chained. Lists that meet have the same
/// length, and their tensors pairwise the same shape.
///
/// # Errors
/// All: lists that differ in length, and what libtorch says.
#[derive(Debug, Default)]
pub struct Tensors(Vec<Tensor>);

impl Tensors {
    /// The list of these tensors.
    pub fn new(tensors: Vec<Tensor>) -> Self {
        Self(tensors)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.0.iter().map(handle).collect()
    }

    fn change(&self, run: InPlace, [b, c]: [&Self; 2], value: f64) -> Result<&Self> {
        same_length(self, &[b, c])?;
        if self.is_empty() {
            return Ok(self);
        }
        let (a, b, c) = (self.handles(), b.handles(), c.handles());
        // SAFETY: all three lists hold `n` valid handles, which the borrowed lists keep alive.
        check(unsafe { run(a.as_ptr(), b.as_ptr(), c.as_ptr(), a.len(), value) })?;
        Ok(self)
    }

    fn alone(&self, run: InPlace, value: f64) -> Result<&Self> {
        self.change(run, [self, self], value)
    }

    /// `a + value`.
    pub fn add(&self, value: f64) -> Result<&Self> {
        self.alone(neurhai_torch_foreach_add, value)
    }

    /// `value · a`.
    pub fn mul(&self, value: f64) -> Result<&Self> {
        self.alone(neurhai_torch_foreach_mul, value)
    }

    /// `a`, but no less than `low` and no more than `high`.
    pub fn clamp(&self, low: f64, high: f64) -> Result<&Self> {
        self.alone(neurhai_torch_foreach_clamp_min, low)?
            .alone(neurhai_torch_foreach_clamp_max, high)
    }

    /// `√a`.
    pub fn sqrt(&self) -> Result<&Self> {
        self.alone(neurhai_torch_foreach_sqrt, 0.0)
    }

    /// `|a|`.
    pub fn abs(&self) -> Result<&Self> {
        self.alone(neurhai_torch_foreach_abs, 0.0)
    }

    /// `a + value · b`.
    pub fn add_scaled(&self, b: &Self, value: f64) -> Result<&Self> {
        self.change(neurhai_torch_foreach_add_scaled, [b, b], value)
    }

    /// `a · b`.
    pub fn mul_each(&self, b: &Self) -> Result<&Self> {
        self.change(neurhai_torch_foreach_mul_each, [b, b], 0.0)
    }

    /// `a / b`.
    pub fn div_each(&self, b: &Self) -> Result<&Self> {
        self.change(neurhai_torch_foreach_div_each, [b, b], 0.0)
    }

    /// The larger of `a` and `b`.
    pub fn maximum(&self, b: &Self) -> Result<&Self> {
        self.change(neurhai_torch_foreach_maximum, [b, b], 0.0)
    }

    /// `a + weight · (b − a)`.
    pub fn lerp(&self, b: &Self, weight: f64) -> Result<&Self> {
        self.change(neurhai_torch_foreach_lerp, [b, b], weight)
    }

    /// `a + value · b · c`.
    pub fn addcmul(&self, b: &Self, c: &Self, value: f64) -> Result<&Self> {
        self.change(neurhai_torch_foreach_addcmul, [b, c], value)
    }

    /// `a + value · b / c`.
    pub fn addcdiv(&self, b: &Self, c: &Self, value: f64) -> Result<&Self> {
        self.change(neurhai_torch_foreach_addcdiv, [b, c], value)
    }

    /// `a + value · b / (√(scale · c) + eps)`.
    pub fn add_over_root(
        &self,
        b: &Self,
        c: &Self,
        value: f64,
        (scale, eps): (f64, f64),
    ) -> Result<&Self> {
        same_length(self, &[b, c])?;
        let (a, b, c) = (self.handles(), b.handles(), c.handles());
        // SAFETY: as in `change`.
        check(unsafe {
            neurhai_torch_foreach_add_over_root(
                a.as_ptr(),
                b.as_ptr(),
                c.as_ptr(),
                a.len(),
                value,
                scale,
                eps,
            )
        })?;
        Ok(self)
    }

    /// New tensors with the same values.
    pub fn copy(&self) -> Result<Self> {
        if self.is_empty() {
            return Ok(Self::default());
        }
        let a = self.handles();
        let mut out: Vec<Handle> = vec![std::ptr::null_mut(); a.len()];
        // SAFETY: `a` holds `n` valid handles, and `out` has room for as many; all are written on
        // success, and none otherwise.
        check(unsafe { neurhai_torch_foreach_clone(a.as_ptr(), a.len(), out.as_mut_ptr()) })?;
        // SAFETY: the shim succeeded, so these are new tensors that nobody else owns.
        Ok(Self(out.into_iter().map(|tensor| unsafe { Tensor::from_ptr(tensor) }).collect()))
    }

    /// The Euclidean norm of each.
    pub fn norms(&self) -> Result<Vec<f64>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let a = self.handles();
        let mut out = vec![0.0; a.len()];
        // SAFETY: `a` holds `n` valid handles, and `out` has room for as many numbers.
        check(unsafe { neurhai_torch_foreach_norm(a.as_ptr(), a.len(), out.as_mut_ptr()) })?;
        Ok(out)
    }
}

/// Refuses lists of other lengths.
pub(crate) fn same_length(a: &Tensors, others: &[&Tensors]) -> Result<()> {
    match others.iter().all(|other| other.len() == a.len()) {
        true => Ok(()),
        false => Err(TchError::Shape("the lists of tensors differ in length".into())),
    }
}
