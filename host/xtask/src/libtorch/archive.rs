//! Reading a wheel, which is a zip file: enough of the format for the wheels named here, and every file's check sum.

use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Why a file did not come out of a wheel.
#[derive(Debug)]
pub(super) enum Failure {
    /// The wheel is not whole: getting it again helps.
    Damaged(String),
    /// The disk did not take it: getting the wheel again does not help.
    Write(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Damaged(why) => f.write_str(why),
            Failure::Write(error) => error.fmt(f),
        }
    }
}

pub(super) struct Archive {
    file: File,
    pub(super) entries: Vec<Entry>,
}

/// What the central directory at the end of the file says of one file in it.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: u64,
    method: u16,
    check_sum: u32,
    packed: u64,
    offset: u64,
}

const END: [u8; 4] = *b"PK\x05\x06";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Archive, Failure> {
        let mut file = File::open(path).map_err(damaged)?;
        let directory = central_directory(&mut file)?;
        let mut entries = Vec::new();
        let mut rest = directory.as_slice();
        while !rest.is_empty() {
            let record = rest
                .get(..46)
                .filter(|record| record.starts_with(&CENTRAL))
                .ok_or_else(cut_short)?;
            let (name, extra, comment) =
                (u16_at(record, 28), u16_at(record, 30), u16_at(record, 32));
            let end = 46 + usize::from(name);
            entries.push(Entry {
                name: String::from_utf8_lossy(rest.get(46..end).ok_or_else(cut_short)?)
                    .into_owned(),
                bytes: u32_at(record, 24).into(),
                method: u16_at(record, 10),
                check_sum: u32_at(record, 16),
                packed: u32_at(record, 20).into(),
                offset: u32_at(record, 42).into(),
            });
            rest = rest
                .get(end + usize::from(extra) + usize::from(comment)..)
                .ok_or_else(cut_short)?;
        }
        Ok(Archive { file, entries })
    }

    /// Writes one file out, telling how many bytes were written each time, and compares its size and check sum.
    pub(super) fn extract(
        &self,
        entry: &Entry,
        output: &mut impl Write,
        written: &mut impl FnMut(u64),
    ) -> Result<(), Failure> {
        let mut file = &self.file;
        let mut header = [0; 30];
        file.seek(SeekFrom::Start(entry.offset)).map_err(damaged)?;
        file.read_exact(&mut header).map_err(damaged)?;
        if !header.starts_with(&LOCAL) {
            return Err(Failure::Damaged(format!("{} is not where it should be", entry.name)));
        }
        let skip = i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28));
        file.seek(SeekFrom::Current(skip)).map_err(damaged)?;
        let packed = BufReader::with_capacity(1 << 16, file.take(entry.packed));
        let mut content: Box<dyn Read + '_> = match entry.method {
            0 => Box::new(packed),
            8 => Box::new(DeflateDecoder::new(packed)),
            other => {
                return Err(Failure::Damaged(format!(
                    "{} is packed by method {other}",
                    entry.name
                )));
            }
        };

        let (mut crc, mut total) = (Crc::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = content.read(&mut buffer).map_err(damaged)?;
            if count == 0 {
                break;
            }
            crc.update(&buffer[..count]);
            total += count as u64;
            output.write_all(&buffer[..count]).map_err(Failure::Write)?;
            written(count as u64);
        }
        if total != entry.bytes || crc.sum() != entry.check_sum {
            return Err(Failure::Damaged(format!("{} does not have its check sum", entry.name)));
        }
        Ok(())
    }
}

/// The list of files. It stands at the end, so a download that was cut short has none.
fn central_directory(file: &mut File) -> Result<Vec<u8>, Failure> {
    let length = file.metadata().map_err(damaged)?.len();
    // The end record is 22 bytes, after which a comment of up to 65535 bytes may follow.
    let start = length.saturating_sub(22 + 65535);
    file.seek(SeekFrom::Start(start)).map_err(damaged)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(damaged)?;
    let at = tail.windows(22).rposition(|window| window.starts_with(&END)).ok_or_else(cut_short)?;
    let (bytes, offset) = (u32_at(&tail, at + 12), u32_at(&tail, at + 16));
    // The 64-bit form of the format, which marks itself thus, is for files larger than any of ours.
    if offset == u32::MAX || u64::from(offset) + u64::from(bytes) > length {
        return Err(cut_short());
    }
    let mut directory = vec![0; bytes as usize];
    file.seek(SeekFrom::Start(offset.into())).map_err(damaged)?;
    file.read_exact(&mut directory).map_err(damaged)?;
    Ok(directory)
}

fn damaged(cause: io::Error) -> Failure {
    Failure::Damaged(cause.to_string())
}

fn cut_short() -> Failure {
    Failure::Damaged("its list of files is missing or cut short".to_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
#[path = "archive_tests.rs"]
pub(super) mod tests;
