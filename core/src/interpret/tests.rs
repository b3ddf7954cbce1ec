//! Maps against captum's (tests/fixtures/make_interpret.py).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor, no_grad};

use super::options::Target;
use super::*;
use crate::catalog::Catalog;
use crate::network::{LayerSpec, NetworkSpec, channels_last};
use crate::task::Task;

struct Case {
    network: Network,
    targets: [usize; 2],
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    fn new(name: &str, input: &[i64], outputs: i64, targets: [usize; 2]) -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/interpret.safetensors");
        let all = Tensor::read_safetensors(file).unwrap();
        let prefix = format!("{name}/");
        let own =
            |(key, tensor): (String, Tensor)| Some((key.strip_prefix(&prefix)?.into(), tensor));
        let tensors: BTreeMap<String, Tensor> = all.into_iter().filter_map(own).collect();
        let layers = json!([
            {"kind": "conv", "out_channels": 3, "kernel_size": 3, "padding": 1}, {"kind": "batch_norm"},
            {"kind": "leaky_relu", "negative_slope": 0.1}, {"kind": "max_pool", "kernel_size": 2},
            {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"kind": "tanh"},
            {"kind": "flatten"}, {"kind": "dropout", "p": 0.5}, {"kind": "linear", "out_features": outputs}
        ]);
        let network = network(&layers, input);
        for (param, tensor) in network.state() {
            let value = &tensors[&format!("param/{}", param.name)];
            no_grad(|| tensor.shallow_clone().copy_(value));
        }
        Self { network: network.without_gradients().unwrap(), targets, tensors }
    }

    fn both() -> [(&'static str, Self); 2] {
        [
            ("volume", Self::new("volume", &[1, 6, 7, 5], 2, [0, 1])),
            ("slice", Self::new("slice", &[3, 7, 6], 3, [2, 0])),
        ]
    }

    fn samples<'a>(&'a self, x: &'a Tensor) -> Samples<'a> {
        Samples {
            x,
            targets: &self.targets,
            seeds: &[1, 2],
            baseline: None,
            inside: None,
            batch_size: 5,
            goes_on: &|_, _| Ok(()),
        }
    }

    fn maps(&self, method: &str, options: Value, with_baseline: bool) -> Attribution {
        let method = Method::named(method, options.as_object().unwrap()).unwrap();
        method.check(&self.network.plan).unwrap();
        let x = channels_last(&self.tensors["input"]).unwrap();
        let samples = Samples {
            baseline: with_baseline.then(|| &self.tensors["baseline"]),
            ..self.samples(&x)
        };
        method.attribute(&self.network, &samples).unwrap()
    }
}

fn network(layers: &Value, input: &[i64]) -> Network {
    let spec = NetworkSpec::from_layers("test", LayerSpec::list(layers).unwrap());
    let plan = Plan::new(spec, input, &Catalog::built_in().unwrap()).unwrap();
    Network::new(plan, 0, Device::Cpu).unwrap()
}

#[track_caller]
fn close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let difference = (found - expected).abs().max().double_value(&[]);
    let scale = expected.abs().max().double_value(&[]);
    assert!(scale > 1e-3 && difference <= 2e-5 * scale.max(1.0), "{what}: off by {difference}");
}

fn list(tensor: &Tensor) -> Vec<f64> {
    tensor.to_kind(Kind::Double).try_into().unwrap()
}

#[test]
fn maps_are_captums() {
    for (name, case) in Case::both() {
        let window = if name == "volume" { json!([4, 3, 2]) } else { json!([4, 3]) };
        for (method, options, baseline, expected) in [
            ("gradients", json!({}), false, "gradients"),
            ("integrated_gradients", json!({"steps": 8}), false, "integrated_gradients"),
            ("integrated_gradients", json!({"steps": 8}), true, "integrated_gradients_baseline"),
            ("occlusion", json!({"size": 3}), false, "occlusion"),
            (
                "occlusion",
                json!({"size": window, "stride": 2, "fill": 0.5}),
                false,
                "occlusion_overlap",
            ),
        ] {
            let found = case.maps(method, options, baseline);
            let what = format!("{expected} of the {name}");
            close(&what, &found.maps, &case.tensors[expected]);
            for (score, expected) in found.scores.iter().zip(list(&case.tensors["scores"])) {
                assert!((score - expected).abs() < 1e-5, "{what}: score {score}, not {expected}");
            }
        }
    }
}

