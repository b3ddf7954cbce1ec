//! What a network promises, of one layer or of many.

use tch::{Device, Kind, Tensor};

use super::Findings;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::network::{Mode, Network, NetworkSpec, Plan, channels_last};
use crate::shape::show;

/// The real shape is the predicted one, gradients are finite, evaluation repeats itself, alone and
/// on two threads at once, and saved weights give the same network.
pub(super) fn check(catalog: &Catalog, spec: &NetworkSpec, input: &[i64], findings: &mut Findings) {
    let plan = || Plan::new(spec.clone(), input, catalog);
    let Some(planned) = findings.ok("a plan", plan()) else { return };
    let predicted = planned.output.clone();
    let shape = format!("the output to have the predicted shape {}", show(&predicted));
    let result = (|| -> Result<()> {
        let network = Network::new(planned, 3, Device::Cpu)?;
        let mut size = vec![3];
        size.extend(input);
        let x = random(&size)?.f_set_requires_grad(true)?;
        let y = network.forward(&x, Mode::Training { seed: 1 })?;
        findings.that(&shape, y.size()[1..] == predicted && y.size()[0] == 3);
        y.f_square()?.f_sum(Kind::Float)?.f_backward()?;
        let gradients =
            network.trainable().map(|(param, tensor)| (param.name.as_str(), tensor.grad()));
        for (name, gradient) in gradients.chain([("the input", x.grad())]) {
            let finite = gradient.defined() && all_finite(&gradient)?;
            findings.that(&format!("a finite gradient of {name}"), finite);
        }

        // Training hands over tensors whose channels lie side by side in memory.
        let x = channels_last(&x.detach())?;
        let before = x.copy();
        let a = network.forward(&x, Mode::Evaluation)?;
        let again = network.forward(&x, Mode::Evaluation)?;
        findings.that("evaluation to give the same again", same(&a, &again));
        findings.that("the input to be left as it is", same(&x, &before));
        let other = network.forward(&x.f_contiguous()?, Mode::Evaluation)?;
        let close = other.f_allclose(&a, 1e-4, 1e-5, false)?;
        findings.that("the same for another layout of the input in memory", close);
        findings.that(
            "evaluation to be the same on two threads at once",
            on_threads(&network, &x, &a)?,
        );

        let folder = tempfile::tempdir()
            .map_err(|error| Error::io(&std::env::temp_dir(), "make a folder", &error))?;
        let file = folder.path().join("model.safetensors");
        network.save(&file)?;
        let mut loaded = Network::new(plan()?, 4, Device::Cpu)?;
        loaded.load(&file)?;
        let loaded = loaded.forward(&x, Mode::Evaluation)?;
        findings.that("saved and loaded weights to give the same, bit by bit", same(&a, &loaded));
        Ok(())
    })();
    findings.ok("a network that computes", result);
}

/// Equal to the bit; values that are no numbers are told by the gradients.
fn same(a: &Tensor, b: &Tensor) -> bool {
    a.size() == b.size() && a.f_equal(b).unwrap_or(false)
}

fn all_finite(x: &Tensor) -> Result<bool> {
    Ok(x.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1)
}

/// Numbers from our own generator, so that nothing else in this process is disturbed.
fn random(size: &[i64]) -> Result<Tensor> {
    let mut random = crate::random::Random::new(7, "contract", &[]);
    let mut values = vec![0f32; size.iter().product::<i64>() as usize];
    random.fill_uniform(&mut values, 1.5);
    Ok(Tensor::f_from_slice(&values)?.f_view(size)?)
}

fn on_threads(network: &Network, x: &Tensor, expected: &Tensor) -> Result<bool> {
    let twins: Vec<_> =
        (0..2).map(|_| (network.share(), x.shallow_clone(), expected.shallow_clone())).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = twins
            .into_iter()
            .map(|(network, x, expected)| {
                scope.spawn(move || -> Result<bool> {
                    let mut all = true;
                    for _ in 0..3 {
                        all &= same(&network.forward(&x, Mode::Evaluation)?, &expected);
                    }
                    Ok(all)
                })
            })
            .collect();
        threads.into_iter().try_fold(true, |all, thread| match thread.join() {
            Ok(result) => Ok(all & result?),
            Err(_) => Ok(false),
        })
    })
}
