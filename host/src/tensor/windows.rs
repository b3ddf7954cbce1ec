//! Convolution, pooling and interpolation, in 2D or 3D as x has it: [batch, channel, …].

use neurhai_core::{Code, Error, Result};
use tch::Tensor;

use super::given::Given;
use super::{Operation, op};

pub(super) const OPERATIONS: &[Operation] = &[
    op(
        "conv(x, weight, [bias], [#{ stride, padding, dilation, groups }])",
        "Convolution with weight [out, in / groups, …].",
        |g| {
            let (x, axes) = spatial(g)?;
            let (weight, bias) = (g.tensor("weight")?, g.optional_tensor("bias")?);
            let (stride, padding) =
                (g.sizes_or("stride", axes, 1)?, g.sizes_or("padding", axes, 0)?);
            let (dilation, groups) = (g.sizes_or("dilation", axes, 1)?, g.int_or("groups", 1)?);
            g.room(&convolved(g)?)?;
            let none = vec![0; axes];
            Ok(x.f_convolution(&weight, bias, stride, padding, dilation, false, none, groups)?)
        },
    ),
    op(
        "conv_transpose(x, weight, [bias], [#{ stride, padding, output_padding, dilation, groups }])",
        "Transposed convolution with weight [in, out / groups, …].",
        |g| {
            let (x, axes) = spatial(g)?;
            let (weight, bias) = (g.tensor("weight")?, g.optional_tensor("bias")?);
            let (stride, padding) =
                (g.sizes_or("stride", axes, 1)?, g.sizes_or("padding", axes, 0)?);
            let more = g.sizes_or("output_padding", axes, 0)?;
            let (dilation, groups) = (g.sizes_or("dilation", axes, 1)?, g.int_or("groups", 1)?);
            g.room(&transposed(g)?)?;
            Ok(x.f_convolution(&weight, bias, stride, padding, dilation, true, more, groups)?)
        },
    ),
    op(
        "max_pool(x, kernel_size, [stride, padding], [#{ dilation, ceil_mode }])",
        "The highest value of each window; stride is the kernel's size by default.",
        |g| {
            let (x, axes) = spatial(g)?;
            let (kernel, stride) = (g.sizes("kernel_size", axes)?, stride(g, axes)?);
            let (padding, dilation) =
                (g.sizes_or("padding", axes, 0)?, g.sizes_or("dilation", axes, 1)?);
            let ceil = g.flag_or("ceil_mode", false)?;
            Ok(match axes {
                2 => x.f_max_pool2d(kernel, stride, padding, dilation, ceil)?,
                _ => x.f_max_pool3d(kernel, stride, padding, dilation, ceil)?,
            })
        },
    ),
    op(
        "avg_pool(x, kernel_size, [stride, padding], [#{ ceil_mode, count_include_pad }])",
        "The mean of each window; stride is the kernel's size by default.",
        |g| {
            let (x, axes) = spatial(g)?;
            let (kernel, stride) = (g.sizes("kernel_size", axes)?, stride(g, axes)?);
            let padding = g.sizes_or("padding", axes, 0)?;
            let (ceil, count) =
                (g.flag_or("ceil_mode", false)?, g.flag_or("count_include_pad", true)?);
            Ok(match axes {
                2 => x.f_avg_pool2d(kernel, stride, padding, ceil, count, None)?,
                _ => x.f_avg_pool3d(kernel, stride, padding, ceil, count, None)?,
            })
        },
    ),
    op("adaptive_avg_pool(x, output_size)", "Means of windows that give this size.", |g| {
        let (x, axes) = spatial(g)?;
        let output = g.sizes("output_size", axes)?;
        g.room(&[&x.size()[..2], &output].concat())?;
        Ok(match axes {
            2 => x.f_adaptive_avg_pool2d(output)?,
            _ => x.f_adaptive_avg_pool3d(output)?,
        })
    }),
    op(
        "interpolate(x, [size], [#{ scale_factor, mode, align_corners }])",
        "To another size; mode is nearest or linear.",
        |g| {
            let (x, axes) = spatial(g)?;
            let (size, scales) = target(g, &x, axes)?;
            g.room(&[&x.size()[..2], &size].concat())?;
            let (corners, mode) =
                (g.flag_or("align_corners", false)?, g.text_or("mode", "nearest")?);
            let s = |axis: usize| scales.as_ref().map(|scales| scales[axis]);
            Ok(match (mode.as_str(), axes) {
                ("nearest", 2) => x.f_upsample_nearest2d(size, s(0), s(1))?,
                ("nearest", _) => x.f_upsample_nearest3d(size, s(0), s(1), s(2))?,
                ("linear" | "bilinear", 2) => x.f_upsample_bilinear2d(size, corners, s(0), s(1))?,
                ("linear" | "trilinear", 3) => {
                    x.f_upsample_trilinear3d(size, corners, s(0), s(1), s(2))?
                }
                _ => return Err(g.bad("mode", "\"nearest\" or \"linear\"")),
            })
        },
    ),
];

