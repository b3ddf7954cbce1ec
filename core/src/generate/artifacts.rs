//! Images with what goes wrong in a scanner: motion, a wrong contrast, noise.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::set::{Item, Set, recorded};
use super::source::{Source, Taken, check_output};
use super::{Generated, Watch, bad_option};
use crate::catalog::{Origin, TransformEntry};
use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place, Result};
use crate::random::{Random, derived_seed};
use crate::transform::built_in;

/// A data set of images with artefacts, for example to test a quality control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifacts {
    /// All its sessions are taken.
    #[serde(flatten)]
    pub source: Source,
    /// Movements of the head during the scan.
    pub motion: Option<Motion>,
    /// The range of log γ: each voxel v becomes sign(v) · |v|^γ.
    pub contrast: Option<[f64; 2]>,
    /// The range of the standard deviation of Gaussian noise, in the image's own units.
    pub noise: Option<[f64; 2]>,
    /// Of everything drawn.
    pub seed: u64,
}

/// How a head moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Motion {
    /// Lowest and highest angle about each axis, in degrees.
    pub rotation: [f64; 2],
    /// Lowest and highest shift along each axis, in voxels.
    pub translation: [f64; 2],
    /// How many movements.
    pub num_transforms: usize,
}

/// Makes the data set: each image, with its own ids, through motion, contrast and noise, in this order
/// and as far as they were asked for. File names and the column `diagnosis` tell which those are.
///
/// # Errors
/// Options out of range, or no artefact at all; what is wrong with the source;
/// [`Code::OutputInUse`].
pub fn artifacts(options: &Artifacts, output: &Path, watch: &Watch<'_>) -> Result<Generated> {
    let steps = steps(options)?;
    check_output(output, &options.source.caps)?;
    let images = options.source.images(Taken::All)?;
    let short: Vec<&str> = steps.iter().map(|step| &step.name[..3]).collect();
    let suffix = format!("_art-{}", short.join("-"));
    let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
    let label = names.join("+");
    let items = images.iter().map(|image| {
        let name = image.name();
        let end = if name.ends_with(".gz") { ".nii.gz" } else { ".nii" };
        Item {
            participant: image.session.participant.clone(),
            session: image.session.session.clone(),
            file: image.beside(format!("{}{suffix}{end}", name.trim_end_matches(end))),
            cells: vec![label.clone()],
        }
    });
    let set = Set {
        output,
        kind: "artifacts",
        options: recorded(options)?,
        columns: &["diagnosis"],
        label: "diagnosis",
        items: items.collect(),
        preprocessing: Preprocessing::Custom {
            custom_suffix: Some(format!("{suffix}.nii.gz")),
            pattern: None,
        },
    };
    let spoiled = |i: usize, path: &Path| {
        let mut voxels = images[i].read()?;
        let session = &images[i].session;
        let who = format!("{} {}", session.participant, session.session);
        let [x, y, z] = images[i].header.shape.map(|length| length as i64);
        for step in &steps {
            let seed = derived_seed(options.seed, &format!("generate {} {who}", step.name), &[]);
            voxels = step.apply(voxels, &[1, x, y, z], seed)?;
        }
        images[i].write(&voxels, path)
    };
    set.write(watch, spoiled, |_| Ok(()))
}

/// One artefact, made by a transform.
struct Step {
    /// As file names have its first three letters.
    name: &'static str,
    entry: TransformEntry,
    given: Map<String, Value>,
    /// The range of the standard deviation, for noise.
    deviation: Option<[f64; 2]>,
}

impl Step {
    fn new(name: &'static str, transform: &str, given: Value) -> Result<Self> {
        let transform = built_in().into_iter().find(|one| one.info().name == transform);
        let transform = transform.ok_or_else(|| {
            Error::new(Code::Internal, format!("the transform of {name} is not there"))
        })?;
        let entry = TransformEntry::new(transform, Origin::BuiltIn);
        let given = given.as_object().cloned().unwrap_or_default();
        entry.options(&given)?;
        Ok(Self { name, entry, given, deviation: None })
    }

    fn apply(&self, voxels: Vec<f32>, shape: &[i64], seed: u64) -> Result<Vec<f32>> {
        let options = self.entry.options(&self.given)?;
        match self.deviation {
            None => self.entry.apply(voxels, shape, &options, seed),
            // The transform's own range begins at 0.
            Some([low, high]) => {
                let std = Random::new(seed, "noise", &[]).uniform(low, high);
                self.entry.replay(voxels, shape, &options, &json!({ "std": std, "seed": seed }))
            }
        }
    }
}

fn steps(options: &Artifacts) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let rising = |option: &str, range: &[f64; 2]| match range[0] <= range[1] {
        true => Ok(()),
        false => Err(bad_option(option, format!("the lowest number comes first, not {range:?}"))),
    };
    if let Some(Motion { rotation, translation, num_transforms }) = &options.motion {
        rising("rotation", rotation)?;
        rising("translation", translation)?;
        let given = json!({
            "degrees": rotation, "translation": translation, "num_transforms": num_transforms
        });
        steps.push(Step::new("motion", "Motion", given)?);
    }
    if let Some(log_gamma) = &options.contrast {
        rising("gamma", log_gamma)?;
        steps.push(Step::new("contrast", "Gamma", json!({ "log_gamma": log_gamma }))?);
    }
    if let Some(range) = options.noise {
        rising("noise-std", &range)?;
        if !(range[0] >= 0.0 && range[1].is_finite()) {
            return Err(bad_option("noise-std", format!("0 or more was expected, not {range:?}")));
        }
        let step = Step::new("noise", "Noise", json!({}))?;
        steps.push(Step { deviation: Some(range), ..step });
    }
    match steps.is_empty() {
        false => Ok(steps),
        true => Err(Error::new(Code::MissingOption, "no artefact was asked for")
            .at(Place::Option("motion".into()))
            .help("ask for one or more of --motion, --contrast and --noise")),
    }
}
