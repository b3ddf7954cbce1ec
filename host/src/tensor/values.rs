//! Values out of tensors, and other kinds of numbers.

use neurhai_core::{Code, Error, Result};
use rhai::Dynamic;
use tch::{Device, Kind, Tensor};

use super::given::is_float;
use super::{Operation, op, op_value};

pub(super) const OPERATIONS: &[Operation] = &[
    op_value("item(x)", "The number in a tensor of one.", |g| {
        let x = g.tensor("x")?;
        match x.numel() {
            1 => list(&x.f_reshape([0i64; 0])?),
            _ => Err(g.bad_shape(&x, "with one number")),
        }
    }),
    op_value("to_list(x)", "The numbers as a list, of lists where there are several axes.", |g| {
        let x = g.tensor("x")?;
        if x.numel() > MAX_LISTED {
            let message = format!("to_list: a list cannot hold {} numbers", x.numel());
            return Err(Error::new(Code::ScriptLimit, message)
                .help(format!("take at most {MAX_LISTED}, for example with x[0..100]")));
        }
        list(&x)
    }),
    op("to_float(x)", "As numbers of single precision (float32).", |g| {
        Ok(g.tensor("x")?.f_to_kind(Kind::Float)?)
    }),
    op("to_double(x)", "As numbers of double precision (float64).", |g| {
        Ok(g.tensor("x")?.f_to_kind(Kind::Double)?)
    }),
    op("to_int(x)", "As whole numbers (int64), towards zero.", |g| {
        Ok(g.tensor("x")?.f_to_kind(Kind::Int64)?)
    }),
    op("to_bool(x)", "As true and false: whether it is not zero.", |g| {
        Ok(g.tensor("x")?.f_to_kind(Kind::Bool)?)
    }),
    op("detach(x)", "The same values, through which no gradient flows.", |g| {
        Ok(g.tensor("x")?.f_detach()?)
    }),
];

/// Rhai measures lists whenever they change, so long ones are slow.
const MAX_LISTED: usize = 20_000;

/// The values of a tensor as a script's numbers.
pub(crate) fn list(x: &Tensor) -> Result<Dynamic> {
    let (size, kind) = (x.size(), x.kind());
    let flat = x.f_detach()?.f_to_device(Device::Cpu)?.f_reshape(-1)?;
    let count = flat.numel();
    let values: Vec<Dynamic> = if is_float(kind) {
        let mut numbers = vec![0f64; count];
        flat.f_to_kind(Kind::Double)?.f_copy_data(&mut numbers, count)?;
        numbers.into_iter().map(Dynamic::from_float).collect()
    } else {
        let mut numbers = vec![0i64; count];
        flat.f_to_kind(Kind::Int64)?.f_copy_data(&mut numbers, count)?;
        let whole = |number| match kind {
            Kind::Bool => Dynamic::from_bool(number != 0),
            _ => Dynamic::from_int(number),
        };
        numbers.into_iter().map(whole).collect()
    };
    Ok(nested(&size, &mut values.into_iter()))
}

fn nested(size: &[i64], values: &mut std::vec::IntoIter<Dynamic>) -> Dynamic {
    match size {
        [] => values.next().unwrap_or_default(),
        [first, rest @ ..] => {
            let list: rhai::Array = (0..*first).map(|_| nested(rest, values)).collect();
            list.into()
        }
    }
}
