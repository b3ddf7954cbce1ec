use super::short::*;

/// Steps whose size follows that of the steps before.
pub(super) struct Adadelta;

impl Rule for Adadelta {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "Adadelta".into(),
            help:
                "A step as large as those before it, relative to the gradients; its usual learning \
                   rate is 1."
                    .into(),
            source: "Zeiler 2012, https://arxiv.org/abs/1212.5701".into(),
            options: vec![share("rho", 0.9, "what stays of the mean squares at a step"), eps(1e-6)],
        }
    }

    fn kept(&self, _: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("square_avg", 0.0), ("acc_delta", 0.0)])
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let (rho, eps) = (update.options.float("rho")?, update.options.float("eps")?);
        let grads = update.penalised()?;
        let (square_avg, acc_delta) = (&update.kept[0], &update.kept[1]);
        square_avg.mul(rho)?.addcmul(grads, grads, 1.0 - rho)?;
        let (deviation, delta) = (square_avg.copy()?, acc_delta.copy()?);
        deviation.add(eps)?.sqrt()?;
        delta.add(eps)?.sqrt()?.div_each(&deviation)?.mul_each(grads)?;
        acc_delta.mul(rho)?.addcmul(&delta, &delta, 1.0 - rho)?;
        update.params.add_scaled(&delta, -update.lr)?;
        Ok(())
    }
}
