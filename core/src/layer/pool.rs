//! What pooling with maxima and its inverse share.

use super::short::*;
use crate::network::Context;
use tch::{Kind as Number, Tensor};

/// Where a pooling took its maxima, for the unpooling that undoes it.
pub(crate) struct Pooled {
    /// Where the maxima are: `[batch, channel, …]`.
    pub(super) places: Places,
    /// Spatial sizes of the padded map.
    pub(crate) padded: Vec<i64>,
    /// Voxels that were added on the low side of each axis.
    pub(crate) pad: Vec<i64>,
}

/// How a pooling remembers its maxima.
pub(super) enum Places {
    /// Positions in the padded map, flat over its spatial axes.
    Flat(Tensor),
    /// Places within the blocks of a pooling whose kernel equals its stride.
    OfBlocks { places: neurhai_torch::BlockPlaces, kernel: Vec<i64> },
}

/// Max pooling in 2D or 3D over `x` `[batch, channel, …]`, with the positions of the maxima.
pub(super) fn max_pool_with_indices(
    x: &Tensor,
    kernel: &[i64],
    stride: &[i64],
    padding: &[i64],
) -> Result<(Tensor, Tensor)> {
    let dilation = vec![1; kernel.len()];
    Ok(match kernel.len() {
        2 => x.f_max_pool2d_with_indices(kernel, stride, padding, &dilation, false)?,
        _ => x.f_max_pool3d_with_indices(kernel, stride, padding, &dilation, false)?,
    })
}

/// Max pooling in 2D or 3D.
pub(super) fn max_pool(
    x: &Tensor,
    kernel: &[i64],
    stride: &[i64],
    padding: &[i64],
) -> Result<Tensor> {
    let dilation = vec![1; kernel.len()];
    Ok(match kernel.len() {
        2 => x.f_max_pool2d(kernel, stride, padding, &dilation, false)?,
        _ => x.f_max_pool3d(kernel, stride, padding, &dilation, false)?,
    })
}

/// Puts the values of `x` where the pooling last pushed took them, zeros elsewhere, and cuts the
/// pooling's padding off.
///
/// Written as a scatter to unique positions, so it is deterministic on every device.
pub(super) fn unpool(x: &Tensor, ctx: &mut Context<'_>) -> Result<Tensor> {
    let Some(pooled) = ctx.pools.pop() else {
        return Err(crate::Error::new(Code::Internal, "an unpooling found no pooling to undo"));
    };
    let indices = match &pooled.places {
        Places::Flat(indices) => indices.shallow_clone(),
        Places::OfBlocks { places, kernel } => match neurhai_torch::block_unpool(x, places)? {
            Some(map) => return Ok(map),
            None => flat_positions(&places.within_blocks()?, &pooled.padded, kernel)?,
        },
    };
    let mut flat = x.size();
    let spatial: i64 = pooled.padded.iter().product();
    flat.truncate(2);
    flat.push(spatial);
    let map = Tensor::f_zeros(&flat, (x.kind(), x.device()))?.f_scatter(
        2,
        &indices.f_flatten(2, -1)?,
        &x.f_flatten(2, -1)?,
    )?;
    flat.truncate(2);
    flat.extend(&pooled.padded);
    let mut map = map.f_view(&flat[..])?;
    for (axis, pad) in pooled.pad.iter().enumerate() {
        if *pad > 0 {
            map = map.f_narrow(axis as i64 + 2, *pad, pooled.padded[axis] - pad)?;
        }
    }
    Ok(map)
}

/// Plans an unpooling: the shape before the pooling it undoes.
pub(super) fn plan_unpool(
    input: &[i64],
    pooling: &str,
    planner: &mut Planner<'_>,
) -> Result<Planned> {
    let Some(pool) = planner.pools.pop() else {
        return Err(planner
            .error(Code::ShapeMismatch, format!("there is no {pooling} before it to undo"))
            .help(format!("give {pooling} the option return_indices: true")));
    };
    if pool.kind != pooling {
        return Err(planner
            .error(Code::ShapeMismatch, format!("it would undo the {} at {}", pool.kind, pool.path))
            .help("max_unpool undoes max_pool, crop_max_unpool undoes pad_max_pool"));
    }
    if pool.output != input {
        return Err(planner
            .error(
                Code::ShapeMismatch,
                format!(
                    "it undoes the {pooling} at {}, which gave {}, but gets {}",
                    pool.path,
                    crate::shape::show(&pool.output),
                    crate::shape::show(input)
                ),
            )
            .help("bring channels and sizes back to what the pooling gave before this layer"));
    }
    Ok(Planned::new(pool.input, unpool))
}

/// The values of each window of a pooling whose kernel equals its stride, side by side on a last axis;
/// what does not fill a window is left out.
///
/// # Shapes
/// `[batch, channel, …size]` → `[batch, channel, …⌊size / kernel⌋, voxels of the kernel]`.
fn blocks(x: &Tensor, kernel: &[i64]) -> Result<Tensor> {
    let axes = kernel.len();
    let mut split = x.size()[..2].to_vec();
    let mut x = x.shallow_clone();
    for (axis, k) in kernel.iter().enumerate() {
        let windows = x.size()[axis + 2] / k;
        x = x.f_narrow(axis as i64 + 2, 0, windows * k)?;
        split.extend([windows, *k]);
    }
    let mut order = vec![0, 1];
    order.extend((0..axes as i64).map(|axis| 2 + 2 * axis));
    order.extend((0..axes as i64).map(|axis| 3 + 2 * axis));
    Ok(x.f_reshape(&split)?.f_permute(&order)?.f_flatten(2 + axes as i64, -1)?)
}

/// The mean of each window of a pooling whose kernel equals its stride, without padding: its gradient is
/// deterministic on every device, where that of libtorch's kernels is not on GPUs.
pub(super) fn mean_of_blocks(x: &Tensor, kernel: &[i64]) -> Result<Tensor> {
    Ok(blocks(x, kernel)?.f_mean_dim([-1i64].as_slice(), false, None)?)
}

/// The largest value along the windows of a pooling whose kernel equals its stride, written as a
/// reshape and a maximum: every position belongs to one window, so the gradient is deterministic
/// on every device. `x` is `[batch, channel, …]` with sizes that the kernel divides.
pub(super) fn max_of_blocks(x: &Tensor, kernel: &[i64]) -> Result<(Tensor, Tensor)> {
    let (largest, place) = blocks(x, kernel)?.f_max_dim(-1, false)?;
    Ok((largest, flat_positions(&place, &x.size()[2..], kernel)?))
}

/// Turns positions within blocks into flat positions of the map.
pub(super) fn flat_positions(place: &Tensor, spatial: &[i64], kernel: &[i64]) -> Result<Tensor> {
    let axes = kernel.len();
    let options = (Number::Int64, place.device());
    let mut flat = Tensor::f_zeros([1], options)?;
    let mut within: i64 = kernel.iter().product();
    for axis in 0..axes {
        within /= kernel[axis];
        let step: i64 = spatial[axis + 1..].iter().product();
        let mut view = vec![1i64; axes + 2];
        view[axis + 2] = spatial[axis] / kernel[axis];
        let block = Tensor::f_arange(view[axis + 2], options)?.f_view(&view[..])?;
        let offset = place.f_floor_divide_scalar(within)?.f_remainder(kernel[axis])?;
        flat = (block * (kernel[axis] * step)).f_add(&(offset * step))?.f_add(&flat)?;
    }
    Ok(flat)
}