/// Before it is enlarged, the map is that of captum, which aligns the corners to enlarge it.
#[test]
fn the_cells_of_grad_cam_are_captums() {
    for (name, case) in Case::both() {
        let subject = Subject { network: &case.network };
        let samples = case.samples(&case.tensors["input"]);
        for (options, expected) in [
            (json!({}), "grad_cam"),
            (json!({"level": 4}), "grad_cam_level"),
            (json!({"relu": true}), "grad_cam_relu"),
        ] {
            let method = Method::named("grad_cam", options.as_object().unwrap()).unwrap();
            let (cells, _) = grad_cam::cells(&subject, &samples, &method.options).unwrap();
            let size = &samples.x.size()[2..];
            let grid = grad_cam::corners(&cells.size()[2..], size);
            let found = grad_cam::enlarged(&cells, &grid, size).unwrap();
            close(&format!("{expected} of the {name}"), &found, &case.tensors[expected]);
        }
    }
}

/// Where cells look, and what maps hold between their centres (tests/fixtures/make_grad_cam.py).
#[test]
fn maps_of_grad_cam_lie_where_their_cells_look() {
    let text = include_str!("../../../tests/fixtures/grad_cam.json");
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(all.len(), 4);
    for case in &all {
        let numbers =
            |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
        let sizes = |key: &str| -> Vec<i64> { serde_json::from_value(case[key].clone()).unwrap() };
        let spec = NetworkSpec::from_layers("test", LayerSpec::list(&case["layers"]).unwrap());
        let input = sizes("input");
        let plan = Plan::new(spec, &input, &Catalog::built_in().unwrap()).unwrap();
        let last = plan.rows.iter().rfind(|row| row.depth == 0).unwrap();
        let grid = plan.grid(&last.path).unwrap();
        assert_eq!((&grid.start, &grid.stride), (&numbers("start"), &numbers("stride")));
        let shape = [&[1, 1], &last.output[1..]].concat();
        let cells = Tensor::from_slice(&numbers("cells")).to_kind(Kind::Float).view(&shape[..]);
        let found = grad_cam::enlarged(&cells, &grid, &input[1..]).unwrap();
        let expected = Tensor::from_slice(&numbers("map")).to_kind(Kind::Float);
        close(&case["layers"].to_string(), &found.flatten(0, -1), &expected);
    }
}

#[test]
fn where_cells_look_is_told_where_it_is_not_known() {
    let caution = |layers: Value| {
        let method = Method::named("grad_cam", &Map::new()).unwrap();
        method.caution(&network(&layers, &[1, 8, 8]).plan).unwrap()
    };
    let (conv, flat) = (
        || json!({"kind": "conv", "out_channels": 2, "kernel_size": 3, "padding": 1, "stride": 2}),
        || json!({"kind": "linear", "out_features": 2}),
    );
    let ends = |layer: Value| json!([conv(), layer, conv(), {"kind": "flatten"}, flat()]);
    let same = json!({"kind": "residual", "body": [{"kind": "relu"}]});
    assert_eq!(caution(ends(same)), None);
    let told = caution(ends(json!({"kind": "reshape", "shape": [2, 2, 8]}))).unwrap();
    assert!(told.contains("convolutions.2"), "{told}");
}

