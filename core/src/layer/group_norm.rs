use super::short::*;

pub(super) struct GroupNorm;

impl Layer for GroupNorm {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "group_norm".into(),
            help: "Normalises groups of channels of each sample; independent of the batch size."
                .into(),
            shapes: "any → the same".into(),
            options: vec![
                OptionSpec::required("num_groups", count(), "groups; must divide the channels"),
                OptionSpec::new("eps", positive(), 1e-5, "added to the variance"),
                OptionSpec::new("affine", Kind::Bool, true, "learn a scale and shift per channel"),
            ],
            positional: 1,
            example: Example::new(
                json!([{"kind": "group_norm", "num_groups": 2}]),
                &[4, 5, 6, 7],
                &[4, 5, 6, 7],
            ),
            source: "Wu and He 2018, https://arxiv.org/abs/1803.08494".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let (groups, eps) = (options.int("num_groups")?, options.float("eps")?);
        if input[0] % groups != 0 {
            return Err(planner
                .error(
                    Code::ShapeMismatch,
                    format!("num_groups = {groups} does not divide the {} channels", input[0]),
                )
                .help("choose num_groups among the divisors of the number of channels"));
        }
        let affine = match options.flag("affine")? {
            true => Some((
                planner.param("weight", &input[..1], Init::Constant(1.0))?,
                planner.param("bias", &input[..1], Init::Constant(0.0))?,
            )),
            false => None,
        };
        Ok(Planned::aligned(input, move |x, ctx| {
            Ok(x.f_group_norm(
                groups,
                affine.map(|(weight, _)| ctx.weight(weight)),
                affine.map(|(_, bias)| ctx.weight(bias)),
                eps,
                x.device().is_cuda(),
            )?)
        }))
    }
}
