use super::short::*;

/// By how much other classes come near the true one.
pub(super) struct MultiMargin;

impl Loss for MultiMargin {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "MultiMarginLoss".into(),
            help: "Σ max(0, 1 − output(true class) + output(other class)) / classes.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html"
                .into(),
            tasks: vec![Task::Classification],
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        let truth = output.f_gather(1, &target.f_unsqueeze(1)?, false)?;
        let missed = output.f_sub(&truth)?.f_add_scalar(1.0)?.f_clamp_min(0.0)?;
        // The true class itself counts 1 in the sum.
        let classes = output.size()[1] as f64;
        Ok(sum(&missed)?.f_sub_scalar(1.0)?.f_div_scalar(classes)?)
    }
}
