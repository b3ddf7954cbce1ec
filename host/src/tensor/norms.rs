//! Normalisation.

use neurhai_core::Result;
use tch::Tensor;

use super::given::Given;
use super::{Operation, op, pass};

pub(super) const OPERATIONS: &[Operation] = &[
    op(
        "batch_norm(x, running_mean, running_var, [weight, bias], [#{ momentum, eps }])",
        "By the mean and variance of each channel in the batch in training, which also moves the running ones; by the running ones elsewhere.",
        |g| {
            let (weight, bias) = affine(g)?;
            let running = |name| g.tensor(name).map(Some);
            let (mean, var) = (running("running_mean")?, running("running_var")?);
            let (momentum, training) = (g.float_or("momentum", 0.1)?, pass::training());
            let x = g.tensor("x")?;
            Ok(x.f_batch_norm(weight, bias, mean, var, training, momentum, eps(g)?, true)?)
        },
    ),
    op(
        "instance_norm(x, [weight, bias], [#{ eps }])",
        "By the mean and variance of each channel of each sample.",
        |g| {
            let (weight, bias) = affine(g)?;
            let none = None::<Tensor>;
            Ok(g.tensor("x")?.f_instance_norm(
                weight,
                bias,
                none,
                None,
                true,
                0.1,
                eps(g)?,
                true,
            )?)
        },
    ),
    op(
        "group_norm(x, groups, [weight, bias], [#{ eps }])",
        "By the mean and variance of each group of channels of each sample.",
        |g| {
            let (weight, bias) = affine(g)?;
            Ok(g.tensor("x")?.f_group_norm(g.int("groups")?, weight, bias, eps(g)?, true)?)
        },
    ),
    op(
        "layer_norm(x, shape, [weight, bias], [#{ eps }])",
        "By the mean and variance over the last axes, whose sizes shape says.",
        |g| {
            let (weight, bias) = affine(g)?;
            Ok(g.tensor("x")?.f_layer_norm(g.ints("shape")?, weight, bias, eps(g)?, true)?)
        },
    ),
];

fn affine(g: &Given<'_>) -> Result<(Option<Tensor>, Option<Tensor>)> {
    Ok((g.optional_tensor("weight")?, g.optional_tensor("bias")?))
}

fn eps(g: &Given<'_>) -> Result<f64> {
    g.float_or("eps", 1e-5)
}
