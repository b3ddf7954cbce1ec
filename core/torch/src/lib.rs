//! What tch lacks of libtorch, as a small C++ shim behind safe functions.
#![warn(missing_docs)]

use std::ffi::{CStr, c_char, c_double, c_int, c_void};

use tch::{Device, Kind, TchError, Tensor};
use torch_sys::C_tensor;

mod fused;
mod mapped;
mod modes;
mod parallel;
mod tensors;

pub use fused::{Adam, Sgd};
pub use mapped::{MappedFloats, float_bytes};
pub use modes::{Casts, Deterministic, cublas_workspace, is_deterministic};
pub use parallel::in_parallel;
pub use tensors::Tensors;

type Handle = *mut C_tensor;

unsafe extern "C" {
    fn neurhai_torch_error() -> *const c_char;
    fn neurhai_torch_leaky_relu(x: Handle, slope: c_double, out: *mut Handle) -> c_int;
    fn neurhai_torch_elu(x: Handle, alpha: c_double, out: *mut Handle) -> c_int;
    fn neurhai_torch_dropout(x: Handle, p: c_double, seed: u64, out: *mut Handle) -> c_int;
    fn neurhai_torch_block_maximum_fits(x: Handle, kernel: *const i64) -> c_int;
    fn neurhai_torch_block_maximum(
        x: Handle,
        kernel: *const i64,
        fill: c_double,
        out: *mut Handle,
        places: *mut Handle,
    ) -> c_int;
    fn neurhai_torch_block_unpool(
        x: Handle,
        places: Handle,
        spatial: *const i64,
        kernel: *const i64,
        out: *mut Handle,
    ) -> c_int;
    fn neurhai_torch_share_processors();
    fn neurhai_torch_keep_memory();
    fn neurhai_torch_meta(shape: *const i64, axes: usize, out: *mut Handle) -> c_int;
    fn neurhai_torch_save_state(out: *mut *mut c_void) -> c_int;
    fn neurhai_torch_restore_state(state: *mut c_void);
    fn neurhai_torch_clear_grad(param: Handle) -> c_int;
    fn neurhai_torch_free_memory(device: c_int, free_bytes: *mut i64) -> c_int;
}

/// The shim's status for a tensor that a kernel is not made for.
const UNFIT: c_int = 2;

type Result<T> = std::result::Result<T, TchError>;

/// Turns the shim's status into a result.
fn check(status: c_int) -> Result<()> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: the shim returns a thread-local, NUL-terminated text that lives until its next call
    // on this thread, and it is copied here.
    let text = unsafe { CStr::from_ptr(neurhai_torch_error()) };
    Err(TchError::Torch(text.to_string_lossy().into_owned()))
}

/// Runs a shim function that makes one tensor.
fn made(call: impl FnOnce(*mut Handle) -> c_int) -> Result<Tensor> {
    let mut out: Handle = std::ptr::null_mut();
    check(call(&mut out))?;
    // SAFETY: the shim returned 0, so `out` is a new tensor that nobody else owns.
    Ok(unsafe { Tensor::from_ptr(out) })
}

fn handle(tensor: &Tensor) -> Handle {
    tensor.as_ptr() as Handle
}

/// `x` where it is positive, `slope · x` elsewhere.
///
/// # Errors
/// What libtorch says.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    // SAFETY: the handle is valid while `x` is borrowed, and `out` is written on success only.
    made(|out| unsafe { neurhai_torch_leaky_relu(handle(x), slope, out) })
}

/// `x` where it is positive, `alpha · (eˣ − 1)` elsewhere.
///
/// # Errors
/// What libtorch says.
pub fn elu(x: &Tensor, alpha: f64) -> Result<Tensor> {
    // SAFETY: as in `leaky_relu`.
    made(|out| unsafe { neurhai_torch_elu(handle(x), alpha, out) })
}

