use super::short::*;

/// Means of gradients over those of their squares.
pub(super) struct Adam;

impl Rule for Adam {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "Adam".into(),
            help: "A step of about the learning rate along the mean gradient, for each weight by itself."
                .into(),
            source: "Kingma and Ba 2015, https://arxiv.org/abs/1412.6980".into(),
            options: options(),
        }
    }

    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>> {
        kept(options)
    }

    fn passes_once(&self) -> bool {
        true
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        step(update, false)
    }
}

pub(super) fn options() -> Vec<OptionSpec> {
    let amsgrad = flag("amsgrad", "never let a denominator fall (Reddi et al. 2018)");
    vec![betas(), eps(1e-8), amsgrad]
}

pub(super) fn kept(options: &Options) -> Result<Vec<(&'static str, f64)>> {
    let mut kept = vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)];
    if options.flag("amsgrad")? {
        kept.push(("max_exp_avg_sq", 0.0));
    }
    Ok(kept)
}

pub(super) fn step(update: &Update<'_>, decoupled: bool) -> Result<()> {
    let Update { lr, weight_decay, step, .. } = *update;
    let eps = update.options.float("eps")?;
    let numbers = neurhai_torch::Adam { lr, betas: update.betas()?, weight_decay, decoupled, eps };
    let moments = (&update.kept[0], &update.kept[1]);
    Ok(numbers.step(step, &update.params, &update.grads, moments, update.kept.get(2))?)
}
