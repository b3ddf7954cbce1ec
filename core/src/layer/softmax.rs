use super::short::*;

pub(super) struct Softmax;

impl Layer for Softmax {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "softmax".into(),
            help: "Makes the values along an axis positive with sum 1.".into(),
            shapes: "any → the same".into(),
            options: vec![OptionSpec::new(
                "dim",
                count(),
                1,
                "the axis, counted with the batch axis as 0; 1 is the channels",
            )],
            positional: 1,
            example: super::plain_example("softmax", &[4]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let dim = options.int("dim")?;
        if dim > input.len() as i64 {
            return Err(planner.error(
                Code::ShapeMismatch,
                format!("there is no axis {dim} in [batch, {}]", crate::shape::show(input)),
            ));
        }
        Ok(Planned::aligned(input, move |x, _| Ok(x.f_softmax(dim, None)?)))
    }
}
