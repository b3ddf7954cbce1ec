//! An optimiser at work on a network.

use std::sync::{Mutex, PoisonError};

use neurhai_torch::Tensors;
use tch::{Kind, Tensor, no_grad_guard};

use super::pieces::{Rows, cut};
use super::{Groups, Method, Update};
use crate::error::{Code, Error, Result};
use crate::network::Network;

/// Limits of gradients: of single numbers first, then of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clip {
    /// The largest norm of all gradients together; larger ones are scaled down, as by
    /// `torch.nn.utils.clip_grad_norm_`.
    pub norm: Option<f64>,
    /// The largest size of a number, as by `torch.nn.utils.clip_grad_value_`.
    pub value: Option<f64>,
}

/// An optimiser of the parameters of a network that learn.
pub struct Optimizer {
    method: Method,
    clip: Clip,
    params: Vec<Param>,
}

/// A parameter, and what is kept of it.
struct Param {
    name: String,
    tensor: Tensor,
    weight_decay: f64,
    factor: f64,
    steps: i64,
    kept: Vec<Tensor>,
    numbers: Vec<f32>,
}

impl Param {
    /// Whether both can be updated together.
    fn like(&self, other: &Self) -> bool {
        let bits = |numbers: &[f32]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
        self.factor == other.factor
            && self.weight_decay == other.weight_decay
            && self.steps == other.steps
            && bits(&self.numbers) == bits(&other.numbers)
    }
}

impl Optimizer {
    /// An optimiser for all trainable parameters of `network`.
    ///
    /// # Errors
    /// A path of `groups` that leads to no such parameter; what libtorch says, for example where the
    /// moments do not fit into memory.
    pub fn new(network: &Network, method: &Method, groups: &Groups, clip: Clip) -> Result<Self> {
        let named = network.trainable().map(|(spec, tensor)| (spec.name.as_str(), tensor));
        Self::over(&named.collect::<Vec<_>>(), method, groups, clip)
    }

    /// An optimiser of named tensors.
    ///
    /// # Errors
    /// As [`Optimizer::new`].
    pub fn over(
        named: &[(&str, &Tensor)],
        method: &Method,
        groups: &Groups,
        clip: Clip,
    ) -> Result<Self> {
        let _no_grad = no_grad_guard();
        groups.check(&named.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
        let kept = method.rule.kept(&method.options)?;
        let param = |(name, tensor): &(&str, &Tensor)| -> Result<Param> {
            let begin = |(_, value): &(&str, f64)| -> Result<Tensor> {
                let zeros = tensor.f_zeros_like()?;
                Ok(if *value == 0.0 { zeros } else { zeros.f_add_scalar(*value)? })
            };
            Ok(Param {
                name: (*name).to_owned(),
                tensor: tensor.shallow_clone(),
                weight_decay: groups.decay(tensor.dim()),
                factor: groups.factor(name),
                steps: 0,
                kept: kept.iter().map(begin).collect::<Result<_>>()?,
                numbers: vec![0.0; method.rule.numbers().len()],
            })
        };
        let params = named.iter().map(param).collect::<Result<_>>()?;
        Ok(Self { method: method.clone(), clip, params })
    }

    /// Updates the weights from their gradients, which it leaves undefined for the next window.
    /// Parameters that the loss does not depend on have no gradient and stay as they are, with what is
    /// kept of them.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn step(&mut self, learning_rate: f64) -> Result<()> {
        let _no_grad = no_grad_guard();
        let mut with_grads = Vec::new();
        for (i, param) in self.params.iter().enumerate() {
            let grad = param.tensor.f_grad()?;
            if grad.defined() {
                with_grads.push((i, grad));
            }
        }
        self.clip(&with_grads)?;
        while let Some((first, _)) = with_grads.first() {
            let first = &self.params[*first];
            let (alike, others): (Vec<_>, Vec<_>) =
                with_grads.into_iter().partition(|(i, _)| self.params[*i].like(first));
            with_grads = others;
            self.update(&alike, learning_rate)?;
        }
        self.clear()
    }

    /// Updates parameters that are alike.
    fn update(&mut self, with_grads: &[(usize, Tensor)], learning_rate: f64) -> Result<()> {
        let Some((first, _)) = with_grads.first() else { return Ok(()) };
        let first = &self.params[*first];
        let rows = with_grads.iter().map(|(i, grad)| {
            let Param { tensor, kept, .. } = &self.params[*i];
            [tensor, grad].into_iter().chain(kept).map(Tensor::shallow_clone).collect()
        });
        let rows: Rows = rows.collect();
        let (whole, pieces) = match self.method.rule.passes_once() {
            true => (rows, Vec::new()),
            false => cut(rows)?,
        };
        let (step, lr, weight_decay) =
            (first.steps + 1, learning_rate * first.factor, first.weight_decay);
        let (before, Method { rule, options }) = (first.numbers.clone(), &self.method);
        let numbers = Mutex::new(before.clone());
        let update = |rows: Rows| -> Result<()> {
            let list = |column: usize| {
                Tensors::new(rows.iter().map(|row| row[column].shallow_clone()).collect())
            };
            let mut update = Update {
                options,
                lr,
                weight_decay,
                step,
                params: list(0),
                grads: list(1),
                kept: (0..rows.first().map_or(0, Vec::len) - 2).map(|k| list(2 + k)).collect(),
                numbers: before.clone(),
            };
            rule.update(&mut update)?;
            // They come out the same for every piece.
            *numbers.lock().unwrap_or_else(PoisonError::into_inner) = update.numbers;
            Ok(())
        };
        if !whole.is_empty() {
            update(whole)?;
        }
        neurhai_torch::in_parallel(pieces, update)?;
        let numbers = numbers.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (i, _) in with_grads {
            self.params[*i].steps = step;
            self.params[*i].numbers.clone_from(&numbers);
        }
        Ok(())
    }

