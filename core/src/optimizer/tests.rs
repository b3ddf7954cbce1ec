use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::*;
use crate::random::Random;

fn fixture() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/optimizers.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

const NAMES: [&str; 2] = ["weight", "bias"];

/// The tensors of this name in a map of lists.
fn tensors(fixture: &Value, of: &Value) -> Vec<Tensor> {
    let tensor = |name: &str| {
        let list = |value: &Value| value.as_array().unwrap().clone();
        let values: Vec<f32> = list(&of[name]).iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let shape: Vec<i64> =
            list(&fixture["shapes"][name]).iter().map(|v| v.as_i64().unwrap()).collect();
        Tensor::from_slice(&values).view(&shape[..])
    };
    NAMES.iter().map(|name| tensor(name)).collect()
}

fn learned(values: &[Tensor]) -> Vec<Tensor> {
    values.iter().map(|value| value.detach().copy().set_requires_grad(true)).collect()
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn optimizer(params: &[Tensor], method: &Method, groups: &Groups, clip: Clip) -> Optimizer {
    let named: Vec<(&str, &Tensor)> = NAMES.into_iter().zip(params).collect();
    Optimizer::over(&named, method, groups, clip).unwrap()
}

fn set_grads(params: &[Tensor], grads: &[Tensor]) {
    for (param, grad) in params.iter().zip(grads) {
        (param * grad).sum(Kind::Float).backward();
    }
}

#[track_caller]
fn assert_near(found: &[Tensor], expected: &[Tensor], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (found.detach(), expected.detach());
        let off = (&found - &expected).abs() / (expected.abs() + 0.1);
        let off = off.max().double_value(&[]);
        assert!(off < 1e-6, "{what} is off by {off}");
    }
}

fn methods() -> Vec<(String, Method)> {
    let mut all = Vec::new();
    for case in fixture()["cases"].as_array().unwrap() {
        let name = case["optimizer"].as_str().unwrap();
        let method = Method::new(name, &map(&case["options"])).unwrap();
        all.push((format!("{name} {}", case["options"]), method));
    }
    all
}

/// Twenty steps on fixed gradients, against torch.optim (tests/fixtures/make_optimizers.py).
#[test]
fn steps_are_pytorchs() {
    let fixture = fixture();
    let lr = fixture["lr"].as_f64().unwrap();
    let mut names = Vec::new();
    for case in fixture["cases"].as_array().unwrap() {
        let name = case["optimizer"].as_str().unwrap();
        names.push(name.to_owned());
        let params = learned(&tensors(&fixture, &fixture["initial"]));
        let method = Method::new(name, &map(&case["options"])).unwrap();
        let groups = Groups::all(case["weight_decay"].as_f64().unwrap());
        let mut optimizer = optimizer(&params, &method, &groups, Clip::default());
        for (i, grads) in fixture["gradients"].as_array().unwrap().iter().enumerate() {
            set_grads(&params, &tensors(&fixture, grads));
            optimizer.step(lr).unwrap();
            let expected = &case["after"][(i + 1).to_string()];
            if expected.is_object() {
                let what = format!("{name} {} after {} steps", case["options"], i + 1);
                assert_near(&params, &tensors(&fixture, expected), &what);
            }
        }
        if case["ax"].is_object() {
            let state = optimizer.state().unwrap();
            let ax: Vec<Tensor> = state.into_iter().take(2).map(|(_, tensor)| tensor).collect();
            assert_near(&ax, &tensors(&fixture, &case["ax"]), "ax");
        }
    }
    names.dedup();
    assert_eq!(names, infos().into_iter().map(|info| info.name).collect::<Vec<_>>());
}

#[test]
fn gradients_are_limited_as_pytorch_does() {
    let fixture = fixture();
    let sgd = Method::new("SGD", &Map::new()).unwrap();
    for case in fixture["clipped"].as_array().unwrap() {
        let clip = Clip { norm: case["norm"].as_f64(), value: case["value"].as_f64() };
        let initial = tensors(&fixture, &fixture["initial"]);
        let params = learned(&initial.iter().map(Tensor::zeros_like).collect::<Vec<_>>());
        let mut sgd = optimizer(&params, &sgd, &Groups::all(0.0), clip);
        set_grads(&params, &tensors(&fixture, &fixture["gradients"][5]));
        // From zero, a step of 1 leads to the negative gradient.
        sgd.step(1.0).unwrap();
        let found: Vec<Tensor> = params.iter().map(|param| -param.detach()).collect();
        assert_near(&found, &tensors(&fixture, &case["grads"]), &format!("{clip:?}"));
    }
}

