//! Lists of numbers: what one asks of them most often, as of tensors.

use neurhai_core::{Code, Error};
use rhai::{Array, Dynamic, Engine, EvalAltResult};

use super::raise;
use crate::value::describe;

type Given = Result<Dynamic, Box<EvalAltResult>>;

/// The numbers of a list that is not empty, and whether all of them are whole.
fn numbers(list: &Array, name: &str) -> Result<(Vec<f64>, bool), Box<EvalAltResult>> {
    let bad = |message: String| {
        raise(Error::new(Code::BadOption, message).help("it takes a list of numbers, or a tensor"))
    };
    if list.is_empty() {
        return Err(bad(format!("{name} of an empty list is not defined")));
    }
    let mut values = Vec::with_capacity(list.len());
    for item in list {
        let whole = item.as_int().map(|whole| whole as f64);
        let number = whole.or_else(|_| item.as_float());
        values.push(number.map_err(|_| {
            bad(format!("{name} takes a list of numbers, but {} is in it", describe(item)))
        })?);
    }
    Ok((values, list.iter().all(|item| item.as_int().is_ok())))
}

fn number(value: f64, whole: bool) -> Dynamic {
    if whole { Dynamic::from_int(value as i64) } else { Dynamic::from_float(value) }
}

/// What is no number is not hidden.
fn extreme(values: &[f64], of: fn(f64, f64) -> f64) -> f64 {
    match values.iter().any(|value| value.is_nan()) {
        true => f64::NAN,
        false => values.iter().copied().reduce(of).unwrap_or(f64::NAN),
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine
        // Rhai knows these for numbers with a point alone.
        .register_fn("sqrt", |whole: i64| (whole as f64).sqrt())
        .register_fn("exp", |whole: i64| (whole as f64).exp())
        .register_fn("max", |list: Array| -> Given {
            let (values, whole) = numbers(&list, "max")?;
            Ok(number(extreme(&values, f64::max), whole))
        })
        .register_fn("min", |list: Array| -> Given {
            let (values, whole) = numbers(&list, "min")?;
            Ok(number(extreme(&values, f64::min), whole))
        })
        .register_fn("sum", |list: Array| -> Given {
            let (values, whole) = numbers(&list, "sum")?;
            Ok(number(values.iter().sum(), whole))
        })
        .register_fn("mean", |list: Array| -> Given {
            let (values, _) = numbers(&list, "mean")?;
            Ok(number(values.iter().sum::<f64>() / values.len() as f64, false))
        });
}
