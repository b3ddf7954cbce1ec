use super::short::*;

pub(super) struct Gate;

impl Layer for Gate {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "gate".into(),
            help:
                "x · body(x): attention per channel, per voxel, or both, as the body's shape says."
                    .into(),
            shapes: "[channel, …] → the same; the body gives [channel], [channel, …] or [1, …]"
                .into(),
            options: vec![OptionSpec::required(
                "body",
                Kind::Layers,
                "layers that compute the factors",
            )],
            positional: 1,
            example: Example::new(
                json!([{"kind": "gate", "body": [
                    {"kind": "global_avg_pool"}, {"kind": "linear", "out_features": 4}, {"kind": "sigmoid"}
                ]}]),
                &[4, 5, 6, 7],
                &[4, 5, 6, 7],
            ),
            source: "Hu et al. 2018, https://arxiv.org/abs/1709.01507".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let body = planner.sequence("body", &options.layers("body")?, input)?;
        let factors = &body.output;
        let per_axis = factors.len() == input.len()
            && factors.iter().zip(input).all(|(factor, size)| factor == size || *factor == 1);
        let per_channel = factors.len() == 1 && factors[0] == input[0];
        if !per_axis && !per_channel {
            return Err(planner
                .error(
                    Code::ShapeMismatch,
                    format!(
                        "the body gives {}, which cannot scale {}",
                        crate::shape::show(factors),
                        crate::shape::show(input)
                    ),
                )
                .help(format!(
                    "end the body with {} features (one per channel) or with maps of the input's size",
                    input[0]
                )));
        }
        let widen = per_channel.then(|| {
            let mut view = vec![-1, input[0]];
            view.resize(input.len() + 1, 1);
            view
        });
        Ok(Planned::aligned(input, move |x, ctx| {
            let mut factors = body.forward(x, ctx)?;
            if let Some(view) = &widen {
                factors = factors.f_view(&view[..])?;
            }
            Ok(x.f_mul(&factors)?)
        }))
    }
}
