use super::pool::{Places, Pooled, max_pool, max_pool_with_indices};
use super::short::*;
use super::window::{Window, sizes, spatial_axes};

pub(super) struct MaxPool;

impl Layer for MaxPool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "max_pool".into(),
            help: "The largest value of each window; what does not fill a window is dropped."
                .into(),
            shapes: "[channel, (depth,) height, width] → [channel, …]".into(),
            options: vec![
                OptionSpec::required("kernel_size", sizes(1), "voxels of the window per axis"),
                OptionSpec::absent("stride", sizes(1), "kernel_size", "voxels between windows"),
                OptionSpec::new(
                    "padding",
                    sizes(0),
                    0,
                    "−∞ added on both sides; half a kernel at most",
                ),
                OptionSpec::new(
                    "return_indices",
                    Kind::Bool,
                    false,
                    "keep positions for max_unpool",
                ),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "max_pool", "kernel_size": 2}]),
                &[4, 5, 6, 7],
                &[4, 2, 3, 3],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let window = Window::read(options, axes)?;
        window.check_pool_padding(planner)?;
        let mut output = vec![input[0]];
        output.extend(window.output(&input[1..], planner)?);
        let keep = options.flag("return_indices")?;
        if keep {
            planner.push_pool("max_pool", input, &output);
        }
        let spatial = input[1..].to_vec();
        let order = if keep { Order::Fixed } else { Order::Maximum };
        let grid = window.grid();
        Ok(Planned::new(output, move |x, ctx| {
            if !keep {
                return max_pool(x, &window.kernel, &window.stride, &window.padding);
            }
            let (y, indices) =
                max_pool_with_indices(x, &window.kernel, &window.stride, &window.padding)?;
            ctx.pools.push(Pooled {
                places: Places::Flat(indices),
                padded: spatial.clone(),
                pad: vec![0; axes],
            });
            Ok(y)
        })
        .placed(Some(grid))
        .ordered(order))
    }
}
