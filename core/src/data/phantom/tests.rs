use std::collections::BTreeMap;

use super::*;
use crate::data::caps::{Caps, MaskOptions};
use crate::data::cohorts::Cohorts;
use crate::data::participants::read_sessions;
use crate::data::pattern::Preprocessing;
use crate::data::split::{SplitOptions, Splits, Target};
use crate::data::table::Table;

const T1: Preprocessing = Preprocessing::T1Linear { use_uncropped_image: false };

fn small() -> PhantomOptions {
    PhantomOptions {
        participants_per_class: 4,
        image_size: [16, 18, 17],
        ..PhantomOptions::default()
    }
}

fn classes() -> SplitOptions {
    let target = Target::Class { column: "diagnosis".to_owned(), classes: None };
    SplitOptions { target, ..SplitOptions::default() }
}

/// Every file below `folder` with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(name, bytes)| (path.join(name), bytes)));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all.into_iter().map(|(path, b)| (path.strip_prefix(folder).unwrap().into(), b)).collect()
}

#[test]
fn it_is_a_caps_with_tables_and_splits() {
    let folder = tempfile::tempdir().unwrap();
    let made = generate(folder.path(), &small()).unwrap();
    assert_eq!((made.participants, made.written), (8, 8));
    let caps = Caps::open(&made.caps).unwrap();
    let sessions = read_sessions(&Table::read(&made.labels).unwrap(), &["age", "sex"]).unwrap();
    assert_eq!(sessions.len(), 8);
    let found = caps.find(&sessions, &T1).unwrap();
    assert!(found.warnings.is_empty());
    let image = volume::read(&found.files[3]).unwrap();
    assert_eq!(image.shape, [16, 18, 17]);
    assert!(image.stats.min >= 0.0 && image.stats.max > 700.0, "{:?}", image.stats);
    assert_eq!(image.affine[1][3], -8.5);
    let regions = ["left".to_owned(), "right".to_owned()];
    let masks = caps.find_masks(&regions, &T1, &MaskOptions::default()).unwrap();
    let mask = volume::read(&masks[0]).unwrap();
    assert!(mask.voxels.iter().all(|value| *value == 0.0 || *value == 1.0));
    let splits = Splits::open(&made.splits).unwrap();
    let split = splits.read(0, &classes()).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (6, 2));
    assert_eq!(split.classes.unwrap().names, ["alpha", "beta"]);
}

#[test]
fn the_same_options_give_the_same_bytes_on_any_number_of_threads() {
    let (one, four, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate_with(one.path(), &small(), 1).unwrap();
    generate_with(four.path(), &small(), 4).unwrap();
    assert_eq!(files(one.path()), files(four.path()));
    generate(other.path(), &PhantomOptions { seed: 1, ..small() }).unwrap();
    let (a, b) = (files(one.path()), files(other.path()));
    assert!(a.keys().eq(b.keys()));
    let equal: Vec<_> = a.iter().filter(|(name, bytes)| b[*name] == **bytes).collect();
    assert!(equal.iter().all(|(name, _)| name.starts_with("masks")), "{equal:?}");
}

#[test]
fn cohorts_have_their_own_folders_and_nobody_in_common() {
    let (several, one) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options =
        PhantomOptions { cohorts: vec!["north".to_owned(), "south".to_owned()], ..small() };
    let made = generate(several.path(), &options).unwrap();
    assert_eq!((made.participants, made.written), (16, 16));
    // The tables lead to data sets like the one without cohorts; the first is it.
    let cohorts = Cohorts::open(&made.caps).unwrap();
    assert_eq!(Vec::from_iter(cohorts.names()), ["north", "south"]);
    let splits = Splits::open(&made.splits).unwrap();
    let split = splits.read(0, &classes()).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (12, 4));
    generate(one.path(), &small()).unwrap();
    let mut first = files(one.path());
    first.remove(Path::new("phantom.json"));
    assert_eq!(files(&several.path().join("north")), first);
    let of = |name: &str| listing(&several.path().join(name).join("subjects"));
    assert!(of("north").iter().all(|id| !of("south").contains(id)));

    let names = ["single", "a/b", "x", "x", ""].map(str::to_owned).to_vec();
    let wrong = PhantomOptions { cohorts: names, ..small() };
    let error = generate(&several.path().join("new"), &wrong).unwrap_err();
    assert_eq!(error.problems().len(), 4, "{error}");
}

/// The names in a folder.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Data sets from before an option was there stay usable.
#[test]
fn what_a_record_does_not_say_is_as_by_default() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &small()).unwrap();
    let record = folder.path().join("phantom.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    value["options"].as_object_mut().unwrap().remove("cohorts").unwrap();
    fs::write(&record, value.to_string()).unwrap();
    assert_eq!(generate(folder.path(), &small()).unwrap().written, 0);
    value["version"] = 0.into();
    fs::write(&record, value.to_string()).unwrap();
    assert_eq!(generate(folder.path(), &small()).unwrap_err().code(), Code::OutputInUse);
}

