use super::short::*;

/// −log of the true class's probability.
pub(super) struct CrossEntropy;

impl Loss for CrossEntropy {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "CrossEntropyLoss".into(),
            help: "−log p(true class), with p the softmax of the outputs.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html"
                .into(),
            tasks: vec![Task::Classification],
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        Ok(output.f_cross_entropy_loss(target, None::<&Tensor>, Reduction::None, -100, 0.0)?)
    }
}
