use super::short::*;

/// Squared near 0, linear beyond `delta`.
pub(super) struct Huber;

impl Loss for Huber {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "HuberLoss".into(),
            help: "½ d² for |d| ≤ delta, otherwise delta (|d| − ½ delta); d = output − target."
                .into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html".into(),
            tasks: NUMBERS.into(),
            options: vec![OptionSpec::new(
                "delta",
                Kind::Float { min: 1e-6, max: f64::MAX },
                1.0,
                "where it becomes linear",
            )],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor> {
        same_shape("HuberLoss", output, target)?;
        mean(&output.f_huber_loss(target, Reduction::None, options.float("delta")?)?)
    }
}
