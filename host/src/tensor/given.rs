//! The values a function over tensors is called with.

use std::any::TypeId;
use std::ops::RangeInclusive;

use neurhai_core::error::did_you_mean;
use neurhai_core::shape::{elements, show};
use neurhai_core::{Code, Error, Place, Result};
use rhai::{Dynamic, ImmutableString};
use tch::Kind;

use super::{MAX_ELEMENTS, Tensor, pass};
use crate::value::describe;

/// What a usage line says: `conv(x, weight, [bias], [#{ stride, padding }])`.
pub(super) struct Signature {
    pub(super) name: &'static str,
    usage: &'static str,
    /// All values, the ones by position first.
    names: Vec<&'static str>,
    required: usize,
    positional: usize,
}

impl Signature {
    pub(super) fn new(usage: &'static str) -> Self {
        let (name, rest) = usage.split_once('(').unwrap_or((usage, ""));
        let words = |text: &'static str| -> Vec<&'static str> {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.filter(|word| !word.is_empty()).collect()
        };
        let by_position = rest.split("#{").next().unwrap_or(rest);
        let required = by_position.split('[').next().unwrap_or(by_position);
        Self {
            name,
            usage,
            names: words(rest),
            required: words(required).len(),
            positional: words(by_position).len(),
        }
    }

    /// How many values a call may have, a map of named ones at the end included.
    pub(super) fn arities(&self) -> RangeInclusive<usize> {
        self.required.min(1)..=self.positional + usize::from(self.positional > 0)
    }

    /// The type that tells this function from others of the same name.
    pub(super) fn first(&self) -> TypeId {
        match self.names.first() {
            Some(&"x") => TypeId::of::<Tensor>(),
            Some(&"tensors") => TypeId::of::<rhai::Array>(),
            _ => TypeId::of::<Dynamic>(),
        }
    }
}

/// The values of one call.
pub(super) struct Given<'s> {
    signature: &'s Signature,
    values: Vec<Dynamic>,
    named: rhai::Map,
}

impl<'s> Given<'s> {
    /// Sorts the values of a call.
    pub(super) fn read(signature: &'s Signature, mut values: Vec<Dynamic>) -> Result<Self> {
        let mut named = rhai::Map::new();
        if values.len() > 1 && values.last().is_some_and(Dynamic::is_map) {
            named = values.pop().and_then(Dynamic::try_cast).unwrap_or_default();
        }
        let given = Self { signature, values, named };
        let Signature { name, usage, names, required, positional } = signature;
        let wrong = |code, key: &str, message: String| {
            let at = Place::Option(key.into());
            Error::new(code, message).at(at).help(format!("it is called as {usage}"))
        };
        for key in given.named.keys().map(|key| key.as_str()) {
            match names.iter().position(|name| *name == key) {
                None => {
                    let near = did_you_mean(key, names.iter().copied());
                    let message = format!("{name} has no option {key:?}{near}");
                    return Err(wrong(Code::UnknownOption, key, message));
                }
                Some(position) if position < given.values.len() => {
                    let message = format!("{name} is given {key:?} twice");
                    return Err(wrong(Code::BadOption, key, message));
                }
                Some(_) => {}
            }
        }
        if given.values.len() > *positional {
            let message = format!("{name} cannot be called with {}", given.describe());
            return Err(
                Error::new(Code::BadOption, message).help(format!("it is called as {usage}"))
            );
        }
        match names[..*required].iter().find(|name| given.get(name).is_none()) {
            Some(missing) => {
                Err(Error::new(Code::MissingOption, format!("{name} needs {missing}"))
                    .help(format!("it is called as {usage}")))
            }
            None => Ok(given),
        }
    }

