//! New tensors.

use neurhai_core::random::Random;
use neurhai_core::{Code, Error, Result};
use rhai::Dynamic;
use tch::{Device, Kind, Tensor};

use super::given::{Given, scalar};
use super::{Operation, op, pass};
use crate::value::describe;

const FLOATS: (Kind, Device) = (Kind::Float, Device::Cpu);

pub(super) const OPERATIONS: &[Operation] = &[
    op("tensor(values)", "A tensor of a number, or of lists within lists of numbers.", |g| {
        let values = g.any("values")?;
        let mut list = List::default();
        list.read(values, 0)?;
        pass::place(list.tensor()?)
    }),
    op("zeros(shape)", "Zeros; shape is a whole number or a list of them.", |g| {
        pass::place(Tensor::f_zeros(shape(g)?, FLOATS)?)
    }),
    op("ones(shape)", "Ones.", |g| pass::place(Tensor::f_ones(shape(g)?, FLOATS)?)),
    op("full(shape, number)", "The same number everywhere.", |g| {
        let (shape, number) = (shape(g)?, g.float("number")?);
        let kind = if g.int("number").is_ok() { Kind::Int64 } else { Kind::Float };
        pass::place(scalar(number, kind)?.f_expand(shape, false)?.f_contiguous()?)
    }),
    op(
        "arange(start, [end, step])",
        "Numbers from start (0 if left out) up to, not with, end.",
        |g| {
            let (from, to) = if g.has("end") { (Some("start"), "end") } else { (None, "start") };
            let step = if g.has("step") { Some("step") } else { None };
            let number = |name: Option<&str>, other| name.map_or(Ok(other), |name| g.float(name));
            let (start, end, step_by) = (number(from, 0.0)?, g.float(to)?, number(step, 1.0)?);
            let count = ((end - start) / step_by).ceil();
            if !(step_by != 0.0 && (0.0..i64::MAX as f64).contains(&count)) {
                let message =
                    format!("arange cannot go from {start} to {end} in steps of {step_by}");
                return Err(Error::new(Code::BadOption, message));
            }
            g.room(&[count as i64])?;
            let whole =
                [from, Some(to), step].into_iter().flatten().all(|name| g.int(name).is_ok());
            let values = (0..count as i64).map(|i| start + i as f64 * step_by);
            pass::place(match whole {
                true => {
                    Tensor::f_from_slice(&values.map(|value| value as i64).collect::<Vec<_>>())?
                }
                false => {
                    Tensor::f_from_slice(&values.map(|value| value as f32).collect::<Vec<_>>())?
                }
            })
        },
    ),
    op("eye(size)", "Ones on the diagonal of a square of zeros.", |g| {
        let size = g.int("size")?;
        g.room(&[size, size])?;
        pass::place(Tensor::f_eye(size, FLOATS)?)
    }),
    op(
        "rand(shape, seed)",
        "Numbers uniform from 0 to 1; the same seed gives the same numbers.",
        |g| drawn(g, Random::unit),
    ),
    op("randn(shape, seed)", "Numbers of the standard normal distribution.", |g| {
        drawn(g, Random::normal)
    }),
    op("zeros_like(x)", "Zeros in the shape and kind of x.", |g| {
        Ok(g.tensor("x")?.f_zeros_like()?)
    }),
    op("ones_like(x)", "Ones in the shape and kind of x.", |g| Ok(g.tensor("x")?.f_ones_like()?)),
    op(
        "one_hot(x, classes)",
        "A last axis with 1 at the class that x, whole numbers, says.",
        |g| {
            let (x, classes) = (g.tensor("x")?, g.int("classes")?);
            let mut shape = x.size();
            shape.push(classes);
            g.room(&[classes])?;
            g.room(&shape)?;
            // By comparison, which works where only shapes are found out.
            let steps: Vec<i64> = (0..classes).collect();
            let steps = pass::place(Tensor::f_from_slice(&steps)?)?;
            Ok(x.f_unsqueeze(-1)?.f_eq_tensor(&steps)?.f_to_kind(Kind::Int64)?)
        },
    ),
];

fn shape(g: &Given<'_>) -> Result<Vec<i64>> {
    let shape = g.ints("shape")?;
    if shape.iter().any(|size| *size < 0) {
        return Err(g.bad("shape", "made of sizes that are not negative"));
    }
    g.room(&shape)?;
    Ok(shape)
}

fn drawn(g: &Given<'_>, draw: fn(&mut Random) -> f64) -> Result<Tensor> {
    let (shape, seed) = (shape(g)?, g.int("seed")?);
    let count: i64 = shape.iter().product();
    let mut random = Random::new(seed as u64, "script tensor", &[]);
    let values: Vec<f32> = (0..count).map(|_| draw(&mut random) as f32).collect();
    pass::place(Tensor::f_from_slice(&values)?.f_view(&shape[..])?)
}

/// The numbers of nested lists.
#[derive(Default)]
struct List {
    shape: Vec<i64>,
    numbers: Vec<f64>,
    wholes: Vec<i64>,
    flags: usize,
}

impl List {
    fn read(&mut self, value: &Dynamic, depth: usize) -> Result<()> {
        let Some(list) = value.read_lock::<rhai::Array>() else {
            let uneven = self.shape.len() != depth && !self.numbers.is_empty();
            return if uneven { Err(Self::uneven()) } else { self.number(value) };
        };
        let size = list.len() as i64;
        match self.shape.get(depth) {
            None if self.numbers.is_empty() => self.shape.push(size),
            Some(other) if *other == size => {}
            _ => return Err(Self::uneven()),
        }
        list.iter().try_for_each(|item| self.read(item, depth + 1))
    }

    fn uneven() -> Error {
        Error::new(Code::BadOption, "tensor: the lists within a list differ in length")
    }

    fn number(&mut self, value: &Dynamic) -> Result<()> {
        if let Ok(flag) = value.as_bool() {
            self.flags += 1;
            self.wholes.push(flag.into());
            self.numbers.push(flag.into());
        } else if let Ok(whole) = value.as_int() {
            self.wholes.push(whole);
            self.numbers.push(whole as f64);
        } else if let Ok(number) = value.as_float() {
            self.numbers.push(number);
        } else {
            let message = format!("tensor: {} is not a number", describe(value));
            return Err(Error::new(Code::BadOption, message)
                .help("a tensor is made of numbers in lists: tensor([[1, 2], [3, 4]])"));
        }
        Ok(())
    }

    /// Whole numbers where all are whole, truth values where all are.
    fn tensor(self) -> Result<Tensor> {
        let flat = match self.numbers.len() {
            n if n > 0 && n == self.flags => {
                Tensor::f_from_slice(&self.wholes)?.f_to_kind(Kind::Bool)?
            }
            n if n > 0 && n == self.wholes.len() => Tensor::f_from_slice(&self.wholes)?,
            _ => Tensor::f_from_slice(&self.numbers)?.f_to_kind(Kind::Float)?,
        };
        Ok(flat.f_view(&self.shape[..])?)
    }
}
