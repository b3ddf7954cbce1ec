//! A training that was interrupted ends as one that never was.

use std::sync::atomic::AtomicUsize;

use super::*;

/// Files that tell when or where, but not what.
const APART: [&str; 3] = ["information.log", ".lock", "maps.json"];

/// What files say but when and where: of times and manifests only a part, of TensorBoard's records all but
/// the moment that they begin with.
pub(super) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let kept = files(folder).into_iter().filter(|name| !APART.contains(&name.as_str()));
    let content = |name: &String| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        if name.ends_with("/times.tsv") {
            let table = Table::parse(Path::new(name), &bytes).unwrap();
            let step = table.column("step").unwrap();
            let steps = (0..table.len()).map(|row| table.text(row, step).unwrap().to_owned());
            return steps.collect::<Vec<_>>().join(" ").into_bytes();
        }
        if name.contains("/tensorboard/") {
            let (mut rest, mut told) = (&bytes[..], Vec::new());
            while let Some((length, after)) = rest.split_first_chunk() {
                let (data, after) = after[4..].split_at(u64::from_le_bytes(*length) as usize);
                told.extend(&data[9..]);
                rest = &after[4..];
            }
            return told;
        }
        if name == "manifest.json" {
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            return manifest["reproducible"].to_string().into_bytes();
        }
        bytes
    };
    kept.map(|name| (name.clone(), content(&name))).collect()
}

#[track_caller]
pub(super) fn assert_same(found: &Path, expected: &Path) {
    let (found, expected) = (contents(found), contents(expected));
    let names =
        |list: &[(String, Vec<u8>)]| list.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        assert!(found == expected, "{name} differs");
    }
}

/// Goes on, and stops again at the `at`-th event; whether it came to the end.
pub(super) fn go_on(maps: &Path, at: usize) -> bool {
    let (catalog, stop, told) = (catalog(), AtomicBool::new(false), AtomicUsize::new(0));
    let events = |_: &Event| {
        if told.fetch_add(1, Ordering::Relaxed) + 1 == at {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    match resume(maps, None, &session) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::Interrupted, "{error}");
            false
        }
    }
}

/// Every event that a run tells is a moment to stop at, within epochs and evaluations, in both splits;
/// and after each the next run is stopped a little later again.
#[test]
fn interrupted_anywhere_and_gone_on_everything_is_the_same() {
    let bench = Bench::with(|options| options.n_splits = 2);
    let change = || {
        json!({"epochs": 3, "evaluation_steps": 2, "accumulation_steps": 2, "batch_size": 2,
            "augmentation": ["Noise", "CropPad"], "log_augmentation": true, "patience": 2, "optimizer": "NAdam", "clip_norm": 1.0,
            "warmup_epochs": 1, "schedule": "ReduceLROnPlateau",
            "schedule_options": {"patience": 0, "threshold": 0.999}})
    };
    bench.run("whole", change()).unwrap();
    let mut trials = 0;
    for at in (8..).step_by(4) {
        let output = format!("stopped-{at}");
        let (catalog, stop, told) = (catalog(), AtomicBool::new(false), AtomicUsize::new(0));
        let events = |_: &Event| {
            if told.fetch_add(1, Ordering::Relaxed) + 1 == at {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        let maps = bench.path(&output);
        match run(&bench.options(&output, change()), &session) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), Code::Interrupted, "{error}"),
        }
        if !maps.join("maps.json").exists() {
            continue;
        }
        trials += 1;
        while !go_on(&maps, 45) {}
        assert_same(&maps, &bench.path("whole"));
    }
    assert!(trials >= 5, "{trials}");
}

/// Whatever draws the samples, an epoch that is gone on with has the order that it began with.
#[test]
fn every_sampler_goes_on_where_it_stood() {
    let bench = Bench::new();
    let weighted = json!({"sampler": "weighted"});
    let stratified = json!({"sampler": "stratified"});
    let binned = json!({"sampler": "stratified", "sampler_options": {"bins": 2},
        "task": "regression", "selection_metrics": ["loss"]});
    for (name, sampler) in [("weighted", weighted), ("stratified", stratified), ("bins", binned)] {
        let mut change = json!({"epochs": 3, "evaluation_steps": 1, "accumulation_steps": 2,
            "batch_size": 2, "augmentation": ["Noise"]});
        change.as_object_mut().unwrap().extend(sampler.as_object().unwrap().clone());
        let whole = format!("{name}-whole");
        bench.run(&whole, change.clone()).unwrap();
        for epoch in 0..3 {
            let (catalog, stop) = (catalog(), AtomicBool::new(false));
            let in_epoch = AtomicUsize::new(usize::MAX);
            let events = |event: &Event| match event {
                Event::EpochStarted { epoch, .. } => in_epoch.store(*epoch, Ordering::Relaxed),
                Event::Step { step: 1, .. } if in_epoch.load(Ordering::Relaxed) == epoch => {
                    stop.store(true, Ordering::Relaxed);
                }
                _ => (),
            };
            let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
            let output = format!("{name}-{epoch}");
            let error = run(&bench.options(&output, change.clone()), &session).err().unwrap();
            assert_eq!(error.code(), Code::Interrupted, "{error}");
            assert!(go_on(&bench.path(&output), usize::MAX));
            assert_same(&bench.path(&output), &bench.path(&whole));
        }
    }
}

