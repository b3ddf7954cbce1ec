//! The header of a NIfTI file: parsed, checked, and put into terms both versions share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::affine::{Affine, Placement, ROUNDING_F32, ROUNDING_F64, SCANNER, spacing_mm};
use super::{bad, by, unsupported};
use crate::Result;

/// What a file says about its image before any voxel is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The voxels along each axis; missing axes count 1.
    pub shape: [usize; 3],
    /// Voxel indices to millimetres in the world (RAS+).
    pub affine: Affine,
    /// How the voxels are stored.
    pub datatype: Datatype,
    /// `(slope, intercept)` where stored values are to be scaled.
    pub scaling: Option<(f64, f64)>,
    /// NIfTI-1 or NIfTI-2: 1 or 2.
    pub version: u8,
    /// The order of the bytes in a number.
    pub endianness: Endianness,
    /// The code of the space that the affine leads to; 0 where the file names none.
    pub(super) space: i32,
    /// Where the voxels begin in their file.
    pub(super) voxels_at: u64,
    /// Whether the voxels are in the `.img` file beside.
    pub(super) pair: bool,
}

impl Header {
    /// The distance of neighbouring voxels along each axis.
    pub fn spacing_mm(&self) -> [f64; 3] {
        spacing_mm(&self.affine)
    }

    /// The code of the space for a new file: that of the scanner where this one names none.
    pub(super) fn code(&self) -> i32 {
        if self.space == 0 { SCANNER } else { self.space }
    }

    /// The number of voxels, which parsing has seen to fit.
    pub(super) fn voxels(&self) -> usize {
        self.shape.iter().product()
    }
}

/// How one voxel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Datatype {
    #[serde(rename = "uint8")]
    U8,
    #[serde(rename = "int8")]
    I8,
    #[serde(rename = "int16")]
    I16,
    #[serde(rename = "uint16")]
    U16,
    #[serde(rename = "int32")]
    I32,
    #[serde(rename = "uint32")]
    U32,
    #[serde(rename = "int64")]
    I64,
    #[serde(rename = "uint64")]
    U64,
    #[serde(rename = "float32")]
    F32,
    #[serde(rename = "float64")]
    F64,
}

impl Datatype {
    /// The bytes of one voxel.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether it holds whole numbers only.
    pub const fn is_whole(self) -> bool {
        !matches!(self, Self::F32 | Self::F64)
    }

    fn from_code(code: i16) -> Result<Self> {
        let (what, remedy) = match code {
            2 => return Ok(Self::U8),
            4 => return Ok(Self::I16),
            8 => return Ok(Self::I32),
            16 => return Ok(Self::F32),
            64 => return Ok(Self::F64),
            256 => return Ok(Self::I8),
            512 => return Ok(Self::U16),
            768 => return Ok(Self::U32),
            1024 => return Ok(Self::I64),
            1280 => return Ok(Self::U64),
            1 => ("single bits", "save the image as uint8"),
            32 | 1792 | 2048 => {
                ("complex numbers", "save the magnitude or the phase as an image of its own")
            }
            128 | 2304 => {
                ("colours", "save one channel, or the brightness, as an image of its own")
            }
            1536 => ("128-bit numbers", "save the image as float64 or float32"),
            _ => return Err(bad(format!("the header names datatype {code}, which NIfTI lacks"))),
        };
        Err(unsupported(format!("the voxels are {what} (datatype {code})")).help(remedy))
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
            Self::U32 => "uint32",
            Self::I64 => "int64",
            Self::U64 => "uint64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        })
    }
}

/// The order of the bytes in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endianness {
    /// The lowest byte first, as nearly every file today.
    Little,
    /// The highest byte first.
    Big,
}

impl fmt::Display for Endianness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        })
    }
}

/// The length of a NIfTI-1 header.
pub(super) const LENGTH_1: usize = 348;
/// The length of a NIfTI-2 header.
pub(super) const LENGTH_2: usize = 540;

