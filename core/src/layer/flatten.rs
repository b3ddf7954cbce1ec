use super::short::*;

pub(super) struct Flatten;

impl Layer for Flatten {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "flatten".into(),
            help: "Lays all values of a sample out in one row, channel by channel.".into(),
            shapes: "[channel, …] → [features]".into(),
            options: vec![],
            positional: 0,
            example: Example::new(json!([{"kind": "flatten"}]), &[4, 5, 6, 7], &[840]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html".into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let features = crate::shape::elements(input)
            .ok_or_else(|| planner.error(Code::ShapeMismatch, "too many values to flatten"))?;
        Ok(Planned::new([features], |x, _| Ok(x.f_flatten(1, -1)?)))
    }
}
