//! The few words of Python's pickle language that describe one tensor. Nothing is executed: names
//! of functions are compared with those that rebuild tensors, and any other is an error.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::bad;
use crate::Result;

/// A tensor as `torch._utils._rebuild_tensor_v2` is told of it. Strides count numbers.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// The numbers that a tensor is a view of.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) length: usize,
}

/// What the numbers are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    F32,
    F64,
}

#[derive(Debug, Clone)]
enum Value<'a> {
    Mark,
    Number(i64),
    Text(&'a str),
    /// A module and a name in it.
    Name(&'a str, &'a str),
    // Shared, so that a file that repeats one tuple over and over does not multiply it.
    Tuple(Rc<[Value<'a>]>),
    Storage(Rc<Storage>),
    Tensor(Rc<Tensor>),
    /// What a tensor is accompanied by and is not needed: `None`, `False`, empty dictionaries.
    Other,
}

/// A description takes some 170 bytes.
const LONGEST: usize = 4096;

/// The tensor that `bytes` describe.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor> {
    if bytes.len() > LONGEST {
        return Err(not_a_tensor("a larger object"));
    }
    match (Machine { bytes, stack: Vec::new(), memo: BTreeMap::new() }).run()? {
        Value::Tensor(tensor) => Ok(Rc::unwrap_or_clone(tensor)),
        _ => Err(not_a_tensor("another object")),
    }
}

fn not_a_tensor(what: &str) -> crate::Error {
    bad(format!("a single tensor was expected, but the file holds {what}"))
}

fn damaged() -> crate::Error {
    bad("the description of the tensor is damaged")
}

struct Machine<'a> {
    bytes: &'a [u8],
    stack: Vec<Value<'a>>,
    memo: BTreeMap<u32, Value<'a>>,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Value<'a>> {
        loop {
            let value = match self.array::<1>()?[0] {
                // Protocol and frame say nothing about the object.
                0x80 => {
                    self.take(1)?;
                    continue;
                }
                0x95 => {
                    self.take(8)?;
                    continue;
                }
                b'.' => return self.pop(),
                b'(' => Value::Mark,
                b'N' | b'}' | 0x88 | 0x89 => Value::Other,
                b'K' => Value::Number(self.array::<1>()?[0].into()),
                b'M' => Value::Number(u16::from_le_bytes(self.array()?).into()),
                b'J' => Value::Number(i32::from_le_bytes(self.array()?).into()),
                0x8a => self.long()?,
                b'X' => {
                    let length = u32::from_le_bytes(self.array()?);
                    Value::Text(self.text(length as usize)?)
                }
                0x8c => {
                    let length = self.array::<1>()?[0];
                    Value::Text(self.text(length.into())?)
                }
                b'c' => Value::Name(self.line()?, self.line()?),
                0x93 => match (self.pop()?, self.pop()?) {
                    (Value::Text(name), Value::Text(module)) => Value::Name(module, name),
                    _ => return Err(damaged()),
                },
                b')' => Value::Tuple(Rc::new([])),
                code @ 0x85..=0x87 => self.tuple(usize::from(code - 0x84))?,
                b't' => {
                    let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
                    let length = self.stack.len() - mark.ok_or_else(damaged)? - 1;
                    let tuple = self.tuple(length)?;
                    self.pop()?;
                    tuple
                }
                code @ (b'q' | b'r' | 0x94) => {
                    let key = match code {
                        b'q' => self.array::<1>()?[0].into(),
                        b'r' => u32::from_le_bytes(self.array()?),
                        _ => self.memo.len() as u32,
                    };
                    let value = self.stack.last().cloned().ok_or_else(damaged)?;
                    self.memo.insert(key, value);
                    continue;
                }
                code @ (b'h' | b'j') => {
                    let key = match code {
                        b'h' => self.array::<1>()?[0].into(),
                        _ => u32::from_le_bytes(self.array()?),
                    };
                    self.memo.get(&key).cloned().ok_or_else(damaged)?
                }
                b'Q' => storage(&self.pop()?)?,
                b'R' => {
                    let arguments = self.pop()?;
                    call(&self.pop()?, &arguments)?
                }
                _ => return Err(not_a_tensor("another object")),
            };
            self.stack.push(value);
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.first_chunk().copied().ok_or_else(damaged)
    }

    fn text(&mut self, length: usize) -> Result<&'a str> {
        std::str::from_utf8(self.take(length)?).map_err(|_| damaged())
    }

    fn line(&mut self) -> Result<&'a str> {
        let length = self.bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let line = self.text(length)?;
        self.take(1)?;
        Ok(line)
    }

    fn long(&mut self) -> Result<Value<'a>> {
        let length = usize::from(self.array::<1>()?[0]);
        let digits = self.take(length)?;
        let negative = digits.last().is_some_and(|byte| *byte >= 0x80);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        bytes.get_mut(..length).ok_or_else(damaged)?.copy_from_slice(digits);
        Ok(Value::Number(i64::from_le_bytes(bytes)))
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        self.stack.pop().ok_or_else(damaged)
    }

    fn tuple(&mut self, length: usize) -> Result<Value<'a>> {
        let start = self.stack.len().checked_sub(length).ok_or_else(damaged)?;
        Ok(Value::Tuple(self.stack.drain(start..).collect()))
    }
}

/// What a persistent id stands for: `("storage", class, key, device, length)`.
fn storage<'a>(id: &Value<'a>) -> Result<Value<'a>> {
    let Value::Tuple(parts) = id else { return Err(damaged()) };
    let [Value::Text("storage"), Value::Name(_, class), Value::Text(key), _, length] = &parts[..]
    else {
        return Err(damaged());
    };
    let kind = match *class {
        "FloatStorage" => Kind::F32,
        "DoubleStorage" => Kind::F64,
        other => {
            return Err(bad(format!(
                "float32 or float64 was expected, but the file holds a {other}"
            )));
        }
    };
    let storage = Storage { kind, key: (*key).to_owned(), length: size(length)? };
    Ok(Value::Storage(Rc::new(storage)))
}

/// What the function makes of its arguments, if it is one that rebuilds tensors.
fn call<'a>(function: &Value<'a>, arguments: &Value<'a>) -> Result<Value<'a>> {
    let (Value::Name(module, name), Value::Tuple(arguments)) = (function, arguments) else {
        return Err(damaged());
    };
    match (*module, *name, &arguments[..]) {
        (
            "torch._utils",
            "_rebuild_tensor_v2",
            [Value::Storage(storage), offset, Value::Tuple(shape), Value::Tuple(strides), ..],
        ) => Ok(Value::Tensor(Rc::new(Tensor {
            storage: (**storage).clone(),
            offset: size(offset)?,
            shape: shape.iter().map(size).collect::<Result<_>>()?,
            strides: strides.iter().map(size).collect::<Result<_>>()?,
        }))),
        ("torch._utils", "_rebuild_parameter", [Value::Tensor(tensor), ..]) => {
            Ok(Value::Tensor(Rc::clone(tensor)))
        }
        ("collections", "OrderedDict", []) => Ok(Value::Other),
        _ => Err(not_a_tensor(&format!("{module}.{name}"))),
    }
}

fn size(value: &Value<'_>) -> Result<usize> {
    match value {
        Value::Number(number) => usize::try_from(*number).map_err(|_| damaged()),
        _ => Err(damaged()),
    }
}
