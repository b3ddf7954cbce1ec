//! What one image is: everything that reading its file tells.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cache::Verdicts;
use crate::data::images::sound;
use crate::error::{Code, Error, Result};
use crate::guard::guarded;
use crate::volume::{self, Affine, Datatype, Stats, orientation, spacing_mm};

/// What is known of an image once all of it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The voxels along each axis.
    pub shape: [usize; 3],
    /// The distance of neighbouring voxels along each axis.
    pub spacing_mm: [f64; 3],
    /// Where the axes lead: `RAS`.
    pub orientation: String,
    /// Voxel indices to millimetres in the world (RAS+).
    pub affine: Affine,
    /// How the voxels are stored.
    pub datatype: Datatype,
    /// `(slope, intercept)` where stored values are to be scaled.
    pub scaling: Option<(f64, f64)>,
    /// The smallest and the largest finite voxel, where there is one.
    pub range: Option<(f32, f32)>,
    /// How many voxels are NaN or infinite.
    pub not_finite: usize,
    /// The BLAKE3 hash of the shape and the voxels as float32, scaled; where they lie in space does not
    /// count.
    pub voxels_blake3: String,
}

impl Facts {
    /// Reads all of an image.
    ///
    /// # Errors
    /// An image that is not there, damaged or of a kind that is not read.
    pub fn read(file: &Path) -> Result<Self> {
        guarded(|| {
            let header = volume::read_header(file)?;
            let volume = volume::read(file)?;
            let mut hasher = blake3::Hasher::new();
            for length in volume.shape {
                hasher.update(&(length as u64).to_le_bytes());
            }
            for chunk in volume.voxels.chunks(1 << 12) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
                hasher.update(&bytes);
            }
            let Stats { min, max, non_finite } = volume.stats;
            Ok(Self {
                shape: volume.shape,
                spacing_mm: spacing_mm(&volume.affine),
                orientation: orientation(&volume.affine),
                affine: volume.affine,
                datatype: header.datatype,
                scaling: header.scaling,
                range: (min <= max).then_some((min, max)),
                not_finite: non_finite,
                voxels_blake3: hasher.finalize().to_hex().to_string(),
            })
        })
    }

    /// Whether all voxels are alike, or none is a number.
    pub(super) fn is_constant(&self) -> bool {
        self.range.is_none_or(|(min, max)| min == max)
    }

    /// What makes the image useless by itself.
    pub(super) fn flaw(&self) -> Option<Error> {
        let (min, max) = self.range.unwrap_or((f32::NAN, f32::NAN));
        let stats = Stats { min, max, non_finite: self.not_finite };
        if self.not_finite > 0 {
            return Some(sound::not_finite(&stats));
        }
        self.is_constant().then(|| sound::constant(&stats))
    }
}

/// Why an image could not be read, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Damage {
    code: String,
    message: String,
    help: Option<String>,
    cause: Option<String>,
}

/// What is known of the image in `file`, read now or before, and whether it was known.
pub(super) fn known(
    file: &Path,
    verdicts: Option<&Verdicts>,
    fresh: bool,
) -> (Result<Facts>, bool) {
    // Of a pair only one file would be looked at for changes.
    let name = file.to_string_lossy();
    let alone = [".nii", ".nii.gz"].iter().any(|suffix| name.ends_with(suffix));
    let Some(verdicts) = verdicts.filter(|_| alone) else { return (Facts::read(file), false) };
    let (found, known) = verdicts.of(file, fresh, || match Facts::read(file) {
        Ok(facts) => (Ok(facts), true),
        Err(error) => {
            let problem = &error.problems()[0];
            // What the disk or the memory lacked today, they may have tomorrow.
            let lasting = matches!(problem.code, Code::BadImage | Code::UnsupportedImage);
            let (code, message) = (problem.code.id().to_owned(), problem.message.clone());
            let (help, cause) = (problem.help.clone(), problem.cause.clone());
            (Err(Damage { code, message, help, cause }), lasting)
        }
    });
    let told = |damage: Damage| {
        let code = Code::find(&damage.code).unwrap_or(Code::BadImage);
        let mut error = Error::new(code, damage.message);
        error = damage.help.into_iter().fold(error, Error::help);
        damage.cause.into_iter().fold(error, Error::because)
    };
    (found.map_err(told), known)
}
