//! Files as numbers, read from the disk as they are looked at.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// The `f32`s that a file holds from some byte on to its end, in the byte order of this machine.
///
/// For files that are written once and never again: whoever writes into one while it is mapped changes
/// the numbers here, and whoever cuts it short ends this process (SIGBUS) once they are looked at.
/// Removing the file or renaming another one over it does no harm.
#[derive(Debug)]
pub struct MappedFloats {
    map: Mmap,
    from: usize,
}

impl MappedFloats {
    /// Maps a file whose numbers begin at byte `from`.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidData`] where `from` is no multiple of 4 or what
    /// follows it does not divide into numbers.
    pub fn open(file: &File, from: usize) -> io::Result<Self> {
        // SAFETY: nothing in this program writes into a file that it maps, or cuts it short. Where another
        // program does, the bytes behind the slice change; any bytes are valid `u8` and `f32`.
        let map = unsafe { MmapOptions::new().map_copy_read_only(file) }?;
        Self { map, from: 0 }.starting_at(from)
    }

    /// The same file, whose numbers begin at byte `from`.
    ///
    /// # Errors
    /// As [`MappedFloats::open`].
    pub fn starting_at(self, from: usize) -> io::Result<Self> {
        let map = self.map;
        let rest = map.len().checked_sub(from);
        if !from.is_multiple_of(4) || !rest.is_some_and(|rest| rest.is_multiple_of(4)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { map, from })
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }
}

impl Deref for MappedFloats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let bytes = &self.map[self.from..];
        // SAFETY: maps begin at a page and `from` is a multiple of 4, so the numbers are aligned; there are
        // as many as the bytes hold, every pattern of bits is an `f32`, and the map lives as long as `self`.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / 4) }
    }
}

/// The bytes of these numbers, in the byte order of this machine.
pub fn float_bytes(numbers: &[f32]) -> &[u8] {
    // SAFETY: the numbers lie one after the other without gaps, bytes need no alignment, and all of them
    // are initialised.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn numbers_are_read_where_they_begin_even_once_the_file_is_gone() {
        let path = std::env::temp_dir().join(format!("neurhai-mapped-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let numbers = [1.5f32, -0.0, f32::NAN];
        file.write_all(b"head").unwrap();
        file.write_all(float_bytes(&numbers)).unwrap();
        let open = |from| MappedFloats::open(&File::open(&path).unwrap(), from);
        let mapped = open(4).unwrap();
        for from in [2, 5, 20] {
            assert_eq!(open(from).unwrap_err().kind(), io::ErrorKind::InvalidData, "{from}");
        }
        std::fs::remove_file(&path).unwrap();
        let bits = |numbers: &[f32]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&mapped), bits(&numbers));
        assert_eq!(&mapped.bytes()[..4], b"head");
    }
}
