//! Runs on several cohorts.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::tasks::patches;
use super::*;

fn bench(change: impl Fn(&mut PhantomOptions)) -> Bench {
    Bench::with(|options| {
        options.cohorts = vec!["north".to_owned(), "south".to_owned()];
        options.participants_per_class = 4;
        change(options);
    })
}

impl Bench {
    /// Writes a table of cohorts into the folder of the data set.
    fn cohorts(&self, name: &str, rows: &[(&str, &str)]) -> PathBuf {
        let file = self.path("data").join(name);
        let rows: String = rows.iter().map(|(name, path)| format!("{name}\t{path}\n")).collect();
        std::fs::write(&file, format!("cohort\tpath\n{rows}")).unwrap();
        file
    }
}

fn cells(table: &Table, column: &str) -> Vec<Option<String>> {
    let column = table.column(column).unwrap();
    (0..table.len()).map(|row| table.text(row, column).map(str::to_owned)).collect()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        std::fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

/// Cohorts are only where images and rows come from: the same images in one CAPS and the same rows in
/// one table give the same network and the same predictions, byte by byte.
#[test]
fn two_cohorts_learn_what_one_of_both_would() {
    let bench = bench(|_| ());
    let change = || json!({"selection_metrics": ["loss"]});
    bench.run("several", change()).unwrap();
    let (data, one) = (bench.path("data"), bench.path("one"));
    for cohort in ["north", "south"] {
        copy(&data.join(cohort).join("subjects"), &one.join("subjects"));
    }
    std::fs::create_dir_all(one.join("splits")).unwrap();
    for side in ["train.tsv", "validation_baseline.tsv"] {
        let read =
            |cohort| std::fs::read_to_string(data.join(cohort).join("splits").join(side)).unwrap();
        let south = read("south");
        let text = read("north") + south.split_once('\n').unwrap().1;
        std::fs::write(one.join("splits").join(side), text).unwrap();
    }
    let mut options = change();
    options["data"] = json!({"caps": one});
    options["splits"] = json!(one.join("splits"));
    bench.run("single", options).unwrap();
    let read = |run: &str, file: &str| std::fs::read(bench.path(run).join(file)).unwrap();
    let file = "split-0/best-loss/model.safetensors";
    assert!(read("several", file) == read("single", file), "{file} differs");
    let weights = |run: &str| {
        let file = format!("{run}/split-0/training_logs/fingerprints.tsv");
        cells(&bench.table(&file), "weights_after")
    };
    assert_eq!(weights("several"), weights("single"));
    let file = "split-0/best-loss/validation/validation_image_level_prediction.tsv";
    let [several, single] = ["several", "single"].map(|run| bench.table(&format!("{run}/{file}")));
    assert_eq!(several.columns()[..7], *single.columns());
    for column in single.columns() {
        assert_eq!(cells(&several, column), cells(&single, column), "{column}");
    }
}

#[test]
fn every_list_and_table_names_the_cohort_and_each_has_its_metrics() {
    let bench = bench(|_| ());
    let change = json!({"data": patches(), "selection_metrics": ["BA"]});
    let outcome = bench.run("maps", change).unwrap();
    let last = |file: &str| bench.table(file).columns().last().cloned().unwrap();
    let folder = "maps/split-0/best-BA/validation/validation";
    for file in [
        format!("{folder}_image_level_prediction.tsv"),
        format!("{folder}_patch_level_prediction.tsv"),
        "maps/groups/train+validation.tsv".into(),
        "maps/groups/inputs.tsv".into(),
    ] {
        assert_eq!(last(&file), "cohort", "{file}");
    }
    let data = bench.table("maps/groups/train/split-0/data.tsv");
    assert_eq!(data.columns(), ["participant_id", "session_id", "cohort", "diagnosis"]);
    let names = |n: usize| {
        let all = ["north", "south"].iter().flat_map(|name| vec![Some((*name).to_owned()); n]);
        all.collect::<Vec<_>>()
    };
    assert_eq!(cells(&data, "cohort"), names(6));
    let both = bench.table("maps/groups/train+validation.tsv");
    assert_eq!(cells(&both, "cohort"), names(8));
    // The tables themselves are inputs, too.
    let inputs = bench.table("maps/groups/inputs.tsv");
    assert_eq!(inputs.len(), 16 + 2);
    let (files, hashes) = (cells(&inputs, "file"), cells(&inputs, "blake3"));
    for (row, file) in [(16, &bench.caps), (17, &bench.splits)] {
        assert_eq!(files[row].as_deref(), file.to_str());
        let hash = blake3::hash(&std::fs::read(file).unwrap()).to_hex().to_string();
        assert_eq!(hashes[row].as_ref(), Some(&hash));
    }
    let read = |file: &str| -> Value {
        serde_json::from_slice(&std::fs::read(bench.path(file)).unwrap()).unwrap()
    };
    for file in ["maps/maps.json", "maps/groups/validation/split-0/maps.json"] {
        assert_eq!(read(file)["multi_cohort"], true, "{file}");
    }
    let log = std::fs::read_to_string(bench.path("maps/split-0/best-BA/train/description.log"));
    assert!(log.unwrap().contains("north: "));

    // The metrics of a cohort, by hand from the predictions of its images.
    let rows = bench.table(&format!("{folder}_image_level_prediction.tsv"));
    let metrics = bench.table(&format!("{folder}_image_level_metrics_per_cohort.tsv"));
    assert_eq!(metrics.columns()[..3], ["cohort", "images", "BA"]);
    assert!(metrics.find_column("loss").is_none());
    assert_eq!(cells(&metrics, "cohort"), names(1));
    let columns = ["cohort", "true_label", "predicted_label"].map(|name| cells(&rows, name));
    let first = rows.column("proba0").unwrap();
    let brier = metrics.column("Brier").unwrap();
    for (row, name) in ["north", "south"].iter().enumerate() {
        let mut right: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut squares = Vec::new();
        for i in (0..rows.len()).filter(|i| columns[0][*i].as_deref() == Some(name)) {
            let [_, truth, predicted] = columns.each_ref().map(|column| column[i].as_deref());
            let hit = f64::from(u8::from(truth == predicted));
            right.entry(truth.unwrap()).or_default().push(hit);
            let is_first = f64::from(u8::from(truth == Some("0")));
            squares.push((rows.number(i, first).unwrap().unwrap() - is_first).powi(2));
        }
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        let written = metrics.number(row, brier).unwrap().unwrap();
        assert!((written - mean).abs() < 1e-12, "{name}: {written} {mean}");
        let recalls = right.values().map(|hits| hits.iter().sum::<f64>() / hits.len() as f64);
        let ba = recalls.sum::<f64>() / right.len() as f64;
        assert_eq!(metrics.number(row, 2).unwrap(), Some(ba), "{name}");
        assert_eq!(metrics.number(row, 1).unwrap(), Some(2.0));
        let result = outcome.results.iter().find(|r| r.group == "validation" && r.level == "image");
        let cohort = &result.unwrap().cohorts[row];
        assert_eq!((cohort.cohort.as_str(), cohort.images), (*name, 2));
        let score = cohort.scores.iter().find(|score| score.metric == "BA").unwrap();
        assert_eq!((score.value, score.interval), (Some(ba), None));
    }
    // The predictions are those of the model, in each cohort's own CAPS.
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let again = recompute(&bench.path("maps"), &bench.caps, &session).unwrap();
    assert_eq!(again.len(), 4);
    assert!(again.iter().all(|one| one.difference < 1e-6 && one.changed == 0), "{again:?}");
    // ClinicaDL's tables lack the column: the lists of the groups tell it.
    for group in ["train", "validation"] {
        for level in ["patch", "image"] {
            let file = format!("maps/split-0/best-BA/{group}/{group}_{level}_level_prediction.tsv");
            let text = std::fs::read_to_string(bench.path(&file)).unwrap();
            let without = text.lines().map(|line| line.rsplit_once('\t').unwrap().0);
            let text = without.collect::<Vec<_>>().join("\n") + "\n";
            std::fs::write(bench.path(&file), text).unwrap();
        }
    }
    assert_eq!(recompute(&bench.path("maps"), &bench.caps, &session).unwrap(), again);
}

#[test]
fn an_interrupted_run_goes_on_and_sees_that_its_sessions_are_others() {
    let bench = bench(|_| ());
    // One image of the south is left, and drawn as often as all of the north together.
    let south = bench.path("data/south/splits/train.tsv");
    let text = std::fs::read_to_string(&south).unwrap();
    std::fs::write(&south, text.lines().take(2).collect::<Vec<_>>().join("\n")).unwrap();
    let change = || {
        json!({"sampler": "cohorts", "epochs": 20, "patience": 0, "augmentation": ["Noise"],
            "log_augmentation": true})
    };
    bench.run("whole", change()).unwrap();
    let draws = (0..20).flat_map(|epoch| {
        let file = format!("whole/split-0/training_logs/augmentation/epoch-{epoch}.tsv");
        cells(&bench.table(&file), "cohort")
    });
    let draws: Vec<_> = draws.flatten().collect();
    let of_south = draws.iter().filter(|cohort| *cohort == "south").count();
    // Half of the draws, within four standard deviations, √n / 2 each.
    let (half, deviation) = (draws.len() as f64 / 2.0, (draws.len() as f64).sqrt() / 2.0);
    assert!((of_south as f64 - half).abs() < 4.0 * deviation, "{of_south} of {}", draws.len());
    let (catalog, stop, steps) = (catalog(), AtomicBool::new(false), AtomicUsize::new(0));
    let events = |event: &Event| {
        if matches!(event, Event::Step { .. }) && steps.fetch_add(1, Ordering::Relaxed) == 4 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let error = run(&bench.options("maps", change()), &session).unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    stop.store(false, Ordering::Relaxed);

    let north = bench.path("data/north/splits/train.tsv");
    let text = std::fs::read_to_string(&north).unwrap();
    std::fs::write(&north, text.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let error = resume(&bench.path("maps"), None, &session).unwrap_err();
    assert!(error.to_string().contains("the sessions in train of split 0, or what is"), "{error}");
    std::fs::write(&north, text).unwrap();
    resume(&bench.path("maps"), None, &session).unwrap();
    resume::assert_same(&bench.path("maps"), &bench.path("whole"));
}

#[test]
fn tables_that_do_not_go_together_are_refused() {
    let bench = bench(|_| ());
    let data = bench.path("data");
    bench.refused(
        json!({"splits": data.join("north/splits")}),
        &[(Code::BadOption, "caps is a table of cohorts, but splits is a folder")],
    );
    bench.refused(
        json!({"data": {"caps": data.join("north")}}),
        &[(Code::BadOption, "splits is a table of cohorts, but caps is a folder")],
    );
    // What is wrong with a table is told once.
    let bad = bench.path("data/bad.tsv");
    std::fs::write(&bad, "cohort\tfolder\nnorth\tnorth\n").unwrap();
    let path = "there is no column \"path\"";
    bench.refused(json!({"splits": bad}), &[(Code::MissingColumn, path)]);
    bench.refused(json!({"data": {"caps": bad}}), &[(Code::MissingColumn, path)]);
    let rows = [("nroth", "north/splits"), ("south", "south/splits"), ("east", "south/splits")];
    let splits = bench.cohorts("other.tsv", &rows);
    bench.refused(
        json!({"splits": splits}),
        &[
            (Code::UnknownName, "cohort \"nroth\"; did you mean \"north\"?"),
            (Code::UnknownName, "there are those of: north, south"),
        ],
    );
    let splits = bench.cohorts("north.tsv", &[("north", "north/splits")]);
    let warnings = bench.warnings(json!({"splits": splits})).unwrap();
    assert_eq!(warnings, ["there are no labels, so no images are used: cohort south"]);
}

#[test]
fn cohorts_whose_images_differ_are_refused_by_name() {
    let bench = bench(|_| ());
    let small = PhantomOptions {
        participants_per_class: 2,
        image_size: [16, 22, 18],
        ..PhantomOptions::default()
    };
    generate(&bench.path("data/small"), &small).unwrap();
    let caps = bench.cohorts("c.tsv", &[("north", "north"), ("small", "small")]);
    let splits = bench.cohorts("s.tsv", &[("north", "north/splits"), ("small", "small/splits")]);
    let here = || json!({"data": {"caps": caps}, "splits": splits});
    let sizes =
        "the images of cohort \"small\" have 16×22×18 voxels, those of cohort \"north\" 20×22×18";
    bench.refused(here(), &[(Code::ImageShape, sizes)]);

    let folder = bench.path("data/small");
    for file in files(&folder).iter().filter(|name| name.ends_with("_T1w.nii.gz")) {
        std::fs::rename(folder.join(file), folder.join(file.replace("_T1w", "_FLAIR"))).unwrap();
    }
    let mut change = here();
    change["data"]["preprocessing"] = json!("custom");
    change["data"]["pattern"] = json!("*/*.nii.gz");
    let kinds = "the cohorts \"north\" and \"small\" hold images of different kinds: the modality is \
                 t1w in the one, flair in the other";
    bench.refused(change, &[(Code::MixedImages, kinds)]);
}

/// An id in two cohorts stands for two people, unless both have one CAPS.
#[test]
fn the_same_id_in_two_cohorts_is_a_warning_and_in_one_caps_leakage() {
    let bench = bench(|options| options.n_splits = 2);
    let data = bench.path("data");
    copy(&data.join("north/subjects"), &data.join("copy/subjects"));
    // Whom the one trains on, the other validates on.
    for (split, other) in [(0, 1), (1, 0)] {
        let to = data.join(format!("swapped/split-{split}"));
        copy(&data.join(format!("north/splits/split-{other}")), &to);
    }
    let tables = |caps: &str| {
        let caps = bench.cohorts("c.tsv", &[("north", "north"), ("again", caps)]);
        let splits = bench.cohorts("s.tsv", &[("north", "north/splits"), ("again", "swapped")]);
        json!({"data": {"caps": caps}, "splits": splits, "split": [1]})
    };
    let warnings = bench.warnings(tables("copy")).unwrap();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    for part in ["split 1 trains and validates on the same ids", " (again and north), sub-PHAN"] {
        assert!(warning.contains(part), "{part:?} is not in {warning}");
    }
    let error = bench.warnings(tables("north")).unwrap_err();
    let leaks = error.problems().iter().filter(|problem| problem.code == Code::Leakage);
    let messages: Vec<_> = leaks.map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 1, "{error}");
    assert!(messages[0].contains("split 1, in cohorts with one CAPS: sub-PHAN"), "{error}");
    // All of them are listed twice, too.
    let twice = error.problems().iter().filter(|problem| problem.code == Code::DuplicateRow);
    assert_eq!(twice.count(), 8, "{error}");
}

#[test]
fn whom_weights_were_learned_from_is_known_by_cohort() {
    let bench = bench(|options| options.n_splits = 2);
    let change = json!({"split": [0], "epochs": 1, "selection_metrics": ["loss"]});
    bench.run("source", change).unwrap();
    let from = |change: Value| {
        let mut options = json!({"transfer": bench.path("source"), "split": [1], "epochs": 1,
            "transfer_split": 0, "selection_metrics": ["loss"]});
        for (key, value) in change.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    bench.refused(from(json!({})), &[(Code::Leakage, "of cohort north, ")]);
    // One CAPS does not say which cohort it is, so it may be any.
    let data = bench.path("data");
    let single = json!({"data": {"caps": data.join("south")}, "splits": data.join("south/splits")});
    bench.refused(from(single), &[(Code::Leakage, "whom split 1 validates on: sub-PHAN")]);
    // Under another name one CAPS has the same people; in another CAPS the ids may be those of others.
    let caps = bench.cohorts("same.tsv", &[("west", "south")]);
    let splits = bench.cohorts("s.tsv", &[("west", "south/splits")]);
    let same = json!({"data": {"caps": caps}, "splits": splits});
    bench.refused(from(same), &[(Code::Leakage, "of cohort west")]);
    copy(&data.join("south"), &data.join("elsewhere"));
    let caps = bench.cohorts("c.tsv", &[("west", "elsewhere")]);
    let renamed = || json!({"data": {"caps": caps}, "splits": splits});
    let warnings = bench.warnings(from(renamed())).unwrap();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.contains("the same ids in other cohorts: sub-PHAN"), "{warning}");
    bench.run("renamed", from(renamed())).unwrap();
    // What was learned from before is kept with its cohort, and leaks from there as well.
    let text = std::fs::read_to_string(bench.path("renamed/split-1/transfer.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    let of_north = record["learned"].as_array().unwrap().iter().filter(|ids| ids[2] == "north");
    assert_eq!(of_north.count(), bench.table("data/north/splits/split-0/train.tsv").len());
    let mut chained = from(json!({}));
    chained["transfer"] = json!(bench.path("renamed"));
    chained["transfer_split"] = json!(1);
    bench.refused(chained.clone(), &[(Code::Leakage, "of cohort north, ")]);
    chained["allow_leakage"] = json!(true);
    let told = Mutex::new(Vec::new());
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let events = |event: &Event| {
        if let Event::Warning { text } = event {
            told.lock().unwrap().push(text.clone());
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    run(&bench.options("leaky", chained), &session).unwrap();
    let leaked = bench.table("leaky/groups/validation/split-1/leaked.tsv");
    assert_eq!(leaked.columns(), ["participant_id", "learned_in", "cohort"]);
    let validated = bench.table("leaky/groups/validation/split-1/data.tsv");
    assert_eq!(leaked.len(), validated.len());
    let told = told.into_inner().unwrap();
    let of_north = told.iter().filter(|text| text.contains("of cohort north is in validation"));
    assert_eq!(of_north.count(), 4, "{told:?}");
}

#[test]
fn regions_are_cut_from_all_cohorts() {
    let bench = bench(|_| ());
    let data = json!({"mode": "roi", "roi_list": ["left"]});
    let change = || json!({"data": data.clone(), "epochs": 1, "selection_metrics": ["loss"]});
    bench.run("maps", change()).unwrap();
    let masks = bench.path("data/south/masks");
    let left = files(&masks).into_iter().find(|name| name.contains("roi-left")).unwrap();
    let right = left.replace("roi-left", "roi-right");
    std::fs::copy(masks.join(right), masks.join(left)).unwrap();
    let words =
        "the cohorts \"north\" and \"south\" have different masks of \"left\": they differ in";
    bench.refused(change(), &[(Code::BadMask, words)]);
}
