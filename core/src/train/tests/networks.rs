//! A network for each part of the image.

use super::*;

fn change(more: Value) -> Value {
    let mut all = json!({
        "data": {"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]},
        "multi_network": true, "selection_metrics": ["loss", "BA"],
    });
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// The same networks and tables whether one is trained at a time or three.
#[test]
fn networks_do_not_depend_on_how_many_are_trained_at_once() {
    let bench = Bench::new();
    bench.run("one", change(json!({"networks_at_once": 1}))).unwrap();
    bench.run("three", change(json!({"networks_at_once": 3}))).unwrap();
    let mut weights = std::collections::BTreeSet::new();
    let three: std::collections::BTreeMap<_, _> =
        resume::contents(&bench.path("three")).into_iter().collect();
    for (name, one) in resume::contents(&bench.path("one")) {
        assert!(one == three[&name], "{name}");
        if name.starts_with("split-0/best-loss/network-") {
            weights.insert(one);
        }
    }
    assert_eq!(weights.len(), 8, "each part has weights of its own");
}

/// The rows of a network are those of its part, and the image's are the parts' vote.
#[test]
fn a_part_is_predicted_by_its_own_network() {
    let bench = Bench::new();
    bench.run("maps", change(json!({"vote_weights": "uniform"}))).unwrap();
    let table = |name: &str| {
        let folder = "maps/split-0/best-loss/validation/validation";
        Table::read(&bench.path(&format!("{folder}_{name}.tsv"))).unwrap()
    };
    let number = |table: &Table, row, name: &str| {
        table.number(row, table.column(name).unwrap()).unwrap().unwrap()
    };
    let (parts, images) = (table("patch_level_prediction"), table("image_level_prediction"));
    assert_eq!(parts.len(), 8 * images.len());
    for image in 0..images.len() {
        let mean = (0..8).map(|part| number(&parts, 8 * image + part, "proba0")).sum::<f64>() / 8.0;
        assert!((mean - number(&images, image, "proba0")).abs() < 1e-9);
    }
    let per_network = table("patch_level_metrics_per_network");
    let own: Vec<usize> = (0..parts.len()).filter(|row| row % 8 == 3).collect();
    let right = |row: &&usize| {
        number(&parts, **row, "true_label") == number(&parts, **row, "predicted_label")
    };
    let accuracy = own.iter().filter(right).count() as f64 / own.len() as f64;
    assert!((number(&per_network, 3, "accuracy") - accuracy).abs() < 1e-12);
}

#[test]
fn one_part_is_no_ground_for_several_networks() {
    let bench = Bench::new();
    bench.refused(json!({"multi_network": true}), &[(Code::BadOption, "cut into several")]);
}

/// A single network becomes each of several, and each of several that of its number.
#[test]
fn networks_begin_with_the_only_one_or_that_of_their_number() {
    let bench = Bench::new();
    let still = json!({"epochs": 1, "learning_rate": 0.0, "weight_decay": 0.0});
    let with = |more: Value| {
        let mut all = still.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        change(all)
    };
    let weight = |folder: &str, name: &str| {
        let file = bench.path(folder).join("split-0/best-loss").join(name);
        let source = crate::transfer::Source::open(&file, &Default::default()).unwrap();
        let found = source.tensors.into_iter().find(|(name, _)| name == "convolutions.0.weight");
        found.unwrap().1
    };
    bench.run("single", with(json!({"multi_network": false}))).unwrap();
    bench.run("multi", with(json!({"transfer": bench.path("single")}))).unwrap();
    let single = weight("single", "model.safetensors");
    for i in 0..8 {
        assert!(weight("multi", &format!("network-{i}_model.safetensors")).equal(&single), "{i}");
    }
    bench.run("other", change(json!({"epochs": 1}))).unwrap();
    let other = json!({"transfer": bench.path("other")});
    bench.run("again", with(other.clone())).unwrap();
    for i in 0..8 {
        let name = format!("network-{i}_model.safetensors");
        assert!(weight("again", &name).equal(&weight("other", &name)), "{i}");
    }
    let mut one = other;
    one["multi_network"] = json!(false);
    let error = bench.run("none", with(one.clone())).unwrap_err();
    assert!(error.to_string().contains("one network per part"), "{error}");
    one["transfer_network"] = json!(5);
    bench.run("picked", with(one)).unwrap();
    let picked = weight("picked", "model.safetensors");
    assert!(picked.equal(&weight("other", "network-5_model.safetensors")));
}
