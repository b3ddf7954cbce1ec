//! Many values to few: over all of a tensor, or along some of its axes.

use neurhai_core::Result;
use rhai::Dynamic;
use tch::Tensor;

use super::given::Given;
use super::{Operation, op, op_value, value};

pub(super) const OPERATIONS: &[Operation] = &[
    op(
        "sum(x, [axis, keepdim])",
        "The sum, over all or along axes; of a list of numbers, too.",
        |g| Ok(g.tensor("x")?.f_sum_dim_intlist(g.optional_ints("axis")?, keep(g)?, None)?),
    ),
    op(
        "mean(x, [axis, keepdim])",
        "The mean, over all or along axes; of a list of numbers, too.",
        |g| Ok(g.tensor("x")?.f_mean_dim(g.optional_ints("axis")?, keep(g)?, None)?),
    ),
    op(
        "variance(x, [axis, keepdim, unbiased])",
        "The variance, with n - 1 unless unbiased is false.",
        |g| Ok(g.tensor("x")?.f_var_dim(g.optional_ints("axis")?, unbiased(g)?, keep(g)?)?),
    ),
    op(
        "std(x, [axis, keepdim, unbiased])",
        "The standard deviation, with n - 1 unless unbiased is false.",
        |g| Ok(g.tensor("x")?.f_std_dim(g.optional_ints("axis")?, unbiased(g)?, keep(g)?)?),
    ),
    op("prod(x, [axis, keepdim])", "The product, over all or along an axis.", |g| {
        let x = g.tensor("x")?;
        Ok(match axis(g)? {
            Some(axis) => x.f_prod_dim_int(axis, keep(g)?, None)?,
            None => x.f_prod(None)?,
        })
    }),
    op(
        "max(x, [axis, keepdim])",
        "The highest value, over all or along an axis; of a list of numbers, too.",
        |g| {
            let x = g.tensor("x")?;
            Ok(match axis(g)? {
                Some(axis) => x.f_max_dim(axis, keep(g)?)?.0,
                None => x.f_max()?,
            })
        },
    ),
    op(
        "min(x, [axis, keepdim])",
        "The lowest value, over all or along an axis; of a list of numbers, too.",
        |g| {
            let x = g.tensor("x")?;
            Ok(match axis(g)? {
                Some(axis) => x.f_min_dim(axis, keep(g)?)?.0,
                None => x.f_min()?,
            })
        },
    ),
    op(
        "argmax(x, [axis, keepdim])",
        "The place of the highest value, the first of several.",
        |g| Ok(g.tensor("x")?.f_argmax(axis(g)?, keep(g)?)?),
    ),
    op("argmin(x, [axis, keepdim])", "The place of the lowest value, the first of several.", |g| {
        Ok(g.tensor("x")?.f_argmin(axis(g)?, keep(g)?)?)
    }),
    op("any(x, [axis, keepdim])", "Whether any value is true or not zero.", |g| {
        let x = g.tensor("x")?;
        Ok(match axis(g)? {
            Some(axis) => x.f_any_dim(axis, keep(g)?)?,
            None => x.f_any()?,
        })
    }),
    op("all(x, [axis, keepdim])", "Whether all values are true or not zero.", |g| {
        let x = g.tensor("x")?;
        Ok(match axis(g)? {
            Some(axis) => x.f_all_dim(axis, keep(g)?)?,
            None => x.f_all()?,
        })
    }),
    op(
        "logsumexp(x, axis, [keepdim])",
        "The logarithm of the sum of exponentials along axes.",
        |g| Ok(g.tensor("x")?.f_logsumexp(g.ints("axis")?, keep(g)?)?),
    ),
    op("cumsum(x, axis)", "The sum of the values up to each place along an axis.", |g| {
        Ok(g.tensor("x")?.f_cumsum(g.int("axis")?, None)?)
    }),
    op_value(
        "sort(x, [axis, descending])",
        "The values in order along an axis, the last by default, and their places, as a map: values, indices.",
        |g| {
            let descending = g.flag_or("descending", false)?;
            let x = g.tensor("x")?;
            // Equal values keep their order, so that the places are the same on every machine.
            let places = x.f_argsort_stable(true, g.int_or("axis", -1)?, descending)?;
            let values = x.f_gather(g.int_or("axis", -1)?, &places, false)?;
            Ok(pair((values, places)))
        },
    ),
    op_value(
        "topk(x, k, [axis, largest])",
        "The k highest values (lowest if largest is false) along an axis, and their places, as a map: values, indices.",
        |g| {
            let (axis, largest) = (g.int_or("axis", -1)?, g.flag_or("largest", true)?);
            Ok(pair(g.tensor("x")?.f_topk(g.int("k")?, axis, largest, true)?))
        },
    ),
];

fn keep(g: &Given<'_>) -> Result<bool> {
    g.flag_or("keepdim", false)
}

fn unbiased(g: &Given<'_>) -> Result<bool> {
    g.flag_or("unbiased", true)
}

fn axis(g: &Given<'_>) -> Result<Option<i64>> {
    g.has("axis").then(|| g.int("axis")).transpose()
}

fn pair((values, indices): (Tensor, Tensor)) -> Dynamic {
    let pairs = [("values", values), ("indices", indices)];
    let map: rhai::Map = pairs.into_iter().map(|(key, t)| (key.into(), value(t))).collect();
    map.into()
}