/// A training that stops after any step, is saved, and goes on with new tensors ends at the same bits,
/// learning rates that change and a parameter that is left out of a step included.
#[test]
fn saved_and_restored_in_the_middle_nothing_changes() {
    let fixture = fixture();
    let gradients: Vec<Vec<Tensor>> = fixture["gradients"].as_array().unwrap()[..8]
        .iter()
        .map(|grads| tensors(&fixture, grads))
        .collect();
    let groups = Groups { learning_rate_factors: vec![("bias".into(), 0.5)], ..Groups::all(0.1) };
    let clip = Clip { norm: Some(2.0), value: None };
    for (what, method) in methods() {
        let go = |params: &[Tensor], optimizer: &mut Optimizer, steps: std::ops::Range<usize>| {
            for step in steps {
                // The bias has no gradient in the third step.
                let used = if step == 2 { 1 } else { 2 };
                set_grads(&params[..used], &gradients[step]);
                optimizer.step(0.01 / (1 + step) as f64).unwrap();
            }
        };
        let whole = learned(&tensors(&fixture, &fixture["initial"]));
        go(&whole, &mut optimizer(&whole, &method, &groups, clip), 0..8);
        for middle in [1, 3, 6] {
            let first = learned(&tensors(&fixture, &fixture["initial"]));
            let mut before = optimizer(&first, &method, &groups, clip);
            go(&first, &mut before, 0..middle);
            let state: Vec<(String, Tensor)> =
                before.state().unwrap().into_iter().map(|(name, t)| (name, t.copy())).collect();
            let second = learned(&first);
            let mut after = optimizer(&second, &method, &groups, clip);
            after.load_state(&state).unwrap();
            go(&second, &mut after, middle..8);
            assert_eq!(second, whole, "{what} stopped after {middle} steps");
        }
    }
}

#[test]
fn what_has_no_gradient_stays_with_its_state() {
    for (what, method) in methods() {
        let params =
            learned(&[Tensor::ones([2], (Kind::Float, tch::Device::Cpu)), Tensor::from(1f32)]);
        let groups = Groups::all(0.1);
        let mut optimizer = optimizer(&params, &method, &groups, Clip::default());
        set_grads(&params, &[Tensor::from_slice(&[1f32, 2.0]), Tensor::from(1f32)]);
        optimizer.step(0.1).unwrap();
        let of_bias = |optimizer: &Optimizer| -> Vec<Tensor> {
            let state = optimizer.state().unwrap();
            let of_bias = state.into_iter().filter(|(name, _)| name.ends_with(".bias"));
            of_bias.map(|(_, tensor)| tensor.copy()).collect()
        };
        let (before, kept) = (params[1].detach().copy(), of_bias(&optimizer));
        set_grads(&params[..1], &[Tensor::from_slice(&[1f32, 2.0])]);
        optimizer.step(0.1).unwrap();
        assert_eq!((params[1].detach(), of_bias(&optimizer)), (before, kept), "{what}");
        assert!(!params[0].grad().defined());
    }
}

/// Parameters that are cut into pieces, the last one not whole, end where small ones do.
#[test]
fn large_parameters_are_updated_as_small_ones() {
    let threads = i64::from(tch::get_num_threads());
    let times = (5 << 15) * threads / 8 + 1;
    for (what, method) in methods() {
        let run = |times: i64| -> Vec<Tensor> {
            let fixture = fixture();
            let repeated = |of: &Value| -> Vec<Tensor> {
                tensors(&fixture, of).iter().map(|t| t.flatten(0, -1).repeat([times])).collect()
            };
            let params = learned(&repeated(&fixture["initial"]));
            let mut optimizer = optimizer(&params, &method, &Groups::all(0.1), Clip::default());
            for grads in &fixture["gradients"].as_array().unwrap()[..7] {
                set_grads(&params, &repeated(grads));
                optimizer.step(0.01).unwrap();
            }
            params
        };
        let small: Vec<Tensor> = run(1).iter().map(|param| param.repeat([times])).collect();
        assert_near(&run(times), &small, &what);
    }
}

