//! The log of what transforms draw.

use super::*;
use crate::catalog::TransformEntry;
use crate::data::images::{Images, NotFinite};
use crate::data::loader::{Sample, Source};
use crate::data::part::parts;
use crate::data::participants::Session as Visit;
use crate::options::Options;
use crate::random::derived_seed;
use crate::transform::{Transform, TransformInfo};

const LOGS: &str = "split-0/training_logs/augmentation";

/// A transform as scripts have it: it tells nothing but its seed.
struct Secret;

impl Transform for Secret {
    fn info(&self) -> TransformInfo {
        let (name, help) = ("secret".into(), "Adds a number.".into());
        TransformInfo { name, help, source: String::new(), options: vec![], p: 1.0 }
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        _: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> crate::Result<Vec<f32>> {
        let number = (crate::transform::seed(drawn)? % 100) as f32;
        voxels.iter_mut().for_each(|voxel| *voxel += number);
        Ok(voxels)
    }
}

fn with_secret() -> Catalog {
    let mut catalog = catalog();
    let entry = TransformEntry::new(Box::new(Secret), Origin::BuiltIn);
    catalog.transforms.register(entry).unwrap();
    catalog
}

/// Every row holds what is needed to make the image that was trained on, whatever the threads.
#[test]
fn the_log_tells_how_every_training_image_was_made() {
    let bench = Bench::new();
    let catalog = with_secret();
    let steps = json!([{"name": "Affine", "p": 0.5}, {"name": "Elastic", "max_displacement": 2},
        "Noise", "secret"]);
    let data = json!({"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]});
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    for (name, threads) in [("a", 0), ("b", 3)] {
        let change = json!({"augmentation": steps, "log_augmentation": true, "data": data,
            "loader_threads": threads});
        run(&bench.options(name, change), &session).unwrap();
    }
    let log =
        |name: &str, epoch: usize| bench.path(name).join(LOGS).join(format!("epoch-{epoch}.tsv"));
    for epoch in 0..2 {
        let read = |name: &str| std::fs::read(log(name, epoch)).unwrap();
        assert!(read("a") == read("b"), "threads do not matter");
    }
    assert_eq!(std::fs::read_dir(log("a", 0).parent().unwrap()).unwrap().count(), 2);

    // The images as the loader makes them, from the seed.
    let specs = crate::data::options::specs();
    let given = bench.options("x", json!({"data": data}))["data"].clone();
    let options = Options::check(&specs, given.as_object().unwrap(), "data").unwrap();
    let inputs = Table::read(&bench.path("a/groups/inputs.tsv")).unwrap();
    let files = (0..inputs.len()).map(|row| {
        let text =
            |column: &str| inputs.text(row, inputs.column(column).unwrap()).unwrap().to_owned();
        let (participant, session) = (text("participant_id"), text("session_id"));
        (Visit { cohort: "single".into(), participant, session, row }, PathBuf::from(text("file")))
    });
    let images = Images::new(files.collect(), NotFinite::Refuse, 1 << 30);
    let cut = parts(&options, [20, 22, 18], None, Vec::new()).unwrap();
    let steps = options_of(&catalog, &steps);
    let plain = Source {
        images: images.into(),
        parts: cut.into(),
        normalize: true,
        tensors: [].into(),
        augment: None,
    };
    let trained = Table::read(&bench.path("a/groups/train/split-0/data.tsv")).unwrap();
    for epoch in 0..2 {
        let seed = derived_seed(1, "augmentation", &[0, epoch as u64]);
        let augmented = Source { augment: Some((steps.clone().into(), seed)), ..plain.clone() };
        let table = Table::read(&log("a", epoch)).unwrap();
        let text =
            |row: usize, column: &str| table.text(row, table.column(column).unwrap()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for first in (0..table.len()).step_by(4) {
            assert_eq!(text(first, "epoch"), epoch.to_string());
            let (participant, part) = (text(first, "participant_id"), text(first, "patch_id"));
            assert!(seen.insert((participant, text(first, "session_id"), part)));
            let image = (0..plain.images.len())
                .find(|image| plain.images.session(*image).participant == participant)
                .unwrap();
            let sample = Sample::new(image, part.parse().unwrap());
            let mut voxels = plain.sample(sample).unwrap();
            let shape = plain.parts.shape(sample.part);
            for (row, (entry, options)) in (first..).zip(&steps) {
                assert_eq!(text(row, "transform"), entry.info.name);
                let drawn: Value = serde_json::from_str(text(row, "parameters")).unwrap();
                voxels = entry.replay(voxels, &shape, options, &drawn).unwrap();
            }
            assert!(voxels == augmented.sample(sample).unwrap(), "{participant} {part}");
        }
        assert_eq!(seen.len(), 8 * trained.len(), "every part of every training image");
    }
}

fn options_of(catalog: &Catalog, steps: &Value) -> Vec<crate::data::loader::Step> {
    let step = |step: &Value| {
        let mut given = step.as_object().cloned().unwrap_or_default();
        let name = given.remove("name");
        let name = name.as_ref().unwrap_or(step).as_str().unwrap();
        let entry = catalog.transforms.get(name).unwrap();
        (std::sync::Arc::clone(entry), entry.options(&given).unwrap())
    };
    steps.as_array().unwrap().iter().map(step).collect()
}

/// What cannot work is told before anything is written, all at once.
#[test]
fn transforms_that_do_not_fit_are_told_before_training() {
    let bench = Bench::new();
    let slices = json!({"mode": "slice"});
    let steps =
        json!([{"name": "Flip", "axis": 2}, {"name": "Motion", "degrees": [3, 1]}, "Noise"]);
    let error = bench.refused(
        json!({"data": slices, "augmentation": steps}),
        &[(Code::BadOption, "augmentation.axis"), (Code::BadOption, "augmentation.degrees")],
    );
    assert!(error.to_string().contains("the transform \"Motion\" (built in) was tried before"));
    bench.refused(
        json!({"log_augmentation": true}),
        &[(Code::BadOption, "log_augmentation is given, but no augmentation")],
    );
}

#[test]
fn an_image_that_is_drawn_again_is_changed_otherwise() {
    let bench = Bench::new();
    let change = json!({
        "sampler": "weighted", "augmentation": ["Noise"], "log_augmentation": true, "epochs": 1,
    });
    bench.run("weighted", change).unwrap();
    let table = Table::read(&bench.path("weighted").join(LOGS).join("epoch-0.tsv")).unwrap();
    let cells = |column: &str| -> Vec<String> {
        let column = table.column(column).unwrap();
        (0..table.len()).map(|row| table.text(row, column).unwrap().to_owned()).collect()
    };
    let different =
        |cells: Vec<String>| cells.into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(different(cells("participant_id")).len() < table.len(), "none was drawn twice");
    assert_eq!(different(cells("parameters")).len(), table.len());
}
