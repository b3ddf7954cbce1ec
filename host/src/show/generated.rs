//! A data set that was made.

use neurhai_core::generate::Generated;
use serde_json::Value;

use super::literal;

/// What there is, and how a script reads it.
pub fn generated(made: &Generated) -> String {
    let labels: Vec<String> =
        made.labels.iter().map(|(label, count)| format!("{label} {count}")).collect();
    let caps = Value::from(made.caps.display().to_string());
    let mut options = serde_json::to_value(&made.preprocessing).unwrap_or_default();
    if let Some(options) = options.as_object_mut() {
        options.retain(|_, value| *value != false);
    }
    format!(
        "{} images: {}\nlabels in {}\na script reads them with caps({}, {})",
        made.images,
        labels.join(", "),
        made.table.display(),
        literal(&caps),
        literal(&options)
    )
}
