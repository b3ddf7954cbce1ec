//! Which parameters learn how fast, and which decay.

use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};

/// What parameters are treated by, beside the optimiser.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// L2 penalty, or decay where the optimiser decouples it.
    pub weight_decay: f64,
    /// Whether it holds for parameters with one axis, biases and the weights of norms, too.
    pub decay_norms_and_biases: bool,
    /// What the learning rate is multiplied by in layers, by path: `convolutions`, `fc.1`. The longest
    /// path counts.
    pub learning_rate_factors: Vec<(String, f64)>,
}

impl Groups {
    /// The same weight decay and learning rate for all.
    pub fn all(weight_decay: f64) -> Self {
        let learning_rate_factors = Vec::new();
        Self { weight_decay, decay_norms_and_biases: true, learning_rate_factors }
    }

    /// Reads the factors of a script: `#{ convolutions: 0.1 }`.
    ///
    /// # Errors
    /// Every value that is no number of at least 0.
    pub(crate) fn factors(given: &Map<String, Value>) -> Result<Vec<(String, f64)>> {
        let mut problems = Problems::default();
        let mut factors = Vec::new();
        for (path, value) in given {
            match value.as_f64().filter(|factor| *factor >= 0.0 && factor.is_finite()) {
                Some(factor) => factors.push((path.clone(), factor)),
                None => problems.push(
                    Error::new(
                        Code::BadOption,
                        format!(
                            "the factor of {path:?} must be a number of at least 0, not {value}"
                        ),
                    )
                    .at(Place::Option("learning_rate_factors".into())),
                ),
            }
        }
        problems.into_result()?;
        Ok(factors)
    }

    /// Whether each path of a factor leads to a parameter of `names`.
    ///
    /// # Errors
    /// Every path that does not, with the nearest that would.
    pub(crate) fn check(&self, names: &[&str]) -> Result<()> {
        let mut problems = Problems::default();
        for (path, _) in &self.learning_rate_factors {
            if names.iter().any(|name| within(name, path)) {
                continue;
            }
            let layers = names.iter().flat_map(|name| paths(name));
            let message = format!(
                "nothing in {path:?} learns, so it has no learning rate{}",
                did_you_mean(path, layers)
            );
            let mut parts: Vec<&str> = Vec::new();
            for name in names {
                let part = name.split('.').next().unwrap_or(name);
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            problems.push(
                Error::new(Code::UnknownName, message)
                    .at(Place::Option("learning_rate_factors".into()))
                    .help(format!(
                        "the parts that learn are: {}; or name a layer, as `host inspect` shows it",
                        parts.join(", ")
                    )),
            );
        }
        problems.into_result()
    }

    /// The weight decay of a parameter.
    pub(super) fn decay(&self, axes: usize) -> f64 {
        match axes > 1 || self.decay_norms_and_biases {
            true => self.weight_decay,
            false => 0.0,
        }
    }

    /// What the learning rate of a parameter is multiplied by.
    pub(super) fn factor(&self, name: &str) -> f64 {
        let fitting = self.learning_rate_factors.iter().filter(|(path, _)| within(name, path));
        fitting.max_by_key(|(path, _)| path.len()).map_or(1.0, |(_, factor)| *factor)
    }
}

/// Whether the path is `prefix`, or lies within it.
fn within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Everything that a parameter lies within: `fc`, `fc.1`.
fn paths(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(i, _)| &name[..i])
}
