//! Tensors on disk against those of ClinicaDL, against parts cut on the fly, and started again.

use std::fs;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::*;
use crate::data::part::Region;
use crate::data::phantom::{PhantomOptions, generate};
use crate::shared_data::shared_data;
use crate::volume::{read, read_tensor};

mod extraction;
mod kept;

const SHAPE: [usize; 3] = [18, 20, 16];

/// A CAPS of four phantoms, with two regions.
struct Study {
    folder: tempfile::TempDir,
    caps: PathBuf,
}

impl Study {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = PhantomOptions {
            participants_per_class: 2,
            image_size: SHAPE,
            ..PhantomOptions::default()
        };
        let caps = generate(&folder.path().join("data"), &options).unwrap().caps;
        let study = Self { folder, caps };
        let image = read(&study.images()[0]).unwrap();
        let masks = study.caps().join("masks/tpl-MNI152NLin2009cSym");
        fs::create_dir_all(&masks).unwrap();
        for (name, low) in [("left", 1), ("right", 7)] {
            let inside = |i: usize| (low..low + 4).contains(&(i / (14 * 16))) && i % 11 > 3;
            let mask: Vec<f32> =
                (0..18 * 20 * 16).map(|i| f32::from(u8::from(inside(i)))).collect();
            let file = format!("tpl-MNI152NLin2009cSym_desc-Crop_res-1x1x1_roi-{name}_mask.nii.gz");
            crate::volume::write(masks.join(file), image.shape, &mask, &image.affine).unwrap();
        }
        study
    }

    fn caps(&self) -> PathBuf {
        self.caps.clone()
    }

    fn images(&self) -> Vec<PathBuf> {
        files(&self.caps().join("subjects"), ".nii.gz")
    }

    fn preparation(&self, own: Value) -> Preparation {
        let mut data = own.as_object().unwrap().clone();
        data.insert("caps".into(), json!(self.caps()));
        Preparation { data, table: None, name: None, format: Format::Pt, threads: 2 }
    }

    /// All tensors, and what is in them.
    fn tensors(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let found = files(&self.caps().join("subjects"), ".pt");
        found.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
    }
}

/// All files below a folder whose names end so, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Gives a file a time of change that is later than that of any other, however coarse the clock of the disk is.
fn newer(file: &Path) {
    let later = SystemTime::now() + Duration::from_secs(5);
    fs::File::options().append(true).open(file).unwrap().set_modified(later).unwrap();
}

fn run(preparation: &Preparation) -> Result<Prepared> {
    prepare(preparation, &AtomicBool::new(false), &|_| ())
}

/// Every mode, as options.
fn modes() -> Vec<Value> {
    vec![
        json!({ "mode": "image" }),
        json!({ "mode": "patch", "patch_size": 5, "stride_size": 3 }),
        json!({ "mode": "slice", "slice_direction": "coronal", "discarded_slices": [2, 3] }),
        json!({ "mode": "slice", "slice_direction": "axial", "slice_mode": "single", "discarded_slices": 4 }),
        json!({ "mode": "roi", "roi_list": ["left", "right"] }),
        json!({ "mode": "roi", "roi_list": "right", "uncropped_roi": true }),
    ]
}

#[test]
fn tensors_are_the_parts_that_are_cut_on_the_fly() {
    let study = Study::new();
    for format in [Format::Pt, Format::Safetensors] {
        for (i, mode) in modes().into_iter().enumerate() {
            let name = Some(format!("{i}_{}", format.extension()));
            let preparation = Preparation { name, format, ..study.preparation(mode) };
            let options = Options::check(&specs(), &preparation.data, "data").unwrap();
            let cohorts = Cohorts::open(&study.caps()).unwrap();
            let kind = preprocessing(&options).unwrap();
            let used = BTreeSet::from([SINGLE]);
            let masks: Vec<Region> = regions(&cohorts, &used, &kind, &options).unwrap();
            let parts = part::parts(&options, SHAPE, None, masks).unwrap();
            let prepared = run(&preparation).unwrap();
            assert_eq!((prepared.plan.images, prepared.plan.parts), (4, parts.count()));
            assert_eq!(prepared.plan.files, 4 * parts.count());
            for session in cohorts.caps(SINGLE).unwrap().sessions().unwrap() {
                let image =
                    cohorts.find(std::slice::from_ref(&session), &kind).unwrap().files.remove(0);
                let volume = read(&image).unwrap();
                let image = image.file_name().unwrap().to_str().unwrap().to_owned();
                for part in 0..parts.count() {
                    let which = parts.tensor(part).unwrap_or(crate::data::caps::TensorOf::Image);
                    let file = cohorts.tensor_path(&session, &kind, &image, which).unwrap();
                    let (shape, values) =
                        read_tensor(file.with_extension(format.extension())).unwrap();
                    let mut cut = Vec::new();
                    parts.cut(&volume, part, &mut cut);
                    assert_eq!(values, cut);
                    let shape: Vec<i64> = shape.into_iter().map(|size| size as i64).collect();
                    assert_eq!(shape, parts.shape(part));
                }
            }
        }
    }
}