/// The length that the first four bytes of a header state and their byte order, if it is NIfTI's.
pub(super) fn stated_length(bytes: &[u8]) -> Option<(usize, Endianness)> {
    let first = *bytes.first_chunk()?;
    [LENGTH_1, LENGTH_2].into_iter().find_map(|length| {
        let little = i32::from_le_bytes(first) as usize == length;
        let big = i32::from_be_bytes(first) as usize == length;
        if little {
            Some((length, Endianness::Little))
        } else {
            big.then_some((length, Endianness::Big))
        }
    })
}

/// The header in `bytes`, which hold what a file begins with.
pub(super) fn parse(bytes: &[u8]) -> Result<Header> {
    let Some((length, endianness)) = stated_length(bytes) else {
        return Err(not_nifti(bytes));
    };
    let Some(bytes) = bytes.get(..length) else {
        return Err(bad(format!("the file ends inside the header, after {} bytes", bytes.len())));
    };
    let fields = Fields { bytes, endianness };
    if length == LENGTH_1 { fields.nifti_1() } else { fields.nifti_2() }?.header(endianness)
}

/// Says what the file is instead, as far as its first bytes tell.
fn not_nifti(bytes: &[u8]) -> crate::Error {
    if bytes.is_empty() {
        return bad("the file is empty");
    }
    let start = &bytes[..bytes.len().min(32)];
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if start.len() >= 4 && start.iter().all(is_text) {
        let text = String::from_utf8_lossy(start);
        return bad(format!("the file is not NIfTI but text: {:?}…", text.trim())).help(
            "if it is a pointer of git-annex, DataLad or git-lfs, fetch its content; \
             if it is a web page, download the image again",
        );
    }
    let what = match start {
        [b'P', b'K', 3, 4, ..] => " but a zip archive",
        [0xfd, b'7', b'z', ..] => " but compressed with xz",
        [b'B', b'Z', b'h', ..] => " but compressed with bzip2",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => " but compressed with zstd",
        [0x89, b'H', b'D', b'F', ..] => " but HDF5, perhaps MINC",
        _ => ": its first bytes are none of a NIfTI header",
    };
    bad(format!("the file is not NIfTI{what}"))
        .help("convert it to .nii or .nii.gz, for example with nibabel or dcm2niix")
}

struct Fields<'a> {
    bytes: &'a [u8],
    endianness: Endianness,
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at..at + N]);
        if self.endianness == Endianness::Big {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.array(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.array(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.array(at))
    }

    fn f32s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| f64::from(f32::from_le_bytes(self.array(at + 4 * i))))
    }

    fn f64s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| f64::from_le_bytes(self.array(at + 8 * i)))
    }

    fn nifti_1(&self) -> Result<Raw> {
        let [voxels_at, slope, intercept] = self.f32s(108);
        let pair = match &self.bytes[344..348] {
            b"n+1\0" => false,
            b"ni1\0" => true,
            [0, ..] => {
                return Err(unsupported(
                    "the file is ANALYZE 7.5, which does not say left from right",
                )
                .help("convert it to NIfTI with a tool that knows how it was written"));
            }
            other => return Err(wrong_magic(other)),
        };
        Ok(Raw {
            version: 1,
            pair,
            datatype: self.i16(70),
            dim: std::array::from_fn(|i| i64::from(self.i16(40 + 2 * i))),
            voxels_at,
            slope,
            intercept,
            placement: Placement {
                qform_code: self.i16(252).into(),
                sform_code: self.i16(254).into(),
                quaternion: self.f32s(256),
                offset: self.f32s(268),
                rows: [self.f32s(280), self.f32s(296), self.f32s(312)],
                pixdim: self.f32s(76),
                tolerance: ROUNDING_F32,
            },
        })
    }

    fn nifti_2(&self) -> Result<Raw> {
        let pair = match &self.bytes[4..8] {
            b"n+2\0" => false,
            b"ni2\0" => true,
            other => return Err(wrong_magic(other)),
        };
        // These four bytes are there to be changed by transfers that take the file for text.
        if !matches!(&self.bytes[8..12], b"\r\n\x1a\n" | [0, 0, 0, 0]) {
            return Err(bad("the file was changed by a transfer in text mode")
                .help("copy it again in binary mode"));
        }
        let [slope, intercept] = self.f64s(176);
        Ok(Raw {
            version: 2,
            pair,
            datatype: self.i16(12),
            dim: std::array::from_fn(|i| self.i64(16 + 8 * i)),
            voxels_at: self.i64(168) as f64,
            slope,
            intercept,
            placement: Placement {
                qform_code: self.i32(344),
                sform_code: self.i32(348),
                quaternion: self.f64s(352),
                offset: self.f64s(376),
                rows: [self.f64s(400), self.f64s(432), self.f64s(464)],
                pixdim: self.f64s(104),
                tolerance: ROUNDING_F64,
            },
        })
    }
}

