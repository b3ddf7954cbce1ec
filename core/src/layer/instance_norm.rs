use super::short::*;
use super::window::spatial_axes;
use tch::Tensor;

pub(super) struct InstanceNorm;

impl Layer for InstanceNorm {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "instance_norm".into(),
            help: "Normalises each channel of each sample over its voxels.".into(),
            shapes: "[channel, (depth,) height, width] → the same".into(),
            options: vec![
                OptionSpec::new("eps", positive(), 1e-5, "added to the variance"),
                OptionSpec::new("affine", Kind::Bool, false, "learn a scale and shift per channel"),
            ],
            positional: 0,
            example: super::plain_example("instance_norm", &[4, 5, 6, 7]),
            source: "Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        spatial_axes(input, planner)?;
        if input[1..].iter().product::<i64>() == 1 {
            return Err(planner
                .error(Code::ShapeMismatch, "a single voxel per channel cannot be normalised")
                .help("remove this layer, or pool less before it"));
        }
        let eps = options.float("eps")?;
        let affine = match options.flag("affine")? {
            true => Some((
                planner.param("weight", &input[..1], Init::Constant(1.0))?,
                planner.param("bias", &input[..1], Init::Constant(0.0))?,
            )),
            false => None,
        };
        Ok(Planned::aligned(input, move |x, ctx| {
            Ok(x.f_instance_norm(
                affine.map(|(weight, _)| ctx.weight(weight)),
                affine.map(|(_, bias)| ctx.weight(bias)),
                None::<&Tensor>,
                None::<&Tensor>,
                true,
                0.1,
                eps,
                x.device().is_cuda(),
            )?)
        }))
    }
}