/// The shape of a convolution.
pub(super) fn convolved(g: &Given<'_>) -> Result<Vec<i64>> {
    let (x, axes) = spatial(g)?;
    let weight = g.tensor("weight")?.size();
    let kernel = (2..axes + 2).map(|axis| weight.get(axis).copied().unwrap_or(1)).collect();
    let channels = weight.first().copied().unwrap_or(1);
    windows(g, &x, channels, kernel, g.sizes_or("stride", axes, 1)?)
}

/// The shape of a pooling.
pub(super) fn pooled(g: &Given<'_>) -> Result<Vec<i64>> {
    let (x, axes) = spatial(g)?;
    windows(g, &x, x.size()[1], g.sizes("kernel_size", axes)?, stride(g, axes)?)
}

fn windows(
    g: &Given<'_>,
    x: &Tensor,
    channels: i64,
    kernel: Vec<i64>,
    stride: Vec<i64>,
) -> Result<Vec<i64>> {
    let (size, axes) = (x.size(), kernel.len());
    let (padding, dilation) = (g.sizes_or("padding", axes, 0)?, g.sizes_or("dilation", axes, 1)?);
    let ceil = g.flag_or("ceil_mode", false)?;
    let mut shape = vec![size[0], channels];
    for axis in 0..axes {
        let (n, step) = (size[axis + 2], stride[axis].max(1));
        let padded = n.saturating_add(padding[axis].saturating_mul(2));
        let reach = dilation[axis].saturating_mul(kernel[axis].saturating_sub(1));
        let room = padded.saturating_sub(reach).saturating_sub(1);
        let more = if ceil { step - 1 } else { 0 };
        let mut count = room.saturating_add(more).div_euclid(step).saturating_add(1);
        // A window may not begin in the padding behind.
        if ceil && (count - 1).saturating_mul(step) >= n.saturating_add(padding[axis]) {
            count -= 1;
        }
        shape.push(count);
    }
    Ok(shape)
}

/// The shape of a transposed convolution.
pub(super) fn transposed(g: &Given<'_>) -> Result<Vec<i64>> {
    let (x, axes) = spatial(g)?;
    let (size, kernel) = (x.size(), g.tensor("weight")?.size());
    let (stride, padding) = (g.sizes_or("stride", axes, 1)?, g.sizes_or("padding", axes, 0)?);
    let (more, dilation) =
        (g.sizes_or("output_padding", axes, 0)?, g.sizes_or("dilation", axes, 1)?);
    let groups = g.int_or("groups", 1)?;
    let mut shape = vec![size[0], kernel.get(1).copied().unwrap_or(1).saturating_mul(groups)];
    for axis in 0..axes {
        let reach = kernel.get(axis + 2).copied().unwrap_or(1).saturating_sub(1);
        let grown = size[axis + 2].saturating_sub(1).saturating_mul(stride[axis]);
        let grown = grown.saturating_add(reach.saturating_mul(dilation[axis])).saturating_add(1);
        let cut = padding[axis].saturating_mul(2).saturating_sub(more[axis]);
        shape.push(grown.saturating_sub(cut));
    }
    Ok(shape)
}

/// The shape of an adaptive pooling.
pub(super) fn adapted(g: &Given<'_>) -> Result<Vec<i64>> {
    let (x, axes) = spatial(g)?;
    Ok([&x.size()[..2], &g.sizes("output_size", axes)?].concat())
}

/// x and how many spatial axes it has.
fn spatial(g: &Given<'_>) -> Result<(Tensor, usize)> {
    let x = g.tensor("x")?;
    match x.dim() {
        4 | 5 => Ok((x.shallow_clone(), x.dim() - 2)),
        _ => Err(g.bad_shape(&x, "[batch, channel, (depth,) height, width]")),
    }
}

fn stride(g: &Given<'_>, axes: usize) -> Result<Vec<i64>> {
    g.sizes(if g.has("stride") { "stride" } else { "kernel_size" }, axes)
}

/// The size to interpolate to, and the factors where they were given.
fn target(g: &Given<'_>, x: &Tensor, axes: usize) -> Result<(Vec<i64>, Option<Vec<f64>>)> {
    match (g.has("size"), g.has("scale_factor")) {
        (true, false) => Ok((g.sizes("size", axes)?, None)),
        (false, true) => {
            let factors = g.floats("scale_factor", axes)?;
            let size = x.size();
            let size = size[2..].iter().zip(&factors).map(|(n, f)| (*n as f64 * f) as i64);
            Ok((size.collect(), Some(factors)))
        }
        _ => Err(Error::new(Code::BadOption, "interpolate needs either size or scale_factor")),
    }
}
