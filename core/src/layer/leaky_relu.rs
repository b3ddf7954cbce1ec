use super::short::*;

pub(super) struct LeakyRelu;

impl Layer for LeakyRelu {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "leaky_relu".into(),
            help: "x where it is positive, negative_slope · x elsewhere.".into(),
            shapes: "any → the same".into(),
            options: vec![OptionSpec::new(
                "negative_slope",
                Kind::Float { min: f64::NEG_INFINITY, max: f64::INFINITY },
                0.01,
                "slope for negative values",
            )],
            positional: 1,
            example: super::plain_example("leaky_relu", &[4, 5, 6, 7]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        let slope = options.float("negative_slope")?;
        let order = if slope > 0.0 { Order::Rising } else { Order::Fixed };
        Ok(Planned::aligned(input, move |x, _| Ok(neurhai_torch::leaky_relu(x, slope)?))
            .ordered(order))
    }
}
