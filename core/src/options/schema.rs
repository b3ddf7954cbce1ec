//! JSON Schema of options, draft 2020-12 (<https://json-schema.org/draft/2020-12/schema>), out of the
//! specs by which they are checked: editors complete and judge configuration files by it.

use serde_json::{Map, Value, json};

use super::{Default, Kind, OptionSpec};
use crate::data;
use crate::search::Distribution;
use crate::train;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What `train` takes: all its options and those of its data, as `maps.json` of an experiment holds
/// them under `neurhai.configuration`.
pub fn training() -> Value {
    let mut schema = table(&train::options(), true);
    schema["properties"]["data"] = table(&data::options::specs(), true);
    titled("The options of train", schema)
}

/// What the data of `train` takes.
pub fn images() -> Value {
    titled("The options of data", table(&data::options::specs(), true))
}

/// What a configuration file holds: any of the options of `train`, at its top or in a table `train`,
/// there also for one training of a script by its number; and over what a search goes.
pub fn configuration() -> Value {
    let mut options = table(&train::options(), false);
    options["properties"]["data"] = table(&data::options::specs(), false);
    let open = |mut table: Value| {
        // Whoever refers to it says what else there may be.
        if let Some(table) = table.as_object_mut() {
            table.remove("additionalProperties");
        }
        table
    };
    let only = json!({ "$ref": "#/$defs/options", "unevaluatedProperties": false });
    let mut training = only.clone();
    training["patternProperties"] = json!({ "^[0-9]+$": only });
    training["description"] = json!("options of all trainings of a script, or by number of one");
    let mut drawn = json!({
        "description": "what host search draws, by the same names",
        "type": "object",
        "additionalProperties": { "anyOf": [
            { "$ref": "#/$defs/distribution" },
            { "type": "object", "additionalProperties": { "$ref": "#/$defs/distribution" } },
        ]},
    });
    // As for options, a table `train` may stand around them.
    drawn["properties"] = json!({ "train": drawn });
    titled(
        "A configuration file",
        json!({
            "$ref": "#/$defs/options",
            "properties": {
                "train": { "$ref": "#/$defs/train" },
                "search": drawn,
            },
            "unevaluatedProperties": false,
            "$defs": {
                "options": open(options),
                "train": training,
                "distribution": Distribution::schema(),
            },
        }),
    )
}

fn titled(title: &str, schema: Value) -> Value {
    let mut map = Map::new();
    map.insert("$schema".into(), json!(DRAFT));
    map.insert("title".into(), json!(title));
    map.extend(schema.as_object().cloned().unwrap_or_default());
    map.into()
}

/// A table with these options and no others; `whole` where those without a default must be there.
pub fn table(specs: &[OptionSpec], whole: bool) -> Value {
    let properties: Map<String, Value> =
        specs.iter().map(|spec| (spec.name.clone(), of_option(spec))).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let required = specs.iter().filter(|spec| spec.default == Default::Required);
    let required: Vec<&str> = required.map(|spec| spec.name.as_str()).collect();
    if whole && !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn of_option(spec: &OptionSpec) -> Value {
    let mut schema = of_kind(&spec.kind);
    let without = match &spec.default {
        Default::Absent(meaning) => format!("; without it: {meaning}"),
        _ => String::new(),
    };
    schema["description"] = json!(format!("{}{without}", spec.help));
    if let Default::Value(value) = &spec.default {
        schema["default"] = value.clone();
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    let list = |of: Value| json!({ "type": "array", "items": of });
    let either = |one: &Value| json!({ "anyOf": [one, list(one.clone())] });
    match kind {
        Kind::Int { min, max } => bounded("integer", *min as f64, *max as f64),
        Kind::Float { min, max } => bounded("number", *min, *max),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Folder => json!({ "type": ["boolean", "string"] }),
        Kind::Choice { of } => json!({ "enum": of }),
        Kind::Sizes { min } => {
            let one = bounded("integer", *min as f64, f64::MAX);
            let mut several = list(one.clone());
            several["minItems"] = json!(1);
            json!({ "anyOf": [one, several] })
        }
        Kind::Ints => either(&json!({ "type": "integer" })),
        Kind::Floats { min, max } => list(bounded("number", *min, *max)),
        Kind::Texts => either(&json!({ "type": "string" })),
        Kind::Layers => list(json!({ "type": "object" })),
        Kind::Branches => list(list(json!({ "type": "object" }))),
        Kind::Map => json!({ "type": "object" }),
        Kind::Named => {
            let map = json!({
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"],
            });
            either(&json!({ "anyOf": [{ "type": "string" }, map] }))
        }
    }
}

/// A number within bounds; those that are there only because there must be some are left out.
fn bounded(kind: &str, min: f64, max: f64) -> Value {
    let mut schema = json!({ "type": kind });
    let bound = |value: f64| match kind {
        "integer" => json!(value as i64),
        _ => json!(value),
    };
    if min > -1e15 {
        schema["minimum"] = bound(min);
    }
    if max < 1e15 {
        schema["maximum"] = bound(max);
    }
    schema
}