/// The same tensors in any order, of any shapes, some without a gradient, end at the same bits.
#[test]
fn the_order_of_parameters_does_not_matter() {
    let clip = Clip { norm: Some(0.5), value: Some(0.9) };
    for (trial, (what, method)) in methods().iter().cycle().take(60).enumerate() {
        let mut random = Random::new(7, "optimizer order", &[trial as u64]);
        let count = 1 + (random.unit() * 6.0) as usize;
        let mut drawn = |shape: &[i64]| {
            let size = shape.iter().product::<i64>() as usize;
            let values: Vec<f32> = (0..size).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
            Tensor::from_slice(&values).view(shape)
        };
        let mut all = Vec::new();
        for i in 0..count {
            let sizes = drawn(&[4]);
            let axes = 1 + i % 3;
            let size = |k: usize| 1 + (sizes.double_value(&[k as i64]).abs() * 5.0) as i64;
            let shape: Vec<i64> = (0..axes).map(size).collect();
            let grads: Vec<Tensor> = (0..3).map(|_| drawn(&shape)).collect();
            all.push((format!("layer.{i}.weight"), drawn(&shape), grads));
        }
        let run = |order: &[usize]| -> Vec<Tensor> {
            let params: Vec<(usize, Tensor)> =
                order.iter().map(|i| (*i, all[*i].1.copy().set_requires_grad(true))).collect();
            let named: Vec<(&str, &Tensor)> =
                params.iter().map(|(i, param)| (all[*i].0.as_str(), param)).collect();
            let groups = Groups {
                decay_norms_and_biases: false,
                learning_rate_factors: vec![("layer.0".into(), 0.1)],
                ..Groups::all(0.05)
            };
            let mut optimizer = Optimizer::over(&named, method, &groups, clip).unwrap();
            for step in 0..3 {
                for (i, param) in &params {
                    if (i + step) % 4 != 3 {
                        (param * &all[*i].2[step]).sum(Kind::Float).backward();
                    }
                }
                optimizer.step(0.01).unwrap();
            }
            let mut params = params;
            params.sort_by_key(|(i, _)| *i);
            params.into_iter().map(|(_, param)| param.detach()).collect()
        };
        let straight: Vec<usize> = (0..count).collect();
        let mut shuffled = straight.clone();
        Random::new(8, "optimizer order", &[trial as u64]).shuffle(&mut shuffled);
        assert_eq!(run(&straight), run(&shuffled), "{what}, {shuffled:?}");
    }
}

/// With PyTorch's SGD without momentum a step is lr · (gradient + decay · weight), by hand.
#[test]
fn groups_have_their_own_decay_and_learning_rate() {
    let sgd = Method::new("SGD", &Map::new()).unwrap();
    let names = ["convolutions.0.weight", "convolutions.0.bias", "fc.1.weight", "fc.12.weight"];
    let params = learned(&[
        Tensor::from_slice(&[1f32]).view([1, 1]),
        Tensor::from_slice(&[1f32]),
        Tensor::from_slice(&[1f32]).view([1, 1]),
        Tensor::from_slice(&[1f32]).view([1, 1]),
    ]);
    let factors = [("convolutions", 0.1), ("fc", 2.0), ("fc.1", 0.0)];
    let groups = Groups {
        weight_decay: 0.5,
        decay_norms_and_biases: false,
        learning_rate_factors: factors.map(|(path, factor)| (path.to_owned(), factor)).into(),
    };
    let named: Vec<(&str, &Tensor)> = names.into_iter().zip(&params).collect();
    let mut sgd = Optimizer::over(&named, &sgd, &groups, Clip::default()).unwrap();
    set_grads(&params, &params.iter().map(Tensor::ones_like).collect::<Vec<_>>());
    sgd.step(0.1).unwrap();
    let expected = [1.0 - 0.01 * 1.5, 1.0 - 0.01, 1.0, 1.0 - 0.2 * 1.5];
    for ((param, expected), name) in params.iter().zip(expected).zip(names) {
        let found = param.detach().sum(Kind::Double).double_value(&[]);
        assert!((found - expected).abs() < 1e-6, "{name} is {found}, not {expected}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, options: Value, words: &str| {
        let error = Method::new(name, &map(&options)).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("Adm", json!({}), "did you mean \"Adam\"?");
    refused("Adam", json!({"beta": [0.9, 0.99]}), "did you mean \"betas\"?");
    refused("Adam", json!({"betas": [0.9]}), "two numbers");
    refused("Adam", json!({"betas": [0.9, 1.0]}), "a list of numbers from 0 to 0.999999");
    refused("SGD", json!({"nesterov": true}), "nesterov needs a momentum");

    let params = [Tensor::from(1f32)];
    let named: Vec<(&str, &Tensor)> = ["convolutions.0.bias"].into_iter().zip(&params).collect();
    let adam = Method::new("Adam", &Map::new()).unwrap();
    let groups = Groups {
        learning_rate_factors: vec![("convolution".into(), 0.1), ("fc.1".into(), 1.0)],
        ..Groups::all(0.0)
    };
    let error = Optimizer::over(&named, &adam, &groups, Clip::default()).err().unwrap();
    assert_eq!(error.problems().len(), 2, "{error}");
    assert!(error.to_string().contains("did you mean \"convolutions\"?"), "{error}");

    let mut adam = Optimizer::over(&named, &adam, &Groups::all(0.0), Clip::default()).unwrap();
    let sgd = Method::new("SGD", &Map::new()).unwrap();
    let sgd = Optimizer::over(&named, &sgd, &Groups::all(0.0), Clip::default()).unwrap();
    let error = adam.load_state(&sgd.state().unwrap()).unwrap_err();
    assert_eq!(error.code(), Code::BadMaps, "{error}");
}
