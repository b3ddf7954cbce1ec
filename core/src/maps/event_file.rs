//! TensorBoard's event files: records, each a length, a protobuf message, and the checksums of both.
//!
//! The layout is that of TensorFlow's `TFRecord`
//! (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>), the messages are
//! `tensorboard/compat/proto/{event,summary}.proto`. Unlike every other file these grow: TensorBoard
//! follows a file that it has opened, and would not see one that takes its place.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::maps::make_folder;

/// The values of scalars at a step.
pub(super) struct Scalars {
    pub(super) step: i64,
    /// Seconds since 1970.
    pub(super) time: f64,
    pub(super) values: Vec<(String, f64)>,
}

/// An event file, which need not be there yet.
pub(super) struct EventFile {
    path: PathBuf,
}

impl EventFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Keeps the records of the first of these steps, as many as are there one after another, and cuts
    /// off what follows, a record that was not written to its end included; gives how many are kept.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn keep(&self, steps: &[i64]) -> Result<usize> {
        let failed = |error| Error::io(&self.path, "read the log for TensorBoard", &error);
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            read => read.map_err(failed)?,
        };
        let (mut kept, mut end) = (0, 0);
        for (at, event) in records(&bytes) {
            match step(event) {
                None if end == 0 => {}
                Some(step) if end > 0 && steps.get(kept) == Some(&step) => kept += 1,
                _ => break,
            }
            end = at;
        }
        if end < bytes.len() {
            let file = OpenOptions::new().write(true).open(&self.path).map_err(failed)?;
            file.set_len(end as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        Ok(kept)
    }

    /// Adds a record; to a new file after the one that says what it is.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn add(&self, scalars: &Scalars) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            make_folder(folder)?;
        }
        let write = |mut file: File| {
            let mut bytes = Vec::new();
            if file.metadata()?.len() == 0 {
                bytes = record(&version(scalars.time));
            }
            bytes.extend(record(&summary(scalars)));
            file.write_all(&bytes)?;
            file.sync_data()
        };
        let file = OpenOptions::new().append(true).create(true).open(&self.path);
        file.and_then(write)
            .map_err(|error| Error::io(&self.path, "write the log for TensorBoard", &error))
    }
}

/// `Event { wall_time = 1, file_version = 3 }`.
fn version(time: f64) -> Vec<u8> {
    let mut event = double(1, time);
    event.extend(bytes(3, b"brain.Event:2"));
    event
}

/// `Event { wall_time = 1, step = 2, summary = 5 }`, whose summary has a
/// `value = 1 { tag = 1, simple_value = 2 }` for each scalar.
fn summary(scalars: &Scalars) -> Vec<u8> {
    let value = |(tag, value): &(String, f64)| {
        let mut field = bytes(1, tag.as_bytes());
        field.push(2 << 3 | 5);
        field.extend((*value as f32).to_le_bytes());
        bytes(1, &field)
    };
    let mut event = double(1, scalars.time);
    event.push(2 << 3);
    event.extend(varint(scalars.step as u64));
    event.extend(bytes(5, &scalars.values.iter().flat_map(value).collect::<Vec<u8>>()));
    event
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2][..], &varint(value.len() as u64), value].concat()
}

/// Seven bits a byte, the lowest first; all but the last have the eighth.
fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// The records up to the first that is damaged or cut short, each with where it ends.
fn records(file: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (length, rest) = file.get(at..)?.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*sum) != masked(length) {
            return None;
        }
        let (data, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let (sum, _) = rest.split_first_chunk::<4>()?;
        at += 16 + data.len();
        (u32::from_le_bytes(*sum) == masked(data)).then_some((at, data))
    })
}

/// The step of an event that has one.
fn step(mut event: &[u8]) -> Option<i64> {
    loop {
        let key = read_varint(&mut event)?;
        let value = match key & 7 {
            0 => read_varint(&mut event)?,
            1 => take(&mut event, 8).map(|_| 0)?,
            2 => {
                let length = read_varint(&mut event)?;
                take(&mut event, usize::try_from(length).ok()?).map(|_| 0)?
            }
            5 => take(&mut event, 4).map(|_| 0)?,
            _ => return None,
        };
        if key == 2 << 3 {
            return Some(value as i64);
        }
    }
}

fn read_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(from, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(from: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

/// A checksum as it stands in records: turned, and moved by a constant.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let (mut table, mut i) = ([0; 256], 0);
        while i < 256 {
            let (mut value, mut bit) = (i as u32, 0);
            while bit < 8 {
                value = value >> 1 ^ if value & 1 == 1 { 0x82f6_3b78 } else { 0 };
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc: u32, byte| TABLE[((crc as u8) ^ byte) as usize] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(step: i64) -> Scalars {
        Scalars { step, time: 1.5, values: vec![("loss".into(), 0.25), ("BA".into(), step as f64)] }
    }

    /// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
    #[test]
    fn checksums_are_those_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_cut_anywhere_goes_on_with_the_same_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tensorboard/events");
        let file = EventFile::new(path.clone());
        let steps: Vec<i64> = vec![3, 6, 300];
        assert_eq!(file.keep(&steps).unwrap(), 0);
        steps.iter().for_each(|step| file.add(&scalars(*step)).unwrap());
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> = records(&whole).map(|(end, _)| end).collect();
        assert_eq!((ends.len(), ends[3]), (4, whole.len()));
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let kept = file.keep(&steps).unwrap();
            assert_eq!(kept, ends[1..].iter().filter(|end| **end <= length).count());
            steps[kept..].iter().for_each(|step| file.add(&scalars(*step)).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole, "cut after {length} bytes");
        }
        // Steps of another course, a damaged record, and what is no event file at all.
        assert_eq!(file.keep(&[3, 9]).unwrap(), 1);
        assert_eq!(fs::read(&path).unwrap(), whole[..ends[1]]);
        let mut damaged = whole;
        damaged[ends[1] + 20] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert_eq!(file.keep(&steps).unwrap(), 1);
        fs::write(&path, [0xff; 99]).unwrap();
        assert_eq!(file.keep(&steps).unwrap(), 0);
        assert!(fs::read(&path).unwrap().is_empty());
    }
}