    /// The value of this name; one that is nothing counts as not given.
    fn get(&self, name: &str) -> Option<&Dynamic> {
        let position = self.signature.names.iter().position(|other| *other == name)?;
        let value = self.values.get(position).or_else(|| self.named.get(name));
        value.filter(|value| !value.is_unit())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value as it is.
    pub(super) fn any(&self, name: &str) -> Result<&Dynamic> {
        self.get(name).ok_or_else(|| {
            let message = format!("{} needs {name}", self.signature.name);
            Error::new(Code::MissingOption, message)
                .help(format!("it is called as {}", self.signature.usage))
        })
    }

    /// An error about the value of this name.
    pub(super) fn bad(&self, name: &str, wanted: &str) -> Error {
        let found = self.get(name).map_or_else(|| "nothing".into(), describe);
        let message = format!("{}: {name} must be {wanted}, not {found}", self.signature.name);
        let error = Error::new(Code::BadOption, message);
        let error = error.help(format!("it is called as {}", self.signature.usage));
        if self.named.contains_key(name) { error.at(Place::Option(name.into())) } else { error }
    }

    pub(super) fn tensor(&self, name: &str) -> Result<tch::Tensor> {
        Tensor::of(self.any(name)?).ok_or_else(|| self.bad(name, "a tensor"))
    }

    pub(super) fn optional_tensor(&self, name: &str) -> Result<Option<tch::Tensor>> {
        self.has(name).then(|| self.tensor(name)).transpose()
    }

    /// A tensor, or a number that takes the kind of the tensor beside it.
    pub(super) fn operand(&self, name: &str, beside: &tch::Tensor) -> Result<tch::Tensor> {
        operand(self.any(name)?, beside.kind())
            .unwrap_or_else(|| Err(self.bad(name, "a tensor or a number")))
            .and_then(pass::place)
    }

    pub(super) fn int(&self, name: &str) -> Result<i64> {
        self.any(name)?.as_int().map_err(|_| self.bad(name, "a whole number"))
    }

    pub(super) fn int_or(&self, name: &str, default: i64) -> Result<i64> {
        if self.has(name) { self.int(name) } else { Ok(default) }
    }

    pub(super) fn float(&self, name: &str) -> Result<f64> {
        let value = self.any(name)?;
        let whole = |_| value.as_int().map(|whole| whole as f64);
        value.as_float().or_else(whole).map_err(|_| self.bad(name, "a number"))
    }

    pub(super) fn float_or(&self, name: &str, default: f64) -> Result<f64> {
        if self.has(name) { self.float(name) } else { Ok(default) }
    }

    pub(super) fn flag_or(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            Some(value) => value.as_bool().map_err(|_| self.bad(name, "true or false")),
            None => Ok(default),
        }
    }

    pub(super) fn text_or(&self, name: &str, default: &str) -> Result<String> {
        match self.get(name) {
            Some(value) => match value.read_lock::<ImmutableString>() {
                Some(text) => Ok(text.to_string()),
                None => Err(self.bad(name, "a text")),
            },
            None => Ok(default.into()),
        }
    }

    /// One whole number or a list of them.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>> {
        let value = self.any(name)?;
        if let Ok(one) = value.as_int() {
            return Ok(vec![one]);
        }
        let list = value.read_lock::<rhai::Array>();
        let list = list.and_then(|list| list.iter().map(|one| one.as_int().ok()).collect());
        list.ok_or_else(|| self.bad(name, "a whole number or a list of them"))
    }

    pub(super) fn optional_ints(&self, name: &str) -> Result<Option<Vec<i64>>> {
        self.has(name).then(|| self.ints(name)).transpose()
    }

    /// One whole number per axis; a single one counts for all `axes`.
    pub(super) fn sizes(&self, name: &str, axes: usize) -> Result<Vec<i64>> {
        let sizes = self.ints(name)?;
        match sizes.len() {
            n if n == axes => Ok(sizes),
            1 => Ok(vec![sizes[0]; axes]),
            _ => Err(self.bad(name, &format!("one whole number, or a list of {axes}"))),
        }
    }

    pub(super) fn sizes_or(&self, name: &str, axes: usize, default: i64) -> Result<Vec<i64>> {
        if self.has(name) { self.sizes(name, axes) } else { Ok(vec![default; axes]) }
    }

    /// One number per axis; a single one counts for all `axes`.
    pub(super) fn floats(&self, name: &str, axes: usize) -> Result<Vec<f64>> {
        let number = |value: &Dynamic| {
            value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64)).ok()
        };
        let value = self.any(name)?;
        if let Some(one) = number(value) {
            return Ok(vec![one; axes]);
        }
        let list = value.read_lock::<rhai::Array>();
        let list = list.and_then(|list| list.iter().map(number).collect::<Option<Vec<_>>>());
        let wanted = || self.bad(name, &format!("one number, or a list of {axes}"));
        list.filter(|list| list.len() == axes).ok_or_else(wanted)
    }

    /// An error about a tensor of another shape than `wanted`.
    pub(super) fn bad_shape(&self, x: &tch::Tensor, wanted: &str) -> Error {
        let (name, found) = (self.signature.name, show(&x.size()));
        let message = format!("{name} needs a tensor {wanted}, not {found}");
        Error::new(Code::ShapeMismatch, message)
    }

    /// A list of tensors.
    pub(super) fn tensors(&self, name: &str) -> Result<Vec<tch::Tensor>> {
        let list = self.any(name)?.read_lock::<rhai::Array>();
        let list = list.and_then(|list| list.iter().map(Tensor::of).collect::<Option<Vec<_>>>());
        list.filter(|list| !list.is_empty()).ok_or_else(|| self.bad(name, "a list of tensors"))
    }

    /// Refuses results that no memory would hold.
    pub(super) fn room(&self, shape: &[i64]) -> Result<()> {
        let tensors = self.values.iter().chain(self.named.values()).filter_map(Tensor::of);
        let largest = tensors.map(|tensor| tensor.numel() as i64).max().unwrap_or(0);
        room(self.signature.name, shape, largest)
    }

    /// All values in words.
    pub(super) fn describe(&self) -> String {
        let all = self.values.iter().chain(self.named.values());
        all.map(describe_value).collect::<Vec<_>>().join(", ")
    }
}

