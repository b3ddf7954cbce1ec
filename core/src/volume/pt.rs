//! Reading a tensor on its own: one that `torch.save` wrote, as ClinicaDL keeps images and parts, or
//! one in a safetensors file.

use std::path::Path;

use super::convert::{PLANES, transpose};
use super::one_tensor;
use crate::pickle::{Dtype, Object, Saved, View};
use crate::{Code, Error, Place, Result};

/// A description takes some 170 bytes.
const LONGEST: usize = 4096;

/// Reads the tensor in a `.pt` file, of `float32` or `float64`, or the one of `float32` in a
/// `.safetensors` file: its shape, and its numbers in C order whatever their order in the file.
///
/// # Errors
///
/// The file is not there, damaged, or holds something other than one dense tensor of real numbers.
pub fn read_tensor(path: impl AsRef<Path>) -> Result<(Vec<usize>, Vec<f32>)> {
    let path = path.as_ref();
    let safe = path.extension().is_some_and(|extension| extension == "safetensors");
    let read = || {
        let bytes =
            std::fs::read(path).map_err(|error| Error::io(path, "read the tensor", &error))?;
        if safe { one_tensor::parse(&bytes).map_err(bad) } else { parse(&bytes) }
    };
    read().map_err(|error| {
        let error = error.at(Place::File(path.into()));
        match (error.code() == Code::BadTensor, safe) {
            (false, _) => error,
            (_, true) => error.help("write it again with host prepare, or use the NIfTI image"),
            _ => error.help(
                "write it again in Python with torch.save(tensor, path), or use the NIfTI image",
            ),
        }
    })
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadTensor, message)
}

/// The tensor in the bytes of a file.
pub(super) fn parse(file: &[u8]) -> Result<(Vec<usize>, Vec<f32>)> {
    let saved = Saved::open(file, LONGEST).map_err(bad)?;
    let Some(Object::Tensor(tensor)) = saved.object(saved.root) else {
        let found = saved.words(saved.root);
        return Err(bad(format!("a single tensor was expected, but the file holds {found}")));
    };
    let read = match tensor.storage.dtype {
        Dtype::Float32 | Dtype::Float64 => saved.bytes(&tensor.storage).map_err(bad)?,
        other => {
            let class = other.class();
            let message = format!("float32 or float64 was expected, but the file holds a {class}");
            return Err(bad(message));
        }
    };
    let numbers = match tensor.storage.dtype {
        Dtype::Float32 => in_order(tensor, read.as_chunks().0, f32::from_le_bytes),
        _ => in_order(tensor, read.as_chunks().0, |b| f64::from_le_bytes(b) as f32),
    }?;
    Ok((tensor.shape.clone(), numbers))
}

/// The tensor's numbers in C order, out of those of its storage.
fn in_order<T: Copy>(
    tensor: &View<'_>,
    stored: &[T],
    number: impl Fn(T) -> f32 + Copy,
) -> Result<Vec<f32>> {
    let count = tensor.count().map_err(bad)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let run = || &stored[tensor.offset..tensor.offset + count];
    if tensor.packed() {
        return Ok(run().iter().map(|stored| number(*stored)).collect());
    }
    if let [ones @ .., nx, ny, nz] = &tensor.shape[..]
        && ones.iter().all(|length| *length == 1)
        && tensor.packed_backwards()
    {
        // The order of a NIfTI file, which ClinicaDL's images keep.
        let mut voxels = vec![0.0; count];
        for (i, planes) in run().chunks(nx * ny * PLANES).enumerate() {
            transpose(planes, i * PLANES, [*nx, *ny, *nz], &mut voxels, number);
        }
        return Ok(voxels);
    }
    Ok(tensor.places(count).map(|at| number(stored[at])).collect())
}
