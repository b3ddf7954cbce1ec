use super::short::*;

/// Adam that waits until its denominator can be trusted.
pub(super) struct RAdam;

impl Rule for RAdam {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "RAdam".into(),
            help:
                "Adam that begins with plain momentum, until its mean square has seen enough steps."
                    .into(),
            source: "Liu et al. 2020, https://arxiv.org/abs/1908.03265".into(),
            options: vec![betas(), eps(1e-8), decoupled()],
        }
    }

    fn kept(&self, _: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("exp_avg", 0.0), ("exp_avg_sq", 0.0)])
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let (beta1, beta2) = update.betas()?;
        let grads = update.penalised_or_shrunk()?;
        let (exp_avg, exp_avg_sq) = (&update.kept[0], &update.kept[1]);
        exp_avg.lerp(grads, 1.0 - beta1)?;
        exp_avg_sq.mul(beta2)?.addcmul(grads, grads, 1.0 - beta2)?;

        let (step, seen) = (update.step as f64, update.seen(beta2));
        let lr = update.lr / update.seen(beta1);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * step * (1.0 - seen) / seen;
        if length <= 5.0 {
            update.params.add_scaled(exp_avg, -lr)?;
            return Ok(());
        }
        let part = (length - 4.0) * (length - 2.0) * longest;
        let rectified = (part / ((longest - 4.0) * (longest - 2.0) * length)).sqrt();
        let (size, root) = (-lr * rectified * seen.sqrt(), (1.0, update.options.float("eps")?));
        update.params.add_over_root(exp_avg, exp_avg_sq, size, root)?;
        Ok(())
    }
}
