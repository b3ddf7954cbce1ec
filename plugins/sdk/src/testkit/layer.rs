//! Contracts of layers.

use serde_json::{Map, Value, json};
use tch::{Kind as Type, Tensor};

use super::torch::{Instance, create, draw, finite, gradients, numbers};
use super::{Check, Draw, Registered, ensure, on_two_threads, options_of};
use crate::abi;

pub(super) fn check(registered: &Registered, raw: &abi::Layer) -> Check {
    let example = registered.more().remove("example").unwrap_or_default();
    let layers = example["layers"].as_array().into_iter().flatten();
    let layer = layers.rev().find(|layer| layer["kind"].as_str() == Some(&registered.name));
    let layer = layer.ok_or_else(|| format!("expected its example to use the layer, {example}"))?;
    let mut options: Map<String, Value> = options_of(registered);
    let given = layer.as_object().into_iter().flatten();
    options.extend(given.filter(|(k, _)| *k != "kind").map(|(k, v)| (k.clone(), v.clone())));
    let shape = |key: &str| -> Option<Vec<i64>> {
        example[key].as_array()?.iter().map(Value::as_i64).collect()
    };
    let (Some(input), Some(expected)) = (shape("input"), shape("output")) else {
        return Err(format!("expected the example's input and output, {example}"));
    };
    for broken in ["", "{", "{}"] {
        match create(registered, raw, broken) {
            Ok(_) => return Err(format!("create: expected {broken:?} to be refused")),
            Err(failed) => failed.polite()?,
        }
    }
    let request = json!({"input": input, "options": options}).to_string();
    let layer = create(registered, raw, &request)?;
    let said = &layer.asked.outputs;
    ensure(*said == [expected.clone()], || {
        format!("expected its example to give {expected:?}, said once, not {said:?}")
    })?;
    let batch = |shape: &[i64]| [&[3], shape].concat();
    let x = draw(&mut Draw(1), &batch(&input)) * 1.5;
    training(&layer, &x, &batch(&expected))?;
    evaluation(&layer, &x)
}

/// The shape that was said, and gradients of everything that is learned.
fn training(layer: &Instance, x: &Tensor, expected: &[i64]) -> Check {
    let x = x.copy().set_requires_grad(true);
    let y = layer.forward(&x, true, 11)?;
    ensure(y.size() == expected, || {
        let found = y.size();
        format!("expected the output to have the predicted shape {expected:?}, not {found:?}")
    })?;
    let asked = &layer.asked;
    let learned = asked.params.iter().zip(&asked.names).filter(|(param, _)| param.requires_grad());
    let (of, names): (Vec<&Tensor>, Vec<&str>) =
        learned.map(|(param, name)| (param, name.as_str())).chain([(&x, "the input")]).unzip();
    let found = gradients(&y.square().sum(Type::Float), &of)
        .map_err(|error| format!("expected a network that computes, but {error}"))?;
    for (gradient, name) in found.iter().zip(names) {
        let finite = finite(gradient)?;
        ensure(finite, || format!("expected a finite gradient of {name}"))?;
    }
    Ok(())
}

fn evaluation(layer: &Instance, x: &Tensor) -> Check {
    // Training hands over tensors whose channels lie side by side in memory.
    let x = channels_last(x);
    let before = x.copy();
    let y = layer.forward(&x, false, 0)?;
    let first = numbers(&y)?;
    let again = numbers(&layer.forward(&x, false, 0)?)?;
    ensure(first == again, || "expected evaluation to give the same again".into())?;
    ensure(x.equal(&before), || "expected the input to be left as it is".into())?;
    let other = layer.forward(&x.contiguous(), false, 0)?;
    ensure(other.size() == y.size() && other.allclose(&y, 1e-4, 1e-5, false), || {
        "expected the same for another layout of the input in memory".into()
    })?;
    on_two_threads("evaluation to be the same on two threads at once", &first, || {
        numbers(&layer.forward(&x, false, 0)?)
    })
}

/// The same values, with the channels of a voxel side by side in memory.
fn channels_last(x: &Tensor) -> Tensor {
    let size = x.size();
    let axes = size.len();
    if axes < 4 {
        return x.shallow_clone();
    }
    let to_last: Vec<i64> = [0].into_iter().chain(2..axes as i64).chain([1]).collect();
    // Spelt out, as the strides of an axis of one are not clear otherwise.
    let (mut strides, mut step) = (vec![0; axes], 1);
    for axis in [1].into_iter().chain((2..axes).rev()).chain([0]) {
        strides[axis] = step;
        step *= size[axis];
    }
    x.permute(to_last).contiguous().as_strided(size, strides, None)
}