#[test]
fn a_head_does_not_depend_on_how_many_there_are() {
    let (few, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate(few.path(), &small()).unwrap();
    generate(many.path(), &PhantomOptions { participants_per_class: 5, ..small() }).unwrap();
    let many = files(many.path());
    for (name, bytes) in files(few.path()).iter().filter(|(name, _)| name.starts_with("subjects")) {
        assert_eq!(&many[name], bytes, "{}", name.display());
    }
}

#[test]
fn what_is_there_is_completed_and_nothing_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &small()).unwrap();
    let before = files(folder.path());
    assert_eq!(generate(folder.path(), &small()).unwrap().written, 0);
    fs::remove_dir_all(folder.path().join("subjects/sub-PHAN003")).unwrap();
    fs::remove_dir_all(folder.path().join("splits")).unwrap();
    assert_eq!(generate(folder.path(), &small()).unwrap().written, 1);
    assert_eq!(files(folder.path()), before);
    let other = PhantomOptions { seed: 7, noise_sigma: 0.1, ..small() };
    let error = generate(folder.path(), &other).unwrap_err();
    assert_eq!(error.code(), Code::OutputInUse);
    let message = &error.problems()[0].message;
    assert_eq!(
        message,
        "a phantom data set is here with noise_sigma 0.04 instead of 0.1, seed 0 instead of 7"
    );
    fs::write(folder.path().join("phantom.json"), "{").unwrap();
    assert_eq!(generate(folder.path(), &small()).unwrap_err().code(), Code::OutputInUse);
}

#[test]
fn a_folder_that_holds_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("thesis.txt");
    fs::write(&file, "x").unwrap();
    assert_eq!(generate(folder.path(), &small()).unwrap_err().code(), Code::OutputInUse);
    assert_eq!(generate(&file, &small()).unwrap_err().code(), Code::FileAccess);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn folds_are_stratified_and_the_test_group_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let options = PhantomOptions {
        participants_per_class: 8,
        test_per_class: 2,
        classes: names.clone(),
        n_splits: 3,
        ..small()
    };
    let made = generate(folder.path(), &options).unwrap();
    let splits = Splits::open(&made.splits).unwrap();
    assert_eq!(splits.indices(), [0, 1, 2]);
    let ids = |rows: &[crate::data::split::Row]| -> Vec<String> {
        rows.iter().map(|row| row.session.participant.clone()).collect()
    };
    let mut validated = Vec::new();
    for split in splits.read_all(&[0, 1, 2], &classes()).unwrap() {
        let classes = split.classes.unwrap();
        assert_eq!(classes.names, names);
        assert_eq!((classes.train, classes.validation), (vec![4; 3], vec![2; 3]));
        validated.extend(ids(&split.validation));
    }
    let test = Table::read(&made.splits.join("test_baseline.tsv")).unwrap();
    validated.extend(read_sessions(&test, &[]).unwrap().into_iter().map(|s| s.participant));
    validated.sort();
    let everyone: Vec<_> = (0..24).map(|number| format!("sub-PHAN{number:03}")).collect();
    assert_eq!(validated, everyone);
}

#[test]
fn the_regions_tell_the_classes_and_the_ventricles_the_age() {
    let options = PhantomOptions { image_size: [24, 28, 24], ..PhantomOptions::default() };
    let [nx, ny, nz] = options.image_size;
    let mean = |image: &[f32], x: [f64; 2], y: [f64; 2], z: [f64; 2]| {
        let range = |[low, high]: [f64; 2], n: usize| {
            ((low + 1.0) / 2.0 * n as f64) as usize..((high + 1.0) / 2.0 * n as f64) as usize
        };
        let (mut sum, mut n) = (0.0, 0.0);
        for x in range(x, nx) {
            for y in range(y, ny) {
                for z in range(z, nz) {
                    sum += f64::from(image[(x * ny + y) * nz + z]);
                    n += 1.0;
                }
            }
        }
        sum / n
    };
    let mut right = 0;
    let mut ages = Vec::new();
    for number in 0..18 {
        let person = Person::draw(number, &options);
        let image = Anatomy::draw(&person, options.seed).render(&options);
        let side = |x| mean(&image, x, [-0.35, 0.25], [-0.35, 0.05]);
        // The larger region is dark in more of its half.
        let class = usize::from(side([0.15, 0.6]) < side([-0.6, -0.15]));
        right += usize::from(class == person.class);
        let dark = mean(&image, [-0.35, 0.35], [-0.3, 0.35], [0.0, 0.3]);
        ages.push((person.age, dark / mean(&image, [-0.9, 0.9], [-0.9, 0.9], [-0.9, 0.9])));
    }
    assert!(right >= 17, "{right} of 18");
    ages.sort_by(|a, b| a.0.total_cmp(&b.0));
    let third = |part: &[(f64, f64)]| part.iter().map(|(_, dark)| dark).sum::<f64>();
    assert!(third(&ages[..6]) > 1.1 * third(&ages[12..]), "{ages:?}");
}

#[test]
fn wrong_options_are_all_named() {
    let options = PhantomOptions {
        participants_per_class: 3,
        test_per_class: 2,
        classes: vec!["a".to_owned(), "a".to_owned(), String::new()],
        image_size: [8, 20, 20],
        noise_sigma: f64::NAN,
        smoothing_voxels: -1.0,
        n_splits: 0,
        ..PhantomOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let error = generate(&folder.path().join("new"), &options).unwrap_err();
    let places: Vec<_> =
        error.problems().iter().map(|p| p.place.as_ref().unwrap().to_string()).collect();
    let named = [
        "classes",
        "classes",
        "image_size",
        "noise_sigma",
        "smoothing_voxels",
        "n_splits",
        "participants_per_class",
    ];
    assert_eq!(places, named.map(|name| format!("option {name:?}")));
    assert!(!folder.path().join("new").exists());
    assert!(serde_json::from_str::<PhantomOptions>(r#"{"sede": 1}"#).is_err());
}
