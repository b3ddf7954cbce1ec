//! Shapes: looking at them, changing them, cutting and joining.

use neurhai_core::{Code, Error, Result};
use rhai::Dynamic;
use tch::Tensor;

use super::given::Given;
use super::{Operation, op, op_value, value};

pub(super) const OPERATIONS: &[Operation] = &[
    op_value("shape(x)", "The sizes of all axes, as a list; also x.shape.", |g| {
        Ok(g.tensor("x")?.size().into_iter().collect())
    }),
    op_value("ndim(x)", "The number of axes; also x.ndim.", |g| {
        Ok((g.tensor("x")?.dim() as i64).into())
    }),
    op_value("numel(x)", "The number of values.", |g| Ok((g.tensor("x")?.numel() as i64).into())),
    op_value("size(x, axis)", "The size of an axis; negative ones count from the last.", |g| {
        let (size, axis) = (g.tensor("x")?.size(), g.int("axis")?);
        let at = if axis < 0 { axis + size.len() as i64 } else { axis };
        let found = usize::try_from(at).ok().and_then(|at| size.get(at)).copied();
        found.map(Dynamic::from).ok_or_else(|| no_axis("size", axis, size.len()))
    }),
    op("reshape(x, shape)", "The same values in another shape; one size may be -1.", |g| {
        Ok(g.tensor("x")?.f_reshape(g.ints("shape")?)?)
    }),
    op("flatten(x, [start, end])", "The axes from start to end made one; all by default.", |g| {
        Ok(g.tensor("x")?.f_flatten(g.int_or("start", 0)?, g.int_or("end", -1)?)?)
    }),
    op("unsqueeze(x, axis)", "A new axis of size 1.", |g| {
        Ok(g.tensor("x")?.f_unsqueeze(g.int("axis")?)?)
    }),
    op("squeeze(x, [axis])", "Without axes of size 1, or without this one.", |g| {
        let x = g.tensor("x")?;
        Ok(if g.has("axis") { x.f_squeeze_dim(g.int("axis")?)? } else { x.f_squeeze()? })
    }),
    op("permute(x, axes)", "The axes in another order.", |g| {
        Ok(g.tensor("x")?.f_permute(g.ints("axes")?)?)
    }),
    op("transpose(x, first, second)", "Two axes exchanged.", |g| {
        Ok(g.tensor("x")?.f_transpose(g.int("first")?, g.int("second")?)?)
    }),
    op("flip(x, axes)", "In the opposite order along axes.", |g| {
        Ok(g.tensor("x")?.f_flip(g.ints("axes")?)?)
    }),
    op(
        "expand(x, shape)",
        "Axes of size 1 repeated to these sizes; -1 leaves one as it is.",
        |g| {
            let (x, shape) = (g.tensor("x")?, g.ints("shape")?);
            let size = x.size();
            let new = shape.len().saturating_sub(size.len());
            let full: Vec<i64> = shape
                .iter()
                .enumerate()
                .map(|(i, s)| if *s < 0 && i >= new { size[i - new] } else { *s })
                .collect();
            g.room(&full)?;
            Ok(x.f_expand(shape, false)?)
        },
    ),
    op("repeat(x, times)", "Copies beside each other, so many per axis.", |g| {
        let (x, times) = (g.tensor("x")?, g.ints("times")?);
        let size = x.size();
        let new = times.len().saturating_sub(size.len());
        let full: Vec<i64> = times
            .iter()
            .enumerate()
            .map(|(i, n)| if i < new { *n } else { n.saturating_mul(size[i - new]) })
            .collect();
        g.room(&full)?;
        Ok(x.f_repeat(times)?)
    }),
    op(
        "cat(tensors, [axis])",
        "Tensors of a list one after the other along an axis, 0 by default.",
        |g| {
            let tensors = g.tensors("tensors")?;
            roomy(g, &tensors)?;
            Ok(Tensor::f_cat(&tensors, g.int_or("axis", 0)?)?)
        },
    ),
    op("stack(tensors, [axis])", "Tensors of a list one after the other along a new axis.", |g| {
        let tensors = g.tensors("tensors")?;
        roomy(g, &tensors)?;
        Ok(Tensor::f_stack(&tensors, g.int_or("axis", 0)?)?)
    }),
    op_value("chunk(x, count, [axis])", "A list of so many pieces along an axis.", |g| {
        let (x, axis) = (g.tensor("x")?, g.int_or("axis", 0)?);
        let count = g.int("count")?;
        pieces(count, || Ok(x.f_chunk(count, axis)?))
    }),
    op_value(
        "split(x, size, [axis])",
        "A list of pieces of this size along an axis; the last may be shorter.",
        |g| {
            let (x, size, axis) = (g.tensor("x")?, g.int("size")?, g.int_or("axis", 0)?);
            let longest = x.size().into_iter().max().unwrap_or(0);
            pieces(longest / size.max(1), || Ok(x.f_split(size, axis)?))
        },
    ),
    op("narrow(x, axis, start, length)", "A piece along an axis.", |g| {
        Ok(g.tensor("x")?.f_narrow(g.int("axis")?, g.int("start")?, g.int("length")?)?)
    }),
    op("select(x, axis, index)", "One place along an axis, without that axis.", |g| {
        Ok(g.tensor("x")?.f_select(g.int("axis")?, g.int("index")?)?)
    }),
    op(
        "slice(x, axis, from, [to, step])",
        "A piece along an axis, up to, not with, to; negative places count from the end.",
        |g| {
            let to = g.has("to").then(|| g.int("to")).transpose()?;
            let x = g.tensor("x")?;
            Ok(x.f_slice(g.int("axis")?, g.int("from")?, to, g.int_or("step", 1)?)?)
        },
    ),
    op(
        "index_select(x, axis, indices)",
        "The places that a tensor of whole numbers says, along an axis.",
        |g| {
            let (x, axis, indices) = (g.tensor("x")?, g.int("axis")?, g.tensor("indices")?);
            g.room(&selected(&x, axis, &indices))?;
            Ok(x.f_index_select(axis, &indices)?)
        },
    ),
    op(
        "gather(x, axis, indices)",
        "For each place of indices, the value of x there along an axis.",
        |g| Ok(g.tensor("x")?.f_gather(g.int("axis")?, &g.tensor("indices")?, false)?),
    ),
    op(
        "pad(x, sizes, [number, mode])",
        "Numbers added around, as in PyTorch: before and after the last axis, then the one before. Modes: constant, reflect, replicate, circular.",
        |g| {
            let (x, sizes) = (g.tensor("x")?, g.ints("sizes")?);
            g.room(&padded(g)?)?;
            let mode = g.text_or("mode", "constant")?;
            let number = if mode == "constant" { Some(g.float_or("number", 0.0)?) } else { None };
            Ok(x.f_pad(sizes, &mode, number)?)
        },
    ),
];

