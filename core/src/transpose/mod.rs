//! How a decoder undoes a layer: rules by the layer's name.

use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Catalog, Entry};
use crate::error::{Code, Error, Result};
use crate::network::{LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::options::Options;
use crate::shape::{Shape, show};

mod avg_pool;
mod conv;
mod conv_transpose;
mod copy;
mod derive;
mod derived;
mod group_norm;
mod leaky_relu;
mod linear;
mod pairs;
mod pool;
mod reshape;
mod residual;
mod sequential;
mod upsample;

pub use derive::{PARTS, autoencoder};
pub use derived::Derived;
pub use pairs::{Pair, pairs};

/// Every built-in rule, in order: the layer, one line of help, the rule.
pub fn built_in() -> Vec<(&'static str, &'static str, Box<dyn Transpose>)> {
    fn follower() -> Box<dyn Transpose> {
        Box::new(copy::Copy { follows: true })
    }
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
        ("batch_norm", copy::HELP, follower()),
        ("instance_norm", copy::HELP, follower()),
        (
            "group_norm",
            "group_norm with as many groups as divide the channels there.",
            Box::new(group_norm::GroupNorm),
        ),
        ("relu", copy::HELP, follower()),
        ("elu", copy::HELP, follower()),
        ("sigmoid", copy::HELP, follower()),
        ("tanh", copy::HELP, follower()),
        ("dropout", copy::HELP, follower()),
        ("avg_pool", "upsample to the size before.", Box::new(avg_pool::AvgPool)),
        ("adaptive_avg_pool", "upsample to the size before.", Box::new(avg_pool::AvgPool)),
        (
            "global_avg_pool",
            "reshape to a voxel per channel and upsample to the size before.",
            Box::new(avg_pool::GlobalAvgPool),
        ),
        ("upsample", "adaptive_avg_pool to the size before.", Box::new(upsample::Upsample)),
        ("sequential", "sequential of what undoes its layers.", Box::new(sequential::Sequential)),
        (
            "residual",
            "residual of what undoes the body and the shortcut.",
            Box::new(residual::Residual),
        ),
        ("gate", copy::HELP, Box::new(copy::Copy { follows: false })),
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
    /// them, the pooling that they undo is given `return_indices`. `catalog` has the rules of layers
    /// within the layer.
    ///
    /// # Errors
    /// What makes that impossible.
    fn transpose(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Vec<LayerSpec>>;

    /// Whether the counterpart stays behind that of the layer before it, as normalisations and
    /// activations do. Its input and output then have the shape that it finds there.
    fn follows(&self) -> bool {
        false
    }

    /// The same with the layer as the encoder must have it. Only layers that hold others need more
    /// than is done here.
    ///
    /// # Errors
    /// As [`Transpose::transpose`].
    fn both(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Transposed> {
        let decoder = self.transpose(request, catalog)?;
        Ok(Transposed { encoder: keeping_positions(request.layer.clone(), &decoder), decoder })
    }
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
/// is checked. A layer without a rule that keeps the shape is undone by itself.
///
/// # Errors
/// A layer that does not exist, has no rule, or whose rule does not restore the shape; what the
/// rule says.
pub fn transpose(catalog: &Catalog, layer: &LayerSpec, input: &[i64]) -> Result<Transposed> {
    let entry = catalog.layers.get(&layer.kind)?;
    let owner = format!("layer {:?}", layer.kind);
    let options = Options::check(&entry.info.options, &layer.options, &owner)?;
    let layer = LayerSpec { options: options.values().clone(), ..layer.clone() };
    let alone = plan(catalog, vec![layer.clone()], vec![], input).map_err(nowhere)?;
    let Some(rule) = catalog.transposes.find(&layer.kind) else {
        keep_shape(&layer.kind, input, &alone.output)?;
        let decoder = vec![LayerSpec { name: None, ..layer.clone() }];
        return Ok(Transposed { encoder: layer, decoder });
    };
    let request = TransposeRequest { layer, input: input.to_vec(), output: alone.output };
    let found = rule.rule.both(&request, catalog)?;
    let whose = || format!("the transpose rule of {:?} ({})", rule.name(), rule.origin());
    let restored = plan(catalog, vec![found.encoder.clone()], found.decoder.clone(), input);
    let restored = restored.map_err(|error| {
        nowhere(error).because(format!("{} gives layers that do not fit", whose()))
    })?;
    if restored.output != input {
        return Err(Error::new(
            Code::NoTranspose,
            format!(
                "{} takes {} to {} in place of {}",
                whose(),
                show(&request.output),
                show(&restored.output),
                show(input)
            ),
        )
        .help("the layers of a rule take l.output back to l.input"));
    }
    Ok(found)
}

/// An error without its place: a path within the plan of one layer tells nobody anything.
fn nowhere(error: Error) -> Error {
    error.placed(|_| None)
}

/// A layer without a rule can be left as it is where it keeps the shape.
fn keep_shape(kind: &str, input: &[i64], output: &[i64]) -> Result<()> {
    if input == output {
        return Ok(());
    }
    let message = format!(
        "nothing says how a decoder undoes the layer {kind:?}, which takes {} to {}",
        show(input),
        show(output)
    );
    Err(Error::new(Code::NoTranspose, message).help(format!(
        "register a rule: transpose({kind:?}, |l| [ … ]) with the layers that take l.output back to \
         l.input"
    )))
}

/// A pooling as the encoder must have it: one that an unpooling undoes keeps the positions of its
/// maxima.
fn keeping_positions(layer: LayerSpec, decoder: &[LayerSpec]) -> LayerSpec {
    let unpooling = match layer.kind.as_str() {
        "max_pool" => "max_unpool",
        "pad_max_pool" => "crop_max_unpool",
        _ => return layer,
    };
    let undone = any_within(decoder, &|value| value == unpooling);
    if undone { layer.with("return_indices", true) } else { layer }
}

/// Whether a pooling among the layers, or within them, keeps the positions of its maxima.
fn keeps_positions(layers: &[LayerSpec]) -> bool {
    any_within(layers, &|value| value["return_indices"] == true)
}

/// Whether anything in the layers, at any depth, is as asked.
fn any_within(layers: &[LayerSpec], asked: &dyn Fn(&Value) -> bool) -> bool {
    fn within(value: &Value, asked: &dyn Fn(&Value) -> bool) -> bool {
        let inner = match value {
            Value::Array(list) => list.iter().any(|value| within(value, asked)),
            Value::Object(map) => map.values().any(|value| within(value, asked)),
            _ => false,
        };
        inner || asked(value)
    }
    layers.iter().any(|layer| within(&layer.to_json(), asked))
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
