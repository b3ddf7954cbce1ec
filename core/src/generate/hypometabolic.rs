//! PET images whose uptake is lowered where a dementia lowers it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::set::{Item, Set, recorded};
use super::source::{Source, Taken, check_output, first, same_grid};
use super::{Generated, Watch, bad_option, mask};
use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::transform::gaussian;

/// The dementias that ClinicaDL has masks of: Alzheimer's disease, behavioural variant of
/// frontotemporal dementia, logopenic, nonfluent and semantic variant of primary progressive
/// aphasia, posterior cortical atrophy.
pub const PATHOLOGIES: [&str; 6] = ["ad", "bvftd", "lvppa", "nfvppa", "pca", "svppa"];

/// A data set of images with a simulated hypometabolism.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hypometabolic {
    /// The first session of each participant is taken.
    #[serde(flatten)]
    pub source: Source,
    /// How many participants; all without a number.
    pub participants: Option<usize>,
    /// One of [`PATHOLOGIES`].
    pub pathology: String,
    /// The region whose uptake is lowered, 1 inside and 0 outside, in the space of the images.
    pub mask: Option<PathBuf>,
    /// By how much it is lowered in the middle of the region, in percent.
    pub anomaly_degree: u8,
    /// The standard deviation of the Gaussian that blurs the region's edge, in voxels.
    pub sigma: f64,
}

/// Makes the data set: each image, with its own ids, times a map that is 1 outside of the mask,
/// 1 − degree/100 inside, and blurred by a Gaussian (Hassanaly et al. 2024,
/// <https://doi.org/10.59275/j.melba.2024-b87a>). File names tell pathology and degree.
///
/// # Errors
/// Options out of range; [`Code::MissingOption`] without a mask; what is wrong with the source and the
/// mask; [`Code::OutputInUse`].
pub fn hypometabolic(
    options: &Hypometabolic,
    output: &Path,
    watch: &Watch<'_>,
) -> Result<Generated> {
    let Hypometabolic { source, participants, pathology, mask, anomaly_degree, sigma } = options;
    if !PATHOLOGIES.contains(&pathology.as_str()) {
        let near = did_you_mean(pathology, PATHOLOGIES);
        let message =
            format!("one of {} was expected, not {pathology:?}{near}", PATHOLOGIES.join(", "));
        return Err(bad_option("pathology", message));
    }
    if !(1..=100).contains(anomaly_degree) {
        let message = format!("1 to 100 percent were expected, not {anomaly_degree}");
        return Err(bad_option("anomaly-degree", message));
    }
    if !(0.0..=100.0).contains(sigma) {
        return Err(bad_option("sigma", format!("0 to 100 voxels were expected, not {sigma}")));
    }
    let Some(mask) = mask else {
        let message = format!("a mask of the region that {pathology} affects is needed");
        return Err(Error::new(Code::MissingOption, message)
            .at(Place::Option("mask".into()))
            .help(format!(
                "nothing is downloaded: get ClinicaDL's mask_hypo_{pathology}.nii from \
                 https://aramislab.paris.inria.fr/files/data/masks/hypo/, or take one of your own, \
                 and pass it with --mask"
            )));
    };
    check_output(output, &source.caps)?;
    let images = first(source.images(Taken::Baseline)?, "participants", *participants)?;
    let grid = same_grid(&images)?;
    let inside = mask::on_grid(mask, mask::Values::Binary, grid)?;
    let factors = factors(&inside, grid.shape, *anomaly_degree, *sigma);
    let suffix = format!("pat-{pathology}_deg-{anomaly_degree}_pet");
    let items = images.iter().map(|image| {
        let name = image.name();
        let stem = name.trim_end_matches(".gz").trim_end_matches(".nii");
        let stem = stem.strip_suffix("_pet").unwrap_or(stem);
        Item {
            participant: image.session.participant.clone(),
            session: image.session.session.clone(),
            file: image.beside(format!("{stem}_{suffix}.nii.gz")),
            cells: vec![pathology.clone(), anomaly_degree.to_string()],
        }
    });
    let set = Set {
        output,
        kind: "hypometabolic",
        options: recorded(options)?,
        columns: &["pathology", "percentage"],
        label: "pathology",
        items: items.collect(),
        preprocessing: Preprocessing::Custom {
            custom_suffix: Some(format!("_{suffix}.nii.gz")),
            pattern: None,
        },
    };
    let lowered = |i: usize, path: &Path| {
        let mut voxels = images[i].read()?;
        voxels.iter_mut().zip(&factors).for_each(|(voxel, factor)| *voxel *= factor);
        images[i].write(&voxels, path)
    };
    set.write(watch, lowered, |_| Ok(()))
}

/// What each voxel is multiplied with.
pub(super) fn factors(inside: &[bool], shape: [usize; 3], degree: u8, sigma: f64) -> Vec<f32> {
    let low = 1.0 - f32::from(degree) / 100.0;
    let factors: Vec<f32> = inside.iter().map(|inside| if *inside { low } else { 1.0 }).collect();
    let shape = shape.map(|length| length as i64);
    (0..3).fold(factors, |factors, axis| gaussian::filter(factors, &shape, axis, sigma))
}
