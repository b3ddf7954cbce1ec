//! Functions of each value.

use tch::Tensor;

use super::given::{Given, broadcast};
use super::{Operation, op, operators, pass};
use neurhai_core::Result;

pub(super) const OPERATIONS: &[Operation] = &[
    op("abs(x)", "The value without its sign.", |g| Ok(g.tensor("x")?.f_abs()?)),
    op("sign(x)", "-1, 0 or 1.", |g| Ok(g.tensor("x")?.f_sign()?)),
    op("exp(x)", "e to the power of x.", |g| Ok(g.tensor("x")?.f_exp()?)),
    op("log(x)", "The natural logarithm.", |g| Ok(g.tensor("x")?.f_log()?)),
    op("log1p(x)", "The natural logarithm of 1 + x.", |g| Ok(g.tensor("x")?.f_log1p()?)),
    op("sqrt(x)", "The square root.", |g| Ok(g.tensor("x")?.f_sqrt()?)),
    op("square(x)", "x times x.", |g| Ok(g.tensor("x")?.f_square()?)),
    op("sin(x)", "The sine.", |g| Ok(g.tensor("x")?.f_sin()?)),
    op("cos(x)", "The cosine.", |g| Ok(g.tensor("x")?.f_cos()?)),
    op("round(x)", "The nearest whole number; halves go to the even one.", |g| {
        Ok(g.tensor("x")?.f_round()?)
    }),
    op("floor(x)", "The whole number below.", |g| Ok(g.tensor("x")?.f_floor()?)),
    op("ceil(x)", "The whole number above.", |g| Ok(g.tensor("x")?.f_ceil()?)),
    op("isfinite(x)", "Whether x is neither infinite nor NaN.", |g| {
        Ok(g.tensor("x")?.f_isfinite()?)
    }),
    op("pow(x, exponent)", "x to a power, as x ** exponent.", |g| {
        let (x, exponent) = both(g, "exponent")?;
        Ok(operators::power(&x, &exponent)?)
    }),
    op("minimum(x, other)", "The lower of two values.", |g| {
        let (x, other) = both(g, "other")?;
        Ok(x.f_minimum(&other)?)
    }),
    op("maximum(x, other)", "The higher of two values.", |g| {
        let (x, other) = both(g, "other")?;
        Ok(x.f_maximum(&other)?)
    }),
    op("clamp(x, [min, max])", "x, but at least min and at most max.", |g| {
        let x = g.tensor("x")?;
        let bound = |name| g.has(name).then(|| g.operand(name, &x)).transpose();
        let (min, max) = (bound("min")?, bound("max")?);
        for other in [&min, &max].into_iter().flatten() {
            g.room(&broadcast(&x.size(), &other.size()))?;
        }
        Ok(x.f_clamp_tensor(min, max)?)
    }),
    op(
        "where(x, then, otherwise)",
        "Where x is true, the value of then; elsewhere of otherwise.",
        |g| {
            let x = g.tensor("x")?;
            let float = Tensor::f_zeros([0], (tch::Kind::Float, tch::Device::Cpu))?;
            let beside = g.tensor("then").or_else(|_| g.tensor("otherwise")).unwrap_or(float);
            let (then, otherwise) = (g.operand("then", &beside)?, g.operand("otherwise", &beside)?);
            g.room(&broadcast(&x.size(), &broadcast(&then.size(), &otherwise.size())))?;
            Ok(then.f_where_self(&x, &otherwise)?)
        },
    ),
    op("matmul(x, other)", "The matrix product over the last two axes.", |g| {
        let (x, other) = (g.tensor("x")?, g.tensor("other")?);
        if let ([a @ .., rows, _], [b @ .., _, columns]) = (&x.size()[..], &other.size()[..]) {
            let mut shape = broadcast(a, b);
            shape.extend([*rows, *columns]);
            g.room(&shape)?;
        }
        let product = x.f_matmul(&other)?;
        pass::costs(product.numel(), x.size().last().copied().unwrap_or(1));
        Ok(product)
    }),
];

/// x and another tensor or number, of a common size that fits.
fn both(g: &Given<'_>, name: &str) -> Result<(Tensor, Tensor)> {
    let x = g.tensor("x")?;
    let other = g.operand(name, &x)?;
    g.room(&broadcast(&x.size(), &other.size()))?;
    Ok((x, other))
}
