//! Drawn parameters as JSON, and options that are ranges.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Code, Error, Place, Result};
use crate::options::Options;
use crate::random::Random;

/// Drawn parameters as they are logged.
pub(super) fn to_json(drawn: &impl Serialize) -> Result<Value> {
    serde_json::to_value(drawn)
        .map_err(|error| Error::new(Code::Internal, "cannot write what was drawn").because(error))
}

/// Drawn parameters as a transform reads them.
pub(super) fn from_json<T: DeserializeOwned>(drawn: &Value) -> Result<T> {
    T::deserialize(drawn).map_err(misfit)
}

/// Parameters that come from somewhere else.
pub(super) fn misfit(why: impl std::fmt::Display) -> Error {
    Error::new(Code::BadValue, "the transform draws no such parameters for such an image")
        .because(why)
        .help("take the parameters, the transform's options and the image from the same run")
}

/// A list that must have one value for each of `count` things.
pub(super) fn counted<T>(values: &[T], count: usize, what: &str) -> Result<()> {
    match values.len() == count {
        true => Ok(()),
        false => Err(misfit(format!("{what} has {} values in place of {count}", values.len()))),
    }
}

/// An option that gives the lowest and the highest value.
pub(super) fn range(options: &Options, name: &str) -> Result<[f64; 2]> {
    match options.floats(name)?[..] {
        [low, high] if low <= high => Ok([low, high]),
        _ => {
            let message = format!("option {name:?} is not a lowest and a highest value");
            Err(Error::new(Code::BadOption, message)
                .at(Place::Option(name.into()))
                .help("give two numbers, the smaller one first; twice the same for no choice"))
        }
    }
}

/// One number within an option's range for each of `count` things.
pub(super) fn uniform(random: &mut Random, [low, high]: [f64; 2], count: usize) -> Vec<f64> {
    (0..count).map(|_| random.uniform(low, high)).collect()
}
