use super::short::*;

/// Gradients over the root of their mean square.
pub(super) struct RmsProp;

impl Rule for RmsProp {
    fn info(&self) -> OptimizerInfo {
        OptimizerInfo {
            name: "RMSprop".into(),
            help: "A step against the gradient over the root of its mean square.".into(),
            source: "Tieleman and Hinton 2012, lecture 6.5, \
                     https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf"
                .into(),
            options: vec![
                share("alpha", 0.99, "what stays of the mean square at a step"),
                eps(1e-8),
                positive("momentum", 0.0, "what stays of the last direction"),
                flag("centered", "divide by the standard deviation instead"),
            ],
        }
    }

    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>> {
        let mut kept = vec![("square_avg", 0.0)];
        if options.flag("centered")? {
            kept.push(("grad_avg", 0.0));
        }
        if options.float("momentum")? > 0.0 {
            kept.push(("momentum_buffer", 0.0));
        }
        Ok(kept)
    }

    fn update(&self, update: &mut Update<'_>) -> Result<()> {
        let options = update.options;
        let (alpha, momentum) = (options.float("alpha")?, options.float("momentum")?);
        let grads = update.penalised()?;
        let mut kept = update.kept.iter();
        let Some(square_avg) = kept.next() else { return Ok(()) };
        square_avg.mul(alpha)?.addcmul(grads, grads, 1.0 - alpha)?;
        let mut variance = None;
        if options.flag("centered")?
            && let Some(grad_avg) = kept.next()
        {
            grad_avg.lerp(grads, 1.0 - alpha)?;
            let average = square_avg.copy()?;
            average.addcmul(grad_avg, grad_avg, -1.0)?;
            variance = Some(average);
        }
        let (average, root) =
            (variance.as_ref().unwrap_or(square_avg), (1.0, options.float("eps")?));
        match kept.next() {
            Some(buffer) => {
                buffer.mul(momentum)?.add_over_root(grads, average, 1.0, root)?;
                update.params.add_scaled(buffer, -update.lr)?;
            }
            None => drop(update.params.add_over_root(grads, average, -update.lr, root)?),
        }
        Ok(())
    }
}
