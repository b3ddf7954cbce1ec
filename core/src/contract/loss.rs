use tch::{Kind, Tensor};

use super::{Findings, probabilities, required};
use crate::catalog::LossEntry;
use crate::error::Result;
use crate::options::Options;

pub(super) fn check(entry: &LossEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    findings.unknown_option(&entry.info.options, |given| entry.options(given));
    let given = required(&entry.info.options);
    let Some(options) = findings.ok("options that fit", entry.options(&given)) else { return };
    for batch in [1, 5] {
        for classes in [2, 3] {
            let result = of_batch(entry, &options, batch, classes, findings);
            findings.ok(&format!("a loss of {batch} samples of {classes} classes"), result);
        }
    }
}

fn of_batch(
    entry: &LossEntry,
    options: &Options,
    batch: usize,
    classes: usize,
    findings: &mut Findings,
) -> Result<()> {
    let values: Vec<f32> = probabilities(batch, classes, "contract losses")
        .into_iter()
        .map(|value| 4.0 * value as f32 - 2.0)
        .collect();
    let codes: Vec<i64> = (0..batch).map(|row| (row % classes) as i64).collect();
    let output = Tensor::f_from_slice(&values)?
        .f_view([batch as i64, classes as i64])?
        .f_set_requires_grad(true)?;
    let target = Tensor::f_from_slice(&codes)?;
    let losses = entry.of_samples(&output, &target, &[], options)?;
    let finite = losses.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
    findings.that("finite losses", finite);
    losses.f_sum(Kind::Float)?.f_backward()?;
    let gradient = output.grad();
    let finite = gradient.defined() && gradient.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
    findings.that("a finite gradient of the outputs", finite);

    let output = output.detach();
    let again = entry.of_samples(&output, &target, &[], options)?;
    findings.that("the same losses again", again.f_equal(&losses.detach())?);
    let turned = entry.of_samples(&output.f_flip([0])?, &target.f_flip([0])?, &[], options)?;
    let same = turned.f_flip([0])?.f_allclose(&again, 1e-5, 1e-6, false)?;
    findings.that("each sample's loss to depend on that sample alone", same);
    Ok(())
}
