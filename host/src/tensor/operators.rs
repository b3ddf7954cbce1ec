//! `+ - * / % **`, comparisons, `& | ^`: value by value, with shapes that stretch to each other.

use std::any::TypeId;

use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, ImmutableString};
use tch::{Kind, TchError};

use super::given::{broadcast, describe_value, operand, room};
use super::{Called, STEPS, Tensor, restated, value};
use crate::functions::raise;
use crate::sandbox;

type Binary = fn(&tch::Tensor, &tch::Tensor) -> std::result::Result<tch::Tensor, TchError>;

const BINARY: [(&str, Binary); 14] = [
    ("+", tch::Tensor::f_add),
    ("-", tch::Tensor::f_sub),
    ("*", tch::Tensor::f_mul),
    ("/", tch::Tensor::f_div),
    ("%", tch::Tensor::f_remainder_tensor),
    ("**", power),
    ("==", tch::Tensor::f_eq_tensor),
    ("!=", tch::Tensor::f_ne_tensor),
    ("<", tch::Tensor::f_lt_tensor),
    ("<=", tch::Tensor::f_le_tensor),
    (">", tch::Tensor::f_gt_tensor),
    (">=", tch::Tensor::f_ge_tensor),
    ("&", tch::Tensor::f_bitwise_and_tensor),
    ("|", tch::Tensor::f_bitwise_or_tensor),
];

/// A power; squares are quicker.
pub(super) fn power(
    base: &tch::Tensor,
    exponent: &tch::Tensor,
) -> std::result::Result<tch::Tensor, TchError> {
    let number = exponent.dim() == 0 && exponent.kind() != Kind::Bool && !exponent.requires_grad();
    match number.then(|| exponent.f_double_value(&[])) {
        Some(Ok(2.0)) if base.kind() != Kind::Bool && base.dim() > 0 => base.f_square(),
        _ => base.f_pow(exponent),
    }
}

fn combine(name: &str, compute: Binary, left: &Dynamic, right: &Dynamic) -> Called {
    sandbox::count(STEPS);
    // Whether something is there at all is asked with == ().
    if (left.is_unit() || right.is_unit()) && matches!(name, "==" | "!=") {
        return Ok((name == "!=").into());
    }
    let text = |value: &Dynamic| value.read_lock::<ImmutableString>().map(|text| text.to_string());
    if let (Some(tensor), Some(text), "+") = (Tensor::of(left), text(right), name) {
        return Ok((super::show::text(&tensor) + text.as_str()).into());
    }
    let given = || format!("{} and {}", describe_value(left), describe_value(right));
    let kind = Tensor::of(left).or_else(|| Tensor::of(right)).map_or(Kind::Float, |t| t.kind());
    let both = || -> Option<Result<tch::Tensor>> {
        let (left, right) = (operand(left, kind)?, operand(right, kind)?);
        Some(left.and_then(|left| {
            let right = right?;
            let (a, b) = (left.size(), right.size());
            room(name, &broadcast(&a, &b), left.numel().max(right.numel()) as i64)?;
            Ok(compute(&left, &right)?)
        }))
    };
    match both() {
        Some(Ok(tensor)) => Ok(value(tensor)),
        Some(Err(error)) => Err(raise(restated(error, name, &given()))),
        None => {
            let message = format!("{name} cannot be applied to {}", given());
            Err(raise(Error::new(Code::ScriptError, message)))
        }
    }
}

fn unary(name: &str, compute: fn(&tch::Tensor) -> Result<tch::Tensor>, x: &Tensor) -> Called {
    sandbox::count(STEPS);
    let x = x.get();
    compute(&x).map(value).map_err(|error| {
        raise(restated(error, name, &describe_value(&super::value(x.shallow_clone()))))
    })
}

pub(super) fn register(engine: &mut Engine) {
    let (tensor, any) = (TypeId::of::<Tensor>(), TypeId::of::<Dynamic>());
    for (name, compute) in BINARY {
        for types in [[tensor, any], [any, tensor]] {
            engine.register_raw_fn(name, types, move |_, args| {
                combine(name, compute, &args[0].clone().flatten(), &args[1].clone().flatten())
            });
        }
    }
    engine
        .register_fn("-", |x: &mut Tensor| unary("-", |x| Ok(x.f_neg()?), x))
        .register_fn("+", |x: &mut Tensor| x.clone())
        .register_fn("!", |x: &mut Tensor| unary("!", |x| Ok(x.f_logical_not()?), x));
}
