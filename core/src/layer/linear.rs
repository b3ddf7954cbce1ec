use super::short::*;

pub(super) struct Linear;

impl Layer for Linear {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "linear".into(),
            help: "Fully connected layer; the input's features are inferred.".into(),
            shapes: "[features] → [out_features]".into(),
            options: vec![
                OptionSpec::required("out_features", count(), "number of outputs"),
                OptionSpec::new("bias", Kind::Bool, true, "add a learned constant per output"),
            ],
            positional: 1,
            example: Example::new(json!([{"kind": "linear", "out_features": 3}]), &[10], &[3]),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let &[features] = input else {
            return Err(planner
                .error(
                    Code::ShapeMismatch,
                    format!("needs a flat list of features, not {}", crate::shape::show(input)),
                )
                .help("put flatten() or global_avg_pool() before it"));
        };
        let out = options.int("out_features")?;
        let init = Init::fan_in(features);
        let weight = planner.param("weight", &[out, features], init)?;
        let bias = match options.flag("bias")? {
            true => Some(planner.param("bias", &[out], init)?),
            false => None,
        };
        Ok(Planned::new([out], move |x, ctx| {
            Ok(x.f_linear(ctx.weight(weight), bias.map(|bias| ctx.weight(bias)))?)
        })
        .costing((out as u64).saturating_mul(features as u64)))
    }
}
