use super::short::*;

/// Descent with steps that shrink, and the mean of the weights beside it.
pub(super) struct Asgd;

impl Rule for Asgd {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "ASGD".into(),
            help:
                "Steps against the gradient that shrink; the mean of the weights since step t0 is \
                   kept in the checkpoint (ax), the network keeps the last ones, as in PyTorch."
                    .into(),
            source: "Polyak and Juditsky 1992, https://doi.org/10.1137/0330046".into(),
            options: vec![
                positive("lambd", 1e-4, "decay of weights and of the learning rate"),
                positive("alpha", 0.75, "how fast the learning rate falls: its power"),
                positive("t0", 1e6, "the step at which averaging begins"),
            ],
        }
    }

    fn kept(&self, _: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("ax", 0.0)])
    }

    fn numbers(&self) -> &'static [&'static str] {
        &["eta", "mu"]
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let options = update.options;
        let (lambd, alpha) = (options.float("lambd")?, options.float("alpha")?);
        // Each step goes by the numbers that the one before it left.
        let (eta, mu) = match update.step {
            1 => (update.lr as f32, 1.0),
            _ => (update.numbers[0], update.numbers[1]),
        };
        let eta = f64::from(eta);
        let grads = update.penalised()?;
        update.params.mul(1.0 - lambd * eta)?.add_scaled(grads, -eta)?;
        update.kept[0].lerp(&update.params, f64::from(mu))?;
        let (lr, step) = (update.lr, update.step as f64);
        update.numbers[0] = (lr / (1.0 + lambd * lr * step).powf(alpha)) as f32;
        update.numbers[1] = (1.0 / (step - options.float("t0")?).max(1.0)) as f32;
        Ok(())
    }
}
