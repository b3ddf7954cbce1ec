use super::short::*;

pub(super) struct Relu;

impl Layer for Relu {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "relu".into(),
            help: "Rectified linear unit: max(0, x).".into(),
            shapes: "any → the same".into(),
            options: vec![],
            positional: 0,
            example: super::plain_example("relu", &[4, 5, 6, 7]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html".into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        Ok(Planned::aligned(input, |x, _| Ok(x.f_relu()?))
            .or_in_place(|x, _| Ok(x.shallow_clone().f_relu_()?))
            .ordered(Order::Rising))
    }
}
