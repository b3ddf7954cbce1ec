//! `host interpret`: maps in the images' space that point to what tells the classes apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use neurhai_core::data::table::Table;
use neurhai_core::volume::{self, Volume};
use serde_json::Value;

use crate::{Place, files, host, said};

/// A place with an experiment in `maps`, trained until it tells left from right.
fn trained(data: &str, more: &str) -> Place {
    let place = Place::new();
    let output = place.run(&format!(
        r#"
        architecture("Small", #{{}}, |p| [
            conv(6, 3, #{{ padding: 1 }}), batch_norm(), relu(), max_pool(2),
            conv(8, 3, #{{ padding: 1 }}), batch_norm(), relu(), max_pool(2),
            flatten(), linear(p.outputs)
        ]);
        train(#{{ data: caps("data/caps"){data}, splits: "data/splits", architecture: "Small",
                 batch_size: 3, learning_rate: 1e-3, device: "cpu", output: "maps", {more} }});
        "#
    ));
    assert!(output.status.success(), "{}", said(&output));
    place
}

#[track_caller]
fn interpret(place: &Place, words: &[&str]) -> String {
    let output = host(place.path()).args(["interpret", "maps"]).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[track_caller]
fn refused(place: &Place, words: &[&str], code: i32, parts: &[&str]) {
    let output = host(place.path()).args(["interpret", "maps"]).args(words).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

fn folder(place: &Place, name: &str) -> PathBuf {
    place.path().join("maps/split-0/best-loss/validation").join(format!("interpret-{name}"))
}

/// An atlas of the two regions that differ between the classes: 1 on the left, 2 on the right.
fn atlas(place: &Place) -> Volume {
    let masks = files(&place.path().join("data/caps/masks"));
    let masks: Vec<Volume> = masks.iter().map(|file| volume::read(file).unwrap()).collect();
    assert_eq!(masks.len(), 2);
    // Voxels run from left to right.
    let middle = |mask: &Volume| {
        let [_, ny, nz] = mask.shape;
        let at = mask.voxels.iter().position(|voxel| *voxel == 1.0).unwrap();
        at / (ny * nz)
    };
    let left = usize::from(middle(&masks[0]) > middle(&masks[1]));
    let mut atlas = masks[left].clone();
    for (label, other) in atlas.voxels.iter_mut().zip(&masks[1 - left].voxels) {
        *label += 2.0 * other;
    }
    atlas.write(place.path().join("atlas.nii.gz")).unwrap();
    std::fs::write(place.path().join("atlas.tsv"), "index\tname\n1\tleft\n2\tright\n").unwrap();
    atlas
}

/// The mean of each mean map in each region.
fn means(folder: &Path) -> BTreeMap<(String, String), f64> {
    let table = Table::read(&folder.join("mean_regions.tsv")).unwrap();
    let column = |name| table.column(name).unwrap();
    let (map, name, mean) = (column("map"), column("name"), column("mean"));
    let row = |row| {
        let text = |column| table.needed_text(row, column).unwrap().to_owned();
        ((text(map), text(name)), table.needed_number(row, mean).unwrap())
    };
    (0..table.len()).map(row).collect()
}

/// The larger region speaks for the class that it makes; a map lies where its image lies. Where a sign
/// is expected: gradients do not say how much there is, and the weights of Grad-CAM are means over both
/// sides.
#[test]
fn maps_point_to_the_side_that_makes_the_class() {
    let place = trained("", "epochs: 20");
    let atlas = atlas(&place);
    for (method, options) in [
        ("integrated_gradients", vec!["-o", "steps=15", "--randomise"]),
        ("grad_cam", vec!["-o", "level=4"]),
        ("occlusion", vec!["-o", "size=[5,6,6]"]),
        ("smooth_grad", vec!["-o", "copies=2"]),
        ("gradients", vec![]),
    ] {
        let mut words = vec!["validation", method, method, "--target", "alpha"];
        words.extend(["--atlas", "atlas.nii.gz", "--atlas-names", "atlas.tsv"]);
        words.extend(&options);
        let text = interpret(&place, &words);
        assert!(text.contains(&format!("{method} of alpha, group validation")), "{text}");
        let folder = folder(&place, method);
        if ["integrated_gradients", "occlusion"].contains(&method) {
            let means = means(&folder);
            let mean = |map: &str, name: &str| means[&(map.to_owned(), name.to_owned())];
            let side = |map: &str| mean(map, "left") - mean(map, "right");
            assert!(side("mean_alpha") > 0.0, "{method}: {means:?}");
            let part = mean("mean_alpha", "left") - mean("mean_beta", "left");
            assert!(part > 0.0, "{method}: {means:?}");
        }
        for image in place.images() {
            let name = image.file_name().unwrap().to_string_lossy().into_owned();
            let stem = name.split("_space").next().unwrap();
            let map = folder.join(format!("{stem}_image_map.nii.gz"));
            let Ok(map) = volume::read(&map) else { continue };
            let image = volume::read(&image).unwrap();
            assert_eq!((map.shape, map.affine), (image.shape, image.affine), "{method} {stem}");
            let values = map.voxels.iter().filter(|value| **value != 0.0).count();
            assert!(values > map.voxels.len() / 20, "{method} {stem}: {values}");
        }
        let images = Table::read(&folder.join("scores.tsv")).unwrap().len();
        let maps =
            files(&folder).into_iter().filter(|file| file.to_string_lossy().contains("_image_map"));
        assert_eq!((maps.count(), images), (images, images));
        // The mean is that of the images' maps.
        let sum = files(&folder)
            .iter()
            .filter(|file| file.to_string_lossy().contains("_image_map"))
            .fold(vec![0f64; atlas.voxels.len()], |mut sum, file| {
                let map = volume::read(file).unwrap();
                sum.iter_mut().zip(&map.voxels).for_each(|(sum, value)| *sum += f64::from(*value));
                sum
            });
        let mean = volume::read(folder.join("mean_map.nii.gz")).unwrap();
        let scale = mean.voxels.iter().fold(0f32, |most, value| most.max(value.abs()));
        for (sum, mean) in sum.iter().zip(&mean.voxels) {
            assert!((sum / images as f64 - f64::from(*mean)).abs() < 1e-5 * f64::from(scale));
        }
        for picture in ["mean", "mean_alpha", "mean_beta"] {
            let png = std::fs::read(folder.join(format!("pictures/{picture}.png"))).unwrap();
            assert!(png.starts_with(b"\x89PNG") && png.len() > 1000, "{method} {picture}");
        }
    }
    let about: Value = serde_json::from_slice(
        &std::fs::read(folder(&place, "integrated_gradients").join("interpret.json")).unwrap(),
    )
    .unwrap();
    // The values of a map sum up to the difference of scores.
    let (gap, difference) = (&about["completeness"]["gap"], &about["completeness"]["difference"]);
    let (gap, difference) = (gap.as_f64().unwrap(), difference.as_f64().unwrap());
    assert!(gap.abs() < 0.05 * difference.abs().max(1.0), "{gap} of {difference}");
    // What was learned is not what random weights show.
    let like = about["randomised"].as_f64().unwrap();
    assert!(like < 0.9, "{like}");
    let weights = &about["weights"][0];
    assert_eq!(weights["file"], "model.safetensors");
    assert_eq!(weights["blake3"].as_str().unwrap().len(), 64);
}

/// What is there is not overwritten unasked, and replaced as a whole where it is.
#[test]
fn names_are_used_once_and_mistakes_are_told() {
    let place = trained("", "epochs: 1");
    let bytes = |name: &str| {
        let folder = folder(&place, name);
        let all = files(&folder).into_iter().map(|file| {
            (file.strip_prefix(&folder).unwrap().to_owned(), std::fs::read(&file).unwrap())
        });
        all.collect::<BTreeMap<PathBuf, Vec<u8>>>()
    };
    interpret(&place, &["validation", "a", "smooth_grad", "-o", "copies=2", "--threads", "1"]);
    let first = bytes("a");
    refused(&place, &["validation", "a", "gradients"], 1, &["E0610", "interpret-a", "overwrite"]);
    assert!(bytes("a") == first);
    // The same again has the same bytes.
    interpret(&place, &["validation", "b", "smooth_grad", "-o", "copies=2", "--threads", "1"]);
    assert!(bytes("b") == first);
    // Another number of samples at once changes no more than sums of floats do.
    let one = ["--batch-size", "1", "--no-pictures"];
    let words = ["validation", "one", "smooth_grad", "-o", "copies=2", "--threads", "1"];
    interpret(&place, &[&words[..], &one].concat());
    let mean = |name: &str| volume::read(folder(&place, name).join("mean_map.nii.gz")).unwrap();
    let (one, many) = (mean("one"), mean("a"));
    let scale = many.voxels.iter().fold(0f32, |most, value| most.max(value.abs()));
    assert!(scale > 0.0);
    for (one, many) in one.voxels.iter().zip(&many.voxels) {
        assert!((one - many).abs() <= 1e-5 * scale, "{one} {many}, of {scale}");
    }
    let text = interpret(&place, &["validation", "a", "gradients", "--overwrite", "--no-pictures"]);
    assert!(text.contains("they replace"), "{text}");
    let second = bytes("a");
    assert!(second != first && !second.keys().any(|file| file.starts_with("pictures")));
    assert!(!place.path().join("maps/.predict").exists());
    for (words, code, parts) in [
        (&["validation", "c", "gradient"][..], 1, &["no method", "\"gradients\""][..]),
        (&["validation", "c", "gradients", "--target", "alpa"], 1, &["alpa", "alpha", "beta"]),
        (&["validation", "c", "grad_cam", "-o", "level=9"], 1, &["has 8 layers"]),
        (&["validation", "c", "grad_cam", "-o", "levels=2"], 1, &["no option", "level"]),
        (&["validation", "c", "grad_cam", "-o", "level"], 2, &["--option steps=100"]),
        (
            &["validation", "c", "occlusion", "-o", "size=3", "-o", "size=4"],
            2,
            &["size is given twice"],
        ),
        (&["validation", "../c", "gradients"], 1, &["cannot be the name"]),
        (&["nobody", "c", "gradients"], 1, &["no group", "participants"]),
        (&["validation", "c", "gradients", "--atlas", "data/labels.tsv"], 1, &["labels.tsv"]),
        (&["validation", "c", "gradients", "--split", "3"], 1, &["no split 3"]),
    ] {
        refused(&place, words, code, parts);
    }
    // An atlas that lies elsewhere is told before anything is computed, or that is said to take long.
    let mut atlas = atlas(&place);
    atlas.affine[0][3] += 1.0;
    atlas.write(place.path().join("elsewhere.nii.gz")).unwrap();
    let words = ["interpret", "maps", "validation", "c", "smooth_grad", "-o", "copies=100000"];
    let words = [&words[..], &["--atlas", "elsewhere.nii.gz"]].concat();
    let output = host(place.path()).args(words).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("lies elsewhere in the world") && !text.contains("passes"), "{text}");
    assert!(!folder(&place, "c").exists());
}

/// Stopped by a person or the machine, an interpretation leaves everything as it was.
#[cfg(unix)]
#[test]
fn what_is_stopped_leaves_the_experiment_as_it_was() {
    let place = trained("", "epochs: 1");
    let maps = place.path().join("maps");
    let bytes = || {
        let all = files(&maps).into_iter().filter(|file| !file.ends_with(".lock"));
        all.map(|file| (file.clone(), std::fs::read(file).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let before = bytes();
    for signal in ["INT", "KILL"] {
        // Thousands of windows: far more than are computed before the signal comes.
        let mut child = host(place.path())
            .args(["interpret", "maps", "validation", "long", "occlusion"])
            .args(["-o", "size=3", "-o", "stride=1", "-o", "fill=0.5", "--batch-size", "2"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begun = std::time::Instant::now();
        while !maps.join(".predict").exists() && begun.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let id = child.id().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert!(!status.success(), "{signal}");
        if signal == "KILL" {
            // Who writes next removes what was left.
            interpret(&place, &["validation", "next", "gradients", "--no-pictures"]);
            std::fs::remove_dir_all(folder(&place, "next")).unwrap();
        }
        assert!(bytes() == before, "{signal}");
    }
}

/// What no slice shows is nothing, in maps, and does not count in means over regions.
#[test]
fn maps_of_slices_are_put_together() {
    let slices = r#".slices(#{ slice_direction: "axial", discarded_slices: [6, 6] })"#;
    let place = trained(slices, "epochs: 1");
    let words = ["validation", "slices", "occlusion", "-o", "size=[10,11]", "--no-pictures"];
    let mut atlas = atlas(&place);
    atlas.voxels.iter_mut().filter(|label| **label == 0.0).for_each(|label| *label = 3.0);
    atlas.write(place.path().join("atlas.nii.gz")).unwrap();
    interpret(&place, &[&words[..], &["--atlas", "atlas.nii.gz"]].concat());
    let folder = folder(&place, "slices");
    let map = volume::read(folder.join("mean_map.nii.gz")).unwrap();
    let [_, _, nz] = map.shape;
    let outside = |at: usize| !(6..nz - 6).contains(&(at % nz));
    assert!(map.voxels.iter().enumerate().all(|(at, value)| !outside(at) || *value == 0.0));
    let table = Table::read(&folder.join("mean_regions.tsv")).unwrap();
    let number = |row, name| table.number(row, table.column(name).unwrap()).unwrap().unwrap();
    // Of the mean over all, and of that of each class.
    assert_eq!(table.len(), 9);
    for row in 0..9 {
        let label = [1.0, 2.0, 3.0][row % 3];
        let places = || (0..map.voxels.len()).filter(|at| atlas.voxels[*at] == label);
        assert_eq!(number(row, "voxels"), places().count() as f64);
        assert_eq!(number(row, "seen"), places().filter(|at| !outside(*at)).count() as f64);
    }
}

/// A region is explained within its mask alone, though what is covered of it is larger.
#[test]
fn maps_of_regions_stay_within_their_masks() {
    let regions = r#".roi(["left", "right"], #{ uncropped_roi: true })"#;
    let place = trained(regions, "epochs: 1");
    let atlas = atlas(&place);
    let words = ["validation", "regions", "occlusion", "-o", "size=[10,11,9]", "-o", "fill=0.5"];
    interpret(&place, &[&words[..], &["--atlas", "atlas.nii.gz", "--no-pictures"]].concat());
    let folder = folder(&place, "regions");
    let map = volume::read(folder.join("mean_map.nii.gz")).unwrap();
    let outside = map.voxels.iter().zip(&atlas.voxels).filter(|(_, label)| **label == 0.0);
    assert!(outside.clone().count() > 0 && outside.into_iter().all(|(value, _)| *value == 0.0));
    let table = Table::read(&folder.join("mean_regions.tsv")).unwrap();
    let number = |row, name| table.number(row, table.column(name).unwrap()).unwrap().unwrap();
    for row in 0..2 {
        assert_eq!(number(row, "seen"), number(row, "voxels"));
        assert!(number(row, "mean_absolute") > 0.0);
    }
}

/// A number has one mean map, over all images; the baseline may be the mean of the group.
#[test]
fn regressions_are_interpreted() {
    let place = trained("", "epochs: 1, task: \"regression\", label: \"age\"");
    let words = ["validation", "age", "integrated_gradients"];
    let text =
        interpret(&place, &[&words[..], &["-o", "baseline=mean", "-o", "steps=20"]].concat());
    assert!(text.contains("integrated_gradients of output, group validation"), "{text}");
    let folder = folder(&place, "age");
    let means = files(&folder).into_iter().filter(|file| file.to_string_lossy().contains("mean_"));
    assert_eq!(means.collect::<Vec<_>>(), [folder.join("mean_map.nii.gz")]);
    // All start from the same image, and end at their own scores.
    let scores = Table::read(&folder.join("scores.tsv")).unwrap();
    let number = |row, name| scores.number(row, scores.column(name).unwrap()).unwrap().unwrap();
    let baselines: Vec<f64> = (0..scores.len()).map(|row| number(row, "baseline_score")).collect();
    assert!(baselines.len() > 1 && baselines.iter().all(|one| (one - baselines[0]).abs() < 1e-4));
    assert!((0..scores.len()).all(|row| number(row, "map_sum") != 0.0));
}

/// Parts are put back into the volume: each of its networks, or one for all.
#[test]
fn maps_of_parts_are_put_together() {
    let patches = r#".patches([10, 11, 9], [10, 11, 9])"#;
    let place = trained(patches, "epochs: 2, multi_network: true, vote_weights: \"uniform\"");
    interpret(&place, &["validation", "parts", "gradients", "--target", "predicted"]);
    let folder = folder(&place, "parts");
    let scores = Table::read(&folder.join("scores.tsv")).unwrap();
    let maps: Vec<PathBuf> =
        files(&folder).into_iter().filter(|f| f.to_string_lossy().contains("_image_map")).collect();
    assert_eq!(scores.len(), 8 * maps.len());
    // All parts of an image explain the class that they vote for.
    let (id, target) = (scores.column("patch_id").unwrap(), scores.column("target").unwrap());
    let name = place
        .path()
        .join("maps/split-0/best-loss/validation/validation_image_level_prediction.tsv");
    let voted = Table::read(&name).unwrap();
    let predicted = voted.column("predicted_label").unwrap();
    for row in 0..scores.len() {
        assert_eq!(scores.number(row, id).unwrap(), Some((row % 8) as f64));
        let class = ["alpha", "beta"][voted.number(row / 8, predicted).unwrap().unwrap() as usize];
        assert_eq!(scores.text(row, target), Some(class));
    }
    // Maps that explain different classes have no mean together.
    let targets: BTreeMap<&str, usize> =
        (0..scores.len()).map(|row| (scores.text(row, target).unwrap(), row)).collect();
    let means: Vec<String> =
        targets.keys().map(|class| format!("mean_{class}_map.nii.gz")).collect();
    assert!(means.iter().all(|mean| folder.join(mean).is_file()));
    assert!(!folder.join("mean_map.nii.gz").exists());
    let about = std::fs::read(folder.join("interpret.json")).unwrap();
    let about: Value = serde_json::from_slice(&about).unwrap();
    assert_eq!(about["means_by"], "predicted class");
    let map = volume::read(&maps[0]).unwrap();
    assert_eq!(map.shape, [20, 22, 18]);
    for octant in 0..8 {
        let [x, y, z] = [octant / 4 * 10, octant / 2 % 2 * 11, octant % 2 * 9];
        let within = (0..10 * 11 * 9).map(|i| [x + i / 99, y + i / 9 % 11, z + i % 9]);
        let values = within.filter(|[x, y, z]| map.voxels[(x * 22 + y) * 18 + z] != 0.0).count();
        assert!(values > 20, "part {octant} is not in the map");
    }
}

/// A new group, in a script.
#[test]
fn scripts_interpret_new_groups() {
    let place = Place::new();
    let others = place.path().join("others.tsv");
    let validation = std::fs::read_to_string(place.table("validation_baseline.tsv")).unwrap();
    std::fs::write(others, validation).unwrap();
    let output = place.run(
        r#"
        TRAIN
        let done = interpret("maps", "others", "first", #{
            participants: "others.tsv", allow_leakage: true,
            method: "occlusion", method_options: #{ size: 10 }, target: 1, pictures: false,
        });
        print(done.table());
        print(done.results[0].images);
        "#,
    );
    let text = said(&output);
    assert!(output.status.success() && text.contains("occlusion of beta, group others"), "{text}");
    let folder = place.path().join("maps/split-0/best-loss/others/interpret-first");
    assert!(folder.join("mean_alpha_map.nii.gz").is_file() && !folder.join("pictures").exists());
    assert!(place.path().join("maps/groups/others/data.tsv").is_file());
    let again = ["others", "second", "gradients", "--no-pictures"];
    interpret(&place, &again);
    refused(
        &place,
        &[&again[..], &["--participants", "others.tsv"]].concat(),
        1,
        &["E0605", "as it is"],
    );
    // A prediction comes beside the maps, and takes the place of another one alone.
    let group = folder.parent().unwrap();
    for more in [&[][..], &["--overwrite"]] {
        let words = ["predict", "maps", "others"];
        let output = host(place.path()).args(words).args(more).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(group.join("others_image_level_prediction.tsv").is_file());
        assert!(folder.join("mean_alpha_map.nii.gz").is_file());
        let output = host(place.path()).args(["describe", "maps", "--verify"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let output = host(place.path()).args(["predict", "maps", "others"]).output().unwrap();
    let text = said(&output);
    assert!(output.status.code() == Some(1) && text.contains("E0605"), "{text}");
}
