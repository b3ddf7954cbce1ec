use super::short::*;
use crate::loss::Latent as Drawn;
use crate::network::{Mode, float};
use crate::random::Random;
use tch::Tensor;

/// The middle of a variational autoencoder.
pub(super) struct Latent;

impl Layer for Latent {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "latent".into(),
            help:
                "In training draws from N(mean(x), exp(log_variance(x))), anew for each sample; in \
                   evaluation gives the mean."
                    .into(),
            shapes: "any → what mean and log_variance give alike".into(),
            options: vec![
                OptionSpec::required("mean", Kind::Layers, "layers that give the means"),
                OptionSpec::required(
                    "log_variance",
                    Kind::Layers,
                    "layers that give the logarithms of the variances",
                ),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "latent",
                    "mean": [{"kind": "linear", "out_features": 3}],
                    "log_variance": [{"kind": "linear", "out_features": 3}]}]),
                &[10],
                &[3],
            ),
            source: "Kingma and Welling 2014, https://arxiv.org/abs/1312.6114".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let mean = planner.sequence("mean", &options.layers("mean")?, input)?;
        let log_variance =
            planner.sequence("log_variance", &options.layers("log_variance")?, input)?;
        if mean.output != log_variance.output {
            let (mean, variance) = (&mean.output, &log_variance.output);
            let (mean, variance) = (crate::shape::show(mean), crate::shape::show(variance));
            let message = format!("mean gives {mean}, but log_variance {variance}");
            return Err(planner
                .error(Code::ShapeMismatch, message)
                .help("end both with the same number of outputs"));
        }
        Ok(Planned::new(mean.output.clone(), move |x, ctx| {
            let mean = float(&mean.forward(x, ctx)?)?;
            let drawn = Drawn { mean, log_variance: float(&log_variance.forward(x, ctx)?)? };
            let y = match ctx.mode {
                Mode::Evaluation => drawn.mean.shallow_clone(),
                Mode::Training { .. } => {
                    let noise = noise(&drawn.mean, ctx.draw_seed("latent"))?;
                    let spread = drawn.log_variance.f_mul_scalar(0.5)?.f_exp()?;
                    drawn.mean.f_add(&spread.f_mul(&noise)?)?
                }
            };
            ctx.latents.push(drawn);
            Ok(y)
        }))
    }
}

/// Standard normal numbers in the shape of `like`.
fn noise(like: &Tensor, seed: u64) -> Result<Tensor> {
    let mut random = Random::new(seed, "noise", &[]);
    let numbers: Vec<f32> = (0..like.numel()).map(|_| random.normal() as f32).collect();
    let noise = Tensor::f_from_slice(&numbers)?.f_view(&like.size()[..])?;
    Ok(noise.f_to_device(like.device())?.f_to_kind(like.kind())?)
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::network::{LayerSpec, Mode, Network, NetworkSpec, Plan};
    use tch::{Device, Kind, Tensor};

    /// Of samples that are alike each draws for itself, by the seed alone, with the mean and spread
    /// that the layers give; in evaluation nothing is drawn.
    #[test]
    fn each_sample_draws_for_itself() {
        let catalog = Catalog::built_in().unwrap();
        let head = || serde_json::json!([{"kind": "linear", "out_features": 2000}]);
        let latent = LayerSpec::new("latent").with("mean", head()).with("log_variance", head());
        let spec = NetworkSpec::from_layers("latent", vec![latent]);
        let plan = Plan::new(spec, &[5], &catalog).unwrap();
        let network = Network::new(plan, 1, Device::Cpu).unwrap();
        let x = Tensor::ones([3, 5], (Kind::Float, Device::Cpu));
        let still = network.pass(&x, Mode::Evaluation).unwrap();
        assert!(still.output.equal(&still.latents[0].mean));
        let train = |seed| network.pass(&x, Mode::Training { seed }).unwrap();
        let (one, again, other) = (train(1), train(1), train(2));
        assert!(one.output.equal(&again.output) && !one.output.equal(&other.output));
        let latent = &one.latents[0];
        let noise = (&one.output - &latent.mean) / (&latent.log_variance * 0.5).exp();
        assert!(!noise.get(0).equal(&noise.get(1)), "samples share their noise");
        let (mean, spread) = (noise.mean(Kind::Float), noise.std(true));
        // 6000 draws: the mean is off by 0.013 · 4 at most, the spread by 0.009 · 4.
        assert!(
            mean.double_value(&[]).abs() < 0.052 && (spread.double_value(&[]) - 1.0).abs() < 0.037
        );
        let size = noise.size();
        assert_eq!(size, [3, 2000]);
    }
}
