use super::short::*;

pub(super) struct Elu;

impl Layer for Elu {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "elu".into(),
            help: "x where it is positive, alpha · (eˣ − 1) elsewhere.".into(),
            shapes: "any → the same".into(),
            options: vec![OptionSpec::new(
                "alpha",
                positive(),
                1.0,
                "−alpha is the limit for x → −∞",
            )],
            positional: 1,
            example: super::plain_example("elu", &[4, 5, 6, 7]),
            source: "Clevert et al. 2016, https://arxiv.org/abs/1511.07289".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        let alpha = options.float("alpha")?;
        Ok(Planned::aligned(input, move |x, _| Ok(neurhai_torch::elu(x, alpha)?)))
    }
}
