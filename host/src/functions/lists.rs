//! Lists of numbers: what one asks of them most often, as of tensors.

use neurhai_core::{Code, Error};
use rhai::{Array, Dynamic, Engine, EvalAltResult};

use super::raise;
use crate::value::describe;

type Given = Result<Dynamic, Box<EvalAltResult>>;

/// The numbers of a list that is not empty: whole ones as they are, where all are.
enum Numbers {
    Whole(Vec<i64>),
    Other(Vec<f64>),
}

impl Numbers {
    fn read(list: &Array, name: &str) -> Result<Self, Box<EvalAltResult>> {
        let bad = |message: String| {
            raise(
                Error::new(Code::BadOption, message)
                    .help("it takes a list of numbers, or a tensor"),
            )
        };
        if list.is_empty() {
            return Err(bad(format!("{name} of an empty list is not defined")));
        }
        let whole: Result<Vec<i64>, _> = list.iter().map(Dynamic::as_int).collect();
        if let Ok(whole) = whole {
            return Ok(Self::Whole(whole));
        }
        let mut values = Vec::with_capacity(list.len());
        for item in list {
            let number = item.as_int().map(|whole| whole as f64).or_else(|_| item.as_float());
            values.push(number.map_err(|_| {
                bad(format!("{name} takes a list of numbers, but {} is in it", describe(item)))
            })?);
        }
        Ok(Self::Other(values))
    }
}

/// One of the numbers.
fn extreme(list: &Array, name: &str, whole: fn(i64, i64) -> i64, of: fn(f64, f64) -> f64) -> Given {
    Ok(match Numbers::read(list, name)? {
        Numbers::Whole(values) => {
            values.into_iter().reduce(whole).map_or(Dynamic::UNIT, Dynamic::from_int)
        }
        // What is no number is not hidden.
        Numbers::Other(values) if values.iter().any(|value| value.is_nan()) => f64::NAN.into(),
        Numbers::Other(values) => values.into_iter().reduce(of).unwrap_or(f64::NAN).into(),
    })
}

fn sum(list: &Array) -> Given {
    match Numbers::read(list, "sum")? {
        Numbers::Whole(values) => {
            let sum = values.into_iter().try_fold(0i64, i64::checked_add);
            sum.map(Dynamic::from_int).ok_or_else(|| {
                let message = "the sum is too large for a whole number";
                raise(
                    Error::new(Code::BadOption, message)
                        .help("write the numbers with a point: 1.0"),
                )
            })
        }
        Numbers::Other(values) => Ok(values.iter().sum::<f64>().into()),
    }
}

fn mean(list: &Array) -> Given {
    let values = match Numbers::read(list, "mean")? {
        Numbers::Whole(values) => values.into_iter().map(|value| value as f64).collect(),
        Numbers::Other(values) => values,
    };
    Ok((values.iter().sum::<f64>() / values.len() as f64).into())
}

pub(super) fn register(engine: &mut Engine) {
    engine
        // Rhai knows these for numbers with a point alone.
        .register_fn("sqrt", |whole: i64| (whole as f64).sqrt())
        .register_fn("exp", |whole: i64| (whole as f64).exp())
        .register_fn("max", |list: Array| extreme(&list, "max", i64::max, f64::max))
        .register_fn("min", |list: Array| extreme(&list, "min", i64::min, f64::min))
        .register_fn("sum", |list: Array| sum(&list))
        .register_fn("mean", |list: Array| mean(&list));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_exact_and_sums_do_not_wrap() {
        // 2⁵³ + 1 is no number with a point.
        let large = 9_007_199_254_740_993_i64;
        let list =
            |values: &[i64]| values.iter().copied().map(Dynamic::from_int).collect::<Array>();
        let int = |given: Given| given.unwrap().as_int().unwrap();
        assert_eq!(int(extreme(&list(&[large, 1]), "max", i64::max, f64::max)), large);
        assert_eq!(int(sum(&list(&[large, 1]))), large + 1);
        assert!(sum(&list(&[i64::MAX, 1])).is_err());
        let mixed: Array = vec![Dynamic::from_int(1), Dynamic::from_float(0.5)];
        assert_eq!(sum(&mixed).unwrap().as_float().unwrap(), 1.5);
        assert_eq!(mean(&list(&[1, 2])).unwrap().as_float().unwrap(), 1.5);
    }
}
