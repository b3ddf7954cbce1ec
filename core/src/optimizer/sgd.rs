use super::short::*;

/// Plain descent, with momentum where it is asked for.
pub(super) struct Sgd;

impl Rule for Sgd {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "SGD".into(),
            help: "A step against the gradient, or against its running sum with a momentum.".into(),
            source: "Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html"
                .into(),
            options: vec![
                positive("momentum", 0.0, "what stays of the last direction"),
                positive(
                    "dampening",
                    0.0,
                    "what is taken off the gradient as it joins the direction",
                ),
                flag("nesterov", "take the gradient where the momentum leads"),
            ],
        }
    }

    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(match options.float("momentum")? {
            0.0 => vec![],
            _ => vec![("momentum_buffer", 0.0)],
        })
    }

    fn passes_once(&self) -> bool {
        true
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let Update { lr, weight_decay, step, options, .. } = *update;
        let numbers = neurhai_torch::Sgd {
            lr,
            momentum: options.float("momentum")?,
            dampening: options.float("dampening")?,
            weight_decay,
            nesterov: options.flag("nesterov")?,
        };
        Ok(numbers.step(step == 1, &update.params, &update.grads, update.kept.first())?)
    }
}
