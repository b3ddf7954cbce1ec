//! Results for tensors without values, where libtorch tells no shape: it has that for many functions
//! in Python only.

use neurhai_core::{Error, Result};
use tch::{Kind, Tensor};

use super::given::{Given, broadcast};
use super::{pass, shapes, windows};

/// Whether libtorch refused because a tensor has no values.
pub(super) fn is_why(error: &Error) -> bool {
    let cause = error.problems()[0].cause.as_deref().unwrap_or_default();
    ["Meta tensors", "convolution_overrideable", "META device"].iter().any(|w| cause.contains(w))
}

/// A tensor without values in place of what this function would give.
pub(super) fn result(name: &str, g: &Given<'_>) -> Result<Option<Tensor>> {
    let x = g.tensor("x")?;
    let like = |shape: &[i64], kind| -> Result<Option<Tensor>> {
        Ok(Some(neurhai_torch::meta(shape)?.f_to_kind(kind)?))
    };
    let kind = x.kind();
    match name {
        "abs" | "flip" | "relu" | "leaky_relu" | "elu" | "gelu" | "silu" | "softplus"
        | "dropout" | "batch_norm" | "instance_norm" | "group_norm" | "layer_norm" => {
            like(&x.size(), kind)
        }
        "isfinite" => like(&x.size(), Kind::Bool),
        "std" | "variance" | "logsumexp" => {
            let keep = g.flag_or("keepdim", false)?;
            Ok(Some(x.f_sum_dim_intlist(g.optional_ints("axis")?, keep, kind)?))
        }
        "where" => {
            let then =
                g.operand("then", &g.tensor("otherwise").unwrap_or(x.f_to_kind(Kind::Float)?))?;
            let other = g.operand("otherwise", &then)?;
            like(&broadcast(&x.size(), &broadcast(&then.size(), &other.size())), then.kind())
        }
        "conv" => {
            let shape = windows::convolved(g)?;
            pass::costs(shape.iter().product::<i64>() as usize, filter(g)?);
            like(&shape, kind)
        }
        "conv_transpose" => {
            pass::costs(x.numel(), filter(g)?);
            like(&windows::transposed(g)?, kind)
        }
        "max_pool" | "avg_pool" => like(&windows::pooled(g)?, kind),
        "adaptive_avg_pool" => like(&windows::adapted(g)?, kind),
        "pad" => like(&shapes::padded(g)?, kind),
        "index_select" => like(&shapes::selected(&x, g.int("axis")?, &g.tensor("indices")?), kind),
        _ => Ok(None),
    }
}

/// The numbers of a filter: those of the weight for one place along its first axis.
fn filter(g: &Given<'_>) -> Result<i64> {
    Ok(g.tensor("weight")?.size()[1..].iter().product())
}
