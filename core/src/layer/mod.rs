//! The layers, and what a layer is: a registry entry that knows its options, its output shape, its
//! parameters and their initialisation, and how to compute.

use serde::Serialize;
use serde_json::{Value, json};
use tch::Tensor;

use crate::error::Result;
use crate::network::{Context, Planner};
use crate::options::{OptionSpec, Options};
use crate::shape::Shape;

mod adaptive_avg_pool;
mod avg_pool;
mod batch_norm;
mod concat;
mod conv;
mod conv_transpose;
mod crop_max_unpool;
mod dropout;
mod elu;
mod flatten;
mod gate;
mod global_avg_pool;
mod grid;
mod group_norm;
mod instance_norm;
mod latent;
mod leaky_relu;
mod linear;
mod max_pool;
mod max_unpool;
mod pad_max_pool;
pub(crate) mod pool;
mod relu;
mod reshape;
mod residual;
mod sequential;
mod sigmoid;
mod skip;
mod softmax;
mod tanh;
mod upsample;
mod window;

pub use grid::Grid;

/// Every built-in layer, in the order of `host list layers`.
pub fn built_in() -> Vec<Box<dyn Layer>> {
    vec![
        Box::new(conv::Conv),
        Box::new(conv_transpose::ConvTranspose),
        Box::new(linear::Linear),
        Box::new(batch_norm::BatchNorm),
        Box::new(instance_norm::InstanceNorm),
        Box::new(group_norm::GroupNorm),
        Box::new(relu::Relu),
        Box::new(leaky_relu::LeakyRelu),
        Box::new(elu::Elu),
        Box::new(sigmoid::Sigmoid),
        Box::new(tanh::Tanh),
        Box::new(softmax::Softmax),
        Box::new(dropout::Dropout),
        Box::new(max_pool::MaxPool),
        Box::new(max_unpool::MaxUnpool),
        Box::new(avg_pool::AvgPool),
        Box::new(adaptive_avg_pool::AdaptiveAvgPool),
        Box::new(global_avg_pool::GlobalAvgPool),
        Box::new(pad_max_pool::PadMaxPool),
        Box::new(crop_max_unpool::CropMaxUnpool),
        Box::new(flatten::Flatten),
        Box::new(reshape::Reshape),
        Box::new(upsample::Upsample),
        Box::new(sequential::Sequential),
        Box::new(residual::Residual),
        Box::new(concat::Concat),
        Box::new(skip::Skip),
        Box::new(gate::Gate),
        Box::new(latent::Latent),
    ]
}

/// What a person reads about a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerInfo {
    /// The registered name.
    pub name: String,
    /// One line.
    pub help: String,
    /// Input and output shapes, in words.
    pub shapes: String,
    /// The options; the ones a script may give by position come first.
    pub options: Vec<OptionSpec>,
    /// How many options a script may give by position.
    pub positional: usize,
    /// An example that works.
    pub example: Example,
    /// Paper, DOI or page of the formula.
    pub source: String,
}

/// A layer with options and an input it can take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The layers, as JSON.
    pub layers: Value,
    /// The input shape, without the batch axis.
    pub input: Shape,
    /// The output shape, without the batch axis.
    pub output: Shape,
}

impl Example {
    /// An example from a JSON list of layers.
    pub fn new(layers: Value, input: &[i64], output: &[i64]) -> Self {
        Self { layers, input: input.to_vec(), output: output.to_vec() }
    }
}

/// A kind of layer. Registering one of these makes it usable from scripts, JSON and Rust alike.
pub trait Layer: Send + Sync {
    /// Name, help, options and example.
    fn info(&self) -> LayerInfo;

    /// Checks the options against the input shape (without the batch axis), asks `planner` for
    /// parameters, and says what comes out and how it is computed. Allocates nothing.
    ///
    /// # Errors
    /// A shape or option that does not fit, placed at the layer by the planner.
    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned>;
}

