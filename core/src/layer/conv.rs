use super::short::*;
use super::window::{Window, sizes, spatial_axes};

pub(super) struct Conv;

impl Layer for Conv {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "conv".into(),
            help:
                "Convolution in 2D or 3D, as the input has it; the input's channels are inferred."
                    .into(),
            shapes: "[channel, (depth,) height, width] → [out_channels, …]".into(),
            options: vec![
                OptionSpec::required("out_channels", count(), "number of filters"),
                OptionSpec::required("kernel_size", sizes(1), "voxels the filter covers per axis"),
                OptionSpec::new("stride", sizes(1), 1, "voxels from one position to the next"),
                OptionSpec::new("padding", sizes(0), 0, "zeros added on both sides of each axis"),
                OptionSpec::new("dilation", sizes(1), 1, "voxels between the filter's points"),
                OptionSpec::new("groups", count(), 1, "blocks of channels that do not mix"),
                OptionSpec::new("bias", Kind::Bool, true, "add a learned constant per filter"),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1}]),
                &[1, 5, 6, 7],
                &[8, 5, 6, 7],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let window = Window::read(options, axes)?;
        let (channels, out) = (input[0], options.int("out_channels")?);
        let groups = options.int("groups")?;
        check_groups(channels, out, groups, planner)?;
        let spatial = window.output(&input[1..], planner)?;

        let mut shape = vec![out, channels / groups];
        shape.extend(&window.kernel);
        let init = Init::fan_in(shape[1].saturating_mul(window.volume() as i64));
        let weight = planner.param("weight", &shape, init)?;
        let bias = match options.flag("bias")? {
            true => Some(planner.param("bias", &[out], init)?),
            false => None,
        };

        let mut output = vec![out];
        output.extend(&spatial);
        let voxels: i64 = crate::shape::elements(&output).unwrap_or(i64::MAX);
        let cost = (voxels as u64).saturating_mul(window.volume() * (channels / groups) as u64);
        let grid = window.grid();
        Ok(Planned::new(output, move |x, ctx| {
            let (weight, bias) = (ctx.weight(weight), bias.map(|bias| ctx.weight(bias)));
            let Window { stride, padding, dilation, .. } = &window;
            Ok(match axes {
                2 => x.f_conv2d(weight, bias, stride, padding, dilation, groups)?,
                _ => x.f_conv3d(weight, bias, stride, padding, dilation, groups)?,
            })
        })
        .costing(cost)
        .placed(Some(grid))
        .fresh())
    }
}

pub(super) fn check_groups(
    channels: i64,
    out: i64,
    groups: i64,
    planner: &Planner<'_>,
) -> Result<()> {
    if channels % groups == 0 && out % groups == 0 {
        return Ok(());
    }
    Err(planner
        .error(
            Code::ShapeMismatch,
            format!(
                "groups = {groups} must divide both the {channels} input and {out} output channels"
            ),
        )
        .help("choose groups among the common divisors of both numbers"))
}
