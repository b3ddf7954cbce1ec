//! What training makes small.

use serde::Serialize;
use tch::Tensor;

use crate::error::Result;
use crate::options::{OptionSpec, Options};

mod cross_entropy;

/// Every built-in loss, in order.
pub fn built_in() -> Vec<Box<dyn Loss>> {
    vec![Box::new(cross_entropy::CrossEntropy)]
}

/// What a person reads about a loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossInfo {
    /// The registered name, PyTorch's where it has one.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula and its source.
    pub source: String,
    /// The options.
    pub options: Vec<OptionSpec>,
}

/// What a variational layer drew its output from: a normal distribution for each value.
#[derive(Debug)]
pub struct Latent {
    /// The means, `[batch, …]`.
    pub mean: Tensor,
    /// The logarithms of the variances, of the same shape.
    pub log_variance: Tensor,
}

/// A loss.
pub trait Loss: Send + Sync {
    /// Name, help, options and source.
    fn info(&self) -> LossInfo;

    /// The loss of each sample. Samples are weighed and averaged by training, so that accumulated
    /// batches count each sample once.
    ///
    /// # Shapes
    /// `output` `[batch, class]` and `target` `[batch]`, int64 class codes → `[batch]`.
    ///
    /// # Errors
    /// What libtorch or the loss says.
    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor>;

    /// The same for a network with variational layers.
    ///
    /// # Errors
    /// As [`Loss::loss`].
    fn with_latents(
        &self,
        output: &Tensor,
        target: &Tensor,
        _latents: &[Latent],
        options: &Options,
    ) -> Result<Tensor> {
        self.loss(output, target, options)
    }
}
