//! What MLflow is told beside values: options as parameters, and what else should be known as tags.

use std::path::Path;

use neurhai_core::records::Run;
use serde_json::{Map, Value, json};

/// Longer values are cut: servers before 1.28 take no more.
const LONGEST: usize = 500;

/// The options, by their paths.
pub(super) fn params(run: &Run) -> Vec<(String, String)> {
    let mut all = Vec::new();
    flatten("", &run.configuration, &mut all);
    all
}

fn flatten(path: &str, options: &Map<String, Value>, all: &mut Vec<(String, String)>) {
    for (name, value) in options {
        let name = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => flatten(&name, inner, all),
            Value::String(text) => all.push((key(&name), cut(text))),
            other => all.push((key(&name), cut(&other.to_string()))),
        }
    }
}

/// A name as MLflow takes it: letters, digits and `_-. :/`, at most 250.
pub(super) fn key(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "_-. :/".contains(c);
    name.chars().map(|c| if fits(c) { c } else { '_' }).take(250).collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// What identifies a split of a run, where its files lie, and what computed it.
pub(super) fn tags(run: &Run, split: usize, maps: &Path) -> Vec<Value> {
    let folder = maps.canonicalize().unwrap_or_else(|_| maps.into()).display().to_string();
    let mut tags = vec![
        ("neurhai.run".to_owned(), run.id.clone()),
        ("neurhai.split".to_owned(), split.to_string()),
        ("neurhai.maps".to_owned(), folder.clone()),
        ("mlflow.source.type".to_owned(), "LOCAL".to_owned()),
        ("mlflow.source.name".to_owned(), format!("{folder}/script.rhai")),
        (
            "mlflow.note.content".to_owned(),
            format!(
                "Split {split} of `{folder}`. Its best models are in `split-{split}/best-*`, the logs in \
                 `split-{split}/training_logs`; `host describe` says what each file is."
            ),
        ),
    ];
    let environment = run.environment.iter().map(|(name, value)| (key(name), value.clone()));
    tags.extend(environment.map(|(name, value)| (format!("environment.{name}"), value)));
    tags.extend(run.manifest.clone().map(|hash| ("neurhai.manifest".to_owned(), hash)));
    tags.into_iter().map(|(key, value)| json!({"key": key, "value": cut(&value)})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_what_mlflow_takes() {
        let configuration = json!({"epochs": 3, "data": {"mode": "patch", "options": {}, "größe¹[a]": [1, 2]},
            "long": "ä".repeat(600)});
        let run = Run {
            id: String::new(),
            manifest: None,
            configuration: configuration.as_object().unwrap().clone(),
            environment: Vec::new(),
            courses: Vec::new(),
        };
        let found = params(&run);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["epochs", "data.mode", "data.options", "data.größe¹_a_", "long"]);
        assert_eq!((&*found[0].1, &*found[2].1, &*found[3].1), ("3", "{}", "[1,2]"));
        assert_eq!(found[4].1.chars().count(), LONGEST);
    }
}
