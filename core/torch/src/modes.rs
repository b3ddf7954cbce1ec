//! Modes of libtorch that hold for a while: deterministic algorithms, automatic casts.

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind};

use crate::{Result, check};

unsafe extern "C" {
    fn neurhai_torch_determinism(flags: *mut u8);
    fn neurhai_torch_set_determinism(flags: *const u8) -> c_int;
    fn neurhai_torch_cublas_workspace(config: *const c_char);
    fn neurhai_torch_enter_casts(cuda: c_int, casts: c_int, before: *mut c_int) -> c_int;
    fn neurhai_torch_leave_casts(cuda: c_int, before: *const c_int);
}

/// Deterministic algorithms, cuDNN's, its choice without trials, and oneDNN's.
const DETERMINISTIC: [u8; 5] = [1, 0, 1, 0, 1];

/// How many ask for determinism, and what was set before the first of them.
static ASKING: Mutex<(usize, [u8; 5])> = Mutex::new((0, [0; 5]));

/// While one of these lives, libtorch takes deterministic algorithms in the whole process, as under
/// `torch.use_deterministic_algorithms(True)`, and an operation that has none fails. When the last one
/// goes, what was set before is set again.
#[derive(Debug)]
pub struct Deterministic(());

impl Deterministic {
    /// Asks for deterministic algorithms.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn ask() -> Result<Self> {
        let mut asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        if asking.0 == 0 {
            // SAFETY: there is room for the five flags that are written.
            unsafe { neurhai_torch_determinism(asking.1.as_mut_ptr()) };
            set(&DETERMINISTIC)?;
        }
        asking.0 += 1;
        Ok(Self(()))
    }
}

impl Drop for Deterministic {
    fn drop(&mut self) {
        let mut asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        asking.0 -= 1;
        if asking.0 == 0 {
            // These flags were set before, so nothing about them can fail.
            drop(set(&asking.1));
        }
    }
}

fn set(flags: &[u8; 5]) -> Result<()> {
    // SAFETY: there are five flags to read.
    check(unsafe { neurhai_torch_set_determinism(flags.as_ptr()) })
}

/// Whether libtorch takes deterministic algorithms now.
pub fn is_deterministic() -> bool {
    let mut flags = [0; 5];
    // SAFETY: there is room for the five flags that are written.
    unsafe { neurhai_torch_determinism(flags.as_mut_ptr()) };
    flags[0] != 0
}

/// Sets the environment's `CUBLAS_WORKSPACE_CONFIG`, unless it is set: without one cuBLAS is not
/// deterministic. It must be called before the first matrix product on a GPU, and while no other
/// thread of the program changes or reads the environment.
pub fn cublas_workspace(config: &CStr) {
    // SAFETY: the text is NUL-terminated and is copied. That nobody uses the environment at the same
    // moment is up to the caller, as for `std::env::set_var`; no thread that a run has by then does.
    unsafe { neurhai_torch_cublas_workspace(config.as_ptr()) };
}

/// While this lives, convolutions and products of this thread compute with numbers of less precision,
/// as within `torch.autocast`, or with those that they are given.
#[derive(Debug)]
pub struct Casts {
    cuda: c_int,
    before: [c_int; 3],
    /// It goes on the thread that it was made on.
    thread: PhantomData<*const ()>,
}

impl Casts {
    /// Casts to `kind` on such a device, `BFloat16` or `Half`; none for other kinds.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn to(kind: Kind, device: Device) -> Result<Self> {
        let casts = match kind {
            Kind::BFloat16 => 1,
            Kind::Half => 2,
            _ => 0,
        };
        let (cuda, mut before) = (c_int::from(device.is_cuda()), [0; 3]);
        // SAFETY: there is room for the three numbers that are written.
        check(unsafe { neurhai_torch_enter_casts(cuda, casts, before.as_mut_ptr()) })?;
        Ok(Self { cuda, before, thread: PhantomData })
    }
}

impl Drop for Casts {
    fn drop(&mut self) {
        // SAFETY: these are the three numbers that entering wrote, on this thread.
        unsafe { neurhai_torch_leave_casts(self.cuda, self.before.as_ptr()) };
    }
}
