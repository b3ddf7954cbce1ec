use super::short::*;

/// Divergence of targets from outputs that are logarithms.
pub(super) struct KlDivergence;

impl Loss for KlDivergence {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "KLDivLoss".into(),
            help: "Mean of target (log target − output): the output is the logarithm.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html".into(),
            tasks: vec![Task::Regression],
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        same_shape("KLDivLoss", output, target)?;
        within("targets of KLDivLoss", target, (0.0, f64::INFINITY), SCALE)?;
        mean(&output.f_kl_div(target, Reduction::None, false)?)
    }
}
