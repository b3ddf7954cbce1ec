use super::short::*;

/// −log likelihood of targets that are probabilities.
pub(super) struct BceWithLogits;

impl Loss for BceWithLogits {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "BCEWithLogitsLoss".into(),
            help:
                "−(t log p + (1 − t) log(1 − p)), p = sigmoid(output), for targets t from 0 to 1."
                    .into(),
            source:
                "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html"
                    .into(),
            tasks: vec![Task::Regression],
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        same_shape("BCEWithLogitsLoss", output, target)?;
        within("targets of BCEWithLogitsLoss", target, (0.0, 1.0), SCALE)?;
        let none = None::<&Tensor>;
        mean(&output.f_binary_cross_entropy_with_logits(target, none, none, Reduction::None)?)
    }
}
