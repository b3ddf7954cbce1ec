use super::short::*;

pub(super) struct Sigmoid;

impl Layer for Sigmoid {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "sigmoid".into(),
            help: "1 / (1 + e⁻ˣ).".into(),
            shapes: "any → the same".into(),
            options: vec![],
            positional: 0,
            example: super::plain_example("sigmoid", &[4, 5, 6, 7]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html".into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        Ok(Planned::aligned(input, |x, _| Ok(x.f_sigmoid()?)))
    }
}
