//! Whether trainings were made with what they were given.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::Trials;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::experiment::read;
use crate::files;
use crate::overrides::holds_options;
use crate::train::sources::tables;

impl Trials {
    /// The options by their paths that a training was made with other values of than it was given.
    ///
    /// # Errors
    /// A damaged experiment folder.
    pub fn unlike(&self, name: &str, given: &Map<String, Value>) -> Result<Vec<String>> {
        let maps = read(&self.maps(name).join("maps.json"))?;
        let used = maps.pointer("/neurhai/configuration").unwrap_or(&Value::Null);
        let mut unlike = Vec::new();
        for (option, value) in given {
            let used = used.get(option).unwrap_or(&Value::Null);
            match value {
                Value::Object(inner) if holds_options(option) => {
                    let other = inner.iter().filter(|(name, value)| {
                        !alike(value, used.get(name.as_str()).unwrap_or(&Value::Null))
                    });
                    unlike.extend(other.map(|(name, _)| format!("{option}.{name}")));
                }
                value if alike(value, used) => {}
                _ => unlike.push(option.clone()),
            }
        }
        Ok(unlike)
    }

    /// The tables of splits that trainings have learned from must be as they were: further trainings are
    /// no match for them otherwise.
    ///
    /// # Errors
    /// [`Code::OutputInUse`] for every table that is another, or gone; a damaged list.
    pub fn check_tables(&self, names: &[String]) -> Result<()> {
        let mut known: BTreeSet<(PathBuf, String)> = BTreeSet::new();
        for name in names {
            known.extend(tables(&self.maps(name).join("groups/sources.tsv"))?);
        }
        let mut problems = Problems::default();
        for (file, hash) in known {
            if file.is_file() && files::hash(&file, "read the table")? == hash {
                continue;
            }
            let message = "the table is not the one that the trainings in the folder learned from";
            problems.push(
                Error::new(Code::OutputInUse, message)
                    .at(Place::File(file))
                    .help("bring it back, or choose another output folder"),
            );
        }
        problems.into_result()
    }
}

/// Whether an option was given a value in the form in which it is recorded, or in a shorter one: a number
/// without a point, one entry in place of a list of one, a name in place of what it is the name of.
fn alike(given: &Value, used: &Value) -> bool {
    match (given, used) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (one, Value::Array(list)) => matches!(&list[..], [only] if alike(one, only)),
        (Value::String(name), Value::Object(map)) => {
            map.len() == 1 && map.get("name").is_some_and(|other| other == name)
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_other_than_those_given_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let trials = Trials::open(&folder.path().join("search"), &json!({})).unwrap();
        let used = json!({
            "epochs": 3,
            "learning_rate": 0.5,
            "selection_metrics": ["BA"],
            "augmentation": [{ "name": "Noise" }],
            "options": { "width": 4, "depth": 2 },
            "seed": 9_007_199_254_740_993_u64,
        });
        std::fs::create_dir(trials.maps("a")).unwrap();
        let text = json!({ "neurhai": { "configuration": used } }).to_string();
        std::fs::write(trials.maps("a").join("maps.json"), text).unwrap();
        for (given, unlike) in [
            (json!({ "epochs": 3.0, "learning_rate": 0.5, "options": { "width": 4 } }), &[][..]),
            (json!({ "selection_metrics": "BA", "augmentation": "Noise" }), &[]),
            (json!({ "seed": 9_007_199_254_740_993_u64, "weight_decay": null }), &[]),
            (json!({ "learning_rate": 0.1 }), &["learning_rate"]),
            (json!({ "epochs": 3, "options": { "width": 8, "depth": 2 } }), &["options.width"]),
            (json!({ "options": { "kernel": 3 } }), &["options.kernel"]),
            (json!({ "selection_metrics": ["BA", "loss"] }), &["selection_metrics"]),
            (json!({ "weight_decay": 0.0 }), &["weight_decay"]),
        ] {
            let found = trials.unlike("a", given.as_object().unwrap()).unwrap();
            assert_eq!(found, unlike, "{given}");
        }
    }
}
