//! Losses; `reduction` is mean, sum or none.

use neurhai_core::Result;
use tch::{Reduction, Tensor};

use super::given::{Given, broadcast};
use super::{Operation, op};

pub(super) const OPERATIONS: &[Operation] = &[
    op(
        "cross_entropy(x, target, [#{ weight, reduction, label_smoothing }])",
        "Of logits [batch, class, …] and classes as whole numbers [batch, …].",
        |g| {
            let (weight, smoothing) =
                (g.optional_tensor("weight")?, g.float_or("label_smoothing", 0.0)?);
            let (x, target) = (g.tensor("x")?, g.tensor("target")?);
            Ok(x.f_cross_entropy_loss(&target, weight, reduction(g)?, -100, smoothing)?)
        },
    ),
    op(
        "binary_cross_entropy_with_logits(x, target, [#{ weight, pos_weight, reduction }])",
        "Of logits and targets from 0 to 1.",
        |g| {
            let (x, target) = both(g)?;
            let (weight, positive) =
                (g.optional_tensor("weight")?, g.optional_tensor("pos_weight")?);
            Ok(x.f_binary_cross_entropy_with_logits(&target, weight, positive, reduction(g)?)?)
        },
    ),
    op("mse_loss(x, target, [#{ reduction }])", "The squared difference.", |g| {
        let (x, target) = both(g)?;
        Ok(x.f_mse_loss(&target, reduction(g)?)?)
    }),
    op("l1_loss(x, target, [#{ reduction }])", "The absolute difference.", |g| {
        let (x, target) = both(g)?;
        Ok(x.f_l1_loss(&target, reduction(g)?)?)
    }),
    op(
        "huber_loss(x, target, [#{ delta, reduction }])",
        "Squared up to delta, straight beyond.",
        |g| {
            let (x, target) = both(g)?;
            Ok(x.f_huber_loss(&target, reduction(g)?, g.float_or("delta", 1.0)?)?)
        },
    ),
];

fn both(g: &Given<'_>) -> Result<(Tensor, Tensor)> {
    let (x, target) = (g.tensor("x")?, g.tensor("target")?);
    g.room(&broadcast(&x.size(), &target.size()))?;
    Ok((x, target))
}

fn reduction(g: &Given<'_>) -> Result<Reduction> {
    match g.text_or("reduction", "mean")?.as_str() {
        "mean" => Ok(Reduction::Mean),
        "sum" => Ok(Reduction::Sum),
        "none" => Ok(Reduction::None),
        _ => Err(g.bad("reduction", "\"mean\", \"sum\" or \"none\"")),
    }
}