/// Computes a layer's output.
pub type Forward = Box<dyn Fn(&Tensor, &mut Context<'_>) -> Result<Tensor> + Send + Sync>;

/// A layer whose input shape is known.
pub struct Planned {
    /// The output shape, without the batch axis.
    pub output: Shape,
    /// Multiplications with additions for one sample.
    pub multiply_adds: u64,
    /// The computation.
    pub forward: Forward,
    /// What lets a neighbour be computed in another order with the same result.
    pub order: Order,
    /// Whether the output is a tensor of its own that no backward pass looks at: the next layer may
    /// write over it.
    pub fresh: bool,
    /// The computation that writes over its input, where there is one.
    pub in_place: Option<Forward>,
    /// Where the output's cells lie among the input's, where that is known.
    pub grid: Option<Grid>,
}

/// Whether a layer may trade places with the next one.
///
/// A rectifier never falls and keeps 0, so a maximum of rectified values is the rectified maximum,
/// gradients included: taking the maximum first leaves a rectifier a fraction of the work and of
/// the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It may not.
    Fixed,
    /// It never falls, and gives 0 for 0.
    Rising,
    /// It takes maxima, possibly with zeros among them, and nobody asks for their places.
    Maximum,
}

impl Planned {
    /// A layer that gives `output`, computed by `forward`.
    pub fn new(
        output: impl Into<Shape>,
        forward: impl Fn(&Tensor, &mut Context<'_>) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        let (output, forward) = (output.into(), Box::new(forward));
        Self {
            output,
            multiply_adds: 0,
            forward,
            order: Order::Fixed,
            fresh: false,
            in_place: None,
            grid: None,
        }
    }

    /// A layer whose output has the shape of its input, each cell in its place.
    pub fn aligned(
        input: &[i64],
        forward: impl Fn(&Tensor, &mut Context<'_>) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        Self::new(input, forward).placed(Some(Grid::aligned(input.len().saturating_sub(1))))
    }

    /// The same with where its cells lie.
    #[must_use]
    pub fn placed(mut self, grid: Option<Grid>) -> Self {
        self.grid = grid;
        self
    }

    /// The same with its cost.
    #[must_use]
    pub fn costing(mut self, multiply_adds: u64) -> Self {
        self.multiply_adds = multiply_adds;
        self
    }

    /// The same whose output the next layer may write over.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// The same with a computation that writes over its input: a map less in memory.
    #[must_use]
    pub fn or_in_place(
        mut self,
        forward: impl Fn(&Tensor, &mut Context<'_>) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        self.in_place = Some(Box::new(forward));
        self
    }

    /// The same with a property that allows another order.
    #[must_use]
    pub fn ordered(mut self, order: Order) -> Self {
        self.order = order;
        self
    }
}

/// How a parameter or buffer starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform over ±bound.
    Uniform(f64),
    /// All the same value.
    Constant(f64),
}

impl Init {
    /// PyTorch's default for convolutions and linear layers, weight and bias alike:
    /// U(±1/√fan_in), which is He's uniform rule with a = √5.
    pub fn fan_in(fan_in: i64) -> Self {
        Self::Uniform(if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 })
    }
}

/// Short forms of what layer files write again and again.
pub(crate) mod short {
    pub(crate) use super::{Example, Grid, Init, Layer, LayerInfo, Order, Planned};
    pub(crate) use crate::error::{Code, Result};
    pub(crate) use crate::network::Planner;
    pub(crate) use crate::options::{Kind, OptionSpec, Options};
    pub(crate) use serde_json::json;

    pub(crate) fn count() -> Kind {
        Kind::Int { min: 1, max: i64::MAX }
    }

    pub(crate) fn positive() -> Kind {
        Kind::Float { min: f64::MIN_POSITIVE, max: f64::INFINITY }
    }
}

/// The example of a layer without options.
fn plain_example(kind: &str, shape: &[i64]) -> Example {
    Example::new(json!([{"kind": kind}]), shape, shape)
}

#[cfg(test)]
mod tests;
