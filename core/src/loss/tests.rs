//! Every loss against PyTorch, gradients included, and what losses refuse.

use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::Latent;
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::task::Task;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn tensor(list: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&numbers(list)).to_kind(Kind::Float).view(shape)
}

fn learned(list: &Value, shape: &[i64]) -> Tensor {
    tensor(list, shape).set_requires_grad(true)
}

#[track_caller]
fn check(what: &str, found: &Tensor, expected: &Value) {
    let found = Vec::<f64>::try_from(found.detach().to_kind(Kind::Double).view(-1)).unwrap();
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        let close = (found - expected).abs() <= 2e-5 * size + 1e-7;
        assert!(close, "{what}: {found}, expected {expected}");
    }
}

/// Made by `tests/fixtures/make_losses.py`.
#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    let cases: Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/losses.json")).unwrap();
    let cases = cases.as_array().unwrap();
    let catalog = Catalog::built_in().unwrap();
    for entry in catalog.losses.iter() {
        assert!(cases.iter().any(|case| case["name"] == entry.info.name), "{}", entry.info.name);
    }
    for case in cases {
        let entry = catalog.losses.get(case["name"].as_str().unwrap()).unwrap();
        let options = entry.options(case["options"].as_object().unwrap()).unwrap();
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|size| *size as i64).collect();
        let what = format!("{} of {shape:?} with {}", entry.info.name, case["options"]);
        let output = learned(&case["output"], &shape);
        let target = match entry.trains(Task::Classification) {
            true => tensor(&case["target"], &shape[..1]).to_kind(Kind::Int64),
            false => tensor(&case["target"], &shape),
        };
        let latents: Vec<Latent> = case
            .get("latents")
            .map(|latents| {
                let shape = [shape[0], latents["size"].as_i64().unwrap()];
                Latent {
                    mean: learned(&latents["mean"], &shape),
                    log_variance: learned(&latents["log_variance"], &shape),
                }
            })
            .into_iter()
            .collect();
        let losses = entry.of_samples(&output, &target, &latents, &options).unwrap();
        check(&what, &losses, &case["losses"]);
        losses.sum(Kind::Float).backward();
        check(&format!("gradient of {what}"), &output.grad(), &case["gradients"]["output"]);
        for Latent { mean, log_variance } in &latents {
            for (name, tensor) in [("mean", mean), ("log_variance", log_variance)] {
                let what = format!("gradient of {name}, {what}");
                check(&what, &tensor.grad(), &case["gradients"][name]);
            }
        }
    }
}

fn loss(name: &str, output: &[f32], target: &[f32], shape: &[i64]) -> Result<Tensor> {
    let catalog = Catalog::built_in()?;
    let entry = catalog.losses.get(name)?;
    let options = entry.options(&Map::new())?;
    let (output, target) = (Tensor::from_slice(output), Tensor::from_slice(target).view(shape));
    entry.of_samples(&output.view([2, 1]), &target, &[], &options)
}

#[track_caller]
fn refused(result: Result<Tensor>, code: Code, words: &str) {
    let error: Error = result.unwrap_err();
    assert!(error.code() == code && error.to_string().contains(words), "{error}");
}

#[test]
fn targets_that_a_loss_cannot_take_are_named() {
    let wrong = loss("BCEWithLogitsLoss", &[0.0, 1.0], &[0.5, 70.0], &[2, 1]);
    refused(wrong, Code::BadValue, "targets of BCEWithLogitsLoss must be from 0 to 1, but 70");
    let wrong = loss("KLDivLoss", &[0.0, 1.0], &[0.5, -1.5], &[2, 1]);
    refused(wrong, Code::BadValue, "targets of KLDivLoss must be 0 or more, but -1.5");
    let wrong = loss("VAEBernoulliLoss", &[0.5, 1.5], &[0.5, 0.5], &[2, 1]);
    refused(wrong, Code::BadValue, "1.5 is among them");
    // libtorch would repeat the targets: 2 × 2 differences.
    for name in ["MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "BCEWithLogitsLoss"] {
        let wrong = loss(name, &[0.0, 1.0], &[0.5, 0.5], &[2]);
        refused(wrong, Code::ShapeMismatch, "outputs 2×1 with targets 2");
    }
}

#[test]
fn a_variational_loss_needs_latents() {
    for name in ["VAEGaussianLoss", "VAEBernoulliLoss", "VAEContinuousBernoulliLoss"] {
        let wrong = loss(name, &[0.5, 0.5], &[0.5, 0.5], &[2, 1]);
        refused(wrong, Code::BadNetwork, "needs a network with a `latent` layer");
    }
}

#[test]
fn numbers_that_are_not_finite_are_left_to_training() {
    let nan = loss("BCEWithLogitsLoss", &[f32::NAN, 1.0], &[0.5, 1.0], &[2, 1]).unwrap();
    assert!(nan.isnan().any().int64_value(&[]) == 1);
}

/// Outputs of a sigmoid may be 0 and 1 in float32.
#[test]
fn likelihoods_of_certain_outputs_are_finite() {
    let catalog = Catalog::built_in().unwrap();
    let output = || Tensor::from_slice(&[0f32, 1.0, 0.0, 1.0]).view([1, 1, 2, 2]);
    let target = Tensor::from_slice(&[0f32, 1.0, 1.0, 0.0]).view([1, 1, 2, 2]);
    let zeros = || Tensor::zeros([1, 3], tch::kind::FLOAT_CPU);
    let latents = [Latent { mean: zeros(), log_variance: zeros() }];
    for name in ["VAEBernoulliLoss", "VAEContinuousBernoulliLoss"] {
        let entry = catalog.losses.get(name).unwrap();
        let options = entry.options(json!({"kl_weight": 2}).as_object().unwrap()).unwrap();
        let output = output().set_requires_grad(true);
        let losses = entry.of_samples(&output, &target, &latents, &options).unwrap();
        losses.sum(Kind::Float).backward();
        let finite = |tensor: &Tensor| tensor.isfinite().all().int64_value(&[]) == 1;
        assert!(finite(&losses) && finite(&output.grad()), "{name}: {losses}");
    }
}