/// `x` with values zeroed with probability `p` and the rest scaled by 1/(1 − p), drawn from a
/// generator of its own that starts at `seed`.
///
/// # Errors
/// What libtorch says.
pub fn dropout(x: &Tensor, p: f64, seed: u64) -> Result<Tensor> {
    // SAFETY: as in `leaky_relu`.
    made(|out| unsafe { neurhai_torch_dropout(handle(x), p, seed, out) })
}

/// The largest value of each block of `kernel` voxels (2D or 3D), where the low side of each axis is
/// padded with `fill` to a multiple of the kernel; `None` where this kernel is not made for `x`,
/// which must be channels-last floats on the CPU. Of equal values, the first one has the gradient.
///
/// # Shapes
/// `[batch, channel, (depth,) height, width]` → `[batch, channel, ⌈size / kernel⌉…]`.
///
/// # Errors
/// What libtorch says.
pub fn block_maximum(x: &Tensor, kernel: &[i64], fill: f64) -> Result<Option<Tensor>> {
    if !has_blocks(x, kernel) {
        return Ok(None);
    }
    let none = std::ptr::null_mut();
    // SAFETY: `x` and `kernel` were checked, `out` is written on success only, and places are not
    // asked for.
    made(|out| unsafe { neurhai_torch_block_maximum(handle(x), kernel.as_ptr(), fill, out, none) })
        .map(Some)
}

/// Where the maxima of blocks were, for [`block_unpool`].
#[derive(Debug)]
pub struct BlockPlaces {
    /// One byte per maximum: its place within the block, in row-major order.
    places: Tensor,
    /// The spatial sizes of what was pooled.
    size: Vec<i64>,
    kernel: Vec<i64>,
}

impl BlockPlaces {
    /// The places within the blocks as whole numbers, `[batch, channel, …]` as the maxima.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn within_blocks(&self) -> Result<Tensor> {
        self.places.f_to_kind(Kind::Int64)
    }
}

/// As [`block_maximum`], with the places of the maxima.
///
/// # Errors
/// What libtorch says.
pub fn block_maximum_with_places(
    x: &Tensor,
    kernel: &[i64],
    fill: f64,
) -> Result<Option<(Tensor, BlockPlaces)>> {
    if !has_blocks(x, kernel) {
        return Ok(None);
    }
    let mut places: Handle = std::ptr::null_mut();
    // SAFETY: `x` and `kernel` were checked, and both tensors are written on success only.
    let y = made(|out| unsafe {
        neurhai_torch_block_maximum(handle(x), kernel.as_ptr(), fill, out, &mut places)
    })?;
    // SAFETY: the shim succeeded, so this is a new tensor that nobody else owns.
    let places = unsafe { Tensor::from_ptr(places) };
    let (size, kernel) = (x.size()[2..].to_vec(), kernel.to_vec());
    Ok(Some((y, BlockPlaces { places, size, kernel })))
}

/// Whether the kernels of blocks are made for `x`.
fn has_blocks(x: &Tensor, kernel: &[i64]) -> bool {
    kernel.len() + 2 == x.dim()
        && kernel.iter().all(|k| *k > 0)
        // SAFETY: `x` is borrowed and `kernel` holds one size per spatial axis, which was checked.
        && unsafe { neurhai_torch_block_maximum_fits(handle(x), kernel.as_ptr()) } != 0
}

/// Puts the values of `x` where the maxima were, in a map of the size that was pooled, without its
/// padding; zeros elsewhere. A value whose place was in the padding is dropped. `None` where this
/// kernel is not made for `x`, which must be floats on the CPU of the shape of the maxima.
///
/// # Errors
/// What libtorch says.
pub fn block_unpool(x: &Tensor, places: &BlockPlaces) -> Result<Option<Tensor>> {
    let (size, kernel) = (places.size.as_ptr(), places.kernel.as_ptr());
    let (x, at) = (handle(x), handle(&places.places));
    let mut out: Handle = std::ptr::null_mut();
    // SAFETY: the tensors are borrowed, the places are those of a pooling with this size and kernel,
    // which nobody can change, and `out` is written on success only.
    let status = unsafe { neurhai_torch_block_unpool(x, at, size, kernel, &mut out) };
    if status == UNFIT {
        return Ok(None);
    }
    check(status)?;
    // SAFETY: the shim succeeded, so this is a new tensor that nobody else owns.
    Ok(Some(unsafe { Tensor::from_ptr(out) }))
}