/// What the network does not see is not covered: a fill that is not 0 changes nothing there.
#[test]
fn windows_leave_what_does_not_count() {
    let [_, (_, case)] = Case::both();
    let method = Method::named("occlusion", json!({"size": 2, "fill": 0.5}).as_object().unwrap());
    let method = method.unwrap();
    let of = |x: &Tensor, inside: &[Vec<bool>]| {
        let samples = Samples { inside: Some(inside), ..case.samples(x) };
        method.attribute(&case.network, &samples).unwrap().maps
    };
    let x = &case.tensors["input"];
    let voxels: usize = 7 * 6;
    let all = of(x, &vec![vec![true; voxels]; 2]);
    close("everything", &all, &case.maps("occlusion", json!({"size": 2, "fill": 0.5}), false).maps);
    let none = of(x, &vec![vec![false; voxels]; 2]);
    assert_eq!(none.abs().max().double_value(&[]), 0.0);
    // The voxel [0, 0] alone: as if a window of one voxel lay there.
    let one: Vec<bool> = (0..voxels).map(|at| at == 0).collect();
    let covered = x.copy();
    drop(covered.narrow(2, 0, 1).narrow(3, 0, 1).fill_(0.5));
    let subject = Subject { network: &case.network };
    let [before, after] = [x, &covered].map(|x| subject.scores(x, &case.targets).unwrap()[0]);
    let found = of(x, &vec![one; 2]);
    let value = |x: i64, y: i64| found.double_value(&[0, 0, x, y]);
    assert!((value(0, 0) - (before - after)).abs() < 1e-6 && value(0, 0).abs() > 1e-6);
    assert_eq!((value(1, 1), value(2, 2)), (value(0, 0), 0.0));
}

/// Between steps a method can be stopped, and says how far it is.
#[test]
fn methods_tell_their_steps() {
    let [_, (_, case)] = Case::both();
    for (method, options, steps) in [
        ("integrated_gradients", json!({"steps": 4}), vec![(1, 4), (2, 4), (3, 4), (4, 4)]),
        ("smooth_grad", json!({"copies": 2}), vec![(1, 2), (2, 2)]),
        // Of 42 windows of one voxel, five at a time but for those that change nothing.
        (
            "occlusion",
            json!({"size": 1, "fill": -1.0}),
            (1..=18)
                .map(|i| {
                    let (image, chunk) = ((i - 1) / 9, (i - 1) % 9 + 1);
                    (image * 42 + (chunk * 5).min(42), 84)
                })
                .collect(),
        ),
    ] {
        let method = Method::named(method, options.as_object().unwrap()).unwrap();
        let told = std::cell::RefCell::new(Vec::new());
        let goes_on = |done, of| {
            told.borrow_mut().push((done, of));
            Ok(())
        };
        let x = &case.tensors["input"];
        let samples = Samples { goes_on: &goes_on, ..case.samples(x) };
        method.attribute(&case.network, &samples).unwrap();
        assert_eq!(told.take(), steps, "{}", method.name());
        let stop = |_, _| Err(Error::new(Code::Interrupted, "stopped"));
        let samples = Samples { goes_on: &stop, ..case.samples(x) };
        let error = method.attribute(&case.network, &samples).unwrap_err();
        assert_eq!(error.code(), Code::Interrupted);
    }
}

#[test]
fn smooth_grad_is_the_mean_over_noisy_copies() {
    for (name, case) in Case::both() {
        let subject = Subject { network: &case.network };
        let noise = &case.tensors["noise"];
        let normal = |copy: u64| Ok(noise.get(copy as i64));
        let samples = case.samples(&case.tensors["input"]);
        let found = smooth_grad::mean(&subject, &samples, 2, 0.15, normal);
        close(name, &found.unwrap(), &case.tensors["smooth_grad"]);
    }
}

/// Noise belongs to a sample, not to its place in a batch; without noise it is the gradient.
#[test]
fn noise_is_drawn_for_each_sample() {
    let [(_, case), _] = Case::both();
    let method =
        |options: Value| Method::named("smooth_grad", options.as_object().unwrap()).unwrap();
    let of = |method: &Method, samples: &[usize], seeds: &[u64]| {
        let rows: Vec<i64> = samples.iter().map(|sample| *sample as i64).collect();
        let x = case.tensors["input"].index_select(0, &Tensor::from_slice(&rows));
        let targets: Vec<usize> = samples.iter().map(|sample| case.targets[*sample]).collect();
        let samples = Samples { targets: &targets, seeds, batch_size: 1, ..case.samples(&x) };
        method.attribute(&case.network, &samples).unwrap().maps
    };
    let noisy = method(json!({"copies": 3}));
    let both = of(&noisy, &[0, 1], &[11, 12]);
    close("alone", &of(&noisy, &[1], &[12]), &both.narrow(0, 1, 1));
    assert!((of(&noisy, &[1], &[13]) - both.narrow(0, 1, 1)).abs().max().double_value(&[]) > 1e-4);
    let silent = of(&method(json!({"copies": 2, "noise": 0.0})), &[0, 1], &[1, 2]);
    close("without noise", &silent, &case.tensors["gradients"]);
}

