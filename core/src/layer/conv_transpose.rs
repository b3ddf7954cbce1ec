use super::conv::check_groups;
use super::short::*;
use super::window::{Window, sizes, spatial_axes};

pub(super) struct ConvTranspose;

impl Layer for ConvTranspose {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "conv_transpose".into(),
            help: "Transposed convolution in 2D or 3D: the gradient of conv, used to go back up."
                .into(),
            shapes: "[channel, (depth,) height, width] → [out_channels, …]; per axis \
                     (n − 1)·stride − 2·padding + dilation·(kernel_size − 1) + output_padding + 1"
                .into(),
            options: vec![
                OptionSpec::required("out_channels", count(), "number of output channels"),
                OptionSpec::required("kernel_size", sizes(1), "voxels the filter covers per axis"),
                OptionSpec::new("stride", sizes(1), 1, "voxels from one position to the next"),
                OptionSpec::new("padding", sizes(0), 0, "voxels cut from both sides of each axis"),
                OptionSpec::new("output_padding", sizes(0), 0, "voxels added on the high side"),
                OptionSpec::new("dilation", sizes(1), 1, "voxels between the filter's points"),
                OptionSpec::new("groups", count(), 1, "blocks of channels that do not mix"),
                OptionSpec::new("bias", Kind::Bool, true, "add a learned constant per channel"),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "conv_transpose", "out_channels": 4, "kernel_size": 2, "stride": 2}]),
                &[8, 3, 4, 5],
                &[4, 6, 8, 10],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html"
                .into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let window = Window::read(options, axes)?;
        let extra = options.sizes("output_padding", axes)?;
        let (channels, out) = (input[0], options.int("out_channels")?);
        let groups = options.int("groups")?;
        check_groups(channels, out, groups, planner)?;

        let mut output = vec![out];
        for axis in 0..axes {
            let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
            if extra[axis] >= stride.max(dilation) {
                return Err(planner.error(
                    Code::BadOption,
                    "output_padding must be smaller than stride or dilation",
                ));
            }
            let n = (input[axis + 1] - 1)
                .saturating_mul(stride)
                .saturating_sub(window.padding[axis].saturating_mul(2))
                .saturating_add(dilation.saturating_mul(window.kernel[axis] - 1))
                .saturating_add(extra[axis] + 1);
            if n < 1 {
                return Err(planner
                    .error(
                        Code::ShapeMismatch,
                        format!("nothing is left of axis {axis} after padding"),
                    )
                    .help("use less padding"));
            }
            output.push(n);
        }

        let mut shape = vec![channels, out / groups];
        shape.extend(&window.kernel);
        // PyTorch takes the second axis of the weight as fan-in here too.
        let init = Init::fan_in(shape[1].saturating_mul(window.volume() as i64));
        let weight = planner.param("weight", &shape, init)?;
        let bias = match options.flag("bias")? {
            true => Some(planner.param("bias", &[out], init)?),
            false => None,
        };
        let voxels = crate::shape::elements(input).unwrap_or(i64::MAX) as u64;
        let cost = voxels.saturating_mul(window.volume() * (out / groups) as u64);
        Ok(Planned::new(output, move |x, ctx| {
            let (weight, bias) = (ctx.weight(weight), bias.map(|bias| ctx.weight(bias)));
            let Window { stride, padding, dilation, .. } = &window;
            Ok(match axes {
                2 => {
                    x.f_conv_transpose2d(weight, bias, stride, padding, &extra, groups, dilation)?
                }
                _ => {
                    x.f_conv_transpose3d(weight, bias, stride, padding, &extra, groups, dilation)?
                }
            })
        })
        .costing(cost)
        .fresh())
    }
}
