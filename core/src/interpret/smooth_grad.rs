use tch::Kind as Number;

use super::short::*;
use crate::random::Random;

/// The mean gradient of noisy copies.
pub(super) struct SmoothGrad;

impl Rule for SmoothGrad {
    fn info(&self) -> MethodInfo {
        MethodInfo {
            name: "smooth_grad".into(),
            help: "The mean gradient of copies with Gaussian noise: less grainy than gradients."
                .into(),
            formula:
                "mean over the copies of ∂ score / ∂ voxel at image + noise · (max − min of the \
                      image) · N(0, 1)"
                    .into(),
            source: "Smilkov et al. 2017, https://arxiv.org/abs/1706.03825".into(),
            options: vec![
                OptionSpec::new("copies", Kind::Int { min: 1, max: 100_000 }, 50, "noisy copies"),
                OptionSpec::new(
                    "noise",
                    Kind::Float { min: 0.0, max: 100.0 },
                    0.15,
                    "standard deviation of the noise, as a share of the range of what the network sees",
                ),
            ],
        }
    }

    fn passes(&self, _: &[i64], options: &Options) -> Result<u64> {
        // The scores take one more.
        Ok(options.int("copies")? as u64 + 1)
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let Samples { x, seeds, .. } = samples;
        let (copies, noise) = (options.int("copies")? as u64, options.float("noise")?);
        let maps = mean(subject, samples, copies, noise, |copy| {
            let voxels = x.numel() / seeds.len().max(1);
            let mut values = Vec::with_capacity(x.numel());
            for seed in *seeds {
                let mut random = Random::new(*seed, "smooth_grad", &[copy]);
                values.extend((0..voxels).map(|_| random.normal() as f32));
            }
            Ok(Tensor::f_from_slice(&values)?.f_view(&x.size()[..])?.f_to_device(x.device())?)
        })?;
        Ok(Attribution { maps, scores: subject.scores(x, samples.targets)?, baseline_scores: None })
    }
}

/// The mean gradient of copies, where `normal` gives the standard normal numbers of each.
pub(super) fn mean(
    subject: &Subject<'_>,
    samples: &Samples<'_>,
    copies: u64,
    noise: f64,
    mut normal: impl FnMut(u64) -> Result<Tensor>,
) -> Result<Tensor> {
    let Samples { x, targets, .. } = samples;
    let within: Vec<i64> = (1..x.dim() as i64).collect();
    let range = x.f_amax(&within[..], true)?.f_sub(&x.f_amin(&within[..], true)?)?;
    let deviation = range.f_mul_scalar(noise)?;
    let mut sum = x.f_zeros_like()?;
    for copy in 0..copies {
        let noisy = x.f_add(&normal(copy)?.f_to_kind(Number::Float)?.f_mul(&deviation)?)?;
        sum = sum.f_add(&subject.gradient(&noisy, targets)?.0)?;
        samples.goes_on(copy + 1, copies)?;
    }
    Ok(sum.f_div_scalar(copies as i64)?)
}
