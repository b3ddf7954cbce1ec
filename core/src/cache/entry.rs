//! A decoded image as it lies in the cache: a header, and its voxels ready to be mapped.
//!
//! `NEURHAIV`, the BLAKE3 hash of everything after it (32 bytes), the length of the header (8 bytes,
//! little-endian), the header as JSON, zeros up to a multiple of [`PAGE`], the voxels as `f32`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use neurhai_torch::{MappedFloats, float_bytes};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::volume::{Affine, Stats, Volume, Voxels};

const MAGIC: &[u8; 8] = b"NEURHAIV";
const CHECKED: usize = MAGIC.len() + 32;
const FRONT: usize = CHECKED + 8;
const PAGE: usize = 4096;

/// No path is so long; what claims more is no header.
const LONGEST: usize = 1 << 16;

/// What a file says about its image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// What it is the image of, and what was done to it.
    pub(super) key: Key,
    /// The file it was decoded from.
    pub(super) source: String,
    /// Seconds since 1970 when it was decoded.
    pub(super) written: u64,
    little_endian: bool,
    shape: [usize; 3],
    affine: Affine,
    /// The smallest and the largest voxel, as bits: these must come back as they were.
    range: [u32; 2],
}

/// Equal keys mean equal voxels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// Counts up whenever decoding gives other voxels, or the files are written otherwise.
    version: u32,
    /// The BLAKE3 hash of the image's file.
    pub(crate) file_blake3: String,
    /// What was done to the voxels that were decoded.
    pub(crate) done: String,
}

/// See [`Key`].
const VERSION: u32 = 1;

impl Key {
    pub(crate) fn new(file_blake3: &str, done: &str) -> Self {
        Self { version: VERSION, file_blake3: file_blake3.into(), done: done.into() }
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        let text = format!("{}\n{}\n{}", self.version, self.file_blake3, self.done);
        format!("{}{SUFFIX}", blake3::hash(text.as_bytes()).to_hex())
    }
}

/// What the names of these files end in.
pub(super) const SUFFIX: &str = ".volume";

/// Where the voxels begin.
fn voxels_at(header: usize) -> usize {
    (FRONT + header).next_multiple_of(PAGE)
}

impl Header {
    pub(super) fn new(key: Key, source: &Path, written: u64, volume: &Volume) -> Self {
        Self {
            key,
            source: source.to_string_lossy().into_owned(),
            written,
            little_endian: cfg!(target_endian = "little"),
            shape: volume.shape,
            affine: volume.affine,
            range: [volume.stats.min, volume.stats.max].map(f32::to_bits),
        }
    }

    /// The bytes of the file for so many voxels.
    pub(super) fn size(&self, voxels: usize) -> Result<u64> {
        let json = serde_json::to_vec(self).map_err(|error| {
            Error::new(Code::Internal, "cannot describe a decoded image").because(error)
        })?;
        Ok((voxels_at(json.len()) + 4 * voxels) as u64)
    }

    /// Writes the image.
    pub(super) fn write(&self, out: &mut dyn Write, voxels: &[f32]) -> io::Result<()> {
        let json = serde_json::to_vec(self)?;
        let padding = vec![0; voxels_at(json.len()) - FRONT - json.len()];
        let length = (json.len() as u64).to_le_bytes();
        let parts = [&length[..], &json, &padding, float_bytes(voxels)];
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        out.write_all(MAGIC)?;
        out.write_all(hasher.finalize().as_bytes())?;
        parts.iter().try_for_each(|part| out.write_all(part))
    }

    /// The header of a file, which is not checked against its hash.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let mut file = File::open(file).ok()?;
        let mut front = [0; FRONT];
        file.read_exact(&mut front).ok()?;
        let mut json = vec![0; header_length(&front)?];
        file.read_exact(&mut json).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// The image with this key in an open file, once every byte of it has been found to be as it was
    /// written: mapped, or where other machines may take the file away meanwhile, read.
    pub(super) fn open(file: &File, key: &Key) -> Option<Volume> {
        match is_remote(file) {
            true => Self::read_whole(file, key),
            false => Self::map(file, key),
        }
    }

    fn map(file: &File, key: &Key) -> Option<Volume> {
        // A file without a page of header is none of ours, and an empty one cannot be mapped.
        if file.metadata().ok()?.len() < PAGE as u64 {
            return None;
        }
        let whole = MappedFloats::open(file, 0).ok()?;
        let (header, at) = Self::check(whole.bytes(), key)?;
        Some(header.volume(Voxels::mapped(whole.starting_at(at).ok()?)))
    }

    pub(super) fn read_whole(mut file: &File, key: &Key) -> Option<Volume> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (header, at) = Self::check(&bytes, key)?;
        let voxels = bytes.get(at..)?.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes));
        Some(header.volume(voxels.collect::<Vec<f32>>().into()))
    }

    /// The header of a file with these bytes, if they are those that were written with this key, and where
    /// the voxels begin.
    fn check(bytes: &[u8], key: &Key) -> Option<(Self, usize)> {
        let length = header_length(bytes)?;
        let hash = blake3::hash(bytes.get(CHECKED..)?);
        if hash.as_bytes()[..] != *bytes.get(MAGIC.len()..CHECKED)? {
            return None;
        }
        let header: Self = serde_json::from_slice(bytes.get(FRONT..FRONT + length)?).ok()?;
        let at = voxels_at(length);
        let voxels = header.shape.iter().try_fold(1_usize, |n, length| n.checked_mul(*length))?;
        let fits = header.little_endian == cfg!(target_endian = "little")
            && header.key == *key
            && voxels.checked_mul(4) == bytes.len().checked_sub(at);
        fits.then_some((header, at))
    }

    fn volume(self, voxels: Voxels) -> Volume {
        let [min, max] = self.range.map(f32::from_bits);
        let stats = Stats { min, max, non_finite: 0 };
        Volume { shape: self.shape, voxels, affine: self.affine, stats }
    }
}

/// Whether a file lies on a file system of another machine or of a program, from which it may vanish
/// while it is mapped; looking at it would then end this process.
#[cfg(target_os = "linux")]
fn is_remote(file: &File) -> bool {
    // `linux/magic.h`: NFS, SMB and its two successors, FUSE, 9P.
    const REMOTE: [u32; 6] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997];
    rustix::fs::fstatfs(file).is_ok_and(|about| REMOTE.contains(&(about.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_: &File) -> bool {
    false
}

/// The length of the header in a file that begins with these bytes.
fn header_length(bytes: &[u8]) -> Option<usize> {
    if bytes.get(..MAGIC.len())? != MAGIC {
        return None;
    }
    let length = u64::from_le_bytes(*bytes.get(CHECKED..)?.first_chunk()?);
    usize::try_from(length).ok().filter(|length| *length <= LONGEST)
}
