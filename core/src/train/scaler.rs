//! The scale of a loss whose gradients are float16 on their way, so that small ones do not vanish.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Code, Error, Result};
use crate::network::Precision;
use crate::optimizer::Optimizer;

/// Where it starts, what it is multiplied by after steps that were finite and after one that was not,
/// and how many finite steps that takes: those of `torch.amp.GradScaler`,
/// <https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling>.
const START: f32 = 65536.0;
const GROWTH: f32 = 2.0;
const BACKOFF: f32 = 0.5;
const INTERVAL: u32 = 2000;

/// Below this nothing helps: half of float16's smallest number, and the gradients overflow still.
const LEAST: f32 = 3e-8;

/// The scale, and how long it has been fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scaler {
    scale: f32,
    finite_steps: u32,
}

impl Scaler {
    /// The scale that a training begins with; none where gradients need none.
    pub(super) fn of(precision: Precision) -> Option<Self> {
        (precision == Precision::Float16).then_some(Self { scale: START, finite_steps: 0 })
    }

    /// The loss to take the gradient of.
    pub(super) fn scaled(scaler: Option<&Self>, loss: Tensor) -> Result<Tensor> {
        Ok(match scaler {
            Some(scaler) => loss.f_mul_scalar(f64::from(scaler.scale))?,
            None => loss,
        })
    }

    /// Updates the weights from gradients of scaled losses; where one of them is not finite, the weights
    /// stay as they are and the scale gets smaller.
    ///
    /// # Errors
    /// [`Code::LossNotFinite`] where no scale is small enough; what libtorch says.
    pub(super) fn step(
        scaler: Option<&mut Self>,
        optimizer: &mut Optimizer,
        rate: f64,
    ) -> Result<()> {
        let Some(scaler) = scaler else { return optimizer.step(rate) };
        let finite = optimizer.unscale(f64::from(scaler.scale))?;
        scaler.saw(finite);
        if finite {
            return optimizer.step(rate);
        }
        if scaler.scale < LEAST {
            let message = "gradients are NaN or infinite, however small the loss is scaled";
            return Err(Error::new(Code::LossNotFinite, message).help(
                "train with precision: \"bfloat16\" or \"float32\", or a lower learning_rate",
            ));
        }
        optimizer.clear()
    }

    /// After a step whose gradients were all finite, or were not.
    fn saw(&mut self, finite: bool) {
        if !finite {
            self.scale *= BACKOFF;
            self.finite_steps = 0;
            return;
        }
        self.finite_steps += 1;
        if self.finite_steps == INTERVAL {
            self.finite_steps = 0;
            if (self.scale * GROWTH).is_finite() {
                self.scale *= GROWTH;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};
    use tch::{Device, Kind};

    use super::*;
    use crate::optimizer::{Clip, Groups, Method};

    /// `torch.amp.GradScaler` on the same steps (tests/fixtures/make_scaler.py).
    #[test]
    fn the_scale_follows_pytorchs() {
        let text = include_str!("../../../tests/fixtures/scaler.json");
        let runs: Vec<Value> = serde_json::from_str(text).unwrap();
        let mut scaler = Scaler::of(Precision::Float16).unwrap();
        assert!(runs.len() > 10);
        for run in &runs {
            for _ in 0..run["steps"].as_u64().unwrap() {
                scaler.saw(run["finite"] == true);
            }
            assert_eq!(f64::from(scaler.scale), run["scale"].as_f64().unwrap(), "{run}");
            assert_eq!(u64::from(scaler.finite_steps), run["growth_tracker"].as_u64().unwrap());
        }
    }

    /// With a scaled loss a step is the one without; a gradient that overflows changes nothing but the
    /// scale.
    #[test]
    fn steps_are_those_without_a_scale_or_none() {
        let method = Method::new("Adam", &Map::new()).unwrap();
        let float = (Kind::Float, Device::Cpu);
        let learn = |mut scaler: Option<Scaler>, factors: &[f64]| {
            let weight = Tensor::f_arange(4, float).unwrap().set_requires_grad(true);
            let named = [("weight", &weight)];
            let mut optimizer =
                Optimizer::over(&named, &method, &Groups::all(0.0), Clip::default()).unwrap();
            for factor in factors {
                let loss = (&weight * *factor).sum(Kind::Float);
                Scaler::scaled(scaler.as_ref(), loss).unwrap().backward();
                Scaler::step(scaler.as_mut(), &mut optimizer, 0.1).unwrap();
            }
            (Vec::<f32>::try_from(weight.detach()).unwrap(), scaler)
        };
        let start = || Scaler::of(Precision::Float16);
        let (plain, _) = learn(None, &[0.5, 2.0]);
        let (scaled, after) = learn(start(), &[0.5, 2.0]);
        assert_eq!(plain, scaled);
        assert_eq!(after.unwrap(), Scaler { scale: 65536.0, finite_steps: 2 });
        // 1e34 is finite, but not 65536 times it.
        let (skipped, after) = learn(start(), &[0.5, 1e34, 2.0]);
        assert_eq!(plain, skipped);
        assert_eq!(after.unwrap(), Scaler { scale: 32768.0, finite_steps: 1 });
    }
}