/// A program that calls this, anywhere, has threads that wait for each other for a moment and then
/// sleep, so that it stays fast on a busy machine. It is settled before `main`, by starting the
/// program once more with `GOMP_SPINCOUNT` set, unless that or `OMP_WAIT_POLICY` is set already.
pub fn share_processors() {
    // SAFETY: the function does nothing; that it is linked is what counts.
    unsafe { neurhai_torch_share_processors() }
}

/// Makes this process keep the memory it has freed for its next tensors. Without this every large
/// tensor is new memory, which the system must clear first: a third of the time of a training step.
/// Call it before the first tensor is made.
pub fn keep_memory() {
    // SAFETY: it only sets options of the allocator, which may be set at any time.
    unsafe { neurhai_torch_keep_memory() }
}

/// A tensor of this shape that holds nothing: operations on it tell the shape of their result without
/// computing or allocating anything. Its device must not be asked for.
///
/// # Errors
/// What libtorch says.
pub fn meta(shape: &[i64]) -> Result<Tensor> {
    // SAFETY: the pointer and length are those of a slice, and `out` is written on success only.
    made(|out| unsafe { neurhai_torch_meta(shape.as_ptr(), shape.len(), out) })
}

/// Runs code that is not ours and puts libtorch's state of this thread back afterwards (whether
/// gradients are recorded, automatic casts, …), which such code may leave changed when it fails.
///
/// # Errors
/// What libtorch says while the state is kept.
pub fn shielded<T>(call: impl FnOnce() -> T) -> Result<T> {
    struct Kept(*mut c_void);
    impl Drop for Kept {
        fn drop(&mut self) {
            // SAFETY: the state is the one that was kept, and it is given back once, on its thread.
            unsafe { neurhai_torch_restore_state(self.0) }
        }
    }
    let mut state = std::ptr::null_mut();
    // SAFETY: `state` outlives the call.
    check(unsafe { neurhai_torch_save_state(&mut state) })?;
    let _kept = Kept(state);
    Ok(call())
}

/// Shows the bytes of a tensor's numbers, first axis slowest. As with everything that reads a tensor, no
/// other thread may change it meanwhile.
///
/// # Errors
/// What libtorch says.
pub fn with_bytes<T>(tensor: &Tensor, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
    let bytes = tensor.numel() * tensor.kind().elt_size_in_bytes();
    if bytes == 0 {
        return Ok(look(&[]));
    }
    // SAFETY: a contiguous tensor on the CPU has its numbers one after the other from this place on,
    // and it outlives the borrow.
    Ok(look(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u8>(), bytes) }))
}

/// Drops the gradient of a leaf, so that the next backward pass writes it instead of adding to it.
///
/// # Errors
/// What libtorch says.
pub fn clear_grad(param: &mut Tensor) -> Result<()> {
    // SAFETY: the handle is valid while `param` is borrowed, and nobody else uses it meanwhile.
    check(unsafe { neurhai_torch_clear_grad(handle(param)) })
}

/// Free bytes on accelerator `device`.
///
/// # Errors
/// What libtorch says, for example that there is none.
pub fn free_memory(device: usize) -> Result<u64> {
    let mut bytes = 0;
    // SAFETY: `bytes` outlives the call.
    check(unsafe { neurhai_torch_free_memory(device as c_int, &mut bytes) })?;
    Ok(bytes as u64)
}