/// A learning rate that becomes a thousand times as large makes the later epochs worse: the best model
/// is that of an epoch before the resume.
#[test]
fn the_best_model_is_the_best_of_all_epochs_across_a_resume() {
    let bench = Bench::new();
    let change = |epochs: usize| {
        json!({"epochs": epochs, "patience": 0, "selection_metrics": ["loss"],
            "schedule": "StepLR", "schedule_options": {"step_size": 2, "gamma": 1000.0}})
    };
    let model = "maps/split-0/best-loss/model.safetensors";
    let read = |file: &str| std::fs::read(bench.path(file)).unwrap();
    bench.run("maps", change(2)).unwrap();
    let before = read(model);
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    resume(&bench.path("maps"), Some(4), &session).unwrap();
    let training = bench.table("maps/split-0/training_logs/training.tsv");
    let losses = super::tasks::column(&training, "loss_valid");
    let best = losses[0].min(losses[1]);
    assert!(losses.len() == 4 && losses[2..].iter().all(|loss| *loss > best), "{losses:?}");
    assert!(read(model) == before, "a worse model was kept");
    let file = "maps/split-0/best-loss/validation/validation_image_level_metrics.tsv";
    let of_best = super::tasks::value(&bench.table(file), "loss");
    super::tasks::assert_near(of_best, best);
    bench.run("whole", change(4)).unwrap();
    assert_same(&bench.path("maps"), &bench.path("whole"));
}

#[test]
fn networks_of_parts_go_on_each_from_its_own_checkpoint() {
    let bench = Bench::new();
    let change = || {
        json!({"multi_network": true, "epochs": 3, "selection_metrics": ["loss"],
            "data": {"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]}})
    };
    bench.run("whole", change()).unwrap();
    for wait in [5, 25, 60, 110] {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let output = format!("stopped-{wait}");
        let maps = bench.path(&output);
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        let returned = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !maps.join("split-0/tmp").is_dir() && !returned.load(Ordering::Relaxed) {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                std::thread::sleep(std::time::Duration::from_millis(wait));
                stop.store(true, Ordering::Relaxed);
            });
            let result = run(&bench.options(&output, change()), &session);
            returned.store(true, Ordering::Relaxed);
            result
        });
        if let Err(error) = result {
            assert_eq!(error.code(), Code::Interrupted, "{error}");
        }
        stop.store(false, Ordering::Relaxed);
        resume(&maps, None, &session).unwrap();
        assert_same(&maps, &bench.path("whole"));
    }
}

/// Where the checkpoint of the only split stands: epochs, and batches of the next one.
fn stands(maps: &Path) -> Option<(usize, usize)> {
    let file = maps.join("split-0/tmp/checkpoint.safetensors");
    file.is_file().then(|| reached(&file).unwrap()).map(|at| (at.epoch, at.batch))
}

/// With minutes that are over at once there is a checkpoint after every weight update, with 0 only
/// after every epoch; what is learned is the same.
#[test]
fn checkpoints_within_an_epoch_change_nothing() {
    let bench = Bench::new();
    let change = |minutes: f64| {
        json!({"epochs": 2, "batch_size": 2, "accumulation_steps": 2, "evaluation_steps": 1,
            "checkpoint_minutes": minutes})
    };
    for (minutes, name) in [(0.0, "never"), (1e-12, "always")] {
        let (catalog, stop, maps) = (catalog(), AtomicBool::new(false), bench.path(name));
        let step = |event: &Event| match event {
            Event::EpochStarted { .. } => Some(0),
            Event::Step { step, .. } => Some(*step),
            _ => None,
        };
        let seen = std::sync::Mutex::new(Vec::new());
        let events = |event: &Event| {
            seen.lock().unwrap().extend(step(event).map(|step| (step, stands(&maps))));
        };
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        run(&bench.options(name, change(minutes)), &session).unwrap();
        let seen = seen.into_inner().unwrap();
        // Four batches, and an update after every second one.
        assert_eq!(seen.len(), 2 * 5);
        for (i, (step, stands)) in seen.into_iter().enumerate() {
            let (epoch, updated) = (i / 5, (step.max(1) - 1) / 2 * 2);
            let expected = match (minutes > 0.0, epoch, updated) {
                (_, 0, 0) => None,
                (true, _, batches) => Some((epoch, batches)),
                (false, 0, _) => None,
                (false, ..) => Some((epoch, 0)),
            };
            assert_eq!(stands, expected, "{name}, epoch {epoch}, step {step}");
        }
    }
    assert_same(&bench.path("always"), &bench.path("never"));
}

