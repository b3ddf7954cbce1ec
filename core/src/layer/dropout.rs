use super::short::*;
use crate::network::Mode;

pub(super) struct Dropout;

impl Layer for Dropout {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "dropout".into(),
            help: "In training, zeroes values with probability p and scales the rest by 1/(1 − p)."
                .into(),
            shapes: "any → the same".into(),
            options: vec![OptionSpec::new(
                "p",
                Kind::Float { min: 0.0, max: 1.0 },
                0.5,
                "probability that a value is zeroed",
            )],
            positional: 1,
            example: super::plain_example("dropout", &[10]),
            source: "Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        let p = options.float("p")?;
        Ok(Planned::aligned(input, move |x, ctx| match ctx.mode {
            Mode::Training { .. } if p > 0.0 => {
                Ok(neurhai_torch::dropout(x, p, ctx.draw_seed("dropout"))?)
            }
            _ => Ok(x.shallow_clone()),
        }))
    }
}
