use super::pool::mean_of_blocks;
use super::short::*;
use super::window::{sizes, spatial_axes};

pub(super) struct AdaptiveAvgPool;

impl Layer for AdaptiveAvgPool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "adaptive_avg_pool".into(),
            help: "Means over windows chosen so that the output has the size asked for.".into(),
            shapes: "[channel, (depth,) height, width] → [channel, output_size…]".into(),
            options: vec![OptionSpec::required("output_size", sizes(1), "voxels per axis")],
            positional: 1,
            example: Example::new(
                json!([{"kind": "adaptive_avg_pool", "output_size": [1, 2, 3]}]),
                &[4, 5, 6, 7],
                &[4, 1, 2, 3],
            ),
            source:
                "https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html"
                    .into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let size = options.sizes("output_size", axes)?;
        let mut output = vec![input[0]];
        output.extend(&size);
        let blocks = input[1..].iter().zip(&size).all(|(n, size)| n % size == 0);
        let kernel: Vec<i64> = input[1..].iter().zip(&size).map(|(n, size)| n / size).collect();
        if !blocks {
            let instead = "choose an output_size that divides the map's size, or global_avg_pool";
            planner.undetermined(
                "adaptive_avg_pool to a size that does not divide its input's",
                instead,
            );
        }
        Ok(Planned::new(output, move |x, _| {
            if blocks && x.device().is_cuda() {
                return mean_of_blocks(x, &kernel);
            }
            Ok(match axes {
                2 => x.f_adaptive_avg_pool2d(&size)?,
                _ => x.f_adaptive_avg_pool3d(&size)?,
            })
        }))
    }
}
