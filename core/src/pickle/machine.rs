//! The words of Python's pickle language that describe dictionaries of tensors. Nothing is
//! executed: names of functions are compared with those that rebuild tensors, and what any other
//! would make stays unknown.

use std::collections::BTreeMap;

use super::{Dtype, Object, Result, Storage, Value, View};

/// Reads a description. Every word takes a byte or more and makes one value at most, so a file of n
/// bytes ends after n steps and takes some 100 n bytes of memory at most.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    stack: Vec<Value<'a>>,
    memo: BTreeMap<u32, Value<'a>>,
    objects: Vec<Object<'a>>,
}

/// More would let a file that names one long shape over and over multiply it.
const MOST_AXES: usize = 16;

fn damaged() -> String {
    "the description of the tensor is damaged".into()
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, stack: Vec::new(), memo: BTreeMap::new(), objects: Vec::new() }
    }

    /// What is described, and the objects it refers to.
    pub(super) fn run(mut self) -> Result<(Value<'a>, Vec<Object<'a>>)> {
        loop {
            let value = match self.array::<1>()?[0] {
                b'.' => return Ok((self.pop()?, self.objects)),
                // Protocol and frame say nothing about the object.
                0x80 => {
                    self.take(1)?;
                    continue;
                }
                0x95 => {
                    self.take(8)?;
                    continue;
                }
                b'(' => Value::Mark,
                b'N' | 0x88 | 0x89 => Value::Other,
                b'G' => {
                    self.take(8)?;
                    Value::Other
                }
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
                b'}' => self.keep(Object::Dict(Vec::new())),
                b']' => self.keep(Object::List),
                b')' => self.keep(Object::Tuple(Vec::new())),
                code @ 0x85..=0x87 => {
                    let length = usize::from(code - 0x84);
                    let start = self.stack.len().checked_sub(length).ok_or_else(damaged)?;
                    let items = self.stack.split_off(start);
                    self.keep(Object::Tuple(items))
                }
                b't' => {
                    let items = self.items()?;
                    self.keep(Object::Tuple(items))
                }
                code @ (b's' | b'u') => {
                    let items = match code {
                        b's' => vec![self.pop()?, self.pop()?].into_iter().rev().collect(),
                        _ => self.items()?,
                    };
                    self.set(&items)?;
                    continue;
                }
                code @ (b'a' | b'e') => {
                    match code {
                        b'a' => drop(self.pop()?),
                        _ => drop(self.items()?),
                    }
                    continue;
                }
                // An object's state, such as the `_metadata` of a state dictionary.
                b'b' => {
                    self.pop()?;
                    continue;
                }
                code @ (b'q' | b'r' | 0x94) => {
                    let key = match code {
                        b'q' => self.array::<1>()?[0].into(),
                        b'r' => u32::from_le_bytes(self.array()?),
                        _ => self.memo.len() as u32,
                    };
                    let value = *self.stack.last().ok_or_else(damaged)?;
                    self.memo.insert(key, value);
                    continue;
                }
                code @ (b'h' | b'j') => {
                    let key = match code {
                        b'h' => self.array::<1>()?[0].into(),
                        _ => u32::from_le_bytes(self.array()?),
                    };
                    *self.memo.get(&key).ok_or_else(damaged)?
                }
                b'Q' => {
                    let id = self.pop()?;
                    let storage = self.storage(id)?;
                    self.keep(Object::Storage(storage))
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let function = self.pop()?;
                    let made = self.call(function, arguments)?;
                    self.keep(made)
                }
                word => return Err(format!("its description has the unknown word {word:#04x}")),
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
        // No size or epoch is larger, but states of random generators are, beside the weights.
        if length > 8 {
            return Ok(Value::Other);
        }
        let negative = digits.last().is_some_and(|byte| *byte >= 0x80);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        bytes.get_mut(..length).ok_or_else(damaged)?.copy_from_slice(digits);
        Ok(Value::Number(i64::from_le_bytes(bytes)))
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        self.stack.pop().ok_or_else(damaged)
    }

    fn keep(&mut self, object: Object<'a>) -> Value<'a> {
        self.objects.push(object);
        Value::Object(self.objects.len() - 1)
    }

    /// What was put down since the last mark.
    fn items(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark));
        let items = self.stack.split_off(mark.ok_or_else(damaged)? + 1);
        self.pop()?;
        Ok(items)
    }

    /// Puts keys and values into the dictionary at hand; an unknown object takes them unseen.
    fn set(&mut self, items: &[Value<'a>]) -> Result<()> {
        let Some(Value::Object(at)) = self.stack.last() else { return Err(damaged()) };
        match self.objects.get_mut(*at) {
            Some(Object::Dict(pairs)) => {
                pairs.extend(items.as_chunks().0.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            Some(Object::Unknown(..)) => Ok(()),
            _ => Err(damaged()),
        }
    }

    fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        match value {
            Value::Object(at) => self.objects.get(at),
            _ => None,
        }
    }

    fn tuple(&self, value: Value<'a>) -> Result<&[Value<'a>]> {
        match self.object(value) {
            Some(Object::Tuple(items)) => Ok(items),
            _ => Err(damaged()),
        }
    }

    /// What a persistent id stands for: `("storage", class, key, device, length)`.
    fn storage(&self, id: Value<'a>) -> Result<Storage<'a>> {
        let [Value::Text("storage"), Value::Name(_, class), Value::Text(key), _, length] =
            self.tuple(id)?
        else {
            return Err(damaged());
        };
        let dtype = Dtype::of_class(class);
        let dtype = dtype.ok_or_else(|| format!("it holds a {class}, which is not read"))?;
        Ok(Storage { dtype, key, length: size(length)? })
    }

    /// What the function makes of its arguments, if it is one that rebuilds tensors.
    fn call(&self, function: Value<'a>, arguments: Value<'a>) -> Result<Object<'a>> {
        let Value::Name(module, name) = function else { return Err(damaged()) };
        let arguments = self.tuple(arguments)?;
        match (module, name, arguments) {
            ("torch._utils", "_rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
                let Some(Object::Storage(storage)) = self.object(*storage) else {
                    return Err(damaged());
                };
                let sizes = |value: &Value<'a>| match self.tuple(*value)? {
                    sizes if sizes.len() <= MOST_AXES => sizes.iter().map(size).collect(),
                    _ => Err(damaged()),
                };
                Ok(Object::Tensor(View {
                    storage: *storage,
                    offset: size(offset)?,
                    shape: sizes(shape)?,
                    strides: sizes(strides)?,
                }))
            }
            ("torch._utils", "_rebuild_parameter", [tensor, ..]) => match self.object(*tensor) {
                Some(Object::Tensor(tensor)) => Ok(Object::Tensor(tensor.clone())),
                _ => Err(damaged()),
            },
            ("collections", "OrderedDict", []) => Ok(Object::Dict(Vec::new())),
            _ => Ok(Object::Unknown(module, name)),
        }
    }
}

fn size(value: &Value<'_>) -> Result<usize> {
    match value {
        Value::Number(number) => usize::try_from(*number).map_err(|_| damaged()),
        _ => Err(damaged()),
    }
}
