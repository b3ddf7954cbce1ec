//! Networks as data: layers by their registered names.

use serde_json::{Map, Value, json};

/// A layer and its options: `layer("conv").with("out_channels", 8)`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    json: Map<String, Value>,
}

impl LayerSpec {
    /// The same layer with one more option.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl Into<Value>) -> Self {
        self.json.insert(option.into(), value.into());
        self
    }

    /// The same layer with a name of its own in the names of its weights, in place of its position.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.with("name", name)
    }

    /// The registered name.
    pub fn kind(&self) -> &str {
        self.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// An option's value.
    pub fn get(&self, option: &str) -> Option<&Value> {
        self.json.get(option)
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let json = value.as_object()?.clone();
        json.get("kind")?.as_str()?;
        Some(Self { json })
    }
}

impl From<LayerSpec> for Value {
    fn from(layer: LayerSpec) -> Self {
        Self::Object(layer.json)
    }
}

/// A network: one list of layers, which the host cuts into `convolutions` and `fc` before the first
/// `flatten`, or named parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    json: Value,
}

impl Network {
    /// A network of named parts, applied in order.
    pub fn parts<'n>(parts: impl IntoIterator<Item = (&'n str, Vec<LayerSpec>)>) -> Self {
        let parts: Vec<Value> = parts
            .into_iter()
            .map(|(name, layers)| json!({"name": name, "layers": Value::from(layers)}))
            .collect();
        Self { json: json!({"parts": parts}) }
    }

    /// The network as JSON.
    pub fn as_json(&self) -> &Value {
        &self.json
    }
}

impl From<Vec<LayerSpec>> for Network {
    fn from(layers: Vec<LayerSpec>) -> Self {
        Self { json: json!({"layers": Value::from(layers)}) }
    }
}

/// A layer by its registered name, whoever brings it.
pub fn layer(kind: &str) -> LayerSpec {
    LayerSpec { json: Map::new() }.with("kind", kind)
}

/// Convolution in 2D or 3D, as the input has it.
pub fn conv(out_channels: i64, kernel_size: i64) -> LayerSpec {
    layer("conv").with("out_channels", out_channels).with("kernel_size", kernel_size)
}

/// Normalises each channel over the batch.
pub fn batch_norm() -> LayerSpec {
    layer("batch_norm")
}

/// max(x, 0).
pub fn relu() -> LayerSpec {
    layer("relu")
}

/// x where it is positive, eˣ − 1 elsewhere.
pub fn elu() -> LayerSpec {
    layer("elu")
}

/// 1 / (1 + e⁻ˣ).
pub fn sigmoid() -> LayerSpec {
    layer("sigmoid")
}

/// The largest value of each window.
pub fn max_pool(kernel_size: i64) -> LayerSpec {
    layer("max_pool").with("kernel_size", kernel_size)
}

/// The mean of each channel.
pub fn global_avg_pool() -> LayerSpec {
    layer("global_avg_pool")
}

/// Means over windows chosen so that the output has this size on every axis.
pub fn adaptive_avg_pool(output_size: i64) -> LayerSpec {
    layer("adaptive_avg_pool").with("output_size", output_size)
}

/// All values of a sample in one row.
pub fn flatten() -> LayerSpec {
    layer("flatten")
}

/// Fully connected.
pub fn linear(out_features: i64) -> LayerSpec {
    layer("linear").with("out_features", out_features)
}

/// In training, zeroes values with probability `p`.
pub fn dropout(p: f64) -> LayerSpec {
    layer("dropout").with("p", p)
}

/// body(x) + shortcut(x); without a shortcut, x itself is added.
pub fn residual(body: Vec<LayerSpec>, shortcut: Vec<LayerSpec>) -> LayerSpec {
    layer("residual").with("body", body).with("shortcut", shortcut)
}

/// x · body(x).
pub fn gate(body: Vec<LayerSpec>) -> LayerSpec {
    layer("gate").with("body", body)
}
