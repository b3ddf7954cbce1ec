//! How a structure of another minor version is read.

use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr;

use crate::{Architecture, Entry, Layer, Loss, Metric, Transpose, Vote};

/// A structure that a plugin hands to the host. It grows with the interface: one of an older plugin
/// is shorter than ours, one of a newer plugin longer.
///
/// # Safety
/// The structure is `repr(C)`, zero bytes are a value of every field, and at `SIZE_AT` it has its
/// size as a `u32`.
pub unsafe trait Structure: Copy {
    /// Its size in version 1.0 of the interface: the least that one can have.
    const SIZE_0: usize;
    /// Where its size stands.
    const SIZE_AT: usize = 0;
}

/// Each structure, and its last field in version 1.0, which was a pointer.
macro_rules! structures {
    ($($name:ident $last:ident $($size_at:ident)?;)*) => {$(
        // SAFETY: a structure of this crate: integers, arrays of bytes, pointers and optional
        // functions, with the size where it says.
        unsafe impl Structure for $name {
            const SIZE_0: usize = offset_of!($name, $last) + size_of::<usize>();
            $(const SIZE_AT: usize = offset_of!($name, $size_at);)?
        }
    )*};
}

structures! {
    Entry init struct_size;
    Architecture build;
    Transpose transpose;
    Vote fit;
    Metric value;
    Loss loss;
    Layer destroy;
}

/// Copies a structure that was compiled with this or another minor version: fields that it does not
/// have are zero, and those that we do not know are left out.
///
/// # Errors
/// The size that it says, if that is less than the structure ever had.
///
/// # Safety
/// `from` points to a structure that has its size at [`Structure::SIZE_AT`], and as many bytes can be
/// read.
pub unsafe fn read<T: Structure>(from: *const T) -> Result<T, usize> {
    let bytes = from.cast::<u8>();
    // SAFETY: the caller promises that the size stands there.
    let size = unsafe { bytes.add(T::SIZE_AT).cast::<u32>().read_unaligned() } as usize;
    if size < T::SIZE_0 {
        return Err(size);
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: no more is read than the structure has, and no more is written than fits; zero bytes
    // are a value of every field that it does not have.
    unsafe {
        ptr::copy_nonoverlapping(bytes, value.as_mut_ptr().cast(), size.min(size_of::<T>()));
        Ok(value.assume_init())
    }
}
