//! Images whose class is plain: intensities of another region are lowered in each class.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::set::{Item, Set, recorded};
use super::source::{Source, Taken, check_output, first, same_grid};
use super::{CLASSES, Generated, Watch, bad_option, mask};
use crate::error::Result;
use crate::random::Random as Stream;

/// A data set that is easy to learn. Whoever cannot classify it has an error in the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trivial {
    /// The first session of each participant is taken, and makes one image of each class.
    #[serde(flatten)]
    pub source: Source,
    /// Participants of each class; as many as the source has without a number.
    pub participants_per_class: Option<usize>,
    /// What is lowered in AD and in CN, by two masks; the left and the right half without any.
    pub masks: Vec<PathBuf>,
    /// By how much voxels are lowered at least, in percent; see [`trivial`].
    pub atrophy_percent: f64,
    /// Of the voxels' differences.
    pub seed: u64,
}

/// Makes the data set: image i comes of participant i/2 of the source, and is called AD where i is
/// even and CN where it is odd. In the region of its class each voxel v that is not 0 becomes
/// v · (1 − d/100), with d = `atrophy_percent` + 10 · (g − min g) and g ~ N(0, 0.1²) per voxel, at
/// most 100: so it is about 4 % more than asked for, as in ClinicaDL.
///
/// Two images come of one participant, and share the anatomy; the column `source` names it.
///
/// # Errors
/// Options out of range; what is wrong with the source and the masks;
/// [`Code::OutputInUse`](crate::Code).
pub fn trivial(options: &Trivial, output: &Path, watch: &Watch<'_>) -> Result<Generated> {
    let Trivial { source, participants_per_class, masks, atrophy_percent: percent, seed } = options;
    if !(0.0..=100.0).contains(percent) {
        return Err(bad_option(
            "atrophy",
            format!("0 to 100 percent were expected, not {percent}"),
        ));
    }
    check_output(output, &source.caps)?;
    let images = source.images(Taken::Baseline)?;
    let images = first(images, "participants-per-class", *participants_per_class)?;
    let common = match &masks[..] {
        [] => None,
        [ad, cn] => {
            let grid = same_grid(&images)?;
            let region = |file| mask::on_grid(file, mask::Values::Positive, grid);
            Some([region(ad)?, region(cn)?])
        }
        more => {
            let message = format!("two masks were expected, or none, not {}", more.len());
            return Err(bad_option("mask", message).help("pass that of AD first, then that of CN"));
        }
    };
    let items = (0..2 * images.len()).map(|i| {
        let (image, class) = (&images[i / 2], CLASSES[i % 2]);
        let participant = format!("sub-TRIV{i}");
        let session = image.session.session.clone();
        let file = image.renamed(&participant, &session);
        let age = image.age.clone().unwrap_or_else(|| "60".into());
        let sex = image.sex.clone().unwrap_or_else(|| "F".into());
        let cells = vec![class.to_owned(), age, sex, image.session.participant.clone()];
        Item { participant, session, file, cells }
    });
    let set = Set {
        output,
        kind: "trivial",
        options: recorded(options)?,
        columns: &["diagnosis", "age_bl", "sex", "source"],
        label: "diagnosis",
        items: items.collect(),
        preprocessing: source.preprocessing.clone(),
    };
    let lowered = |i: usize, path: &Path| {
        let image = &images[i / 2];
        let mut voxels = image.read()?;
        let own;
        let regions = match &common {
            Some(regions) => regions,
            None => {
                own = mask::halves(&image.header);
                &own
            }
        };
        let mut stream = Stream::new(*seed, "generate trivial", &[i as u64]);
        lower(&mut voxels, &regions[i % 2], *percent, || stream.normal());
        image.write(&voxels, path)
    };
    set.write(watch, lowered, |_| Ok(()))
}

/// Lowers the voxels inside of a region; `normal` is drawn once for each that is not 0.
fn lower(voxels: &mut [f32], inside: &[bool], percent: f64, mut normal: impl FnMut() -> f64) {
    let region = || inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(i, _)| i);
    let places: Vec<usize> = region().filter(|i| voxels[*i] != 0.0).collect();
    let draws: Vec<f64> = places.iter().map(|_| 0.1 * normal()).collect();
    let least = draws.iter().copied().fold(f64::INFINITY, f64::min);
    for (i, draw) in places.into_iter().zip(draws) {
        let lost = (percent + 10.0 * (draw - least)).min(100.0);
        voxels[i] = (f64::from(voxels[i]) * (1.0 - lost / 100.0)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: draws of 0.1, −0.2 and 0.3 are 0.3, 0 and 0.5 above the least, times 10.
    #[test]
    fn voxels_of_the_region_are_lowered() {
        let mut draws = [1.0, -2.0, 3.0].into_iter();
        let mut voxels = [100.0, 200.0, 0.0, 50.0, -10.0];
        let inside = [true, false, true, true, true];
        lower(&mut voxels, &inside, 60.0, || draws.next().unwrap());
        let expected =
            [100.0 * (1.0 - 0.63), 200.0, 0.0, 50.0 * (1.0 - 0.60), -10.0 * (1.0 - 0.65)];
        for (voxel, expected) in voxels.iter().zip(expected) {
            assert!((voxel - expected).abs() < 1e-5, "{voxels:?}");
        }
        // Never below 0, as 100 + 10 · (g − min g) would make it.
        let mut draws = [1.0, -2.0].into_iter();
        let mut voxels = [100.0, 200.0];
        lower(&mut voxels, &[true, true], 100.0, || draws.next().unwrap());
        assert_eq!(voxels, [0.0, 0.0]);
    }
}
