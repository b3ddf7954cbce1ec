//! The little of zip that `torch.save` uses: stored entries and a directory at the end.

use std::collections::BTreeMap;

use flate2::Crc;

use super::Result;

pub(super) struct Archive<'a> {
    /// The last bytes of the file, or all of them.
    file: &'a [u8],
    /// How many bytes of the file come before these.
    skipped: usize,
    entries: BTreeMap<&'a str, Entry>,
}

struct Entry {
    method: u16,
    crc: u32,
    size: usize,
    at: usize,
}

/// The length of the record that ends an archive, without a comment.
const END: usize = 22;
/// Stands for a number that takes more than 32 bits.
const LARGE: usize = 0xffff_ffff;

impl<'a> Archive<'a> {
    pub(super) fn open(file: &'a [u8]) -> Result<Self> {
        if file.get(2..4) == Some(&[0x8a, 0x0a]) {
            return Err("the file is in the format of PyTorch before 1.6".into());
        }
        if !file.starts_with(b"PK") {
            return Err("the file is no archive, so torch.save did not write it".into());
        }
        Self::tail(file, 0)
    }

    /// Opens the last bytes of a file, `skipped` of which come before them: what they hold whole can be
    /// read.
    pub(super) fn tail(file: &'a [u8], skipped: usize) -> Result<Self> {
        // A comment of up to 65535 bytes may follow the record.
        let tail = file.len().saturating_sub(END + 0xffff);
        let end = file[tail..]
            .windows(4)
            .rposition(|bytes| bytes == b"PK\x05\x06")
            .and_then(|at| file[tail + at..].get(..END))
            .ok_or("the file is cut short: the archive's directory is missing")?;
        let at = (u32_at(end, 16) as usize).checked_sub(skipped);
        let mut at = at.ok_or("the archive's directory begins too far before its end")?;
        let mut entries = BTreeMap::new();
        for _ in 0..u16_at(end, 10) {
            let found = entry(file, at).ok_or("the archive's directory is damaged")?;
            let (name, entry, length) = found;
            at += length;
            entries.entry(name).or_insert(entry);
        }
        Ok(Self { file, skipped, entries })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().copied()
    }

    /// The bytes of an entry, if there is one of this name.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a [u8]>> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if entry.method != 0 {
            return Err(format!("{name} is compressed, which torch.save never does"));
        }
        if entry.size == LARGE || entry.at == LARGE {
            return Err(format!("{name} lies beyond 4 GB, which is not read"));
        }
        let bytes = data(self.file, entry, self.skipped)
            .ok_or_else(|| format!("the archive does not hold {name} whole"))?;
        let mut crc = Crc::new();
        crc.update(bytes);
        // torch writes 0 where it was asked to compute no checksums.
        if entry.crc != 0 && entry.crc != crc.sum() {
            return Err(format!("{name} is damaged: its checksum is wrong"));
        }
        Ok(Some(bytes))
    }
}

/// The directory's entry at byte `at`: its name, what it says, and its length.
fn entry(file: &[u8], at: usize) -> Option<(&str, Entry, usize)> {
    let head = file.get(at..)?.get(..46)?;
    let name_length = u16_at(head, 28) as usize;
    let name = file.get(at + 46..)?.get(..name_length)?;
    let entry = Entry {
        method: u16_at(head, 10),
        crc: u32_at(head, 16),
        size: u32_at(head, 24) as usize,
        at: u32_at(head, 42) as usize,
    };
    let length = 46 + name_length + u16_at(head, 30) as usize + u16_at(head, 32) as usize;
    let name = std::str::from_utf8(name).ok()?;
    head.starts_with(b"PK\x01\x02").then_some((name, entry, length))
}

fn data<'a>(file: &'a [u8], entry: &Entry, skipped: usize) -> Option<&'a [u8]> {
    let file = file.get(entry.at.checked_sub(skipped)?..)?;
    let head = file.get(..30)?;
    let skip = 30 + u16_at(head, 26) as usize + u16_at(head, 28) as usize;
    let bytes = file.get(skip..)?.get(..entry.size)?;
    head.starts_with(b"PK\x03\x04").then_some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
