use super::short::*;
use super::window::{sizes, spatial_axes};

pub(super) struct Upsample;

impl Layer for Upsample {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "upsample".into(),
            help: "Enlarges the map by repeating voxels or by linear interpolation.".into(),
            shapes: "[channel, (depth,) height, width] → [channel, size · scale_factor…]".into(),
            options: vec![
                OptionSpec::absent("scale_factor", sizes(1), "size decides", "factor per axis"),
                OptionSpec::absent("size", sizes(1), "scale_factor decides", "voxels per axis"),
                OptionSpec::new(
                    "mode",
                    Kind::Choice { of: vec!["nearest".into(), "linear".into()] },
                    "nearest",
                    "linear is bilinear in 2D and trilinear in 3D, corners not aligned",
                ),
            ],
            positional: 1,
            example: Example::new(
                json!([{"kind": "upsample", "scale_factor": 2}]),
                &[4, 5, 6, 7],
                &[4, 10, 12, 14],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let size: Vec<i64> = match (options.has("scale_factor"), options.has("size")) {
            (true, false) => {
                let factors = options.sizes("scale_factor", axes)?;
                input[1..].iter().zip(factors).map(|(n, f)| n.saturating_mul(f)).collect()
            }
            (false, true) => options.sizes("size", axes)?,
            _ => {
                return Err(
                    planner.error(Code::BadOption, "upsample takes either scale_factor or size")
                );
            }
        };
        let linear = options.text("mode")? == "linear";
        if linear {
            let instead = "use mode: \"nearest\" with a conv after it, or conv_transpose";
            planner.undetermined("upsample with mode: \"linear\"", instead);
        }
        let mut output = vec![input[0]];
        output.extend(&size);
        Ok(Planned::new(output, move |x, _| {
            Ok(match (axes, linear) {
                (2, false) => x.f_upsample_nearest2d(&size, None, None)?,
                (2, true) => x.f_upsample_bilinear2d(&size, false, None, None)?,
                (_, false) => x.f_upsample_nearest3d(&size, None, None, None)?,
                (_, true) => x.f_upsample_trilinear3d(&size, false, None, None, None)?,
            })
        }))
    }
}
