use super::short::*;

pub(super) struct Sequential;

impl Layer for Sequential {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "sequential".into(),
            help: "Layers one after the other, as one layer.".into(),
            shapes: "the first layer's input → the last layer's output".into(),
            options: vec![OptionSpec::required("layers", Kind::Layers, "the layers, in order")],
            positional: 1,
            example: Example::new(
                json!([{"kind": "sequential", "layers": [
                    {"kind": "conv", "out_channels": 2, "kernel_size": 3}, {"kind": "relu"}
                ]}]),
                &[1, 5, 6, 7],
                &[2, 3, 4, 5],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html"
                .into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let layers = planner.sequence("layers", &options.layers("layers")?, input)?;
        let grid = layers.grid.clone();
        Ok(Planned::new(layers.output.clone(), move |x, ctx| layers.forward(x, ctx)).placed(grid))
    }
}
