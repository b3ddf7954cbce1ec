//! What the options say about weight updates reaches the training.

use super::*;

fn learning_rates(maps: &Path) -> Vec<f64> {
    let table = Table::read(&maps.join("split-0/training_logs/training.tsv")).unwrap();
    let column = table.column("learning_rate").unwrap();
    (0..table.len()).map(|row| table.number(row, column).unwrap().unwrap()).collect()
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found.iter().zip(expected).all(near), "{found:?}, not {expected:?}");
}

#[test]
fn the_learning_rate_follows_its_schedule() {
    let bench = Bench::new();
    bench
        .run(
            "step",
            json!({"epochs": 5, "warmup_epochs": 1, "schedule": "StepLR", "optimizer": "AdamW",
                "schedule_options": {"step_size": 2, "gamma": 0.5}}),
        )
        .unwrap();
    assert_near(&learning_rates(&bench.path("step")), &[1e-3, 1e-3, 1e-3, 5e-4, 5e-4]);

    // No loss falls to a thousandth of another, so every epoch but the first waits in vain.
    let options = json!({"patience": 0, "threshold": 0.999, "factor": 0.5});
    let change = json!({"epochs": 4, "schedule": "ReduceLROnPlateau", "schedule_options": options});
    bench.run("plateau", change).unwrap();
    assert_near(&learning_rates(&bench.path("plateau")), &[1e-3, 1e-3, 5e-4, 2.5e-4]);
    let maps = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(bench.path(name).join("maps.json")).unwrap()).unwrap()
    };
    let (step, plateau) = (maps("step"), maps("plateau"));
    let said = |maps: &Value| (maps["optimizer"].clone(), maps["adaptive_learning_rate"].clone());
    assert_eq!(said(&step), (json!("AdamW"), json!(false)));
    assert_eq!(said(&plateau), (json!("Adam"), json!(true)));
}

#[test]
fn optimizers_groups_and_limits_have_an_effect() {
    let bench = Bench::new();
    let model = |name: &str, change: Value| {
        let mut all = json!({"epochs": 1, "options": {"plain": true}});
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        bench.run(name, all).unwrap();
        std::fs::read(bench.path(name).join("split-0/best-loss/model.safetensors")).unwrap()
    };
    let still = model("still", json!({"learning_rate": 0.0}));
    let factors = json!({"convolutions": 0, "fc": 0});
    assert!(still == model("factors", json!({"learning_rate_factors": factors})));
    let changes = [
        json!({}),
        json!({"optimizer": "SGD"}),
        json!({"optimizer": "SGD", "optimizer_options": {"momentum": 0.9}}),
        json!({"learning_rate_factors": {"fc": 0.5}}),
        json!({"weight_decay": 0.5}),
        json!({"weight_decay": 0.5, "decay_norms_and_biases": false}),
        json!({"optimizer": "SGD", "clip_norm": 1e-3}),
        json!({"optimizer": "SGD", "clip_value": 1e-3}),
    ];
    let mut models = vec![still];
    for (i, change) in changes.into_iter().enumerate() {
        let found = model(&i.to_string(), change.clone());
        assert!(!models.contains(&found), "{change} changes nothing");
        models.push(found);
    }
}

#[test]
fn everything_wrong_with_the_updates_is_told_at_once() {
    let bench = Bench::new();
    bench.refused(
        json!({"optimizer": "Adamw", "schedule": "cosine"}),
        &[(Code::BadOption, "one of Adam, AdamW, SGD"), (Code::BadOption, "CosineAnnealingLR")],
    );
    bench.refused(
        json!({"optimizer_options": {"beta": [0.5, 0.5]}, "warmup_epochs": 2, "vote": "sofd",
            "learning_rate_factors": {"fc": -1}}),
        &[
            (Code::UnknownName, "did you mean \"soft\""),
            (Code::UnknownOption, "optimizer_options.beta"),
            (Code::BadOption, "warmup_epochs"),
            (Code::BadOption, "a number of at least 0, not -1"),
        ],
    );
    let no_schedule = json!({"schedule_options": {"step_size": 2}});
    bench.refused(no_schedule, &[(Code::BadOption, "no schedule")]);
    let factors = json!({"learning_rate_factors": {"convolution": 0.1}});
    bench.refused(factors, &[(Code::UnknownName, "did you mean \"convolutions\"")]);
    let frozen = json!({"learning_rate_factors": {"convolutions": 0.1}, "freeze": "convolutions"});
    bench.refused(frozen, &[(Code::UnknownName, "nothing in \"convolutions\" learns")]);
}

#[test]
fn a_schedule_over_all_epochs_cannot_be_extended() {
    let bench = Bench::new();
    bench.run("maps", json!({"schedule": "CosineAnnealingLR"})).unwrap();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let error = resume(&bench.path("maps"), Some(3), &session).unwrap_err();
    assert!(error.to_string().contains("the schedule spreads"), "{error}");
    resume(&bench.path("maps"), Some(2), &session).unwrap();
}
