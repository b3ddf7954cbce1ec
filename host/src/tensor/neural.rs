//! Activations, linear maps and dropout.

use neurhai_core::Error;

use super::given::broadcast;
use super::{Operation, op, pass};

pub(super) const OPERATIONS: &[Operation] = &[
    op("relu(x)", "x where it is positive, else 0.", |g| Ok(g.tensor("x")?.f_relu()?)),
    op("leaky_relu(x, [negative_slope])", "x where it is positive, else x times 0.01.", |g| {
        let slope = g.float_or("negative_slope", 0.01)?;
        neurhai_torch::leaky_relu(&g.tensor("x")?, slope).map_err(Error::from)
    }),
    op("elu(x, [alpha])", "x where it is positive, else alpha times (exp(x) - 1).", |g| {
        neurhai_torch::elu(&g.tensor("x")?, g.float_or("alpha", 1.0)?).map_err(Error::from)
    }),
    op(
        "gelu(x, [approximate])",
        "x times the normal distribution function; approximate: none, tanh.",
        |g| Ok(g.tensor("x")?.f_gelu(&g.text_or("approximate", "none")?)?),
    ),
    op("silu(x)", "x times sigmoid(x).", |g| Ok(g.tensor("x")?.f_silu()?)),
    op("sigmoid(x)", "1 / (1 + exp(-x)).", |g| Ok(g.tensor("x")?.f_sigmoid()?)),
    op("tanh(x)", "The hyperbolic tangent.", |g| Ok(g.tensor("x")?.f_tanh()?)),
    op("softplus(x)", "log(1 + exp(x)).", |g| Ok(g.tensor("x")?.f_softplus()?)),
    op("softmax(x, axis)", "Exponentials divided by their sum along an axis.", |g| {
        Ok(g.tensor("x")?.f_softmax(g.int("axis")?, None)?)
    }),
    op("log_softmax(x, axis)", "The logarithm of softmax.", |g| {
        Ok(g.tensor("x")?.f_log_softmax(g.int("axis")?, None)?)
    }),
    op("linear(x, weight, [bias])", "x times weight [out, in], transposed, plus bias.", |g| {
        let (x, weight) = (g.tensor("x")?, g.tensor("weight")?);
        if let ([rows @ .., _], [out, _]) = (&x.size()[..], &weight.size()[..]) {
            g.room(&broadcast(&[rows, &[*out]].concat(), &[]))?;
        }
        let y = x.f_linear(&weight, g.optional_tensor("bias")?)?;
        pass::costs(y.numel(), x.size().last().copied().unwrap_or(1));
        Ok(y)
    }),
    op(
        "dropout(x, p)",
        "In training, x with values zeroed with probability p and the rest scaled by 1 / (1 - p); elsewhere x.",
        |g| {
            let (x, p) = (g.tensor("x")?, g.float("p")?);
            if !(0.0..=1.0).contains(&p) {
                return Err(g.bad("p", "a number from 0 to 1"));
            }
            match pass::draw() {
                Some(seed) if p > 0.0 => neurhai_torch::dropout(&x, p, seed).map_err(Error::from),
                _ => Ok(x),
            }
        },
    ),
];
