use super::short::*;

/// Adam with the largest gradient in place of the mean square.
pub(super) struct Adamax;

impl Rule for Adamax {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "Adamax".into(),
            help: "Adam with the largest gradient so far, which fades, as the denominator.".into(),
            source: "Kingma and Ba 2015, section 7.1, https://arxiv.org/abs/1412.6980".into(),
            options: vec![betas(), eps(1e-8)],
        }
    }

    fn kept(&self, _: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("exp_avg", 0.0), ("exp_inf", 0.0)])
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let (beta1, beta2) = update.betas()?;
        let grads = update.penalised()?;
        let (exp_avg, exp_inf) = (&update.kept[0], &update.kept[1]);
        exp_avg.lerp(grads, 1.0 - beta1)?;
        grads.abs()?.add(update.options.float("eps")?)?;
        exp_inf.mul(beta2)?.maximum(grads)?;
        update.params.addcdiv(exp_avg, exp_inf, -update.lr / update.seen(beta1))?;
        Ok(())
    }
}
