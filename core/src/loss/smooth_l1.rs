use super::short::*;

/// The Huber loss divided by `beta`.
pub(super) struct SmoothL1;

impl Loss for SmoothL1 {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "SmoothL1Loss".into(),
            help: "½ d² / beta for |d| < beta, otherwise |d| − ½ beta; d = output − target.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html"
                .into(),
            tasks: NUMBERS.into(),
            options: vec![OptionSpec::new(
                "beta",
                Kind::Float { min: 0.0, max: f64::MAX },
                1.0,
                "where it becomes linear",
            )],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor> {
        same_shape("SmoothL1Loss", output, target)?;
        mean(&output.f_smooth_l1_loss(target, Reduction::None, options.float("beta")?)?)
    }
}
