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
    let numbers: Vec<f32> = match tensor.storage.kind {
        Kind::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Kind::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
    };
    if numbers.len() != tensor.storage.length {
        let expected = tensor.storage.length;
        return Err(bad(format!("{expected} numbers expected, {} found", numbers.len())));
    }
    let numbers = in_order(&tensor, numbers)?;
    Ok((tensor.shape, numbers))
}

/// The tensor's numbers in C order, out of those of its storage.
fn in_order(tensor: &Tensor, numbers: Vec<f32>) -> Result<Vec<f32>> {
    let Tensor { offset, shape, strides, .. } = tensor;
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let end = shape.iter().zip(strides).try_fold(*offset, |end, (length, stride)| {
        end.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
    });
    // Views that repeat numbers are refused too: nobody saves images so, and they need no more than
    // a few bytes to claim any size.
    let fits = count
        .zip(end)
        .filter(|(count, end)| *count <= numbers.len() && (*end < numbers.len() || *count == 0));
    let Some((count, _)) = fits.filter(|_| shape.len() == strides.len()) else {
        return Err(bad(format!(
            "a shape of {} with strides {strides:?} does not fit {} numbers",
            by(shape),
            numbers.len()
        )));
    };
    if count == 0 {
        return Ok(Vec::new());
    }
    if packed(shape.iter().zip(strides).rev()) {
        return Ok(numbers[*offset..*offset + count].to_vec());
    }
    if let [ones @ .., nx, ny, nz] = &shape[..]
        && ones.iter().all(|length| *length == 1)
        && packed(shape.iter().zip(strides))
    {
        // The order of a NIfTI file, which ClinicaDL's images keep.
        let mut voxels = vec![0.0; count];
        let shape = [*nx, *ny, *nz];
        for (i, planes) in numbers[*offset..*offset + count].chunks(nx * ny * PLANES).enumerate() {
            transpose(planes, i * PLANES, shape, &mut voxels, |number| number);
        }
        return Ok(voxels);
    }
    Ok(gather(tensor, &numbers, count))
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

fn gather(tensor: &Tensor, numbers: &[f32], count: usize) -> Vec<f32> {
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    (0..count)
        .map(|_| {
            let number = numbers[at];
            for axis in (0..index.len()).rev() {
                let (length, stride) = (tensor.shape[axis], tensor.strides[axis]);
                index[axis] += 1;
                if index[axis] < length {
                    at += stride;
                    break;
                }
                index[axis] = 0;
                at -= (length - 1) * stride;
            }
            number
        })
        .collect()
}
