use super::short::*;

/// Mean absolute difference.
pub(super) struct L1;

impl Loss for L1 {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "L1Loss".into(),
            help: "Mean of |output − target|.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html".into(),
            tasks: NUMBERS.into(),
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        same_shape("L1Loss", output, target)?;
        mean(&output.f_l1_loss(target, Reduction::None)?)
    }
}
