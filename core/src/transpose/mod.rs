//! How a decoder undoes a layer: rules by the layer's name.

use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::network::{LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::options::Options;
use crate::shape::{Shape, show};

mod conv;
mod conv_transpose;
mod copy;
mod leaky_relu;
mod linear;
mod pool;
mod reshape;

/// Every built-in rule, in order: the layer, one line of help, the rule.
pub fn built_in() -> Vec<(&'static str, &'static str, Box<dyn Transpose>)> {
    vec![
        (
            "conv",
            "conv_transpose with the output padding that restores the size.",
            Box::new(conv::Conv),
        ),
        (
            "conv_transpose",
            "conv of the same kernel, stride and padding.",
            Box::new(conv_transpose::ConvTranspose),
        ),
        ("linear", "linear back to the number of inputs.", Box::new(linear::Linear)),
        ("max_pool", "max_unpool to where the maxima were.", Box::new(pool::MaxPool)),
        ("pad_max_pool", "crop_max_unpool to where the maxima were.", Box::new(pool::PadMaxPool)),
        ("flatten", "reshape to the shape that was flattened.", Box::new(reshape::Reshape)),
        ("reshape", "reshape to the shape before.", Box::new(reshape::Reshape)),
        (
            "leaky_relu",
            "leaky_relu of the slope's inverse, which undoes it exactly.",
            Box::new(leaky_relu::LeakyRelu),
        ),
        ("batch_norm", copy::HELP, Box::new(copy::Copy)),
        ("instance_norm", copy::HELP, Box::new(copy::Copy)),
        ("group_norm", copy::HELP, Box::new(copy::Copy)),
        ("relu", copy::HELP, Box::new(copy::Copy)),
        ("elu", copy::HELP, Box::new(copy::Copy)),
        ("sigmoid", copy::HELP, Box::new(copy::Copy)),
        ("tanh", copy::HELP, Box::new(copy::Copy)),
        ("dropout", copy::HELP, Box::new(copy::Copy)),
    ]
}

/// A layer that is to be undone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransposeRequest {
    /// The layer, its options with their defaults.
    pub layer: LayerSpec,
    /// Its input shape, without the batch axis: what the decoder has to give.
    pub input: Shape,
    /// Its output shape, without the batch axis: what the decoder gets.
    pub output: Shape,
}

/// A transpose rule.
pub trait Transpose: Send + Sync {
    /// The layers that take `request.output` back to `request.input`. If there is an unpooling among
    /// them, the pooling that they undo is given `return_indices`.
    ///
    /// # Errors
    /// What makes that impossible.
    fn transpose(&self, request: &TransposeRequest) -> Result<Vec<LayerSpec>>;
}

/// A layer and its counterpart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transposed {
    /// The layer as the encoder must have it.
    pub encoder: LayerSpec,
    /// The layers that undo it.
    pub decoder: Vec<LayerSpec>,
}

/// How `layer`, which gets `input` (without the batch axis), is undone. That the shape is restored
/// is checked.
///
/// # Errors
/// A layer that does not exist, has no rule, or whose rule does not restore the shape; what the
/// rule says.
pub fn transpose(catalog: &Catalog, layer: &LayerSpec, input: &[i64]) -> Result<Transposed> {
    let entry = catalog.layers.get(&layer.kind)?;
    let Some(rule) = catalog.transposes.find(&layer.kind) else {
        return Err(Error::new(
            Code::NoTranspose,
            format!("nothing says how a decoder undoes the layer {:?}", layer.kind),
        )
        .help(format!(
            "register a rule: transpose({:?}, |l| [ … ]) with the layers that take l.output back to \
             l.input",
            layer.kind
        )));
    };
    let owner = format!("layer {:?}", layer.kind);
    let options = Options::check(&entry.info.options, &layer.options, &owner)?;
    let layer = LayerSpec { options: options.values().clone(), ..layer.clone() };
    let alone = plan(catalog, vec![layer.clone()], vec![], input)?;
    let request = TransposeRequest { layer, input: input.to_vec(), output: alone.output };
    let decoder = rule.rule.transpose(&request)?;
    let encoder = keeping_positions(request.layer.clone(), &decoder);
    let restored = plan(catalog, vec![encoder.clone()], decoder.clone(), input)?;
    if restored.output != input {
        return Err(Error::new(
            Code::NoTranspose,
            format!(
                "the transpose rule of {:?} ({}) takes {} to {} in place of {}",
                rule.name(),
                rule.origin(),
                show(&request.output),
                show(&restored.output),
                show(input)
            ),
        )
        .help("the layers of a rule take l.output back to l.input"));
    }
    Ok(Transposed { encoder, decoder })
}

/// A pooling as the encoder must have it: one that an unpooling undoes keeps the positions of its
/// maxima.
fn keeping_positions(layer: LayerSpec, decoder: &[LayerSpec]) -> LayerSpec {
    let unpooling = match layer.kind.as_str() {
        "max_pool" => "max_unpool",
        "pad_max_pool" => "crop_max_unpool",
        _ => return layer,
    };
    /// Whether layers inside of an option are of the kind.
    fn within(value: &Value, kind: &str) -> bool {
        match value {
            Value::String(text) => text == kind,
            Value::Array(list) => list.iter().any(|value| within(value, kind)),
            Value::Object(map) => map.values().any(|value| within(value, kind)),
            _ => false,
        }
    }
    let undone = decoder.iter().any(|layer| {
        layer.kind == unpooling || layer.options.values().any(|value| within(value, unpooling))
    });
    if undone { layer.with("return_indices", true) } else { layer }
}

fn plan(
    catalog: &Catalog,
    encoder: Vec<LayerSpec>,
    decoder: Vec<LayerSpec>,
    input: &[i64],
) -> Result<Plan> {
    let part = |name: &str, layers| PartSpec { name: name.into(), layers };
    let parts = vec![part("encoder", encoder), part("decoder", decoder)];
    Plan::new(NetworkSpec { architecture: "transpose".into(), parts }, input, catalog)
}

#[cfg(test)]
mod tests;
