//! Images in which there is nothing to learn: one image with noise, and labels by number.

use std::path::Path;

use serde::Serialize;

use super::set::{Item, Set, recorded};
use super::source::{Source, Taken, check_output};
use super::{CLASSES, Generated, SESSION, Watch, bad_option};
use crate::error::Result;
use crate::random::Random as Stream;

/// A data set that nothing can be learned from. Whoever classifies it better than by chance has an
/// error in the evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Random {
    /// The first session of it is taken.
    #[serde(flatten)]
    pub source: Source,
    /// Participants of each class.
    pub participants_per_class: usize,
    /// The mean of the noise.
    pub mean: f64,
    /// The standard deviation of the noise, in the image's own units.
    pub sigma: f64,
    /// Of the noise.
    pub seed: u64,
}

/// Makes the data set: each image is the first one of the source with noise of its own, v + N(mean,
/// sigma²); the first half is called AD, the second CN.
///
/// # Errors
/// Options out of range; what is wrong with the source; [`Code::OutputInUse`](crate::Code).
pub fn random(options: &Random, output: &Path, watch: &Watch<'_>) -> Result<Generated> {
    let Random { source, participants_per_class: per_class, mean, sigma, seed } = options;
    if !(1..=MOST).contains(per_class) {
        let message = format!("1 to {MOST} were expected, not {per_class}");
        return Err(bad_option("participants-per-class", message));
    }
    if !mean.is_finite() {
        return Err(bad_option("mean", format!("a number was expected, not {mean}")));
    }
    if !(sigma.is_finite() && *sigma >= 0.0) {
        return Err(bad_option("sigma", format!("0 or more was expected, not {sigma}")));
    }
    check_output(output, &source.caps)?;
    let image = source.images(Taken::One)?.swap_remove(0);
    let original = image.read()?;
    let items = (0..2 * per_class).map(|i| {
        let participant = format!("sub-RAND{i}");
        let file = image.renamed(&participant, SESSION);
        let class = CLASSES[usize::from(i >= *per_class)];
        let cells = [class, "60", "F"].map(String::from).to_vec();
        Item { participant, session: SESSION.into(), file, cells }
    });
    let set = Set {
        output,
        kind: "random",
        options: recorded(options)?,
        columns: &["diagnosis", "age_bl", "sex"],
        label: "diagnosis",
        items: items.collect(),
        preprocessing: source.preprocessing.clone(),
    };
    let noisy = |i: usize, path: &Path| {
        let mut stream = Stream::new(*seed, "generate random", &[i as u64]);
        let noise = |voxel: &f32| (f64::from(*voxel) + mean + sigma * stream.normal()) as f32;
        let voxels: Vec<f32> = original.iter().map(noise).collect();
        image.write(&voxels, path)
    };
    set.write(watch, noisy, |_| Ok(()))
}

/// Of each class.
const MOST: usize = 100_000;
