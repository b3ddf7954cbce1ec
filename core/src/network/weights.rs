//! A network with its weights.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor, no_grad_guard};

use super::context::{Context, Mode, Observer};
use super::plan::{ParamSpec, Plan, State};
use super::precision::{Precision, float};
use crate::error::{Code, Error, Place, Result};
use crate::files;
use crate::layer::Init;
use crate::loss::Latent;
use crate::random::Random;
use crate::shape::{elements, show};

/// What comes out of a forward pass.
#[derive(Debug)]
pub struct Pass {
    /// The output `[batch, …output shape]`.
    pub output: Tensor,
    /// What variational layers drew from, in the order in which they ran.
    pub latents: Vec<Latent>,
    /// What the network's parts gave, in order; the last of them is the output.
    pub parts: Vec<Tensor>,
}

/// A planned network with tensors for its parameters and buffers.
pub struct Network {
    /// The plan it follows.
    pub plan: Arc<Plan>,
    pub(super) tensors: Vec<Tensor>,
    /// Which of them stay as they are.
    pub(super) frozen: Arc<[bool]>,
    device: Device,
    precision: Precision,
}

impl Network {
    /// Gives the planned network fresh weights: PyTorch's own initialisation, each tensor drawn
    /// from its own stream, keyed by the seed and the tensor's name.
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] and what else libtorch says.
    pub fn new(plan: Plan, seed: u64, device: Device) -> Result<Self> {
        let _no_grad = no_grad_guard();
        let mut tensors = Vec::new();
        for param in &plan.params {
            let tensor = match param.state {
                State::Counter => Tensor::f_zeros(&param.shape, (Kind::Int64, Device::Cpu))?,
                State::Trainable(Init::Constant(value)) | State::Buffer(Init::Constant(value)) => {
                    constant(&param.shape, value)?
                }
                State::Trainable(Init::Uniform(bound)) | State::Buffer(Init::Uniform(bound)) => {
                    let mut values = Vec::new();
                    let size = elements(&param.shape).unwrap_or(0) as usize;
                    values.try_reserve_exact(size).map_err(|_| too_large(param))?;
                    values.resize(size, 0f32);
                    let purpose = format!("init {}", param.name);
                    Random::new(seed, &purpose, &[]).fill_uniform(&mut values, bound);
                    Tensor::f_from_slice(&values)?.f_view(&param.shape[..])?
                }
            };
            tensors.push(tensor.f_to_device(device)?.f_set_requires_grad(param.trainable())?);
        }
        let frozen = plan.params.iter().map(|_| false).collect();
        let precision = Precision::default();
        Ok(Self { plan: Arc::new(plan), tensors, frozen, device, precision })
    }

    /// Gives the planned network the parameters and buffers of a safetensors file.
    ///
    /// # Errors
    /// As [`Network::load`]; what libtorch says.
    pub fn read(plan: Plan, path: &Path, device: Device) -> Result<Self> {
        let empty = |param: &ParamSpec| -> Result<Tensor> {
            let kind = if param.state == State::Counter { Kind::Int64 } else { Kind::Float };
            let tensor = Tensor::f_empty(&param.shape, (kind, device))?;
            Ok(tensor.f_set_requires_grad(param.trainable())?)
        };
        let tensors = plan.params.iter().map(empty).collect::<Result<_>>()?;
        let frozen = plan.params.iter().map(|_| false).collect();
        let precision = Precision::default();
        let mut network = Self { plan: Arc::new(plan), tensors, frozen, device, precision };
        network.load(path)?;
        Ok(network)
    }

    /// The same network, with the same layers and weights, for another thread.
    pub fn share(&self) -> Self {
        let tensors = self.tensors.iter().map(Tensor::shallow_clone).collect();
        let (plan, frozen) = (Arc::clone(&self.plan), Arc::clone(&self.frozen));
        Self { plan, tensors, frozen, device: self.device, precision: self.precision }
    }

    /// Where the weights lie.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Lets forward passes compute with these numbers; float32 otherwise.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// The output for `x` `[batch, …input shape]`.
    ///
    /// # Errors
    /// What libtorch or a layer says, placed at the layer.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.run(x, mode, None)?.output)
    }

    /// As [`Network::forward`], with what variational layers drew from.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn pass(&self, x: &Tensor, mode: Mode) -> Result<Pass> {
        self.run(x, mode, None)
    }

    /// As [`Network::forward`], with every layer's path and output shown to `observe`, inner layers
    /// first.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_observed(
        &self,
        x: &Tensor,
        mode: Mode,
        mut observe: impl FnMut(&str, &Tensor),
    ) -> Result<Tensor> {
        Ok(self.run(x, mode, Some(&mut observe))?.output)
    }

    fn run<'a>(
        &'a self,
        x: &Tensor,
        mode: Mode,
        observe: Option<&'a mut Observer<'a>>,
    ) -> Result<Pass> {
        let mut ctx = Context::new(mode, &self.tensors, &self.frozen, observe);
        let casts = self.precision.casts(self.device)?;
        let mut parts: Vec<Tensor> = Vec::with_capacity(self.plan.parts.len());
        for part in &self.plan.parts {
            parts.push(part.forward(parts.last().unwrap_or(x), &mut ctx)?);
        }
        drop(casts);
        let output = float(parts.last().unwrap_or(x))?;
        Ok(Pass { output, latents: ctx.latents, parts })
    }

    /// All parameters and buffers with their tensors, in state-dictionary order.
    pub fn state(&self) -> impl Iterator<Item = (&ParamSpec, &Tensor)> {
        self.plan.params.iter().zip(&self.tensors)
    }

    /// The parameters that the optimiser learns: all that are not frozen.
    pub fn trainable(&self) -> impl Iterator<Item = (&ParamSpec, &Tensor)> {
        let state = self.state().zip(self.frozen.iter());
        state.filter(|((param, _), frozen)| param.trainable() && !**frozen).map(|(both, _)| both)
    }

    /// Writes parameters and buffers as safetensors, atomically.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save(&self, path: &Path) -> Result<()> {
        save_tensors(path, &self.named(), None)
    }

    pub(super) fn named(&self) -> Vec<(String, &Tensor)> {
        self.state().map(|(param, tensor)| (param.name.clone(), tensor)).collect()
    }

    /// Replaces parameters and buffers by those of a safetensors file.
    ///
    /// # Errors
    /// [`Code::WeightsMismatch`] listing all tensors that are missing, unexpected or of another
    /// shape; nothing is changed then.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let data = files::read(path, "read the weights")?;
        self.set(&parse_tensors(path, &data)?, path)
    }

    /// Replaces parameters and buffers by tensors that were read from `path`.
    pub(super) fn set(&mut self, found: &[(String, Tensor)], path: &Path) -> Result<()> {
        let mut wrong = Vec::new();
        for (param, tensor) in self.state() {
            match found.iter().find(|(name, _)| *name == param.name) {
                None => wrong.push(format!("{} is missing", param.name)),
                Some((_, other)) if other.size() != param.shape => wrong.push(format!(
                    "{} is {} there and {} here",
                    param.name,
                    show(&other.size()),
                    show(&param.shape)
                )),
                Some((_, other)) if other.kind() != tensor.kind() => {
                    wrong.push(format!("{} holds {:?} there", param.name, other.kind()));
                }
                Some(_) => {}
            }
        }
        for (name, _) in found {
            if !self.plan.params.iter().any(|param| param.name == *name) {
                wrong.push(format!("{name} is not part of this network"));
            }
        }
        if !wrong.is_empty() {
            return Err(Error::new(
                Code::WeightsMismatch,
                format!("the weights do not fit the network: {}", wrong.join("; ")),
            )
            .at(Place::File(path.into())));
        }
        let _no_grad = no_grad_guard();
        for (param, tensor) in self.plan.params.iter().zip(&mut self.tensors) {
            if let Some((_, other)) = found.iter().find(|(name, _)| *name == param.name) {
                tensor.f_copy_(other)?;
            }
        }
        Ok(())
    }
}

