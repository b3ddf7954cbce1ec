//! Data sets made of phantoms, and what their voxels must be by the formulas.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::caps::Caps;
use crate::data::phantom::{self, PhantomOptions};
use crate::data::table::Table;
use crate::error::Result;
use crate::volume::{self, Volume};

mod refused;

/// A folder with a CAPS of six heads.
fn place() -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        participants_per_class: 3,
        image_size: [16, 20, 18],
        ..PhantomOptions::default()
    };
    let made = phantom::generate(&folder.path().join("heads"), &options).unwrap();
    let preprocessing = Preprocessing::T1Linear { use_uncropped_image: false };
    let source = Source { caps: made.caps, preprocessing, table: Some(made.labels) };
    (folder, source)
}

/// Makes a data set without anybody watching.
fn quietly(make: impl FnOnce(&Watch<'_>) -> Result<Generated>) -> Result<Generated> {
    make(&Watch { progress: &|_, _| (), stop: &AtomicBool::new(false) })
}

/// The cells of a column of `data.tsv`.
fn column(made: &Generated, name: &str) -> Vec<String> {
    let table = Table::read(&made.table).unwrap();
    let column = table.column(name).unwrap();
    (0..table.len()).map(|row| table.text(row, column).unwrap().to_owned()).collect()
}

/// The images of a data set as a training finds them, by the rows of its table.
fn images_of(made: &Generated) -> Vec<Volume> {
    let caps = Caps::open(&made.caps).unwrap();
    let table = Table::read(&made.table).unwrap();
    let sessions = crate::data::participants::read_sessions(&table, &[]).unwrap();
    let found = caps.find(&sessions, &made.preprocessing).unwrap();
    found.files.iter().map(|file| volume::read(file).unwrap()).collect()
}

fn originals(source: &Source) -> Vec<Volume> {
    let images = source.images(source::Taken::All).unwrap();
    images.iter().map(|image| volume::read(&image.file).unwrap()).collect()
}

/// All files below a folder, with what they hold.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap();
                    all.insert(path.strip_prefix(folder).unwrap().to_path_buf(), bytes);
                }
            }
        }
    }
    all
}

fn trivially(source: Source) -> Trivial {
    Trivial {
        source,
        participants_per_class: None,
        masks: Vec::new(),
        atrophy_percent: 40.0,
        seed: 3,
    }
}

#[test]
fn trivial_images_are_darker_in_one_half() {
    let (folder, source) = place();
    let output = folder.path().join("out");
    let made = quietly(|watch| trivial(&trivially(source.clone()), &output, watch)).unwrap();
    assert_eq!((made.images, made.labels["AD"], made.labels["CN"]), (12, 6, 6));
    let ids: Vec<String> = (0..12).map(|i| format!("sub-TRIV{i}")).collect();
    assert_eq!(column(&made, "participant_id"), ids);
    assert_eq!(column(&made, "diagnosis")[..3], ["AD", "CN", "AD"]);
    assert_eq!(column(&made, "source")[..3], ["sub-PHAN000", "sub-PHAN000", "sub-PHAN001"]);
    let ages = Table::read(source.table.as_ref().unwrap()).unwrap();
    assert_eq!(column(&made, "age_bl")[2], ages.text(1, ages.column("age").unwrap()).unwrap());
    let missing = fs::read_to_string(output.join("missing_mods/missing_mods_ses-M000.tsv"));
    assert!(missing.unwrap().starts_with("participant_id\tsynthetic\nsub-TRIV0\t1\n"));
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(output.join("commandline.json")).unwrap()).unwrap();
    assert_eq!(record["options"]["atrophy_percent"], 40.0);
    assert_eq!(record["options"]["preprocessing"], "t1-linear");

    let originals = originals(&source);
    for (i, image) in images_of(&made).iter().enumerate() {
        let original = &originals[i / 2];
        assert_eq!((image.shape, image.affine), (original.shape, original.affine));
        // The first axis of a phantom runs from left to right.
        let plane = original.shape[1] * original.shape[2];
        let mut lost = Vec::new();
        for (at, (voxel, before)) in image.voxels.iter().zip(&original.voxels).enumerate() {
            let left = at / plane < original.shape[0] / 2;
            match left == (i % 2 == 0) && *before != 0.0 {
                true => lost.push(1.0 - voxel / before),
                false => assert_eq!(voxel, before),
            }
        }
        let least = lost.iter().copied().fold(f32::INFINITY, f32::min);
        let mean = lost.iter().sum::<f32>() / lost.len() as f32;
        // The least of some 2500 draws of N(0, 0.1²), times 10, is about 3.5 below their mean.
        assert!((least - 0.4).abs() < 1e-4, "{least}");
        assert!((0.428..0.445).contains(&mean), "{mean}");
    }
}

