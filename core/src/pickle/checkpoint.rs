//! Dictionaries of tensors: weights as ClinicaDL and PyTorch save them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tch::Tensor;

use super::{Dtype, Object, Result, Saved, Value, View};
use crate::{Code, Error, Place, files};

/// Weights, and what is said about them.
#[derive(Debug)]
pub struct Checkpoint {
    /// The tensors of the state dictionary under their names, in the file's order.
    pub tensors: Vec<(String, Tensor)>,
    /// The epoch they are from, counted from 0, where the file says it.
    pub epoch: Option<i64>,
    /// The name of the network's class, where the file says it.
    pub name: Option<String>,
}

/// Some 200 bytes describe a tensor.
const LONGEST: usize = 8 << 20;
/// Tensors may share their numbers, but not so that together they hold many times what the file does.
const SHARED: usize = 4;

/// Reads a file that `torch.save` wrote, PyTorch 1.6 or newer: a state dictionary, alone or under
/// `model` beside `epoch` and `name` as ClinicaDL keeps it. Nothing in the file is run, and objects
/// beside these are passed over.
///
/// # Errors
/// [`Code::BadWeights`] for a file that is damaged or holds something else; what the disk says.
pub fn read_checkpoint(path: &Path) -> crate::Result<Checkpoint> {
    let bytes = files::read(path, "read the weights")?;
    parse(&bytes).map_err(|message| unreadable(path, message))
}

/// The error of a file that [`parse`] does not read.
pub(crate) fn unreadable(path: &Path, message: String) -> Error {
    Error::new(Code::BadWeights, message).at(Place::File(path.into())).help(
        "write the state dictionary again with PyTorch 1.6 or newer: \
         torch.save(torch.load(path, map_location=\"cpu\"), path)",
    )
}

/// The weights in the bytes of a file.
pub(crate) fn parse(file: &[u8]) -> Result<Checkpoint> {
    let saved = Saved::open(file, LONGEST)?;
    let Some(Object::Dict(all)) = saved.object(saved.root) else {
        let found = saved.words(saved.root);
        return Err(format!("a dictionary of tensors was expected, but the file holds {found}"));
    };
    let find = |wanted: &str| {
        let found = all.iter().find(|(key, _)| matches!(key, Value::Text(key) if *key == wanted));
        found.map(|(_, value)| *value)
    };
    let state = match find("model") {
        None => all,
        Some(model) => match saved.object(model) {
            Some(Object::Dict(state)) => state,
            _ => {
                let found = saved.words(model);
                return Err(format!("a state dictionary was expected as model, not {found}"));
            }
        },
    };
    let mut reader = Reader { saved: &saved, file: file.len(), storages: BTreeMap::new(), used: 0 };
    let (mut tensors, mut names) = (Vec::new(), BTreeSet::new());
    for (key, value) in state {
        let Value::Text(name) = key else {
            return Err("a name of its state dictionary is no text".into());
        };
        let Some(Object::Tensor(view)) = saved.object(*value) else {
            return Err(format!("a tensor was expected as {name}, not {}", saved.words(*value)));
        };
        if !names.insert(*name) {
            return Err(format!("two tensors are called {name}"));
        }
        let tensor = reader.tensor(view).map_err(|message| format!("{name}: {message}"))?;
        tensors.push(((*name).to_owned(), tensor));
    }
    if tensors.is_empty() {
        return Err("it holds no tensors".into());
    }
    let epoch = match find("epoch") {
        Some(Value::Number(epoch)) => Some(epoch),
        _ => None,
    };
    let name = match find("name") {
        Some(Value::Text(name)) => Some(name.to_owned()),
        _ => None,
    };
    Ok(Checkpoint { tensors, epoch, name })
}

/// Makes tensors, and keeps account of what they take.
struct Reader<'s, 'a> {
    saved: &'s Saved<'a>,
    /// Bytes of the file.
    file: usize,
    /// What was read, by its key: its checksum is known to be right.
    storages: BTreeMap<&'a str, &'a [u8]>,
    /// Bytes of all tensors so far.
    used: usize,
}

impl<'a> Reader<'_, 'a> {
    fn storage(&mut self, view: &View<'a>) -> Result<&'a [u8]> {
        let key = view.storage.key;
        if let Some(bytes) = self.storages.get(key) {
            let expected = view.storage.length.checked_mul(view.storage.dtype.width());
            let same = expected == Some(bytes.len());
            return same.then_some(*bytes).ok_or_else(|| format!("two lengths of storage {key}"));
        }
        let bytes = self.saved.bytes(&view.storage)?;
        self.storages.insert(key, bytes);
        match self.storages.values().map(|bytes| bytes.len()).sum::<usize>() <= self.file {
            true => Ok(bytes),
            false => Err("the archive's entries lie over each other".into()),
        }
    }

    fn tensor(&mut self, view: &View<'a>) -> Result<Tensor> {
        let (dtype, count) = (view.storage.dtype, view.count()?);
        if count == 0 {
            return Err("it holds no numbers".into());
        }
        let width = dtype.width();
        self.used = self.used.saturating_add(count.saturating_mul(width));
        if self.used > self.file.saturating_mul(SHARED) {
            return Err("the tensors share more numbers than weights ever do".into());
        }
        let stored = self.storage(view)?;
        let at = |number: usize| &stored[number * width..(number + 1) * width];
        let mut gathered = Vec::new();
        let bytes = match view.packed() && dtype != Dtype::Bool {
            true => &stored[view.offset * width..(view.offset + count) * width],
            false => {
                gathered.reserve_exact(count * width);
                view.places(count).for_each(|number| gathered.extend_from_slice(at(number)));
                if dtype == Dtype::Bool {
                    gathered.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
                }
                &gathered
            }
        };
        // Sizes that are those of numbers in the file fit 64 bits.
        let shape: Vec<i64> = view.shape.iter().map(|length| *length as i64).collect();
        Tensor::f_from_data_size(bytes, &shape, dtype.kind()).map_err(|error| error.to_string())
    }
}
