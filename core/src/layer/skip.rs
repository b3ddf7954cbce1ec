use super::short::*;
use tch::Tensor;

pub(super) struct Skip;

impl Layer for Skip {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "skip".into(),
            help: "Joins the input's channels with those of inner(input), as in a UNet.".into(),
            shapes: "[channel, …] → [channel + inner's channels, …]".into(),
            options: vec![OptionSpec::required(
                "inner",
                Kind::Layers,
                "layers that end at the input's size",
            )],
            positional: 1,
            example: Example::new(
                json!([{"kind": "skip", "inner": [
                    {"kind": "conv", "out_channels": 2, "kernel_size": 3, "padding": 1}
                ]}]),
                &[4, 5, 6, 7],
                &[6, 5, 6, 7],
            ),
            source: "Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let inner = planner.sequence("inner", &options.layers("inner")?, input)?;
        if inner.output.len() != input.len() || inner.output[1..] != input[1..] {
            return Err(planner
                .error(
                    Code::ShapeMismatch,
                    format!(
                        "inner gives {}, whose sizes differ from the input's {}",
                        crate::shape::show(&inner.output),
                        crate::shape::show(input)
                    ),
                )
                .help(
                    "what goes down must come up: match strides with transposed ones or upsample",
                ));
        }
        let mut output = input.to_vec();
        output[0] += inner.output[0];
        let aligned = Grid::aligned(input.len().saturating_sub(1));
        let grid = inner.grid.clone().filter(|grid| *grid == aligned);
        Ok(Planned::new(output, move |x, ctx| {
            let y = inner.forward(x, ctx)?;
            Ok(Tensor::f_cat(&[x, &y], 1)?)
        })
        .placed(grid))
    }
}