/// The shape with other places along an axis.
pub(super) fn selected(x: &Tensor, axis: i64, places: &Tensor) -> Vec<i64> {
    let mut shape = x.size();
    let at = if axis < 0 { axis + shape.len() as i64 } else { axis };
    if let Some(size) = usize::try_from(at).ok().and_then(|at| shape.get_mut(at)) {
        *size = places.numel() as i64;
    }
    shape
}

/// The shape with numbers around.
pub(super) fn padded(g: &Given<'_>) -> Result<Vec<i64>> {
    let mut shape = g.tensor("x")?.size();
    for (size, both) in shape.iter_mut().rev().zip(g.ints("sizes")?.chunks(2)) {
        *size = both.iter().fold(*size, |size, more| size.saturating_add(*more));
    }
    Ok(shape)
}

/// What joined tensors need.
fn roomy(g: &Given<'_>, tensors: &[Tensor]) -> Result<()> {
    let total: usize = tensors.iter().map(Tensor::numel).sum();
    let largest = tensors.iter().map(Tensor::numel).max().unwrap_or(0);
    // Two of what went in are always allowed, as in skip connections.
    if total <= 2 * largest { Ok(()) } else { g.room(&[total as i64]) }
}

/// A list holds far fewer elements than a tensor.
const MAX_PIECES: i64 = 10_000;

fn pieces(count: i64, cut: impl FnOnce() -> Result<Vec<Tensor>>) -> Result<Dynamic> {
    if count > MAX_PIECES {
        let message = format!("a tensor cannot be cut into more than {MAX_PIECES} pieces");
        return Err(Error::new(Code::ScriptLimit, message));
    }
    Ok(cut()?.into_iter().map(value).collect())
}

pub(super) fn no_axis(name: &str, axis: i64, axes: usize) -> Error {
    let message = format!("{name}: there is no axis {axis} in a tensor with {axes}");
    Error::new(Code::BadOption, message).help("axes count from 0, or from -1 backwards")
}
