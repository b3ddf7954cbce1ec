//! A network as data: what is written into the experiment folder and read back from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::transpose::PARTS;

/// A layer and its options, before its input is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// The registered kind: `conv`.
    pub kind: String,
    /// A name of its own in the state names, in place of its position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The options that were given, beside `kind` and `name`.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

impl LayerSpec {
    /// A layer without options.
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.into(), name: None, options: Map::new() }
    }

    /// The same layer with one more option.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl Into<Value>) -> Self {
        self.options.insert(option.into(), value.into());
        self
    }

    /// The same layer with a list of layers in an option.
    #[must_use]
    pub fn with_layers(self, option: &str, layers: &[Self]) -> Self {
        self.with(option, layers.iter().map(Self::to_json).collect::<Value>())
    }

    /// The layer as JSON, which [`LayerSpec::read`] reads.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("kind".into(), self.kind.clone().into());
        if let Some(name) = &self.name {
            map.insert("name".into(), name.clone().into());
        }
        map.extend(self.options.clone());
        Value::Object(map)
    }

    /// Reads one layer: `{"kind": "conv", "out_channels": 8, …}`, or just its kind.
    ///
    /// # Errors
    /// [`Code::BadNetwork`] if it is neither.
    pub fn read(value: &Value) -> Result<Self> {
        match value {
            Value::String(kind) => Ok(Self::new(kind)),
            Value::Object(_) => serde_json::from_value(value.clone()).map_err(|error| {
                Error::new(Code::BadNetwork, "a layer is not well formed")
                    .because(error)
                    .help("a layer is {\"kind\": …} with its options beside it")
            }),
            other => Err(Error::new(Code::BadNetwork, format!("expected a layer, found {other}"))
                .help("a layer is {\"kind\": …} with its options beside it")),
        }
    }

    /// Reads a list of layers; lists inside it are taken as if written out.
    ///
    /// # Errors
    /// [`Code::BadNetwork`] naming the element that is not a layer.
    pub fn list(value: &Value) -> Result<Vec<Self>> {
        let Value::Array(items) = value else {
            return Ok(vec![Self::read(value)?]);
        };
        let mut layers = Vec::new();
        for item in items {
            match item {
                Value::Array(_) => layers.extend(Self::list(item)?),
                item => layers.push(Self::read(item)?),
            }
        }
        Ok(layers)
    }
}

/// A named run of layers: `convolutions`, `fc`, `encoder`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartSpec {
    /// The first component of the state names.
    pub name: String,
    /// The layers, applied in order.
    pub layers: Vec<LayerSpec>,
}

/// A whole network: its parts, applied in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The architecture it was built from.
    pub architecture: String,
    /// The parts, in order.
    pub parts: Vec<PartSpec>,
}

impl NetworkSpec {
    /// A network of one list of layers: everything before the first `flatten` is the part
    /// `convolutions`, the rest `fc`; without a `flatten` all is `convolutions`.
    pub fn from_layers(architecture: &str, mut layers: Vec<LayerSpec>) -> Self {
        let cut = layers.iter().position(|l| l.kind == "flatten").unwrap_or(layers.len());
        let rest = layers.split_off(cut);
        let mut parts = vec![PartSpec { name: "convolutions".into(), layers }];
        if !rest.is_empty() {
            parts.push(PartSpec { name: "fc".into(), layers: rest });
        }
        parts.retain(|part| !part.layers.is_empty());
        Self { architecture: architecture.into(), parts }
    }

    /// Whether it gives its input back: its parts are `encoder` and `decoder`.
    pub fn is_autoencoder(&self) -> bool {
        self.parts.iter().map(|part| part.name.as_str()).eq(PARTS)
    }
}
