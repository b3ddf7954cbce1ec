use super::short::*;

pub(super) struct Residual;

impl Layer for Residual {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "residual".into(),
            help: "body(x) + shortcut(x); without a shortcut, x itself is added.".into(),
            shapes: "the body's input → the body's output".into(),
            options: vec![
                OptionSpec::required("body", Kind::Layers, "layers whose output is added to"),
                OptionSpec::new("shortcut", Kind::Layers, json!([]), "layers on the way around"),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "residual", "body": [
                    {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1},
                    {"kind": "batch_norm"}
                ]}]),
                &[4, 5, 6, 7],
                &[4, 5, 6, 7],
            ),
            source: "He et al. 2016, https://arxiv.org/abs/1512.03385".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let body = planner.sequence("body", &options.layers("body")?, input)?;
        let shortcut = planner.sequence("shortcut", &options.layers("shortcut")?, input)?;
        if body.output != shortcut.output {
            return Err(planner
                .error(
                    Code::ShapeMismatch,
                    format!(
                        "the body gives {}, but the shortcut {}",
                        crate::shape::show(&body.output),
                        crate::shape::show(&shortcut.output)
                    ),
                )
                .help(
                    "a 1×1×1 conv with the body's out_channels and stride makes a fitting shortcut",
                ));
        }
        let grid = body.grid.clone().filter(|grid| shortcut.grid.as_ref() == Some(grid));
        Ok(Planned::new(body.output.clone(), move |x, ctx| {
            let y = body.forward(x, ctx)?;
            Ok(y.f_add(&shortcut.forward(x, ctx)?)?)
        })
        .placed(grid))
    }
}
