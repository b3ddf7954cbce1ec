use super::short::*;

/// Gradients over the root of the sum of all squares so far.
pub(super) struct Adagrad;

impl Rule for Adagrad {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "Adagrad".into(),
            help: "A step against the gradient over the root of the sum of its squares so far."
                .into(),
            source: "Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html".into(),
            options: vec![
                positive(
                    "lr_decay",
                    0.0,
                    "how much the learning rate falls: lr / (1 + steps · lr_decay)",
                ),
                positive("initial_accumulator_value", 0.0, "what the sums begin with"),
                eps(1e-10),
            ],
        }
    }

    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>> {
        Ok(vec![("sum", options.float("initial_accumulator_value")?)])
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let options = update.options;
        let lr = update.lr / (1.0 + (update.step - 1) as f64 * options.float("lr_decay")?);
        let grads = update.penalised()?;
        let sum = &update.kept[0];
        sum.addcmul(grads, grads, 1.0)?;
        update.params.add_over_root(grads, sum, -lr, (1.0, options.float("eps")?))?;
        Ok(())
    }
}