/// The more steps, the nearer the sum of a map comes to what it explains.
#[test]
fn integrated_gradients_sum_up_to_the_difference_of_scores() {
    for (name, case) in Case::both() {
        let found = case.maps("integrated_gradients", json!({"steps": 400}), true);
        let sums = list(&found.maps.flatten(1, -1).sum_dim_intlist(1, false, Kind::Double));
        let baselines = found.baseline_scores.unwrap();
        let mut largest = 0f64;
        for ((sum, score), baseline) in sums.iter().zip(found.scores).zip(baselines) {
            let gap = sum - (score - baseline);
            assert!(gap.abs() < 2e-3, "{name}: gap {gap}");
            largest = largest.max((score - baseline).abs());
        }
        assert!(largest > 0.05, "{name}: {largest}");
    }
}

#[track_caller]
fn refused(layers: Value, input: &[i64], method: &str, options: Value, words: &str) {
    let method = Method::named(method, options.as_object().unwrap());
    let checked = method.and_then(|method| method.check(&network(&layers, input).plan));
    let error = checked.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_cannot_be_explained_is_refused_before_anything_is_computed() {
    let flat = || json!([{"kind": "flatten"}, {"kind": "linear", "out_features": 2}]);
    let net = || {
        json!([{"kind": "conv", "out_channels": 2, "kernel_size": 3}, {"kind": "relu"},
               {"kind": "flatten"}, {"kind": "linear", "out_features": 2}])
    };
    let input = &[1, 5, 6, 7];
    refused(flat(), input, "grad_cam", json!({}), "a part called convolutions");
    refused(net(), input, "grad_cam", json!({"level": 3}), "has 2 layers");
    refused(net(), input, "grad_cam", json!({"levels": 3}), "level");
    refused(net(), input, "occlusion", json!({"size": 6}), "6×6×6 does not fit");
    refused(net(), input, "occlusion", json!({"size": 2, "stride": 3}), "leave gaps");
    refused(net(), input, "occlusion", json!({"size": [2, 2]}), "size");
    refused(net(), input, "gradcam", json!({}), "grad_cam");
}

#[test]
fn a_score_that_does_not_depend_on_the_image_is_told() {
    let [(_, case), _] = Case::both();
    let constant = Tensor::ones([2], (Kind::Float, Device::Cpu));
    let error = subject::slope(&constant, &case.tensors["input"]).unwrap_err();
    assert_eq!(error.code(), Code::NotDifferentiable);
    let x = case.tensors["input"].copy().set_requires_grad(true);
    let elsewhere = constant.set_requires_grad(true).copy();
    assert_eq!(subject::slope(&elsewhere, &x).unwrap_err().code(), Code::NotDifferentiable);
}

#[test]
fn a_target_is_a_class_by_name_or_code_or_the_output_of_a_regression() {
    let classes = ["AD", "1", "0"].map(String::from);
    let target = |task, given: Value| {
        let mut options = json!({"method": "gradients"});
        if !given.is_null() {
            options["target"] = given;
        }
        let asked = options::Asked::read(options.as_object().unwrap()).unwrap();
        asked.target(task, &classes).map_err(|error| (error.code(), error.to_string()))
    };
    let class = |given: Value| target(Task::Classification, given);
    assert_eq!(class(Value::Null), Ok(Target::Output(0)));
    assert_eq!(class(json!("AD")), Ok(Target::Output(0)));
    // A name comes before a code.
    assert_eq!(class(json!("0")), Ok(Target::Output(2)));
    assert_eq!(class(json!(2)), Ok(Target::Output(2)));
    assert_eq!(class(json!("predicted")), Ok(Target::Predicted));
    assert_eq!(class(json!("CN")).unwrap_err().0, Code::UnknownClass);
    assert_eq!(class(json!(3)).unwrap_err().0, Code::UnknownClass);
    assert_eq!(target(Task::Regression, Value::Null), Ok(Target::Output(0)));
    assert_eq!(target(Task::Regression, json!("AD")).unwrap_err().0, Code::BadOption);
    let (_, words) = target(Task::Reconstruction, Value::Null).unwrap_err();
    assert!(words.contains("save-nifti"), "{words}");
}
