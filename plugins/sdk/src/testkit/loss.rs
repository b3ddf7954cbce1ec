//! Contracts of losses.

use serde_json::Value;
use tch::{Kind as Type, Tensor};

use super::torch::{finite, gradients, lend, numbers, received};
use super::{Check, Draw, Registered, call, ensure, on_two_threads, options_of};
use crate::abi;
use crate::call::text;

pub(super) fn check(registered: &Registered, raw: &abi::Loss) -> Check {
    let options = Value::Object(options_of(registered)).to_string();
    let loss = |output: &Tensor, target: &Tensor| -> Result<Tensor, String> {
        let mut value = abi::Tensor(std::ptr::null_mut());
        call("loss", |error| {
            // SAFETY: tensors, text and the place for the answer live until the call returns.
            raw.loss.map_or(abi::INVALID, |loss| unsafe {
                let data = registered.kind.item().data;
                loss(data, lend(output), lend(target), text(&options), &mut value, error)
            })
        })?;
        received("loss", value)
    };
    for batch in [1, 5] {
        for classes in [2, 3] {
            of_batch(&loss, batch, classes)
                .map_err(|problem| format!("{batch} samples of {classes} classes: {problem}"))?;
        }
    }
    Ok(())
}

fn of_batch(
    loss: &impl Fn(&Tensor, &Tensor) -> Result<Tensor, String>,
    batch: usize,
    classes: usize,
) -> Check {
    let probabilities = Draw(2).probabilities(batch, classes);
    let values: Vec<f32> = probabilities.iter().map(|value| 4.0 * *value as f32 - 2.0).collect();
    let codes: Vec<i64> = (0..batch).map(|row| (row % classes) as i64).collect();
    let target = Tensor::from_slice(&codes);
    let output = Tensor::from_slice(&values).view([batch as i64, classes as i64]);
    let output = output.set_requires_grad(true);
    let losses = loss(&output, &target)?;
    ensure(losses.size() == [batch as i64], || {
        format!("expected one loss per sample, [{batch}], not {:?}", losses.size())
    })?;
    let good = finite(&losses)?;
    ensure(good, || format!("expected finite losses, not {losses}"))?;
    let good = finite(&gradients(&losses.sum(Type::Float), &[&output])?[0])?;
    ensure(good, || "expected a finite gradient of the outputs".into())?;

    let output = output.detach();
    let alone = numbers(&losses)?;
    let again = loss(&output, &target)?;
    ensure(numbers(&again)? == alone, || "expected the same losses again".into())?;
    let turned = loss(&output.flip([0]), &target.flip([0]))?.flip([0]);
    let same = turned.size() == again.size() && turned.allclose(&again, 1e-5, 1e-6, false);
    ensure(same, || {
        format!("expected each sample's loss to depend on that sample alone: {again} and {turned}")
    })?;
    on_two_threads("the same losses on two threads at once", &alone, || {
        numbers(&loss(&output, &target)?)
    })
}