    /// Limits the gradients in place.
    fn clip(&self, with_grads: &[(usize, Tensor)]) -> Result<()> {
        if self.clip == Clip::default() {
            return Ok(());
        }
        let grads = with_grads.iter().map(|(_, grad)| grad.shallow_clone()).collect();
        let grads = Tensors::new(grads);
        if let Some(largest) = self.clip.value {
            grads.clamp(-largest, largest)?;
        }
        if let Some(largest) = self.clip.norm {
            let mut norms = grads.norms()?;
            // In an order that does not depend on that of the parameters.
            norms.sort_by(f64::total_cmp);
            let norm = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
            let scale = largest / (norm + 1e-6);
            // Where the norm is NaN, so are the gradients, as in PyTorch.
            if scale.is_nan() || scale < 1.0 {
                grads.mul(scale)?;
            }
        }
        Ok(())
    }

    /// Divides the gradients by the scale of the loss that they are of; whether all are finite then. Those
    /// whose squares have a sum beyond float32 are not.
    ///
    /// # Errors
    /// What libtorch says.
    pub(crate) fn unscale(&self, scale: f64) -> Result<bool> {
        let _no_grad = no_grad_guard();
        let mut grads = Vec::new();
        for param in &self.params {
            grads.extend(Some(param.tensor.f_grad()?).filter(Tensor::defined));
        }
        let grads = Tensors::new(grads);
        grads.mul(1.0 / scale)?;
        Ok(grads.norms()?.iter().all(|norm| norm.is_finite()))
    }

    /// Forgets the gradients.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn clear(&mut self) -> Result<()> {
        for param in &mut self.params {
            neurhai_torch::clear_grad(&mut param.tensor)?;
        }
        Ok(())
    }

    /// Everything that is kept, under the names it is saved with: `optimizer.exp_avg.fc.1.weight`. The
    /// tensors of moments are those at work.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::new();
        let key = |what: &str, param: &Param| format!("optimizer.{what}.{}", param.name);
        for (k, (what, _)) in self.method.rule.kept(&self.method.options)?.iter().enumerate() {
            let params = self.params.iter();
            state.extend(params.map(|param| (key(what, param), param.kept[k].shallow_clone())));
        }
        for (k, what) in self.method.rule.numbers().iter().enumerate() {
            for param in &self.params {
                let number = Tensor::f_from_slice(&param.numbers[k..=k])?.f_squeeze()?;
                state.push((key(what, param), number));
            }
        }
        for param in &self.params {
            let steps = Tensor::f_from_slice(&[param.steps])?.f_squeeze()?;
            state.push((key("step", param), steps));
        }
        Ok(state)
    }

    /// Goes on with what [`Optimizer::state`] gave.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for a tensor that is missing, of another shape or of another kind of numbers;
    /// nothing is changed then.
    pub fn load_state(&mut self, found: &[(String, Tensor)]) -> Result<()> {
        let _no_grad = no_grad_guard();
        let mut pairs = Vec::new();
        for (name, tensor) in self.state()? {
            let other = found.iter().find(|(other, _)| *other == name).map(|(_, other)| other);
            let fits =
                |other: &&Tensor| other.size() == tensor.size() && other.kind() == tensor.kind();
            let Some(other) = other.filter(fits) else {
                let message = format!("the checkpoint lacks {name}, or has another shape for it");
                return Err(
                    Error::new(Code::BadMaps, message).help("it may be that of another optimizer")
                );
            };
            pairs.push((tensor, other));
        }
        let n = self.params.len();
        let moments = n * self.params.first().map_or(0, |param| param.kept.len());
        for (i, (tensor, other)) in pairs.iter_mut().enumerate() {
            match i.checked_sub(moments) {
                None => drop(tensor.f_copy_(other)?),
                Some(i) if other.kind() == Kind::Int64 => {
                    self.params[i % n].steps = other.f_int64_value(&[])?;
                }
                Some(i) => self.params[i % n].numbers[i / n] = other.f_double_value(&[])? as f32,
            }
        }
        Ok(())
    }
}
