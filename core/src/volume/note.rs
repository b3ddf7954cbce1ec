//! A note that this program writes into the file of a tensor, beside the tensor.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use crate::pickle;

/// The entry of a `.pt` archive that holds it.
pub(super) const ENTRY: &str = "archive/neurhai.json";
/// The key of a safetensors file's metadata that holds it.
pub(super) const KEY: &str = "neurhai";

/// The note, the end of an archive and its directory take less.
const TAIL: u64 = 1 << 14;
/// The description of a safetensors file that holds one tensor takes less.
const HEADER: u64 = 1 << 14;

/// The note in a `.pt` or `.safetensors` file, if it holds one. Little is read for it, but enough to
/// tell a file that is cut short.
///
/// # Errors
/// What the disk says; [`io::ErrorKind::InvalidData`] for a file that is not whole, or none of these.
pub(crate) fn read_note(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    match path.extension().is_some_and(|extension| extension == "safetensors") {
        true => in_safetensors(file, size),
        false => in_pt(file, size),
    }
}

fn not_whole() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn in_pt(mut file: File, size: u64) -> io::Result<Option<String>> {
    let skipped = size.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(skipped))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let note = pickle::entry_in_tail(&tail, skipped as usize, ENTRY).map_err(|_| not_whole())?;
    let text = note.map(|bytes| String::from_utf8(bytes.to_vec())).transpose();
    text.map_err(|_| not_whole())
}

fn in_safetensors(mut file: File, size: u64) -> io::Result<Option<String>> {
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER {
        return Err(not_whole());
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)?;
    let header: Value = serde_json::from_slice(&header)?;
    let ends = header.as_object().into_iter().flatten();
    let ends = ends.filter_map(|(_, tensor)| tensor.get("data_offsets")?.get(1)?.as_u64());
    if ends.max().and_then(|end| end.checked_add(8 + length)) != Some(size) {
        return Err(not_whole());
    }
    let note = header.get("__metadata__").and_then(|metadata| metadata.get(KEY));
    Ok(note.and_then(Value::as_str).map(str::to_owned))
}
