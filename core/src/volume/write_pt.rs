//! Writing a tensor on its own, as `torch.save` does.
//!
//! The archive holds what PyTorch 2's `torch.save(tensor, file)` writes, bar three entries that
//! `torch.load` does not need (`.format_version`, `.storage_alignment`, `.data/serialization_id`):
//! see `torch/serialization.py` and `caffe2/serialize/inline_container.cc` of PyTorch 2.13.

use std::io::{self, Write};
use std::path::Path;

use flate2::Crc;

use super::{by, note};
use crate::files::write_atomic;
use crate::{Code, Error, Place, Result};

/// Writes numbers in C order and of this shape as a dense float32 tensor, which
/// `torch.load(path, weights_only=True)` reads. The file appears at once and whole, and equal
/// tensors give equal files, whatever their names.
///
/// # Errors
/// The tensor takes 4 GiB or more, which [`read_tensor`](super::read_tensor) would not read either;
/// what the disk says.
pub(crate) fn write_pt(path: &Path, values: &[f32], shape: &[usize]) -> Result<()> {
    write_pt_with(path, values, shape, None)
}

/// The same with a note beside the tensor, which `torch.load` passes over: see
/// [`read_note`](super::read_note).
pub(crate) fn write_pt_with(
    path: &Path,
    values: &[f32],
    shape: &[usize],
    note: Option<&str>,
) -> Result<()> {
    if values.len() != shape.iter().product::<usize>() {
        let message = format!("{} numbers cannot have the shape {}", values.len(), by(shape));
        return Err(Error::new(Code::Internal, message).at(Place::File(path.into())));
    }
    // The archive's own 32-bit offsets must reach past the numbers.
    if values.len() >= LARGEST {
        let message = format!("a tensor of {} numbers is too large for a .pt file", values.len());
        return Err(Error::new(Code::BadTensor, message)
            .at(Place::File(path.into()))
            .help("cut the image into parts, or write safetensors"));
    }
    let numbers: Vec<[u8; 4]> = values.iter().map(|value| value.to_le_bytes()).collect();
    write_atomic(path, |file| {
        let mut archive = Archive { file, at: 0, directory: Vec::new(), entries: 0 };
        archive.add("archive/data.pkl", &description(shape))?;
        archive.add("archive/byteorder", b"little")?;
        archive.add("archive/data/0", numbers.as_flattened())?;
        archive.add("archive/version", b"3\n")?;
        if let Some(note) = note {
            archive.add(note::ENTRY, note.as_bytes())?;
        }
        archive.finish()
    })
}

/// Some 4 GiB of numbers.
const LARGEST: usize = (1 << 30) - 1024;

/// The tensor's description in Python's pickle language, protocol 2, word for word PyTorch's.
pub(super) fn description(shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    let mut words = Words { bytes: b"\x80\x02".to_vec(), memo: 0 };
    words.put(b"ctorch._utils\n_rebuild_tensor_v2\n").keep().put(b"(");
    // The storage: what it is, its type, key, place and length.
    words.put(b"(").text("storage").put(b"ctorch\nFloatStorage\n").keep().text("0").text("cpu");
    words.number(shape.iter().product()).put(b"t").keep().put(b"Q");
    // Where the tensor begins in it, its shape and strides; no gradient, no hooks.
    words.number(0).tuple(shape).tuple(&strides).put(b"\x89");
    words.put(b"ccollections\nOrderedDict\n").keep().put(b")R").keep();
    words.put(b"t").keep().put(b"R").keep().put(b".");
    words.bytes
}

struct Words {
    bytes: Vec<u8>,
    /// How many values Python would have put aside so far.
    memo: u8,
}

impl Words {
    fn put(&mut self, words: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(words);
        self
    }

    fn keep(&mut self) -> &mut Self {
        let memo = self.memo;
        self.memo += 1;
        self.put(&[b'q', memo])
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.put(b"X").put(&(text.len() as u32).to_le_bytes()).put(text.as_bytes()).keep()
    }

    /// A number below 2³¹, in as few bytes as will do.
    fn number(&mut self, number: usize) -> &mut Self {
        let bytes = (number as u32).to_le_bytes();
        match number {
            0..=0xff => self.put(b"K").put(&bytes[..1]),
            0x100..=0xffff => self.put(b"M").put(&bytes[..2]),
            _ => self.put(b"J").put(&bytes),
        }
    }

    fn tuple(&mut self, numbers: &[usize]) -> &mut Self {
        if numbers.is_empty() {
            return self.put(b")");
        }
        // Up to three elements have a word of their own.
        let short = [b"\x85", b"\x86", b"\x87"].get(numbers.len() - 1);
        if short.is_none() {
            self.put(b"(");
        }
        for number in numbers {
            self.number(*number);
        }
        self.put(*short.unwrap_or(&b"t")).keep()
    }
}

/// A zip archive of stored entries, without times.
struct Archive<'a> {
    file: &'a mut dyn Write,
    at: usize,
    directory: Vec<u8>,
    entries: u16,
}

/// Numbers begin at a multiple of this, so that they can be mapped into memory.
const ALIGNMENT: usize = 64;

impl Archive<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        self.file.write_all(bytes)
    }

    fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(content);
        let start = self.at as u32;
        // What an entry's two headers have in common: version 2.0, no flags, stored, no time.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        // A field `FB`, as PyTorch calls it, fills up to the alignment.
        let end = self.at + 30 + name.len() + 4;
        let fill = end.next_multiple_of(ALIGNMENT) - end;
        self.put(b"PK\x03\x04")?;
        self.put(&common)?;
        self.put(&(4 + fill as u16).to_le_bytes())?;
        self.put(name.as_bytes())?;
        self.put(b"FB")?;
        self.put(&(fill as u16).to_le_bytes())?;
        self.put(&b"Z".repeat(fill))?;
        self.put(content)?;

        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(common);
        // No extra field, no comment, first disk, no attributes.
        self.directory.extend([0; 12]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        let start = self.at as u32;
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend(self.entries.to_le_bytes());
        end.extend(self.entries.to_le_bytes());
        end.extend((directory.len() as u32).to_le_bytes());
        end.extend(start.to_le_bytes());
        end.extend([0; 2]);
        self.put(&end)
    }
}
