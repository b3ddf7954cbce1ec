use super::short::*;

/// Adam with Nesterov's momentum.
pub(super) struct NAdam;

impl Rule for NAdam {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "NAdam".into(),
            help: "Adam with the mean gradient of the next step, as Nesterov's momentum.".into(),
            source: "Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ".into(),
            options: vec![
                betas(),
                eps(1e-8),
                positive("momentum_decay", 4e-3, "how fast the momentum grows to its full size"),
                decoupled(),
            ],
        }
    }

    fn kept(&self, _: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)])
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["mu_product"]
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let (beta1, beta2) = update.betas()?;
        let decay = update.options.float("momentum_decay")?;
        let grads = update.penalised_or_shrunk()?;
        let (exp_avg, exp_avg_sq) = (&update.kept[0], &update.kept[1]);
        exp_avg.lerp(grads, 1.0 - beta1)?;
        exp_avg_sq.mul(beta2)?.addcmul(grads, grads, 1.0 - beta2)?;
        let root = (1.0 / update.seen(beta2), update.options.float("eps")?);

        let mu = |step: i64| beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * decay));
        let (mu, next) = (mu(update.step), mu(update.step + 1));
        let before = if update.step == 1 { 1.0 } else { update.numbers[0] };
        let product = before * mu as f32;
        let of_grads = -update.lr * (1.0 - mu) / (1.0 - f64::from(product));
        let of_mean = -update.lr * next / (1.0 - f64::from(product) * next);
        update.params.add_over_root(grads, exp_avg_sq, of_grads, root)?;
        update.params.add_over_root(exp_avg, exp_avg_sq, of_mean, root)?;
        update.numbers[0] = product;
        Ok(())
    }
}
