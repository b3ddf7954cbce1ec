use super::adam;
use super::short::*;

/// Adam with the decay apart from the gradient.
pub(super) struct AdamW;

impl Rule for AdamW {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "AdamW".into(),
            help: "Adam, where the weight decay shrinks the weights themselves.".into(),
            source: "Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101".into(),
            options: adam::options(),
        }
    }

    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>> {
        adam::kept(options)
    }

    fn passes_once(&self) -> bool {
        true
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        adam::step(update, true)
    }
}
