//! What a person is told when a loader thread cannot make a sample.

use serde_json::{Map, json};

use super::*;
use crate::catalog::Origin;
use crate::data::images::NotFinite;
use crate::data::part::{Parts, parts};
use crate::data::participants::Session;
use crate::options::Options;
use crate::transform::{Transform, TransformInfo};
use crate::volume::{self, Volume};

/// A transform of someone else, which does what the function does.
struct Foreign(fn() -> Result<()>);

impl Transform for Foreign {
    fn info(&self) -> TransformInfo {
        let (name, help) = ("foreign".into(), "Of someone else.".into());
        TransformInfo { name, help, source: String::new(), options: vec![], p: 1.0 }
    }

    fn apply(&self, voxels: Vec<f32>, _: &[i64], _: &Options, _: &Value) -> Result<Vec<f32>> {
        (self.0)().map(|()| voxels)
    }
}

/// Parts whose second panics.
struct Broken(Box<dyn Parts>);

impl Parts for Broken {
    fn mode(&self) -> &'static str {
        self.0.mode()
    }
    fn count(&self) -> usize {
        self.0.count()
    }
    fn shape(&self, index: usize) -> Shape {
        self.0.shape(index)
    }
    fn block(&self, index: usize) -> crate::data::part::Block {
        self.0.block(index)
    }
    fn cut(&self, volume: &Volume, index: usize, out: &mut Vec<f32>) {
        assert!(index != 1, "part {index} cannot be cut");
        self.0.cut(volume, index, out);
    }
    fn tensor(&self, index: usize) -> Option<crate::data::caps::TensorOf<'_>> {
        self.0.tensor(index)
    }
    fn describe(&self) -> Map<String, Value> {
        self.0.describe()
    }
}

fn source(folder: &Path, step: Option<Foreign>, broken: bool) -> Source {
    let file = folder.join("head.nii.gz");
    let voxels = (0..64).map(|at| at as f32).collect::<Vec<_>>();
    let affine = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    volume::write(&file, [4; 3], &voxels, &affine).unwrap();
    let visit = Session {
        cohort: "single".into(),
        participant: "sub-1".into(),
        session: "ses-2".into(),
        row: 0,
    };
    let images = Images::new(vec![(visit, file)], NotFinite::Refuse, 1 << 20);
    let given = json!({"caps": ".", "mode": "patch", "patch_size": 2, "stride_size": 2});
    let specs = crate::data::options::specs();
    let options = Options::check(&specs, given.as_object().unwrap(), "data").unwrap();
    let mut cut = parts(&options, [4; 3], None, Vec::new()).unwrap();
    if broken {
        cut = Box::new(Broken(cut));
    }
    let augment = step.map(|step| {
        let entry = Arc::new(TransformEntry::new(Box::new(step), Origin::BuiltIn));
        let options = entry.options(&Map::new()).unwrap();
        (Arc::from([(entry, options)]), 1)
    });
    let (images, tensors) = (Arc::new(images), Arc::from([]));
    Source { images, parts: Arc::from(cut), normalize: true, tensors, augment }
}

/// Whatever fails, and however, on a thread or without: who, which file and which transform are told.
#[test]
fn errors_and_panics_name_the_session_the_file_and_the_transform() {
    let folder = tempfile::tempdir().unwrap();
    let failing = || Foreign(|| Err(Error::new(Code::ScriptError, "it does not work")));
    let failing_below =
        || Foreign(|| Err(Error::new(Code::Torch, "refused").because("sizes differ")));
    let misnamed =
        || Foreign(|| Err(Error::new(Code::BadOption, "wrong").at(Place::Option("size".into()))));
    let cases = [
        (Some(failing()), false, "it does not work"),
        (Some(failing_below()), false, "sizes differ"),
        (Some(misnamed()), false, "option \"augmentation.size\""),
        (Some(Foreign(|| panic!("index {} is out", 7))), false, "a panic: index 7 is out"),
        (None, true, "a panic: part 1 cannot be cut"),
    ];
    for (step, broken, words) in cases {
        let transform = step.is_some();
        let source = source(folder.path(), step, broken);
        for threads in [0, 2] {
            let samples = (0..4).map(|part| vec![Sample::new(0, part)]).collect();
            let mut loader = Loader::new(source.clone(), samples, threads);
            let error = loader.find_map(Result::err).unwrap().to_string();
            let of_transform = ["the transform \"foreign\" (built in)", "patch 0"];
            let parts = of_transform.into_iter().filter(|_| transform);
            for part in parts.chain(["sub-1 ses-2", "head.nii.gz", words]) {
                assert!(error.contains(part), "{part:?} is not in {error}");
            }
        }
    }
}

#[test]
fn an_image_that_cannot_be_decoded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), None, false);
    std::fs::write(folder.path().join("head.nii.gz"), "no image").unwrap();
    let mut loader = Loader::new(source, vec![vec![Sample::new(0, 0)]; 3], 1);
    let error = loader.next().unwrap().unwrap_err();
    assert!(loader.next().is_none());
    assert_eq!(error.code(), Code::BadImage, "{error}");
    assert!(error.to_string().contains("sub-1 ses-2: ") && error.to_string().contains("head.nii"));
}

/// One job for each fold must do what one job for all folds does.
#[test]
fn what_is_drawn_for_an_image_does_not_depend_on_the_others() {
    let visit = |participant: &str| Session {
        cohort: "single".into(),
        participant: participant.into(),
        session: "ses-1".into(),
        row: 0,
    };
    let folder = tempfile::tempdir().unwrap();
    let of = |names: &[&str]| {
        let mut source = source(folder.path(), None, false);
        let file = folder.path().join("head.nii.gz");
        let images = names.iter().map(|name| (visit(name), file.clone())).collect();
        source.images = Arc::new(Images::new(images, NotFinite::Refuse, 1 << 20));
        let catalog = crate::catalog::Catalog::built_in().unwrap();
        let noise = Arc::clone(catalog.transforms.find("Noise").unwrap());
        let options = noise.options(&Map::new()).unwrap();
        source.augment = Some((Arc::from([(noise, options)]), 1));
        source
    };
    let (alone, among) = (of(&["b"]), of(&["a", "b"]));
    let voxels = |source: &Source, image| source.sample(Sample::new(image, 3)).unwrap();
    assert_eq!(voxels(&alone, 0), voxels(&among, 1));
    assert_ne!(voxels(&among, 0), voxels(&among, 1));
    let again = Sample { draw: 1, ..Sample::new(0, 3) };
    assert_ne!(voxels(&alone, 0), alone.sample(again).unwrap());
}
