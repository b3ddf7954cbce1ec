//! Adam, over libtorch's fused kernel, with moments that are tensors of ours: so they can be saved
//! and restored exactly.

use tch::{Kind, Tensor, no_grad_guard};

use crate::error::{Code, Error, Result};
use crate::network::Network;

/// Adam with an L2 penalty (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>), as PyTorch's.
pub struct Adam {
    options: neurhai_torch::Adam,
    names: Vec<String>,
    params: Vec<Tensor>,
    exp_avgs: Vec<Tensor>,
    exp_avg_sqs: Vec<Tensor>,
    steps: Vec<Tensor>,
}

impl Adam {
    /// An optimiser for all trainable parameters of `network`.
    ///
    /// # Errors
    /// What libtorch says, for example where the moments do not fit.
    pub fn new(network: &Network, lr: f64, weight_decay: f64) -> Result<Self> {
        let options = neurhai_torch::Adam { lr, betas: (0.9, 0.999), weight_decay, eps: 1e-8 };
        let named = network.trainable().map(|(spec, tensor)| (spec.name.clone(), tensor));
        Self::over(named, options)
    }

    fn over<'a>(
        named: impl Iterator<Item = (String, &'a Tensor)>,
        options: neurhai_torch::Adam,
    ) -> Result<Self> {
        let _no_grad = no_grad_guard();
        let (names, params): (Vec<_>, Vec<_>) =
            named.map(|(name, tensor)| (name, tensor.shallow_clone())).unzip();
        let zeros = || params.iter().map(Tensor::f_zeros_like).collect::<Result<Vec<_>, _>>();
        let steps = params
            .iter()
            .map(|param| Tensor::f_zeros(&[] as &[i64], (Kind::Float, param.device())))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { options, exp_avgs: zeros()?, exp_avg_sqs: zeros()?, steps, names, params })
    }

    /// Updates the weights from their gradients, which it leaves undefined for the next window.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn step(&mut self) -> Result<()> {
        let _no_grad = no_grad_guard();
        let mut used: [Vec<Tensor>; 5] = Default::default();
        for (i, param) in self.params.iter().enumerate() {
            let grad = param.f_grad()?;
            // A parameter that the loss does not depend on has no gradient and stays as it is.
            if !grad.defined() {
                continue;
            }
            let tensors = [param, &grad, &self.exp_avgs[i], &self.exp_avg_sqs[i], &self.steps[i]];
            for (list, tensor) in used.iter_mut().zip(tensors) {
                list.push(tensor.shallow_clone());
            }
        }
        let [params, grads, exp_avgs, exp_avg_sqs, steps] = &used;
        if !params.is_empty() {
            neurhai_torch::fused_adam(self.options, params, grads, exp_avgs, exp_avg_sqs, steps)?;
        }
        self.clear()
    }

    /// Forgets the gradients.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn clear(&mut self) -> Result<()> {
        for param in &mut self.params {
            neurhai_torch::clear_grad(param)?;
        }
        Ok(())
    }

    /// The moments and step counters under the names they are saved with.
    pub(crate) fn state(&self) -> Vec<(String, &Tensor)> {
        let lists =
            [("exp_avg", &self.exp_avgs), ("exp_avg_sq", &self.exp_avg_sqs), ("step", &self.steps)];
        let mut state = Vec::new();
        for (what, list) in lists {
            let named = self.names.iter().zip(list);
            state.extend(named.map(|(name, tensor)| (format!("optimizer.{what}.{name}"), tensor)));
        }
        state
    }
}

impl Adam {
    /// Goes on with moments and step counters that [`Adam::state`] gave.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for a tensor that is missing or of another shape.
    pub(crate) fn load_state(&mut self, found: &[(String, Tensor)]) -> Result<()> {
        let _no_grad = no_grad_guard();
        for (name, tensor) in self.state() {
            let other = found.iter().find(|(other, _)| *other == name);
            let other = other.filter(|(_, other)| other.size() == tensor.size());
            let Some((_, other)) = other else {
                let message = format!("the checkpoint lacks {name}, or has another shape for it");
                return Err(Error::new(Code::BadMaps, message));
            };
            tensor.shallow_clone().f_copy_(other)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn tensor(values: &Value) -> Tensor {
        let values: Vec<f32> =
            values.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        Tensor::from_slice(&values)
    }

    /// Twenty steps on fixed gradients, against torch.optim.Adam (tests/fixtures/make_adam.py).
    #[test]
    fn steps_are_pytorchs() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/adam.json");
        let fixture: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for case in fixture["cases"].as_array().unwrap() {
            let names = ["weight", "bias"];
            let params: Vec<Tensor> = names
                .iter()
                .map(|name| tensor(&fixture["initial"][name]).set_requires_grad(true))
                .collect();
            let options = neurhai_torch::Adam {
                lr: fixture["lr"].as_f64().unwrap(),
                betas: (0.9, 0.999),
                weight_decay: case["weight_decay"].as_f64().unwrap(),
                eps: 1e-8,
            };
            let named = names.iter().map(|name| (*name).to_owned()).zip(&params);
            let mut adam = Adam::over(named, options).unwrap();
            let after = case["after"].as_object().unwrap();
            for (i, gradients) in fixture["gradients"].as_array().unwrap().iter().enumerate() {
                for (name, param) in names.iter().zip(&params) {
                    (param * tensor(&gradients[name])).sum(Kind::Float).backward();
                }
                adam.step().unwrap();
                let Some(expected) = after.get(&(i + 1).to_string()) else { continue };
                for (name, param) in names.iter().zip(&params) {
                    let off = (param - tensor(&expected[name])).abs().max().double_value(&[]);
                    assert!(off < 1e-6, "{name} is off by {off} after {} steps", i + 1);
                }
            }
        }
    }
}
