//! A tensor on its own in a safetensors file, <https://huggingface.co/docs/safetensors>.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{by, note};
use crate::files::write_atomic;
use crate::{Code, Error, Place, Result};

/// What the tensor is called in its file.
const NAME: &str = "tensor";

/// Writes numbers in C order and of this shape as the float32 tensor `tensor` of a safetensors file,
/// which appears at once and whole, with a note in its metadata: see [`read_note`](super::read_note).
/// Equal tensors with equal notes give equal files.
///
/// # Errors
/// What the disk says.
pub(crate) fn write_safetensors(
    path: &Path,
    values: &[f32],
    shape: &[usize],
    note: &str,
) -> Result<()> {
    let numbers: Vec<[u8; 4]> = values.iter().map(|value| value.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.to_vec(), numbers.as_flattened());
    let metadata = Some([(note::KEY.to_owned(), note.to_owned())].into());
    let laid_out = view.and_then(|view| safetensors::serialize([(NAME, view)], metadata));
    let bytes = laid_out.map_err(|error| {
        let message = format!("{} numbers cannot have the shape {}", values.len(), by(shape));
        Error::new(Code::Internal, message).at(Place::File(path.into())).because(error)
    })?;
    write_atomic(path, |file| file.write_all(&bytes))
}

/// The tensor in the bytes of a file that holds one of float32, whatever its name.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn parse(file: &[u8]) -> Result<(Vec<usize>, Vec<f32>), String> {
    let read = SafeTensors::deserialize(file)
        .map_err(|error| format!("the file is damaged, or holds no safetensors: {error}"))?;
    let tensors = read.tensors();
    let [(_, view)] = &tensors[..] else {
        return Err(format!("a single tensor was expected, but the file holds {}", tensors.len()));
    };
    if view.dtype() != Dtype::F32 {
        return Err(format!("float32 was expected, but the file holds {:?}", view.dtype()));
    }
    let numbers = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    Ok((view.shape().to_vec(), numbers.collect()))
}
