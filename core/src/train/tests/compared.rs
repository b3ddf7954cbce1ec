//! Two experiments side by side.

use super::*;
use crate::compare::{Comparison, Parting, compare};

fn beside(bench: &Bench, a: &str, b: &str) -> Comparison {
    compare(&bench.path(a), &bench.path(b)).unwrap()
}

fn named(given: &[crate::compare::Given]) -> Vec<&str> {
    given.iter().map(|given| given.name.as_str()).collect()
}

#[test]
fn what_differs_is_found_where_it_begins() {
    let bench = Bench::new();
    let run = |name: &str, change: Value| drop(bench.run(name, change).unwrap());
    run("a", json!({"epochs": 3, "loader_threads": 0}));
    run("again", json!({"epochs": 3, "loader_threads": 2}));
    let found = beside(&bench, "a", "again");
    assert!(found.same(), "{found:?}");
    assert_eq!(found.courses[0].epochs, (3, 3));
    let given = [found.options.len(), found.environment.len(), found.files.len()];
    assert_eq!((given, found.images.len()), ([0; 3], 0), "{found:?}");

    // A warm-up of the learning rate shows in the weights alone.
    run("rate", json!({"epochs": 3, "warmup_epochs": 1}));
    let found = beside(&bench, "a", "rate");
    assert!(!found.same());
    assert_eq!(named(&found.options), ["warmup_epochs"]);
    let after = |epoch| Some(Parting { epoch, what: vec!["weights_after".into()] });
    assert_eq!(found.courses[0].parting, after(0));
    assert!(found.scores.iter().any(|score| score.metric == "loss" && score.a != score.b));

    // The learning rate falls after two epochs, which are the same.
    let falling = json!({"epochs": 3, "schedule": "StepLR", "schedule_options": {"step_size": 2}});
    run("falling", falling);
    let found = beside(&bench, "a", "falling");
    assert_eq!(named(&found.options), ["schedule", "schedule_options.step_size"], "{found:?}");
    assert_eq!(found.courses[0].parting, after(2));

    run("seed", json!({"epochs": 2, "seed": 2, "augmentation": ["Noise"]}));
    let found = beside(&bench, "a", "seed");
    let what = ["weights_before", "order", "augmentation", "weights_after"].map(String::from);
    assert_eq!(found.courses[0].parting, Some(Parting { epoch: 0, what: what.to_vec() }));
    assert_eq!(found.courses[0].epochs, (3, 2));
}

/// Images that changed are told by participant; a longer training is not the same.
#[test]
fn inputs_that_differ_are_named() {
    let bench = Bench::new();
    bench.run("a", json!({})).unwrap();
    let images = |name: &String| name.starts_with("subjects") && name.ends_with(".nii.gz");
    let images: Vec<String> = files(&bench.caps).into_iter().filter(images).collect();
    let before = std::fs::read(bench.caps.join(&images[0])).unwrap();
    std::fs::copy(bench.caps.join(&images[1]), bench.caps.join(&images[0])).unwrap();
    bench.run("b", json!({})).unwrap();
    std::fs::write(bench.caps.join(&images[0]), before).unwrap();
    let found = beside(&bench, "a", "b");
    let [image] = &found.images[..] else { panic!("{:?}", found.images) };
    assert!(images[0].contains(&image.participant) && images[0].contains(&image.session));
    assert!(image.a.is_some() && image.b.is_some() && found.options.is_empty());

    bench.run("longer", json!({"epochs": 3})).unwrap();
    let found = beside(&bench, "a", "longer");
    assert!(found.courses[0].parting.is_none() && !found.same());
    assert_eq!(named(&found.options), ["epochs"]);
    let error = compare(&bench.path("a"), &bench.caps).unwrap_err();
    assert_eq!(error.code(), Code::BadMaps);
}

#[test]
fn each_network_has_its_course() {
    let bench = Bench::new();
    let change = |epochs: usize| {
        json!({"multi_network": true, "selection_metrics": ["loss"], "epochs": epochs,
            "data": {"mode": "patch", "patch_size": [20, 22, 9], "stride_size": [20, 22, 9]}})
    };
    bench.run("a", change(1)).unwrap();
    bench.run("b", change(1)).unwrap();
    let found = beside(&bench, "a", "b");
    let networks: Vec<_> = found.courses.iter().map(|c| c.network.as_deref()).collect();
    assert_eq!(networks, [Some("0"), Some("1")]);
    assert!(found.same() && found.courses.iter().all(|course| course.epochs == (1, 1)));
}
