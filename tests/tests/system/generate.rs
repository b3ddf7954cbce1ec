//! `host generate`: data sets, from the command line to a training.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use neurhai_core::data::table::Table;
use neurhai_core::volume;

use crate::force::until;
use crate::{Place, files, host, root, said, shared_data};

fn generate(place: &Place, words: &str) -> Output {
    host(place.path()).arg("generate").args(words.split_whitespace()).output().unwrap()
}

/// What `host generate` says to words that it understands.
#[track_caller]
fn made(place: &Place, words: &str) -> String {
    let output = generate(place, words);
    assert!(output.status.success(), "{words}: {}", said(&output));
    said(&output)
}

fn column(file: &Path, name: &str) -> Vec<String> {
    let table = Table::read(file).unwrap();
    let column = table.column(name).unwrap();
    (0..table.len()).map(|row| table.text(row, column).unwrap().to_owned()).collect()
}

#[test]
fn a_data_set_can_be_split_and_trained_on() {
    let place = Place::new();
    let text = made(&place, "trivial data/caps easy --table data/labels.tsv --atrophy 80");
    assert!(text.contains("24 images: AD 12, CN 12\nlabels in easy/data.tsv"), "{text}");
    assert!(text.contains(r#"caps("easy", #{ preprocessing: "t1-linear" })"#), "{text}");
    let run = |words: &str| {
        let output = host(place.path()).args(words.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{words}: {}", said(&output));
        said(&output)
    };
    run("tsv split easy/data.tsv --output splits");
    let example = root().join("scripts/examples/caps_classification.rhai");
    let arguments = "-- --caps easy --splits splits --output maps --epochs 1";
    let text = run(&format!("check {} {arguments}", example.display()));
    assert!(text.contains("ready to run"), "{text}");
    run(&format!("run {} {arguments}", example.display()));
    assert!(place.path().join("maps/split-0/best-loss/validation").is_dir());
}

#[test]
fn every_kind_can_be_read_as_it_says() {
    let place = Place::new();
    let pet = "_trc-18FFDG_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_suvr-cerebellumPons2_pet";
    for (i, image) in place.images().iter().take(3).enumerate() {
        let folder = place.path().join(format!("pet/subjects/sub-{i}/ses-M000/pet_linear"));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(image, folder.join(format!("sub-{i}_ses-M000{pet}.nii.gz"))).unwrap();
    }
    let mask = files(&place.path().join("data/caps/masks")).swap_remove(0);
    let mask = mask.display();
    for (words, parts) in [
        ("random data/caps out-random --participants-per-class 2".to_owned(), ".images()"),
        (format!("hypometabolic pet out-pet --mask {mask}"), ".images()"),
        (
            "artifacts data/caps out-artifacts --motion --contrast --noise --noise-std 0.1,0.2"
                .into(),
            ".images()",
        ),
        (
            "shepplogan out-2d --image-size 32 --participants-per-class 3".into(),
            r#".slices(#{ slice_direction: "axial", slice_mode: "single" })"#,
        ),
        (
            "shepplogan out-3d --dimensions 3 --image-size 32 --participants-per-class 2".into(),
            ".images()",
        ),
    ] {
        let text = made(&place, &words);
        let caps = text.split("a script reads them with ").nth(1).unwrap().trim();
        // Without labels of two classes, as of one dementia, it can be learned to draw them again.
        let output = words.split_whitespace().find(|word| word.starts_with("out-")).unwrap();
        let tsv = fs::read_to_string(place.path().join(output).join("data.tsv")).unwrap();
        let rows: Vec<&str> = tsv.lines().collect();
        let splits = place.path().join(format!("splits-{output}"));
        fs::create_dir(&splits).unwrap();
        let table =
            |rows: &[&str]| format!("{}\n{}\n", tsv.lines().next().unwrap(), rows.join("\n"));
        fs::write(splits.join("train.tsv"), table(&rows[2..])).unwrap();
        fs::write(splits.join("validation.tsv"), table(&rows[1..2])).unwrap();
        let script = format!(
            r#"train(#{{ task: "reconstruction", data: {caps}{parts}, splits: "{}", device: "cpu",
                architecture: autoencoder("Conv4_FC3"), epochs: 1, output: "maps-{output}" }});"#,
            splits.display()
        );
        place.script(&script);
        let output = host(place.path()).args(["check", "script.rhai"]).output().unwrap();
        assert!(output.status.success(), "{words}\n{script}\n{}", said(&output));
    }
}

