//! Everything that training needs to go on, in one file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde_json::Value;
use tch::Tensor;

use super::Network;
use super::weights::{parse_tensors, save_tensors};
use crate::error::{Code, Error, Place, Result};
use crate::files;

/// What the names of the optimiser's tensors begin with.
const OPTIMIZER: &str = "optimizer.";

/// The key of the note on where training stands.
const PROGRESS: &str = "progress";

/// Writes weights, optimiser state and progress (JSON) into one file, atomically: a checkpoint is
/// whole or not there.
///
/// # Errors
/// What the disk says.
pub(crate) fn save_checkpoint(
    path: &Path,
    network: &Network,
    optimizer: &[(String, Tensor)],
    progress: &str,
) -> Result<()> {
    let mut named = network.named();
    named.extend(optimizer.iter().map(|(name, tensor)| (name.clone(), tensor)));
    save_tensors(path, &named, Some((PROGRESS, progress)))
}

/// Reads a checkpoint into the network; gives the optimiser's tensors and the progress.
///
/// # Errors
/// [`Code::BadWeights`] for a damaged file, [`Code::BadMaps`] for one without progress,
/// [`Code::WeightsMismatch`] for one of another network.
pub(crate) fn load_checkpoint(
    path: &Path,
    network: &mut Network,
) -> Result<(Vec<(String, Tensor)>, String)> {
    let data = files::read(path, "read the checkpoint")?;
    let (optimizer, weights): (Vec<_>, Vec<_>) =
        parse_tensors(path, &data)?.into_iter().partition(|(name, _)| name.starts_with(OPTIMIZER));
    let header = SafeTensors::read_metadata(&data).ok();
    let progress =
        header.and_then(|(_, header)| header.metadata().as_ref()?.get(PROGRESS).cloned());
    let progress = progress.ok_or_else(|| silent(path))?;
    network.set(&weights, path)?;
    Ok((optimizer, progress))
}

fn silent(path: &Path) -> Error {
    Error::new(Code::BadMaps, "the checkpoint does not say where training stands")
        .at(Place::File(path.into()))
}

/// The progress in a checkpoint, of which only the header is read.
///
/// # Errors
/// [`Code::BadMaps`] for a file without progress; what the disk says.
pub(crate) fn checkpoint_progress(path: &Path) -> Result<String> {
    let failed = |error: io::Error| Error::io(path, "read the checkpoint", &error);
    let mut file = File::open(path).map_err(failed)?;
    // The length of the header, little-endian, and then the header: JSON.
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(failed)?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length)).read_to_end(&mut header).map_err(failed)?;
    let header: Option<Value> = serde_json::from_slice(&header).ok();
    let progress = header.as_ref().and_then(|header| header.get("__metadata__")?.get(PROGRESS));
    progress.and_then(Value::as_str).map(str::to_owned).ok_or_else(|| silent(path))
}