/// A parameter that memory cannot hold.
fn too_large(param: &ParamSpec) -> Error {
    let (name, shape) = (&param.name, show(&param.shape));
    Error::new(Code::OutOfMemory, format!("there is not enough memory for {name}, {shape}"))
        .help("make the layer smaller: fewer channels, or more pooling before a linear layer")
}

/// A float tensor with the same value everywhere. tch's own `full` panics where memory runs out.
fn constant(shape: &[i64], value: f64) -> Result<Tensor> {
    let float = (Kind::Float, Device::Cpu);
    if value == 0.0 {
        return Ok(Tensor::f_zeros(shape, float)?);
    }
    Ok(Tensor::f_ones(shape, float)?.f_mul(&Tensor::f_from_slice(&[value as f32])?)?)
}

/// `x` `[batch, channel, …]` with the channels of a voxel side by side in memory, which
/// convolutions run faster on. The values and the shape are the same.
///
/// # Errors
/// What libtorch says.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    let size = x.size();
    let axes = size.len() as i64;
    if axes < 4 {
        return Ok(x.shallow_clone());
    }
    let mut to_last: Vec<i64> = vec![0];
    to_last.extend(2..axes);
    to_last.push(1);
    let data = x.f_permute(&to_last)?.f_contiguous()?;
    // Strides of one-channel tensors are ambiguous, so they are spelt out: libtorch takes a tensor
    // as channels-last only where the channel's stride is 1.
    let mut strides = vec![0; size.len()];
    let mut step = 1;
    for axis in [1].into_iter().chain((2..size.len()).rev()).chain([0]) {
        strides[axis] = step;
        step *= size[axis];
    }
    Ok(data.f_as_strided(&size, &strides, None)?)
}