/// A value in words: the shape of a tensor counts.
pub(crate) fn describe_value(value: &Dynamic) -> String {
    match Tensor::of(value) {
        Some(tensor) if tensor.dim() == 0 => "a tensor of one number".into(),
        Some(tensor) => format!("a tensor {}", show(&tensor.size())),
        None => describe(value),
    }
}

/// A tensor, or a number as a tensor that leaves the kind of the other operand as it is where it
/// can. Nothing where the value is neither.
pub(super) fn operand(value: &Dynamic, beside: Kind) -> Option<Result<tch::Tensor>> {
    if let Some(tensor) = Tensor::of(value) {
        return Some(Ok(tensor));
    }
    let float = is_float(beside);
    Some(match value.as_int() {
        Ok(whole) if !float => tch::Tensor::f_from_slice(&[whole]).and_then(|t| t.f_squeeze()),
        Ok(whole) => scalar(whole as f64, beside),
        Err(_) => scalar(value.as_float().ok()?, if float { beside } else { Kind::Float }),
    })
    .map(|made| made.map_err(Error::from))
}

/// A number as a tensor. tch's own scalars panic where the function they are given to fails, so
/// they are not used here.
pub(super) fn scalar(number: f64, kind: Kind) -> std::result::Result<tch::Tensor, tch::TchError> {
    tch::Tensor::f_from_slice(&[number])?.f_squeeze()?.f_to_kind(kind)
}

pub(super) fn is_float(kind: Kind) -> bool {
    matches!(kind, Kind::Half | Kind::Float | Kind::Double | Kind::BFloat16)
}

/// Refuses a result that is larger than both the limit and what went in.
pub(super) fn room(name: &str, shape: &[i64], given: i64) -> Result<()> {
    let most = pass::most(MAX_ELEMENTS).max(given);
    let negative = shape.iter().any(|size| *size < 0);
    if negative || elements(shape).is_some_and(|count| count <= most) {
        return Ok(());
    }
    Err(Error::new(
        Code::ScriptLimit,
        format!("{name} would make a tensor of {}, more than {most} numbers", show(shape)),
    )
    .help("work on smaller pieces"))
}

/// The shape that two shapes become when they are combined value by value.
pub(super) fn broadcast(a: &[i64], b: &[i64]) -> Vec<i64> {
    let axes = a.len().max(b.len());
    let size = |shape: &[i64], axis: usize| {
        (axis + shape.len()).checked_sub(axes).map_or(1, |axis| shape[axis])
    };
    (0..axes)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (1, other) | (other, 1) => other,
            (one, _) => one,
        })
        .collect()
}
