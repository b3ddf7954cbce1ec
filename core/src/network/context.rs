//! What a forward pass carries along.

use std::rc::Rc;
use std::sync::Arc;

use tch::Tensor;

use super::plan::ParamId;
use crate::error::Result;
use crate::layer::pool::Pooled;
use crate::loss::Latent;
use crate::random::derived_seed;

/// Is shown a layer's path and output.
pub type Observer<'a> = dyn FnMut(&str, &Tensor) + 'a;

/// How layers behave in a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Without random choices, with the statistics gathered in training.
    Evaluation,
    /// As they learn; all random choices of the pass derive from the seed.
    Training {
        /// The seed.
        seed: u64,
    },
}

/// What a forward pass carries along.
pub struct Context<'a> {
    /// How layers behave.
    pub mode: Mode,
    draws: u64,
    tensors: Tensors<'a>,
    frozen: Arc<[bool]>,
    pub(crate) pools: Vec<Pooled>,
    /// What variational layers drew from.
    pub latents: Vec<Latent>,
    /// Called with each layer's path and output, inner layers first.
    pub observe: Option<&'a mut Observer<'a>>,
}

#[derive(Clone)]
enum Tensors<'a> {
    OfNetwork(&'a [Tensor]),
    Shared(Rc<[Tensor]>),
}

impl<'a> Context<'a> {
    pub(super) fn new(
        mode: Mode,
        tensors: &'a [Tensor],
        frozen: &Arc<[bool]>,
        observe: Option<&'a mut Observer<'a>>,
    ) -> Self {
        Self {
            mode,
            draws: 0,
            tensors: Tensors::OfNetwork(tensors),
            frozen: Arc::clone(frozen),
            pools: Vec::new(),
            latents: Vec::new(),
            observe,
        }
    }
}

impl Context<'_> {
    /// Whether layers behave as in training.
    pub fn training(&self) -> bool {
        matches!(self.mode, Mode::Training { .. })
    }

    /// A seed for the next random choice of this pass; 0 in evaluation, where there is none.
    pub fn draw_seed(&mut self, purpose: &str) -> u64 {
        let Mode::Training { seed } = self.mode else { return 0 };
        self.draws += 1;
        derived_seed(seed, purpose, &[self.draws])
    }

    /// The tensor of a parameter or buffer.
    pub fn weight(&self, id: ParamId) -> &Tensor {
        match &self.tensors {
            Tensors::OfNetwork(tensors) => &tensors[id.0],
            Tensors::Shared(tensors) => &tensors[id.0],
        }
    }

    /// Whether a parameter or buffer stays as it is, in training too: see
    /// [`Network::freeze`](super::Network::freeze).
    pub fn frozen(&self, id: ParamId) -> bool {
        self.frozen[id.0]
    }

    /// The tensor of a parameter or buffer, for code that may change buffers in training: a copy
    /// where it is frozen, so that it stays as it is.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn lent(&self, id: ParamId) -> Result<Tensor> {
        let tensor = self.weight(id);
        Ok(if self.training() && self.frozen(id) {
            tensor.f_detach_copy()?
        } else {
            tensor.shallow_clone()
        })
    }

    /// The same pass without a borrow, for a layer that has to hand it to code which cannot hold
    /// one, such as a script; [`Context::attach`] takes it back. Inner layers that run meanwhile are
    /// not observed.
    pub fn detach(&mut self) -> Context<'static> {
        let tensors = match &self.tensors {
            Tensors::OfNetwork(tensors) => tensors.iter().map(Tensor::shallow_clone).collect(),
            Tensors::Shared(tensors) => Rc::clone(tensors),
        };
        Context {
            mode: self.mode,
            draws: self.draws,
            tensors: Tensors::Shared(tensors),
            frozen: Arc::clone(&self.frozen),
            pools: std::mem::take(&mut self.pools),
            latents: std::mem::take(&mut self.latents),
            observe: None,
        }
    }

    /// Goes on where the detached pass stopped.
    pub fn attach(&mut self, detached: Context<'static>) {
        self.draws = detached.draws;
        self.pools = detached.pools;
        self.latents = detached.latents;
    }
}
