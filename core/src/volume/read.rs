//! Reading NIfTI files.

use std::path::{Path, PathBuf};

use super::convert::{PLANES, Range, place};
use super::header::{self, Header, LENGTH_1, LENGTH_2};
use super::source::Source;
use super::{Stats, Volume, bad, by};
use crate::{Code, Error, Place, Result};

/// Reads the image in `path`: `.nii` or `.nii.gz`, or either file of a `.hdr` and `.img` pair.
///
/// NIfTI-1 and NIfTI-2 are read in both byte orders and with every real type of voxel. Whether the
/// file is compressed is seen from its content. Axes after the third must have length 1; missing
/// ones count 1. The voxels equal nibabel's `get_fdata(dtype="float32")` bit by bit.
///
/// # Errors
///
/// The file is not there, not readable, damaged, contradicts itself, or is no volume of real
/// numbers. Memory is taken only once the file can hold what its header claims.
pub fn read(path: impl AsRef<Path>) -> Result<Volume> {
    let files = Files::of(path.as_ref());
    let mut source = Source::open(&files.header, READ_BUFFER)?;
    let header = files.parse(&mut source)?;
    if files.voxels != files.header {
        source = Source::open(&files.voxels, READ_BUFFER)?;
    }
    let (voxels, stats) = voxels(&header, source).map_err(|error| placed(error, &files.voxels))?;
    let voxels = voxels.into();
    Ok(Volume { shape: header.shape, voxels, affine: header.affine, stats })
}

/// Reads what the file says about its image, from its first bytes only.
///
/// # Errors
///
/// As [`read()`], except for damage that only the voxels show.
pub fn read_header(path: impl AsRef<Path>) -> Result<Header> {
    let files = Files::of(path.as_ref());
    let mut source = Source::open(&files.header, HEADER_BUFFER)?;
    let header = files.parse(&mut source)?;
    if !header.pair {
        plausible(&header, &source).map_err(|error| placed(error, &files.header))?;
    }
    Ok(header)
}

fn placed(error: Error, path: &Path) -> Error {
    let error = error.at(Place::File(path.into()));
    if error.code() != Code::BadImage {
        return error;
    }
    error.help("copy the file again from its source, or write it again, for example with nibabel")
}

/// Large enough that the calls into the system do not count, small enough for the cache.
const READ_BUFFER: usize = 1 << 17;
const HEADER_BUFFER: usize = 1 << 12;

/// The files an image consists of: twice the same, or a pair.
struct Files {
    header: PathBuf,
    voxels: PathBuf,
}

impl Files {
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for zipped in ["", ".gz"] {
            for own in [".hdr", ".img"] {
                if let Some(stem) = name.strip_suffix(&format!("{own}{zipped}")) {
                    let other = |end: &str| path.with_file_name(format!("{stem}{end}{zipped}"));
                    return Self { header: other(".hdr"), voxels: other(".img") };
                }
            }
        }
        Self { header: path.into(), voxels: path.into() }
    }

    fn parse(&self, source: &mut Source<'_>) -> Result<Header> {
        self.parse_unplaced(source).map_err(|error| placed(error, &self.header))
    }

    fn parse_unplaced(&self, source: &mut Source<'_>) -> Result<Header> {
        let mut bytes = [0; LENGTH_2];
        let mut filled = source.fill_up_to(&mut bytes[..LENGTH_1])?;
        if header::stated_length(&bytes[..filled]).is_some_and(|(length, _)| length == LENGTH_2) {
            filled += source.fill_up_to(&mut bytes[filled..])?;
        }
        let header = header::parse(&bytes[..filled])?;
        match (header.pair, self.header != self.voxels) {
            (true, false) => Err(bad("the voxels are in an .img file, says the header")
                .help("name the files .hdr and .img, or convert the image to .nii.gz")),
            (false, true) => Err(bad("the voxels follow in the same file, says the header")
                .help("name the file .nii, or convert the image to .nii.gz")),
            _ => Ok(header),
        }
    }
}

/// The bytes that a file with this header holds, if it can hold them.
fn plausible(header: &Header, source: &Source<'_>) -> Result<u64> {
    let bytes = header.voxels() as u64 * header.datatype.size() as u64;
    let expected = header.voxels_at.saturating_add(bytes);
    if expected > source.most() {
        return Err(bad(format!(
            "the header claims {} voxels of {} from byte {} on, too many for a file of {} bytes",
            by(&header.shape),
            header.datatype,
            header.voxels_at,
            source.length()
        ))
        .help("the file is cut short or its header damaged: copy it again from its source"));
    }
    Ok(expected)
}

fn voxels(header: &Header, mut source: Source<'_>) -> Result<(Vec<f32>, Stats)> {
    let expected = plausible(header, &source)?;
    source.skip_to(header.voxels_at, expected)?;
    let [nx, ny, nz] = header.shape;
    let plane = nx * ny * header.datatype.size();
    let mut voxels = zeros(header.voxels())?;
    let mut raw = zeros(plane * PLANES.min(nz))?;
    let mut range = Range::new();
    for z in (0..nz).step_by(PLANES) {
        let planes = &mut raw[..plane * PLANES.min(nz - z)];
        source.fill(planes, expected)?;
        place(header, planes, z, &mut voxels, &mut range);
    }
    source.finish()?;
    let stats = range.stats(&voxels);
    Ok((voxels, stats))
}

fn zeros<T: Copy + Default>(length: usize) -> Result<Vec<T>> {
    // The reservation only asks whether there is room, so that a lack of it is an error and no
    // abort. `vec!` then gets pages that the system has zeroed, which spares us a pass over them.
    if Vec::<T>::new().try_reserve_exact(length).is_err() {
        let megabytes = (length * size_of::<T>()).div_ceil(1 << 20);
        return Err(Error::new(
            Code::OutOfMemory,
            format!("the image needs {megabytes} MB of memory, which are not free"),
        )
        .help("resample the image to a coarser grid, or use a machine with more memory"));
    }
    Ok(vec![T::default(); length])
}