/// Writes named tensors (float32 or int64) as safetensors, atomically, with a note in its header.
pub(super) fn save_tensors(
    path: &Path,
    named: &[(String, &Tensor)],
    note: Option<(&str, &str)>,
) -> Result<()> {
    let mut held = Vec::new();
    for (name, tensor) in named {
        let tensor = tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
        let (dtype, width) = match tensor.kind() {
            Kind::Float => (Dtype::F32, 4),
            Kind::Int64 => (Dtype::I64, 8),
            other => {
                return Err(Error::new(Code::Internal, format!("{name} holds {other:?}")));
            }
        };
        let mut bytes = vec![0u8; tensor.numel() * width];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape: Vec<usize> = tensor.size().iter().map(|size| *size as usize).collect();
        held.push((name, dtype, shape, bytes));
    }
    let internal = |error| Error::new(Code::Internal, "cannot lay out the weights").because(error);
    let mut views = Vec::new();
    for (name, dtype, shape, bytes) in &held {
        let view = TensorView::new(*dtype, shape.clone(), bytes)
            .map_err(|error| internal(format!("{error:?}")))?;
        views.push((name.as_str(), view));
    }
    let note = note.map(|(key, text)| HashMap::from([(key.to_owned(), text.to_owned())]));
    let data = safetensors::serialize(views, note).map_err(|e| internal(format!("{e:?}")))?;
    files::write_atomic(path, |out| out.write_all(&data))
}

/// All tensors in the bytes of a safetensors file, in the order of their names; `path` is what
/// errors call it.
///
/// # Errors
/// [`Code::BadWeights`] if the file is damaged, or holds numbers that weights never are.
pub(crate) fn parse_tensors(path: &Path, data: &[u8]) -> Result<Vec<(String, Tensor)>> {
    let bad = |message: String| {
        Error::new(Code::BadWeights, message)
            .at(Place::File(path.into()))
            .help("write the weights again, as safetensors, or name another file")
    };
    let file = SafeTensors::deserialize(data).map_err(|error| {
        bad("the file is damaged, or holds no safetensors".into()).because(error)
    })?;
    let mut tensors = Vec::new();
    for (name, view) in file.tensors() {
        let kind = match view.dtype() {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::I64 => Kind::Int64,
            other => return Err(bad(format!("{name} holds {other:?}, which is not read"))),
        };
        let shape: Result<Vec<i64>, _> = view.shape().iter().map(|&n| i64::try_from(n)).collect();
        let shape = shape.map_err(|_| bad(format!("{name} has a size that nothing has")))?;
        tensors.push((name, Tensor::f_from_data_size(view.data(), &shape, kind)?));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(tensors)
}
