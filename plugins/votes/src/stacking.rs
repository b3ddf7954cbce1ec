use neurhai_plugin::{Ballot, Fit, Info, OptionSpec, Options, Result, Vote};

use crate::logistic::Logistic;

/// A logistic regression on what the parts say, fitted on the validation set.
///
/// An image's features are the (logarithms of the) probabilities of all classes of all parts. The
/// regression is binary for two classes and multinomial for more, and minimises
/// Σ −ln p(true class) + l2/2 · Σ coefficients², the intercepts left out: what scikit-learn's
/// `LogisticRegression(C=1/l2)` minimises. Parts with a weight of zero have no coefficient; other
/// weights do not matter, as the regression finds its own.
pub(crate) struct Stacking;

/// Probabilities below this count as this much, as a logarithm has no bound.
const FLOOR: f64 = 1e-6;

impl Vote for Stacking {
    fn info(&self) -> Info {
        Info::new(
            "stacking",
            "Logistic regression on the parts' probabilities, fitted on the validation set.",
        )
        .source(
            "Wolpert 1992, https://doi.org/10.1016/S0893-6080(05)80023-1; Ting and Witten 1999, \
             https://doi.org/10.1613/jair.594",
        )
        .option(
            OptionSpec::float("l2", "strength of the penalty on squared coefficients")
                .min(1e-4)
                .default(1.0),
        )
        .option(
            OptionSpec::choice(
                "features",
                &["log_probabilities", "probabilities"],
                "what the regression sees of each part",
            )
            .default("log_probabilities"),
        )
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()> {
        let fitted = ballot.fitted.ok_or("the vote has not been fitted on a validation set")?;
        let inputs = ballot.parts * ballot.outputs;
        let model = Logistic::from_numbers(fitted, inputs, ballot.outputs)
            .ok_or("the vote was fitted with other numbers of parts or classes")?;
        let features = features(ballot, options)?;
        let rows = features.chunks_exact(inputs).zip(scores.chunks_exact_mut(ballot.outputs));
        rows.for_each(|(row, scores)| model.probabilities(row, scores));
        Ok(())
    }
}

impl Fit for Stacking {
    fn fit(&self, ballot: &Ballot<'_>, truth: &[f64], options: &Options) -> Result<Vec<f64>> {
        let classes = truth
            .iter()
            .map(|code| (0..ballot.outputs).find(|class| *class as f64 == *code))
            .collect::<Option<Vec<usize>>>()
            .ok_or("a true class is not among the network's outputs")?;
        if let Some(missing) = (0..ballot.outputs).find(|class| !classes.contains(class)) {
            return Err(format!(
                "stacking learns from images of every class, but the validation set has none of \
                 class {missing}"
            )
            .into());
        }
        let (features, inputs) = (features(ballot, options)?, ballot.parts * ballot.outputs);
        let l2 = options.float("l2")?;
        Ok(Logistic::fit(&features, inputs, &classes, ballot.outputs, l2)?.into_numbers())
    }
}

/// `[image, part · output]`; 0 where a part has no weight.
fn features(ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>> {
    if ballot.parts * ballot.outputs == 0 {
        return Err("there are no parts to learn from".into());
    }
    let logarithms = options.text("features")? == "log_probabilities";
    let parts = ballot.values.chunks_exact(ballot.outputs.max(1));
    let weights = ballot.weights.iter().cycle();
    let feature = |p: f64| if logarithms { p.max(FLOOR).ln() } else { p };
    Ok(parts
        .zip(weights)
        .flat_map(|(part, weight)| {
            part.iter().map(move |p| if *weight > 0.0 { feature(*p) } else { 0.0 })
        })
        .collect())
}
