use super::short::*;
use crate::error::Error;

pub(super) struct BatchNorm;

impl Layer for BatchNorm {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "batch_norm".into(),
            help: "Normalises each channel over the batch; in evaluation, or where frozen, with \
                   running statistics."
                .into(),
            shapes: "any → the same".into(),
            options: vec![
                OptionSpec::new("eps", positive(), 1e-5, "added to the variance"),
                OptionSpec::new(
                    "momentum",
                    Kind::Float { min: 0.0, max: 1.0 },
                    0.1,
                    "weight of the newest batch in the running statistics",
                ),
                OptionSpec::new("affine", Kind::Bool, true, "learn a scale and shift per channel"),
            ],
            positional: 0,
            example: super::plain_example("batch_norm", &[4, 5, 6, 7]),
            source: "Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let (eps, momentum) = (options.float("eps")?, options.float("momentum")?);
        let channels = [input[0]];
        let affine = match options.flag("affine")? {
            true => Some((
                planner.param("weight", &channels, Init::Constant(1.0))?,
                planner.param("bias", &channels, Init::Constant(0.0))?,
            )),
            false => None,
        };
        let mean = planner.buffer("running_mean", &channels, Init::Constant(0.0))?;
        let variance = planner.buffer("running_var", &channels, Init::Constant(1.0))?;
        let batches = planner.counter("num_batches_tracked")?;
        Ok(Planned::aligned(input, move |x, ctx| {
            let learns = ctx.training() && !ctx.frozen(mean);
            if learns {
                if x.numel() == x.size().get(1).map_or(0, |c| *c as usize) {
                    return Err(Error::new(
                        Code::ShapeMismatch,
                        "one value per channel cannot be normalised over the batch",
                    )
                    .help("train with a batch of two or more, or without batch_norm here"));
                }
                drop(ctx.weight(batches).shallow_clone().f_add_scalar_(1)?);
            }
            let cudnn = x.device().is_cuda();
            Ok(x.f_batch_norm(
                affine.map(|(weight, _)| ctx.weight(weight)),
                affine.map(|(_, bias)| ctx.weight(bias)),
                Some(ctx.weight(mean)),
                Some(ctx.weight(variance)),
                learns,
                momentum,
                eps,
                cudnn,
            )?)
        })
        .fresh())
    }
}