fn wrong_magic(magic: &[u8]) -> crate::Error {
    bad(format!("the header's magic is {:?}, not one of NIfTI", String::from_utf8_lossy(magic)))
}

/// The fields of either version, unchecked.
struct Raw {
    version: u8,
    pair: bool,
    datatype: i16,
    dim: [i64; 8],
    voxels_at: f64,
    slope: f64,
    intercept: f64,
    placement: Placement,
}

impl Raw {
    fn header(&self, endianness: Endianness) -> Result<Header> {
        let lengths = self.lengths()?;
        let datatype = Datatype::from_code(self.datatype)?;
        let shape = [0, 1, 2].map(|axis| lengths.get(axis).copied().unwrap_or(1));
        if shape.iter().try_fold(8_usize, |bytes, length| bytes.checked_mul(*length)).is_none() {
            return Err(bad(format!("the header claims {} voxels", by(&shape))));
        }
        Ok(Header {
            shape,
            affine: self.placement.affine(&lengths)?,
            space: self.placement.space(),
            datatype,
            scaling: self.scaling()?,
            version: self.version,
            endianness,
            voxels_at: self.voxels_at()?,
            pair: self.pair,
        })
    }

    fn lengths(&self) -> Result<Vec<usize>> {
        let rank = self.dim[0];
        let Some(dim) = (1..=7).contains(&rank).then(|| &self.dim[1..=rank as usize]) else {
            return Err(bad(format!("the header claims {rank} dimensions, but NIfTI has 1 to 7")));
        };
        if dim.iter().any(|length| *length < 1) {
            return Err(bad(format!("the header claims a shape of {}", by(dim))));
        }
        if dim.iter().skip(3).any(|length| *length > 1) {
            return Err(unsupported(format!(
                "the image has the shape {}, a series of volumes",
                by(dim)
            ))
            .help(
                "take one volume out of it, or their mean; nibabel.four_to_three splits a series",
            ));
        }
        dim.iter()
            .map(|length| usize::try_from(*length))
            .collect::<Result<_, _>>()
            .map_err(|_| bad(format!("the header claims {} voxels", by(dim))))
    }

    /// A slope of 0 or NaN says that there is none. `(1, 0)` changes nothing and is none too.
    fn scaling(&self) -> Result<Option<(f64, f64)>> {
        if self.slope == 0.0 || !self.slope.is_finite() {
            return Ok(None);
        }
        if !self.intercept.is_finite() {
            return Err(bad(
                "the header has a slope to scale with, but its intercept is not finite",
            )
            .help("correct scl_inter in the header: 0 is meant as a rule"));
        }
        let scaling = (self.slope, self.intercept);
        Ok((scaling != (1.0, 0.0)).then_some(scaling))
    }

    fn voxels_at(&self) -> Result<u64> {
        let least = match (self.pair, self.version) {
            (true, _) => 0,
            (false, 1) => LENGTH_1 + 4,
            (false, _) => LENGTH_2 + 4,
        };
        if self.voxels_at >= least as f64 && self.voxels_at < i64::MAX as f64 {
            Ok(self.voxels_at as u64)
        } else {
            Err(bad(format!("the header says that the voxels begin at byte {}", self.voxels_at))
                .help(format!("vox_offset is at least {least} in a file of this kind")))
        }
    }
}