/// Real anatomy, where it lies beside the repository: grids, half lines and all.
#[test]
fn real_images_keep_their_place() {
    let Some(data) = shared_data() else { return };
    let caps = data.join("caps");
    let place = Place::new();
    let words = format!("trivial {} real --participants-per-class 2", caps.display());
    let text = made(&place, &words);
    assert!(text.contains("4 images: AD 2, CN 2"), "{text}");
    let image = |caps: &Path, id: &str| -> PathBuf {
        let all = files(&caps.join(format!("subjects/{id}")));
        all.into_iter().find(|file| file.to_string_lossy().ends_with(".nii.gz")).unwrap()
    };
    let before = volume::read(image(&caps, "sub-TRIV1")).unwrap();
    let after = volume::read(image(&place.path().join("real"), "sub-TRIV1")).unwrap();
    // The first participant's second image has the right half lowered.
    let first = volume::read(image(&caps, "sub-TRIV0")).unwrap();
    assert_eq!((after.shape, after.affine), (before.shape, before.affine));
    let plane = first.shape[1] * first.shape[2];
    let half = first.shape[0] / 2 * plane;
    assert_eq!(after.voxels[..half], first.voxels[..half]);
    let sum = |voxels: &[f32]| voxels.iter().map(|voxel| f64::from(*voxel)).sum::<f64>();
    let kept = sum(&after.voxels[half..]) / sum(&first.voxels[half..]);
    assert!((0.33..0.40).contains(&kept), "{kept}");
}

#[test]
fn mistakes_end_with_2_and_failures_with_1() {
    let place = Place::new();
    for (words, code, part) in [
        ("", 2, "Usage"),
        ("trivial", 2, "required"),
        ("trivial data/caps out --atrophy 101", 2, "E0104"),
        ("trivial data/caps out --participants-per-class 13", 2, "1 to 12 were expected"),
        ("artifacts data/caps out", 2, "--motion, --contrast and --noise"),
        ("artifacts data/caps out --motion --rotation 4", 2, "2 numbers with commas between"),
        ("hypometabolic data/caps out", 2, "nothing is downloaded"),
        ("hypometabolic data/caps out --pathology add", 2, "'ad'"),
        ("trivial data/caps out --preprocessing pet-linear", 2, "--tracer"),
        ("shepplogan out --image-size 16", 2, "32 to 4096"),
        ("trivial absent out", 2, "E0301"),
        ("trivial data/caps data", 1, "E0601"),
        ("trivial data/caps data/caps/subjects/out", 1, "outside of the CAPS"),
        ("hypometabolic data/caps out --mask data/labels.tsv", 1, "E0306"),
    ] {
        let output = generate(&place, words);
        assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
        assert!(said(&output).contains(part), "{words}: {}", said(&output));
        assert!(!place.path().join("out").exists(), "{words}");
    }
}

/// Killed at whatever moment, there is all of it or nothing; two at once do not mix.
#[test]
fn the_folder_is_whole_or_not_there() {
    let place = Place::new();
    let words =
        "generate shepplogan out --dimensions 3 --image-size 40 --participants-per-class 12";
    let start = || {
        let mut command = host(place.path());
        command.args(words.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let out = place.path().join("out");
    let whole = || {
        let images =
            files(&out).iter().filter(|file| file.to_string_lossy().ends_with(".nii.gz")).count();
        assert_eq!((images, column(&out.join("data.tsv"), "diagnosis").len()), (24, 24));
    };
    let beside = |name: &str| {
        let mut entries = fs::read_dir(place.path()).unwrap();
        entries.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(name))
    };
    let mut left = 0;
    for milliseconds in [0, 20, 80, 200] {
        let mut child = start();
        let own = format!(".neurhai-{}-", child.id());
        until(&mut child, || beside(&own));
        sleep(Duration::from_millis(milliseconds));
        // One that has ended cannot be killed.
        let _ = child.kill();
        child.wait().unwrap();
        left += usize::from(beside(&own));
        if out.exists() {
            whole();
            fs::remove_dir_all(&out).unwrap();
        }
    }
    assert!(left > 0, "it was never killed while it wrote");
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let codes = both.iter().map(|output| output.status.code().unwrap()).collect::<Vec<_>>();
    assert!(codes == [0, 1] || codes == [1, 0], "{codes:?}");
    let loser = both.iter().find(|output| !output.status.success()).unwrap();
    assert!(said(loser).contains("E0601"), "{}", said(loser));
    whole();
    assert!(!beside(".neurhai-"), "what was killed left something");
}
