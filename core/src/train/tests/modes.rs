//! Runs repeat, under libtorch's modes too; the fingerprints of epochs.

use super::resume::{assert_same, go_on};
use super::*;

fn fingerprints(maps: &Path) -> Vec<Vec<String>> {
    let table = Table::read(&maps.join("split-0/training_logs/fingerprints.tsv")).unwrap();
    let names = ["epoch", "order", "augmentation", "weights_before", "weights_after"];
    assert_eq!(table.columns(), names);
    let cell = |row, column| table.text(row, column).unwrap_or("n/a").to_owned();
    (0..table.len()).map(|row| (0..5).map(|column| cell(row, column)).collect()).collect()
}

#[test]
fn results_depend_on_the_seed_and_on_nothing_else() {
    let bench = Bench::new();
    let change = || json!({"augmentation": ["Noise"], "loader_threads": 0});
    bench.run("a", change()).unwrap();
    let read = |run: &str, file: &str| std::fs::read(bench.path(run).join(file)).unwrap();
    for (threads, cache) in [(0, 0), (1, 64), (4, 64), (4, 0)] {
        let mut change = change();
        change["loader_threads"] = threads.into();
        change["data"] = json!({"cache_mb": cache});
        let run = format!("b-{threads}-{cache}");
        bench.run(&run, change).unwrap();
        resume::assert_same(&bench.path(&format!("{run}/split-0")), &bench.path("a/split-0"));
    }
    bench.run("c", json!({"seed": 2, "augmentation": ["Noise"]})).unwrap();
    assert!(
        read("a", "split-0/best-loss/model.safetensors")
            != read("c", "split-0/best-loss/model.safetensors")
    );
}

/// Each column tells its own part: what is changed shows there, and where it must.
#[test]
fn fingerprints_tell_what_an_epoch_did() {
    let bench = Bench::new();
    let run = |name: &str, change: Value| {
        bench.run(name, change).unwrap();
        fingerprints(&bench.path(name))
    };
    let plain = run("plain", json!({}));
    assert_eq!(plain.len(), 2);
    let [first, second] = &plain[..] else { unreachable!() };
    assert_eq!((first[0].as_str(), second[0].as_str()), ("0", "1"));
    assert_ne!(first[1], second[1], "every epoch has its own order");
    assert_eq!(first[2], "none");
    assert_eq!(first[4], second[3], "an epoch begins where the last one ended");
    assert_eq!(plain, run("again", json!({"loader_threads": 2, "deterministic": true})));

    let faster = run("faster", json!({"learning_rate": 2e-3}));
    assert_eq!(faster[0][..4], first[..4], "only what is learned differs");
    assert!(faster[0][4] != first[4] && faster[1][3] != second[3]);
    let noisy = run("noisy", json!({"augmentation": ["Noise"]}));
    assert!(noisy[0][1] == first[1] && noisy[0][2] != "none" && noisy[0][2] != noisy[1][2]);
    let other = run("other", json!({"augmentation": [{"name": "Noise", "std": 0.3}]}));
    assert_ne!(noisy[0][2], other[0][2], "the options of a transform count");
    let seeded = run("seeded", json!({"seed": 7}));
    assert!(seeded[0][1] != first[1] && seeded[0][3] != first[3]);
}

/// With bfloat16, too, results depend neither on threads nor on an interruption.
#[test]
fn runs_with_bfloat16_repeat_and_go_on() {
    let bench = Bench::new();
    let change = || json!({"precision": "bfloat16", "epochs": 3, "evaluation_steps": 2});
    bench.run("whole", change()).unwrap();
    let mut threads = change();
    threads["loader_threads"] = 4.into();
    bench.run("again", threads).unwrap();
    assert_same(&bench.path("again"), &bench.path("whole"));
    let (catalog, stop, told) = (catalog(), AtomicBool::new(false), AtomicUsize::new(0));
    let events = |event: &Event| {
        let step = matches!(event, Event::Step { .. });
        if step && told.fetch_add(1, Ordering::Relaxed) == 3 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let error = run(&bench.options("stopped", change()), &session).unwrap_err();
    assert_eq!(error.code(), Code::Interrupted, "{error}");
    let maps = bench.path("stopped");
    while !go_on(&maps, 45) {}
    assert_same(&maps, &bench.path("whole"));
    let maps_json = std::fs::read(maps.join("maps.json")).unwrap();
    let maps_json: Value = serde_json::from_slice(&maps_json).unwrap();
    assert_eq!(maps_json["amp"], true);
    assert_eq!(maps_json["neurhai"]["configuration"]["precision"], "bfloat16");
}

/// The same training in float32 and bfloat16, epoch by epoch: README states this tolerance.
#[test]
fn losses_with_bfloat16_are_those_with_float32_nearly() {
    let bench = Bench::with(|options| options.participants_per_class = 10);
    let losses = |name: &str, precision: &str| {
        bench.run(name, json!({"precision": precision, "epochs": 8, "patience": 0})).unwrap();
        let table = bench.path(name).join("split-0/training_logs/training.tsv");
        let table = Table::read(&table).unwrap();
        ["loss_train", "loss_valid"].map(|column| {
            let column = table.column(column).unwrap();
            (0..8).map(|row| table.number(row, column).unwrap().unwrap()).collect::<Vec<f64>>()
        })
    };
    let (exact, found) = (losses("float32", "float32"), losses("bfloat16", "bfloat16"));
    assert_ne!(exact, found, "other numbers were computed with");
    for (exact, found) in exact.iter().flatten().zip(found.iter().flatten()) {
        assert!((exact - found).abs() <= 2e-3, "{exact} {found}");
    }
}

#[test]
fn modes_that_cannot_be_are_refused() {
    let bench = Bench::new();
    bench.refused(json!({"precision": "float16"}), &[(Code::BadOption, "float16 is for GPUs")]);
    bench.refused(json!({"compensation": "time"}), &[(Code::BadOption, "deterministic is not")]);
}

/// The mode is recorded, and runs repeat under it.
#[test]
fn a_deterministic_run_says_so() {
    let bench = Bench::new();
    let options = json!({"deterministic": true, "compensation": "time"});
    bench.run("a", options.clone()).unwrap();
    bench.run("b", options).unwrap();
    assert_same(&bench.path("a"), &bench.path("b"));
    let maps = std::fs::read(bench.path("a/maps.json")).unwrap();
    let maps: Value = serde_json::from_slice(&maps).unwrap();
    assert_eq!((&maps["deterministic"], &maps["compensation"]), (&json!(true), &json!("time")));
}
