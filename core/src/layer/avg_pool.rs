use super::pool::mean_of_blocks;
use super::short::*;
use super::window::{Window, sizes, spatial_axes};

pub(super) struct AvgPool;

impl Layer for AvgPool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "avg_pool".into(),
            help: "The mean of each window; padded zeros count.".into(),
            shapes: "[channel, (depth,) height, width] → [channel, …]".into(),
            options: vec![
                OptionSpec::required("kernel_size", sizes(1), "voxels of the window per axis"),
                OptionSpec::absent("stride", sizes(1), "kernel_size", "voxels between windows"),
                OptionSpec::new(
                    "padding",
                    sizes(0),
                    0,
                    "zeros added on both sides; half a kernel at most",
                ),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "avg_pool", "kernel_size": 2}]),
                &[4, 5, 6, 7],
                &[4, 2, 3, 3],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let window = Window::read(options, axes)?;
        window.check_pool_padding(planner)?;
        if axes == 3 {
            // Unlike in 2D, libtorch wants a window to fit into the map without its padding.
            let padding = vec![0; axes];
            Window { padding, ..Window::read(options, axes)? }.output(&input[1..], planner)?;
        }
        let mut output = vec![input[0]];
        output.extend(window.output(&input[1..], planner)?);
        let blocks = window.kernel == window.stride && window.padding.iter().all(|p| *p == 0);
        if axes == 3 && !blocks {
            let instead = "let kernel_size and stride be the same, without padding";
            planner.undetermined("avg_pool in 3D with overlapping windows or padding", instead);
        }
        let grid = window.grid();
        Ok(Planned::new(output, move |x, _| {
            let Window { kernel, stride, padding, .. } = &window;
            if blocks && axes == 3 && x.device().is_cuda() {
                return mean_of_blocks(x, kernel);
            }
            Ok(match kernel.len() {
                2 => x.f_avg_pool2d(kernel, stride, padding, false, true, None)?,
                _ => x.f_avg_pool3d(kernel, stride, padding, false, true, None)?,
            })
        })
        .placed(Some(grid)))
    }
}
