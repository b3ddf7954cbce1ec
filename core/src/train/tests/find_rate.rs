//! Learning rates that are tried.

use super::*;

impl Bench {
    fn sweep(&self, sweep: Sweep, change: Value) -> crate::Result<FoundRates> {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        let mut options = self.options("none", change);
        options.remove("output");
        find_learning_rate(&options, &sweep, &session)
    }
}

fn sweep() -> Sweep {
    Sweep { from: 1e-5, to: 1e3, updates: 40 }
}

/// The same twice and with any number of threads; nothing is written; other seeds give others.
#[test]
fn a_sweep_is_the_same_twice_and_leaves_nothing() {
    let bench = Bench::new();
    let change = |seed, threads| {
        json!({"optimizer": "SGD", "seed": seed, "loader_threads": threads, "augmentation": ["Noise"],
            "accumulation_steps": 2})
    };
    let before = files(&bench.path(""));
    let first = bench.sweep(sweep(), change(1, 0)).unwrap();
    assert_eq!(first, bench.sweep(sweep(), change(1, 3)).unwrap());
    assert_ne!(first.points, bench.sweep(sweep(), change(2, 0)).unwrap().points);
    assert_eq!(files(&bench.path("")), before);
    assert!(first.diverged, "{first:?}");
    let rates: Vec<f64> = first.points.iter().map(|point| point.rate).collect();
    assert_eq!(rates[0], 1e-5);
    assert!(rates.is_sorted() && rates.len() > 10, "{rates:?}");
}

/// What is suggested trains better than a hundredth of it, and better than chance. With all images in a
/// batch the loss has no noise; with four of eight it never falls by more than that, and nothing is suggested.
#[test]
fn what_is_suggested_trains() {
    let bench = Bench::new();
    let mut options = json!({"optimizer": "SGD", "options": {"plain": true}, "epochs": 6, "patience": 0,
        "selection_metrics": ["loss"], "batch_size": 4});
    let found = bench.sweep(sweep(), options.clone()).unwrap();
    assert!(found.minimum.is_some() && found.suggestion.is_none(), "{found:?}");
    options["batch_size"] = json!(8);
    let found = bench.sweep(sweep(), options.clone()).unwrap();
    let suggestion = found.suggestion.unwrap_or_else(|| panic!("{found:?}"));
    let loss = |name: &str, rate: f64| {
        let mut options = options.clone();
        options["learning_rate"] = json!(rate);
        let outcome = bench.run(name, options).unwrap();
        outcome.value(0, "loss", "train", "loss").unwrap()
    };
    let (found, small) = (loss("found", suggestion), loss("small", suggestion / 100.0));
    assert!(found < small && found < 2f64.ln(), "{found} at {suggestion}, {small} at a hundredth");
}

#[test]
fn options_are_those_of_training() {
    let bench = Bench::new();
    let error = bench.sweep(sweep(), json!({"optimizer": "Adm"})).unwrap_err();
    assert_eq!(error.code(), Code::BadOption, "{error}");
    let parts = json!({"data": tasks::patches(), "multi_network": true});
    assert_eq!(bench.sweep(Sweep { updates: 3, ..sweep() }, parts).unwrap().points.len(), 3);
}