/// Where ClinicaDL's tensors lie beside the repository: ours are theirs, and so is the JSON.
#[test]
fn tensors_and_json_are_those_of_clinicadl() {
    let Some(shared) = shared_data() else { return };
    let shared = shared.join("caps");
    let folder = tempfile::tempdir().unwrap();
    let caps = folder.path().join("caps");
    let mut theirs = Vec::new();
    for participant in ["sub-TRIV0", "sub-TRIV1"] {
        let below = format!("subjects/{participant}/ses-M000");
        for file in files(&shared.join(&below), "") {
            let to = caps.join(file.strip_prefix(&shared).unwrap());
            match file.extension().is_some_and(|kind| kind == "pt") {
                true => theirs.push((file, to)),
                false => {
                    fs::create_dir_all(to.parent().unwrap()).unwrap();
                    fs::copy(file, to).unwrap();
                }
            }
        }
    }
    for file in files(&shared.join("masks"), "") {
        let to = caps.join(file.strip_prefix(&shared).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
    let jsons = [
        ("image", json!({ "mode": "image" })),
        ("patch_saved", json!({ "mode": "patch", "patch_size": 32, "stride_size": 32 })),
        ("roi_saved", json!({ "mode": "roi", "roi_list": ["leftBox", "rightBox"] })),
        (
            "slice_saved",
            json!({ "mode": "slice", "slice_direction": "axial", "slice_mode": "rgb", "discarded_slices": 30 }),
        ),
    ];
    for (name, mode) in jsons {
        let mut data = mode.as_object().unwrap().clone();
        data.insert("caps".into(), json!(caps));
        let preparation = Preparation {
            data,
            table: None,
            name: Some(name.into()),
            format: Format::Pt,
            threads: 2,
        };
        let prepared = run(&preparation).unwrap();
        let read = |file: &Path| -> Map<String, Value> {
            serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
        };
        let (mut own, mut other) =
            (read(&prepared.json), read(&shared.join(format!("tensor_extraction/{name}.json"))));
        if name == "slice_saved" {
            // One number stands for both ends, and the number of slices spares ClinicaDL an image.
            assert_eq!(other.insert("discarded_slices".into(), json!([30, 30])), Some(json!([30])));
            assert_eq!(own.shift_remove("num_slices"), Some(json!(12)));
        }
        assert_eq!(Value::Object(own.clone()).to_string(), Value::Object(other).to_string());
        // One of theirs says the same in our eyes, too.
        fs::copy(shared.join(format!("tensor_extraction/{name}.json")), &prepared.json).unwrap();
        assert_eq!(run(&preparation).unwrap().plan.files, 0);
    }
    assert_eq!(theirs.len(), 10);
    for (their, own) in theirs {
        assert_eq!(read_tensor(&their).unwrap(), read_tensor(&own).unwrap(), "{}", own.display());
    }
}

#[test]
fn a_json_that_says_something_else_is_an_error_before_anything_is_written() {
    let study = Study::new();
    run(&study.preparation(json!({ "mode": "patch", "patch_size": 10, "stride_size": 6 })))
        .unwrap();
    let before = study.tensors();
    let other = study.preparation(json!({ "mode": "patch", "patch_size": 9, "stride_size": 6 }));
    let error = run(&other).unwrap_err();
    assert_eq!(error.code(), Code::PreparedOtherwise);
    assert!(error.to_string().contains("patch_size is 10 there and 9 here"), "{error}");
    assert_eq!(study.tensors().len(), before.len());
    let format = Preparation {
        format: Format::Safetensors,
        ..study.preparation(json!({ "mode": "patch", "patch_size": 10, "stride_size": 6 }))
    };
    let error = run(&format).unwrap_err().to_string();
    assert!(error.contains("tensor_format is null there and \"safetensors\" here"), "{error}");
    run(&Preparation { name: Some("five".into()), ..other }).unwrap();
    assert!(study.caps().join("tensor_extraction/five.json").is_file());
    fs::write(study.caps().join("tensor_extraction/broken.json"), "{").unwrap();
    let broken = Preparation { name: Some("broken.json".into()), ..study.preparation(json!({})) };
    assert_eq!(run(&broken).unwrap_err().code(), Code::PreparedOtherwise);
}

/// Refused with this code and these words, and nothing is written.
#[track_caller]
fn refused(study: &Study, preparation: &Preparation, code: Code, words: &str) {
    let error = run(preparation).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(study.tensors().is_empty() && !study.caps().join("tensor_extraction").exists());
}

#[test]
fn everything_is_checked_before_the_first_write() {
    let study = Study::new();
    let plain = study.preparation(json!({ "mode": "image" }));
    let uneven = json!({ "mode": "patch", "patch_size": [5, 5, 4], "stride_size": 5 });
    refused(&study, &study.preparation(uneven), Code::BadOption, "one number each");
    let regions = json!({ "mode": "roi", "roi_list": ["middle"] });
    refused(&study, &study.preparation(regions), Code::BadMask, "roi-middle");
    let named = Preparation { name: Some("../x".into()), ..plain.clone() };
    refused(&study, &named, Code::BadOption, "cannot be the name");
    let table = study.folder.path().join("cohorts.tsv");
    let mut several = plain.clone();
    several.data.insert("caps".into(), json!(table));
    refused(&study, &several, Code::BadOption, "one CAPS at a time");

    let images = study.images();
    let sound = fs::read(&images[2]).unwrap();
    fs::write(&images[2], &sound[..sound.len() - 40]).unwrap();
    refused(&study, &plain, Code::BadImage, "sub-");
    let volume = read(&images[0]).unwrap();
    let (shape, cut) = ([18, 20, 15], &volume.voxels[..18 * 20 * 15]);
    crate::volume::write(&images[2], shape, cut, &volume.affine).unwrap();
    refused(&study, &plain, Code::ImageShape, "has 18×20×15 voxels, the other images 18×20×16");
    fs::remove_file(&images[2]).unwrap();
    fs::remove_file(&images[3]).unwrap();
    let error = run(&plain).unwrap_err();
    assert_eq!((error.code(), error.problems().len()), (Code::ImageMissing, 2));

    // A table leaves them out.
    let table = study.folder.path().join("some.tsv");
    let row = |file: &Path| {
        let session = file.ancestors().nth(2).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        format!("{}\t{}\n", name(session.parent().unwrap()), name(session))
    };
    let rows: String = images[..2].iter().map(|file| row(file)).collect();
    fs::write(&table, format!("participant_id\tsession_id\n{rows}")).unwrap();
    assert_eq!(run(&Preparation { table: Some(table), ..plain }).unwrap().plan.files, 2);
}

#[test]
fn too_little_space_is_told_in_bytes() {
    let plan = Plan {
        images: 2,
        parts: 1,
        finished: 0,
        files: 2,
        outdated: 0,
        bytes: 3_210_000_000,
        free: Some(12_000_000),
    };
    let error = plan.check_space(Path::new("caps")).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull);
    assert!(error.to_string().contains("take 3.21 GB, but 12.0 MB are free"), "{error}");
    Plan { free: None, ..plan }.check_space(Path::new("caps")).unwrap();
}

#[test]
fn a_stopped_run_goes_on_with_the_same_bytes_on_any_number_of_threads() {
    let mode = json!({ "mode": "slice", "slice_direction": "axial" });
    let whole = Study::new();
    let one = Preparation { threads: 1, ..whole.preparation(mode.clone()) };
    run(&one).unwrap();
    let expected: Vec<Vec<u8>> = whole.tensors().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(expected.len(), 4 * 16);

    let study = Study::new();
    let preparation = Preparation { threads: 3, ..study.preparation(mode) };
    let (stop, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let error = prepare(&preparation, &stop, &|event| {
        if let Progress::Writing { done, images } = event {
            assert_eq!(images, 4);
            written.store(done, Ordering::Relaxed);
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    let done = written.load(Ordering::Relaxed);
    assert!(error.to_string().contains(&format!("{done} of 4 images were prepared")), "{error}");
    assert!(
        study.tensors().len() < 64 && !study.caps().join("tensor_extraction/slice.json").exists()
    );
    run(&preparation).unwrap();
    let found: Vec<Vec<u8>> = study.tensors().into_iter().map(|(_, bytes)| bytes).collect();
    assert!(found == expected);
}

#[test]
fn a_second_process_is_kept_out() {
    let study = Study::new();
    fs::create_dir_all(study.caps().join("tensor_extraction")).unwrap();
    let lock = Lock::acquire(&study.caps().join("tensor_extraction/.lock")).unwrap();
    let plain = study.preparation(json!({ "mode": "image" }));
    assert_eq!(run(&plain).unwrap_err().code(), Code::OutputLocked);
    drop(lock);
    run(&plain).unwrap();
}
