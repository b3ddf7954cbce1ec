//! Writing NIfTI files.

use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};

use super::affine::{Affine, Placement, SCANNER};
use super::header::{self, Header};
use super::read::read_header;
use super::source::Source;
use super::{bad, by, unsupported};
use crate::files::write_atomic;
use crate::{Code, Error, Place, Result};

/// Writes an image as NIfTI-1 in `f32`, compressed if the name ends in `.nii.gz`.
///
/// `voxels` has the voxel `[x, y, z]` at `(x * shape[1] + y) * shape[2] + z`; `affine` leads from
/// voxel indices to millimetres in the world (RAS+). The file appears at once and whole, and equal
/// images give equal files.
///
/// # Errors
///
/// The name ends in neither `.nii` nor `.nii.gz`, the shape does not fit the voxels or NIfTI-1, the
/// affine is singular, or the file cannot be written.
pub fn write(
    path: impl AsRef<Path>,
    shape: [usize; 3],
    voxels: &[f32],
    affine: &Affine,
) -> Result<()> {
    let path = path.as_ref();
    write_under(path, shape, voxels, || new_header(shape, affine, SCANNER))
}

/// Writes voxels as [`write()`] does, in the space of the image in the file `like`: where they lie on its
/// grid with its header, as [`write_like`]; where they are a block of it, with the code of its space. What
/// is no NIfTI file has none.
///
/// # Errors
/// Those of [`write_like`].
pub(crate) fn write_as(
    path: &Path,
    shape: [usize; 3],
    voxels: &[f32],
    affine: &Affine,
    like: &Path,
) -> Result<()> {
    if compressed(like).is_err() {
        return write(path, shape, voxels, affine);
    }
    let header = read_header(like)?;
    if header.shape == shape && header.affine == *affine {
        return write_like(path, voxels, like, &header);
    }
    write_under(path, shape, voxels, || new_header(shape, affine, header.code()))
}

/// Writes voxels as [`write()`] does, in the place of those of the image `like`, whose header this is:
/// its codes, units and descriptions are kept. Of what is no NIfTI-1 file in little-endian order only
/// the affine is, and the code of its space.
///
/// # Errors
/// Those of [`write()`]; `like` cannot be read.
pub(crate) fn write_like(path: &Path, voxels: &[f32], like: &Path, header: &Header) -> Result<()> {
    let (shape, affine) = (header.shape, &header.affine);
    let mut original = [0; 348];
    Source::open(like, 4096)?.fill_up_to(&mut original)?;
    let first = original.starts_with(&348_i32.to_le_bytes()) && original.ends_with(b"n+1\0");
    write_under(path, shape, voxels, || {
        let new = new_header(shape, affine, header.code())?;
        if !first {
            return Ok(new);
        }
        let mut old = new;
        // All but the shape, the type, the scale and the range of the voxels.
        for kept in [0..40, 56..70, 74..108, 120..124, 132..140, 148..348] {
            old[kept.clone()].copy_from_slice(&original[kept]);
        }
        // Without any code for its place, an image of fewer axes would lie elsewhere with three.
        let same = header::parse(&old[..348]).is_ok_and(|parsed| parsed.affine == *affine);
        Ok(if same { old } else { new })
    })
}

fn write_under(
    path: &Path,
    shape: [usize; 3],
    voxels: &[f32],
    header: impl FnOnce() -> Result<[u8; 352]>,
) -> Result<()> {
    let checked = || {
        let compressed = compressed(path)?;
        if voxels.len() != shape.iter().product::<usize>() {
            let message = format!("{} voxels cannot have the shape {}", voxels.len(), by(&shape));
            return Err(Error::new(Code::Internal, message));
        }
        Ok((compressed, header()?))
    };
    let (compressed, header) = checked().map_err(|error| error.at(Place::File(path.into())))?;
    write_atomic(path, |file| {
        if !compressed {
            return content(file, &header, shape, voxels);
        }
        // Neither name nor time go into the gzip header, so that equal images give equal files.
        let mut zip = GzBuilder::new().write(file, LEVEL);
        content(&mut zip, &header, shape, voxels)?;
        zip.finish().map(drop)
    })
}

/// Level 1 saves little on brain images, and levels above 3 save no more but take longer.
const LEVEL: Compression = Compression::new(3);

fn compressed(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match (name.ends_with(".nii"), name.ends_with(".nii.gz")) {
        (_, true) => Ok(true),
        (true, _) => Ok(false),
        _ => Err(unsupported("images are written as .nii or .nii.gz, but the name ends otherwise")),
    }
}

/// The header, with this code for the space that it lies in, and the four bytes that say that no
/// extension follows.
fn new_header(shape: [usize; 3], affine: &Affine, code: i32) -> Result<[u8; 352]> {
    let placement = Placement::for_writing(affine)?;
    let mut bytes = [0; 352];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348_i32.to_le_bytes());
    // SPM and older programs want to see this letter.
    put(38, b"r");
    for (i, length) in [3].iter().chain(&shape).chain(&[1; 4]).enumerate() {
        let length = i16::try_from(*length).ok().filter(|length| *length > 0).ok_or_else(|| {
            bad(format!("NIfTI-1 has axes of 1 to 32767 voxels, not {}", by(&shape)))
        })?;
        put(40 + 2 * i, &length.to_le_bytes());
    }
    put(70, &16_i16.to_le_bytes());
    put(72, &32_i16.to_le_bytes());
    let floats: [(usize, &[f64]); 9] = [
        (76, &placement.pixdim),
        (92, &[1.0; 4]),
        (108, &[352.0]),
        (112, &[1.0, 0.0]),
        (256, &placement.quaternion),
        (268, &placement.offset),
        (280, &placement.rows[0]),
        (296, &placement.rows[1]),
        (312, &placement.rows[2]),
    ];
    for (at, values) in floats {
        for (i, value) in values.iter().enumerate() {
            put(at + 4 * i, &(*value as f32).to_le_bytes());
        }
    }
    // Millimetres.
    put(123, &[2]);
    put(148, b"Neurhai");
    let qform_code = if placement.qform_code == 0 { 0 } else { code };
    put(252, &(qform_code as i16).to_le_bytes());
    put(254, &(code as i16).to_le_bytes());
    put(344, b"n+1\0");
    Ok(bytes)
}

fn content(
    to: &mut dyn Write,
    header: &[u8],
    [nx, ny, nz]: [usize; 3],
    voxels: &[f32],
) -> io::Result<()> {
    to.write_all(header)?;
    let mut planes = vec![0; nx * ny * 4 * PLANES.min(nz)];
    for first in (0..nz).step_by(PLANES) {
        let depth = PLANES.min(nz - first);
        // Neighbours along z lie together in memory, so several planes are filled at a time.
        for (xy, column) in voxels.chunks_exact(nz).enumerate() {
            let (x, y) = (xy / ny, xy % ny);
            for (k, voxel) in column[first..first + depth].iter().enumerate() {
                let at = ((k * ny + y) * nx + x) * 4;
                planes[at..at + 4].copy_from_slice(&voxel.to_le_bytes());
            }
        }
        to.write_all(&planes[..nx * ny * 4 * depth])?;
    }
    Ok(())
}

const PLANES: usize = 16;