/// Stopped within the first epoch, a network goes on without the weights that it began with; a split
/// that was not begun needs them, and they must be those that were there.
#[test]
fn the_weights_to_begin_with_are_needed_only_by_who_still_begins() {
    let bench = Bench::with(|options| options.n_splits = 2);
    bench.run("source", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let change = || json!({"transfer": bench.path("source"), "epochs": 2, "batch_size": 2});
    bench.run("whole", change()).unwrap();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let begin = |name: &str, split: usize| {
        let within = AtomicBool::new(false);
        let events = |event: &Event| match event {
            Event::SplitStarted { split: now, .. } => {
                within.store(*now == split, Ordering::Relaxed)
            }
            Event::Step { .. } if within.load(Ordering::Relaxed) => {
                stop.store(true, Ordering::Relaxed);
            }
            _ => {}
        };
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        let error = run(&bench.options(name, change()), &session).err().unwrap();
        assert_eq!(error.code(), Code::Interrupted, "{error}");
        stop.store(false, Ordering::Relaxed);
    };
    begin("first", 0);
    begin("second", 1);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let (source, away) = (bench.path("source"), bench.path("away"));
    std::fs::rename(&source, &away).unwrap();
    resume(&bench.path("second"), None, &session).unwrap();
    assert_same(&bench.path("second"), &bench.path("whole"));
    let error = resume(&bench.path("first"), None, &session).err().unwrap();
    assert_eq!(error.code(), Code::FileNotFound, "{error}");
    assert!(error.to_string().contains("split 1 still begins with these weights"), "{error}");
    std::fs::rename(&away, &source).unwrap();

    // Begun, but without a checkpoint: the weights must be those that are noted down.
    let model = source.join("split-0/best-loss/model.safetensors");
    let (kept, other) = (std::fs::read(&model).unwrap(), source.join("split-1/best-loss"));
    std::fs::remove_file(bench.path("first/split-0/tmp/checkpoint.safetensors")).unwrap();
    std::fs::copy(other.join("model.safetensors"), &model).unwrap();
    let error = resume(&bench.path("first"), None, &session).err().unwrap();
    assert!(error.to_string().contains("not those that training began with"), "{error}");
    std::fs::write(&model, kept).unwrap();
    resume(&bench.path("first"), None, &session).unwrap();
    assert_same(&bench.path("first"), &bench.path("whole"));
}

#[test]
fn what_is_no_experiment_is_refused_with_what_to_do() {
    let bench = Bench::new();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let help = |name: &str| {
        let error = resume(&bench.path(name), None, &session).err().unwrap();
        assert_eq!(error.code(), Code::FileNotFound, "{error}");
        error.problems()[0].help.clone().unwrap()
    };
    assert!(help("nowhere").contains("it is no experiment folder"));
    assert!(!bench.path("nowhere").exists());
    // Killed before maps.json, which is written when all the rest is.
    std::fs::create_dir(bench.path("early")).unwrap();
    std::fs::write(bench.path("early/.lock"), "1").unwrap();
    assert!(help("early").contains("stopped before training began"));
    std::fs::create_dir(bench.path("clinicadl")).unwrap();
    std::fs::write(bench.path("clinicadl/maps.json"), "{}").unwrap();
    assert!(help("clinicadl").contains("host import"));
}

#[test]
fn a_finished_experiment_is_extended_as_if_it_had_been_longer() {
    let bench = Bench::new();
    let change = |epochs: usize| json!({"epochs": epochs, "patience": 0});
    bench.run("long", change(5)).unwrap();
    bench.run("short", change(2)).unwrap();
    let maps = bench.path("short");
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let [(0, Standing::Finished(Some(_)))] = &standing(&maps).unwrap()[..] else {
        panic!("{:?}", standing(&maps))
    };
    resume(&maps, Some(5), &session).unwrap();
    assert_same(&maps, &bench.path("long"));
    // Once more there is nothing to do, and nothing changes.
    resume(&maps, None, &session).unwrap();
    assert_same(&maps, &bench.path("long"));
    // There is no way back to fewer epochs, and none is recorded.
    let error = resume(&maps, Some(4), &session).unwrap_err().to_string();
    assert!(error.contains("trained for 5 epochs already"), "{error}");
    assert_eq!(crate::Experiment::open(&maps).unwrap().configuration["epochs"], 5);
}

#[test]
fn what_changed_meanwhile_is_refused() {
    let bench = Bench::new();
    bench.run("maps", json!({})).unwrap();
    let maps = bench.path("maps");
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let table = bench.splits.join("train.tsv");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replacen("\talpha\t", "\tbeta\t", 1)).unwrap();
    let error = resume(&maps, None, &session).unwrap_err().to_string();
    assert!(error.contains("in train of split 0, or what is learned of them"), "{error}");
    std::fs::write(&table, text).unwrap();
    let images = |name: &String| name.starts_with("subjects") && name.ends_with(".nii.gz");
    let images: Vec<String> = files(&bench.caps).into_iter().filter(images).collect();
    std::fs::copy(bench.caps.join(&images[1]), bench.caps.join(&images[0])).unwrap();
    let error = resume(&maps, None, &session).unwrap_err();
    assert!(error.to_string().contains("not the one that training began with"), "{error}");
    std::fs::write(maps.join("split-0/last.safetensors"), b"cut").unwrap();
    assert_eq!(resume(&maps, None, &session).unwrap_err().code(), Code::BadMaps);
}
