use tch::{Kind, Tensor};

use super::{Findings, probabilities, required};
use crate::catalog::LossEntry;
use crate::error::Result;
use crate::loss::Latent;
use crate::options::Options;
use crate::random::Random;
use crate::task::Task;

pub(super) fn check(entry: &LossEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    findings.unknown_option(&entry.info.options, |given| entry.options(given));
    let given = required(&entry.info.options);
    let Some(options) = findings.ok("options that fit", entry.options(&given)) else { return };
    let tasks = Task::ALL.into_iter().filter(|task| entry.trains(*task));
    let found: Vec<_> = tasks.map(|task| of_task(entry, &options, task)).collect();
    match entry.info.tasks.is_empty() {
        // Its author may mean any task, so it is enough that it fits one.
        true if found.iter().any(Vec::is_empty) => {}
        true => findings.0.extend(found.into_iter().take(1).flatten()),
        false => findings.0.extend(found.into_iter().flatten()),
    }
}

fn of_task(entry: &LossEntry, options: &Options, task: Task) -> Vec<String> {
    let mut findings = Findings::default();
    for batch in [1, 5] {
        let cases = match task {
            Task::Classification => [2, 3]
                .map(|classes| (format!("of {classes} classes"), of_classes(batch, classes)))
                .into(),
            Task::Regression => vec![("of one number".to_owned(), of_images(&[batch, 1]))],
            Task::Reconstruction => [vec![batch, 2, 9, 14], vec![batch, 1, 6, 13, 5]]
                .map(|shape| (format!("of images of {} axes", shape.len() - 2), of_images(&shape)))
                .into(),
        };
        for (what, case) in cases {
            let result = case.and_then(|case| case.check(entry, options, &mut findings));
            findings.ok(&format!("a loss of {batch} samples {what}"), result);
        }
    }
    findings.0
}

/// A batch.
struct Case {
    output: Tensor,
    target: Tensor,
    latents: Vec<Latent>,
}

/// Outputs for classes, and class codes.
fn of_classes(batch: i64, classes: i64) -> Result<Case> {
    let values: Vec<f32> = probabilities(batch as usize, classes as usize, "contract losses")
        .into_iter()
        .map(|value| 4.0 * value as f32 - 2.0)
        .collect();
    let codes: Vec<i64> = (0..batch).map(|row| row % classes).collect();
    let output = Tensor::f_from_slice(&values)?.f_view([batch, classes])?;
    Ok(Case { output, target: Tensor::f_from_slice(&codes)?, latents: vec![] })
}

/// Outputs and targets within 0…1, which every loss takes, and a code.
fn of_images(shape: &[i64]) -> Result<Case> {
    let drawn = |what: &str, shape: &[i64], low: f64, high: f64| {
        let mut random = Random::new(1, what, &[shape.len() as u64]);
        let size: i64 = shape.iter().product();
        let values: Vec<f32> = (0..size).map(|_| random.uniform(low, high) as f32).collect();
        Tensor::f_from_slice(&values)?.f_view(shape)
    };
    let code = [shape[0], 3];
    let latent = Latent {
        mean: drawn("contract means", &code, -1.0, 1.0)?,
        log_variance: drawn("contract variances", &code, -1.0, 1.0)?,
    };
    Ok(Case {
        output: drawn("contract outputs", shape, 0.05, 0.95)?,
        target: drawn("contract targets", shape, 0.05, 0.95)?,
        latents: vec![latent],
    })
}

impl Case {
    fn check(self, entry: &LossEntry, options: &Options, findings: &mut Findings) -> Result<()> {
        let Self { output, target, latents } = self;
        let output = output.f_set_requires_grad(true)?;
        let losses = entry.of_samples(&output, &target, &latents, options)?;
        let finite = losses.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
        findings.that("finite losses", finite);
        losses.f_sum(Kind::Float)?.f_backward()?;
        let gradient = output.grad();
        let finite = gradient.defined() && gradient.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
        findings.that("a finite gradient of the outputs", finite);

        let output = output.detach();
        let again = entry.of_samples(&output, &target, &latents, options)?;
        findings.that("the same losses again", again.f_equal(&losses.detach())?);
        let turned = |latent: &Latent| -> Result<Latent> {
            let (mean, log_variance) = (latent.mean.f_flip([0])?, latent.log_variance.f_flip([0])?);
            Ok(Latent { mean, log_variance })
        };
        let latents = latents.iter().map(turned).collect::<Result<Vec<_>>>()?;
        let (output, target) = (output.f_flip([0])?, target.f_flip([0])?);
        let turned = entry.of_samples(&output, &target, &latents, options)?;
        let same = turned.f_flip([0])?.f_allclose(&again, 1e-5, 1e-6, false)?;
        findings.that("each sample's loss to depend on that sample alone", same);
        Ok(())
    }
}