#[test]
fn trivial_images_are_darker_within_masks() {
    let (folder, source) = place();
    let first = &originals(&source)[0];
    let mask = |name: &str, range: std::ops::Range<usize>| {
        let inside = |i: usize| if range.contains(&i) { 5.0 } else { 0.0 };
        let voxels: Vec<f32> = (0..first.voxels.len()).map(inside).collect();
        let path = folder.path().join(name);
        volume::write(&path, first.shape, &voxels, &first.affine).unwrap();
        path
    };
    let masks = [0..2000, 3000..4000];
    let options = Trivial {
        masks: vec![mask("1.nii", masks[0].clone()), mask("2.nii.gz", masks[1].clone())],
        participants_per_class: Some(1),
        ..trivially(source)
    };
    let made = quietly(|watch| trivial(&options, &folder.path().join("out"), watch)).unwrap();
    for (image, mask) in images_of(&made).iter().zip(masks) {
        for (i, (voxel, before)) in image.voxels.iter().zip(&first.voxels).enumerate() {
            let darker = mask.contains(&i) && *before != 0.0;
            assert_eq!(voxel != before, darker, "voxel {i}");
        }
    }
}

#[test]
fn random_images_are_one_image_with_noise() {
    let (folder, source) = place();
    let original = &originals(&source)[0];
    let options = Random { source, participants_per_class: 2, mean: 1.5, sigma: 0.25, seed: 0 };
    let made = quietly(|watch| random(&options, &folder.path().join("out"), watch)).unwrap();
    assert_eq!(column(&made, "diagnosis"), ["AD", "AD", "CN", "CN"]);
    assert_eq!(column(&made, "participant_id")[3], "sub-RAND3");
    let images = images_of(&made);
    for image in &images {
        let noise: Vec<f64> = image
            .voxels
            .iter()
            .zip(&original.voxels)
            .map(|(voxel, before)| f64::from(voxel - before))
            .collect();
        let n = noise.len() as f64;
        let mean = noise.iter().sum::<f64>() / n;
        let deviation = (noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!(
            (mean - 1.5).abs() < 0.015 && (deviation - 0.25).abs() < 0.01,
            "{mean} {deviation}"
        );
    }
    assert_ne!(images[0].voxels, images[1].voxels);
}

/// The CAPS with its images under the names of a PET pipeline.
fn as_pet(source: Source) -> Source {
    for image in source.images(source::Taken::All).unwrap() {
        let name = image
            .name()
            .replace("_space-", "_trc-18FFDG_space-")
            .replace("_T1w", "_suvr-cerebellumPons2_pet");
        let folder = image.file.parent().unwrap().with_file_name("pet_linear");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(&image.file, folder.join(name)).unwrap();
    }
    let preprocessing = Preprocessing::PetLinear {
        tracer: "18FFDG".into(),
        suvr_reference_region: "cerebellumPons2".into(),
        use_uncropped_image: false,
    };
    Source { preprocessing, ..source }
}

fn hypometabolism(source: Source, mask: Option<PathBuf>) -> Hypometabolic {
    Hypometabolic {
        source,
        participants: None,
        pathology: "ad".into(),
        mask,
        anomaly_degree: 30,
        sigma: 0.0,
    }
}

#[test]
fn uptake_is_lowered_within_the_mask() {
    let (folder, source) = place();
    let source = as_pet(source);
    let originals = originals(&source);
    let first = &originals[0];
    let inside = |i: usize| f32::from(u8::from((1000..1500).contains(&i)));
    let voxels: Vec<f32> = (0..first.voxels.len()).map(inside).collect();
    let mask = folder.path().join("mask.nii");
    volume::write(&mask, first.shape, &voxels, &first.affine).unwrap();
    let options = hypometabolism(source, Some(mask));
    let made = quietly(|watch| hypometabolic(&options, &folder.path().join("out"), watch)).unwrap();
    assert_eq!((made.images, made.labels["ad"]), (6, 6));
    assert_eq!(column(&made, "percentage"), ["30"; 6]);
    let file = "subjects/sub-PHAN000/ses-M000/pet_linear/sub-PHAN000_ses-M000_trc-18FFDG_\
                space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_suvr-cerebellumPons2_pat-ad_deg-30_pet.nii.gz";
    assert!(made.caps.join(file).is_file(), "{:?}", content(&made.caps).keys());
    for (image, original) in images_of(&made).iter().zip(&originals) {
        for (i, (voxel, before)) in image.voxels.iter().zip(&original.voxels).enumerate() {
            assert_eq!(*voxel, if inside(i) == 1.0 { before * 0.7 } else { *before });
        }
    }
}

/// nilearn lays the mask over the grid, SciPy blurs it: `tests/fixtures/make_generate.py`.
#[test]
fn masks_on_other_grids_are_laid_over_and_blurred_as_by_nilearn_and_scipy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/generate.json");
    let fixture: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let case = &fixture["mask"];
    fn read<T: serde::de::DeserializeOwned>(case: &serde_json::Value, key: &str) -> T {
        serde_json::from_value(case[key].clone()).unwrap()
    }
    let folder = tempfile::tempdir().unwrap();
    let (mask, grid) = (folder.path().join("mask.nii"), folder.path().join("grid.nii"));
    let digits = |key: &str| -> Vec<f32> {
        let text: String = read(case, key);
        text.chars().map(|c| c.to_digit(10).unwrap() as f32).collect()
    };
    let shape: [usize; 3] = read(case, "grid");
    volume::write(&mask, read(case, "shape"), &digits("voxels"), &read(case, "affine")).unwrap();
    let zeros = vec![0.0; shape.iter().product()];
    volume::write(&grid, shape, &zeros, &read(case, "grid_affine")).unwrap();
    let grid = volume::read_header(&grid).unwrap();
    let inside = mask::on_grid(&mask, mask::Values::Binary, &grid).unwrap();
    let expected: Vec<bool> = digits("inside").iter().map(|voxel| *voxel == 1.0).collect();
    assert_eq!(inside, expected);
    let (degree, sigma) = (read(case, "degree"), read(case, "sigma"));
    let factors = hypometabolic::factors(&inside, shape, degree, sigma);
    for (i, expected) in case["factors"].as_object().unwrap() {
        let found = f64::from(factors[i.parse::<usize>().unwrap()]);
        assert!((found - expected.as_f64().unwrap()).abs() < 1e-6, "{i}: {found} {expected}");
    }
}

