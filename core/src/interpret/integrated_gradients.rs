use super::short::*;

/// Gradients along the straight line from a baseline.
pub(super) struct IntegratedGradients;

impl Rule for IntegratedGradients {
    fn info(&self) -> MethodInfo {
        let words = ["zero", "mean"].map(String::from).to_vec();
        MethodInfo {
            name: "integrated_gradients".into(),
            help:
                "What each voxel adds to the score, from a baseline on: the values of a map sum up \
                   to the score less that of the baseline."
                    .into(),
            formula:
                "(voxel − baseline) · mean over the steps k of ∂ score / ∂ voxel at baseline + \
                      (k + ½) / steps · (image − baseline)"
                    .into(),
            source: "Sundararajan, Taly and Yan 2017, https://arxiv.org/abs/1703.01365".into(),
            options: vec![
                OptionSpec::new(
                    "baseline",
                    Kind::Choice { of: words },
                    "zero",
                    "an image of zeros, or the mean of the group's images, of which there must be two",
                ),
                OptionSpec::new(
                    "steps",
                    Kind::Int { min: 1, max: 100_000 },
                    50,
                    "points of the line where the gradient is taken",
                ),
            ],
        }
    }

    fn wants_baseline(&self, options: &Options) -> Result<bool> {
        Ok(options.text("baseline")? == "mean")
    }

    fn passes(&self, _: &[i64], options: &Options) -> Result<u64> {
        // The scores of image and baseline take two more.
        Ok(options.int("steps")? as u64 + 2)
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let Samples { x, targets, .. } = samples;
        let steps = options.int("steps")?;
        let baseline = match samples.baseline {
            Some(baseline) => baseline.shallow_clone(),
            None => x.f_zeros_like()?,
        };
        let way = x.f_sub(&baseline)?;
        let mut sum = x.f_zeros_like()?;
        for step in 0..steps {
            let share = (step as f64 + 0.5) / steps as f64;
            let at = baseline.f_add(&way.f_mul_scalar(share)?)?;
            sum = sum.f_add(&subject.gradient(&at, targets)?.0)?;
            samples.goes_on(step as u64 + 1, steps as u64)?;
        }
        let maps = sum.f_mul(&way)?.f_div_scalar(steps)?;
        let scores = subject.scores(x, targets)?;
        let baseline_scores = Some(subject.scores(&baseline, targets)?);
        Ok(Attribution { maps, scores, baseline_scores })
    }
}
