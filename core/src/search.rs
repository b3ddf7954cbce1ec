//! Random search: what is drawn for each trial, out of a distribution per option.
//!
//! What a trial draws depends on the seed, its number and the option alone: more trials, other options
//! beside it, or another order of trials change nothing.

use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Problems, Result};
use crate::overrides::{Overrides, Source, holds_options};
use crate::random::Random;

mod distribution;

pub use distribution::Distribution;

/// What is searched over: a distribution for each of some options, by their paths as in
/// [`Overrides`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Space(Vec<(String, Distribution)>);

impl Space {
    /// Adds what a table says: `{ learning_rate: { exponent: [3, 5] }, options: { width: … } }`.
    ///
    /// # Errors
    /// Every option that does not exist or is there already, and every distribution that is none or
    /// whose draws do not fit, with the source that `source` gives for its path.
    pub fn table(
        &mut self,
        table: &Map<String, Value>,
        source: &dyn Fn(&[String]) -> Source,
    ) -> Result<()> {
        let mut problems = Problems::default();
        self.take(&[], table, source, &mut problems);
        problems.into_result()
    }

    fn take(
        &mut self,
        outer: &[String],
        table: &Map<String, Value>,
        source: &dyn Fn(&[String]) -> Source,
        problems: &mut Problems,
    ) {
        for (key, value) in table {
            let path = [outer, std::slice::from_ref(key)].concat();
            match value {
                Value::Object(inner) if key == "train" || holds_options(key) => {
                    self.take(&path, inner, source, problems);
                }
                value => {
                    let from = source(&path);
                    let found = Distribution::read(value)
                        .map_err(|error| error.at(Place::Given(from.to_string())));
                    problems.take(found.and_then(|found| self.add(&path, found, &from)));
                }
            }
        }
    }

    /// Adds an option by its path.
    ///
    /// # Errors
    /// An option that does not exist, or is there already, or whose draws do not fit.
    pub fn add(
        &mut self,
        path: &[String],
        distribution: Distribution,
        source: &Source,
    ) -> Result<()> {
        let inner = match path {
            [train, inner @ ..] if train == "train" => inner,
            _ => path,
        };
        for value in distribution.examples() {
            let checked = Overrides::default().set(inner, value.clone(), &|_| source.clone());
            checked.map_err(|error| error.help(format!("it may draw {value}")))?;
        }
        let option = inner.join(".");
        if option == "output" || option.parse::<usize>().is_ok() || option.starts_with("data.caps")
        {
            let message = format!("{option:?} cannot be searched over");
            return Err(Error::new(Code::BadOption, message).at(Place::Given(source.to_string())));
        }
        if self.0.iter().any(|(other, _)| *other == option) {
            let message = format!("{option} is given twice");
            return Err(Error::new(Code::BadOption, message)
                .at(Place::Given(source.to_string()))
                .help("leave one of the two out"));
        }
        self.0.push((option, distribution));
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(())
    }

    /// Adds another space, whose options replace those that are there already.
    pub fn replace_by(&mut self, later: Self) {
        self.0.retain(|(option, _)| later.options().all(|other| other != option));
        self.0.extend(later.0);
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
    }

    /// Values of each option that say for all draws whether it can have them.
    pub fn examples(&self) -> Vec<(String, Value)> {
        let of = |(option, distribution): &(String, Distribution)| {
            let values = distribution.examples().into_iter();
            values.map(|value| (option.clone(), value)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Refuses to compare trials by the loss where these have different ones.
    ///
    /// # Errors
    /// [`Code::BadOption`].
    pub fn check_metric(&self, metric: &str) -> Result<()> {
        const OF_LOSS: [&str; 3] = ["loss", "class_weights", "balance_classes"];
        let differs =
            |option: &&str| OF_LOSS.contains(option) || option.starts_with("loss_options.");
        match self.options().find(differs) {
            Some(option) if metric == "loss" => {
                let message =
                    format!("trials that differ in {option} cannot be compared by their loss");
                Err(Error::new(Code::BadOption, message).at(Place::Option("metric".into())).help(
                    "name a metric that does not depend on the loss: --metric BA for classes, \
                     --metric MAE for numbers",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The options, in order of their names.
    pub fn options(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(option, _)| option.as_str())
    }

    /// The value of each option in a trial.
    pub fn draw(&self, seed: u64, trial: usize) -> Vec<(String, Value)> {
        let draw = |(option, distribution): &(String, Distribution)| {
            let mut random = Random::new(seed, &format!("search {option}"), &[trial as u64]);
            (option.clone(), distribution.draw(&mut random))
        };
        self.0.iter().map(draw).collect()
    }

    /// The distributions by their options.
    pub fn to_json(&self) -> Value {
        let of = |(option, found): &(String, Distribution)| (option.clone(), found.to_json());
        self.0.iter().map(of).collect::<Map<String, Value>>().into()
    }
}

#[cfg(test)]
mod tests;
