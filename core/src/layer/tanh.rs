use super::short::*;

pub(super) struct Tanh;

impl Layer for Tanh {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "tanh".into(),
            help: "Hyperbolic tangent.".into(),
            shapes: "any → the same".into(),
            options: vec![],
            positional: 0,
            example: super::plain_example("tanh", &[4, 5, 6, 7]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html".into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        Ok(Planned::aligned(input, |x, _| Ok(x.f_tanh()?)))
    }
}
