//! Layers whose gradient depends on the order in which a GPU's threads come to add.

use tch::Device;

use super::plan::{Plan, Planner};
use crate::error::{Code, Error, Place, Problems, Result};

/// A layer that libtorch has no deterministic kernel for on GPUs.
pub(super) struct Undetermined {
    path: String,
    kind: &'static str,
    alternative: &'static str,
}

impl Planner<'_> {
    /// Notes that libtorch has no deterministic kernel for the gradient of the current layer on GPUs, and
    /// what can be used in its place. The list is that of
    /// <https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html>.
    pub(crate) fn undetermined(&mut self, kind: &'static str, alternative: &'static str) {
        self.undetermined.push(Undetermined { path: self.path(), kind, alternative });
    }
}

impl Plan {
    /// Whether training on `device` can be deterministic.
    ///
    /// # Errors
    /// [`Code::BadNetwork`] for every layer, those within others included, whose gradient cannot; what
    /// scripts and plugins compute is not known before it runs.
    pub fn check_deterministic(&self, device: Device) -> Result<()> {
        let mut problems = Problems::default();
        let found = if device.is_cuda() { &self.undetermined[..] } else { &[] };
        for Undetermined { path, kind, alternative } in found {
            let message = format!("the gradient of {kind} is not deterministic on a GPU");
            let error = Error::new(Code::BadNetwork, message).at(Place::Layer(path.clone()));
            problems
                .push(error.help(format!("{alternative}, or train without deterministic: true")));
        }
        problems.into_result()
    }
}
