use super::short::*;

/// Mean squared difference.
pub(super) struct MeanSquaredError;

impl Loss for MeanSquaredError {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "MSELoss".into(),
            help: "Mean of (output − target)².".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html".into(),
            tasks: NUMBERS.into(),
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        same_shape("MSELoss", output, target)?;
        mean(&output.f_mse_loss(target, Reduction::None)?)
    }
}
