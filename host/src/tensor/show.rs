//! Tensors as text.

use neurhai_core::shape::show;
use rhai::Engine;
use tch::{Device, Kind};

use super::Tensor;
use super::values::list;

/// A single number as it is; otherwise the values, but for the middle of long axes, and the shape.
pub(super) fn text(x: &tch::Tensor) -> String {
    let kind = match x.kind() {
        Kind::Float => "float32",
        Kind::Double => "float64",
        Kind::Int64 => "int64",
        Kind::Bool => "bool",
        _ => "other numbers",
    };
    let about = format!("tensor {} of {kind}", show(&x.size()));
    if let (0, Ok(number)) = (x.dim(), list(x)) {
        return number.to_string();
    }
    // Where only shapes are found out there are no values to show.
    let one =
        || x.f_flatten(0, -1)?.f_narrow(0, 0, 1)?.f_to_kind(Kind::Double)?.f_double_value(&[0]);
    let shown = x.f_detach().and_then(|x| x.f_to_device(Device::Cpu));
    match shown {
        Ok(shown) if x.numel() > 0 && one().is_ok() => {
            let values = format!("{shown}");
            // tch's own last line tells shape and kind in words of Rust.
            let values =
                values.rsplit_once("Tensor[").map_or(values.as_str(), |(values, _)| values);
            format!("{}\n{about}", values.trim_end())
        }
        _ => about,
    }
}

pub(super) fn register(engine: &mut Engine) {
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |x: &mut Tensor| text(&x.get()));
    }
}