#[test]
fn artefacts_come_in_their_order() {
    let (folder, source) = place();
    let options = Artifacts {
        source: source.clone(),
        motion: None,
        contrast: Some([0.5, 0.5]),
        noise: Some([0.25, 0.25]),
        seed: 0,
    };
    let made = quietly(|watch| artifacts(&options, &folder.path().join("out"), watch)).unwrap();
    assert_eq!(column(&made, "diagnosis"), ["contrast+noise"; 6]);
    assert_eq!(column(&made, "participant_id")[0], "sub-PHAN000");
    let originals = originals(&source);
    let made = images_of(&made);
    for (image, original) in made.iter().zip(&originals) {
        // Noise is added to |v|^γ, with γ = e^0.5.
        let power = 0.5f64.exp();
        let noise: Vec<f64> = image
            .voxels
            .iter()
            .zip(&original.voxels)
            .map(|(voxel, before)| {
                let before = f64::from(*before);
                f64::from(*voxel) - before.abs().powf(power).copysign(before)
            })
            .collect();
        let n = noise.len() as f64;
        let deviation = (noise.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
        assert!((deviation - 0.25).abs() < 0.01, "{deviation}");
    }
    let motion = Motion { rotation: [5.0, 10.0], translation: [0.0, 2.0], num_transforms: 2 };
    let options =
        Artifacts { motion: Some(motion), contrast: Some([-0.2, -0.05]), noise: None, ..options };
    let made = quietly(|watch| artifacts(&options, &folder.path().join("moved"), watch)).unwrap();
    let Preprocessing::Custom { custom_suffix: Some(suffix), .. } = &made.preprocessing else {
        panic!("{:?}", made.preprocessing)
    };
    assert_eq!(suffix, "_art-mot-con.nii.gz");
    let moved = images_of(&made);
    assert!(moved.iter().zip(&originals).all(|(image, original)| image.voxels != original.voxels));
}

fn phantoms(dimensions: usize) -> SheppLogan {
    SheppLogan {
        dimensions,
        image_size: 32,
        participants_per_class: 40,
        ad_subtypes: [0.05, 0.85, 0.1],
        cn_subtypes: [1.0, 0.0, 0.0],
        smoothing: false,
        seed: 0,
    }
}

#[test]
fn phantoms_have_images_tensors_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let made = quietly(|watch| shepplogan(&phantoms(2), &output, watch)).unwrap();
    assert_eq!((made.images, made.labels["AD"], made.labels["CN"]), (80, 40, 40));
    assert_eq!(
        column(&made, "participant_id")[39..42],
        ["sub-CLNC00039", "sub-CLNC10000", "sub-CLNC10001"]
    );
    let subtypes = column(&made, "subtype");
    assert!(subtypes[40..].iter().all(|subtype| subtype == "0"));
    let second = subtypes[..40].iter().filter(|subtype| *subtype == "1").count();
    assert!((28..=39).contains(&second), "{second}");
    let images = images_of(&made);
    for (i, name) in [(0, "sub-CLNC00000"), (79, "sub-CLNC10039")] {
        let tensor = format!(
            "subjects/{name}/ses-M000/deeplearning_prepare_data/slice_based/custom/\
             {name}_ses-M000_space-SheppLogan_axis-axi_channel-single_slice-0_phantom.pt"
        );
        let (shape, pixels) = volume::read_tensor(output.join(tensor)).unwrap();
        assert_eq!(shape, [1, 32, 32]);
        assert_eq!(images[i].shape, [32, 32, 1]);
        assert_eq!(pixels, images[i].voxels.to_vec());
    }
    let json = fs::read(output.join("tensor_extraction/shepplogan.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["file_type"]["pattern"], "*_space-SheppLogan_phantom.nii.gz");

    let solid = SheppLogan { participants_per_class: 1, ..phantoms(3) };
    let made = quietly(|watch| shepplogan(&solid, &folder.path().join("solid"), watch)).unwrap();
    assert_eq!(images_of(&made)[0].shape, [32, 32, 32]);
    assert!(!made.caps.join("tensor_extraction").exists());
}

#[test]
fn the_same_seed_gives_the_same_files_whatever_the_number_of_threads() {
    let (folder, source) = place();
    let options = trivially(source);
    let make = |name: &str, threads: usize, options: &Trivial| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let output = folder.path().join(name);
        pool.install(|| quietly(|watch| trivial(options, &output, watch))).unwrap();
        content(&output)
    };
    let one = make("a", 1, &options);
    assert_eq!(one, make("b", 4, &options));
    let other = make("c", 4, &Trivial { seed: 4, ..options });
    let pictures = |files: &BTreeMap<PathBuf, Vec<u8>>| {
        let all = files.iter().filter(|(name, _)| name.to_string_lossy().ends_with(".nii.gz"));
        all.map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()
    };
    assert_eq!(pictures(&one).len(), 12);
    assert!(pictures(&one).iter().zip(pictures(&other)).all(|(a, b)| *a != b));
}
