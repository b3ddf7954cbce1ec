//! The options of a training with their values and sources, as text.

use serde_json::Value;

use super::columns;
use crate::functions::Training;

/// A line for each option: its path, its value as TOML and JSON write it, and where that comes from.
pub fn configuration(training: &Training) -> String {
    let mut rows = vec![["option", "value", "source"].map(str::to_owned).to_vec()];
    rows.extend(training.options.iter().map(|(resolved, source)| {
        let value = match (&resolved.value, &resolved.meaning) {
            (Some(value), _) => short(value),
            (None, Some(meaning)) => format!("({meaning})"),
            (None, None) => "(none)".into(),
        };
        vec![resolved.option.clone(), value, source.clone()]
    }));
    let table = columns(&rows, 3);
    format!("training {} ({})\n{}", training.number, training.at, table.trim_end())
}

/// A value in one column; all of it is in the JSON.
fn short(value: &Value) -> String {
    const WIDTH: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= WIDTH {
        return text;
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}
