//! What `torch.save` writes, read without running anything of it.
//!
//! Such a file is a zip archive of stored entries: `NAME/data.pkl` describes an object in Python's
//! pickle language, `NAME/data/KEY` holds the numbers of a storage.

mod archive;
mod checkpoint;
mod machine;
mod object;
#[cfg(test)]
mod tests;
mod view;

pub use checkpoint::{Checkpoint, read_checkpoint};
pub(crate) use checkpoint::{parse as parse_checkpoint, unreadable};
pub(crate) use object::{Dtype, Object, Storage, Value};
pub(crate) use view::View;

use archive::Archive;
use machine::Machine;

/// Why a file cannot be read; who reads it adds a code, a place and a remedy.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// The bytes of the entry `name` in a file of which `tail` are the last bytes and `skipped` come before
/// them, if there is such an entry.
///
/// # Errors
/// The file is no archive, cut short or damaged, as far as these bytes tell.
pub(crate) fn entry_in_tail<'a>(
    tail: &'a [u8],
    skipped: usize,
    name: &str,
) -> Result<Option<&'a [u8]>> {
    Archive::tail(tail, skipped)?.get(name)
}

/// A file that is open: what it describes, and the numbers that go with it.
pub(crate) struct Saved<'a> {
    archive: Archive<'a>,
    folder: &'a str,
    objects: Vec<Object<'a>>,
    /// The object that was saved.
    pub(crate) root: Value<'a>,
}

impl<'a> Saved<'a> {
    /// Opens the bytes of a file whose description takes no more than `longest` bytes.
    ///
    /// # Errors
    /// The bytes are no such file, damaged, or describe something larger.
    pub(crate) fn open(file: &'a [u8], longest: usize) -> Result<Self> {
        let archive = Archive::open(file)?;
        let folder = archive
            .names()
            .find_map(|name| name.strip_suffix("/data.pkl"))
            .ok_or("the archive holds no data.pkl, so torch.save did not write it")?;
        let order = archive.get(&format!("{folder}/byteorder"))?;
        if order.is_some_and(|order| order != b"little") {
            return Err("the numbers are big-endian".into());
        }
        let name = format!("{folder}/data.pkl");
        let description = archive.get(&name)?.unwrap_or_default();
        if description.len() > longest {
            return Err(format!("its description takes more than {longest} bytes"));
        }
        let (root, objects) = Machine::new(description).run()?;
        Ok(Self { archive, folder, objects, root })
    }

    /// What a value refers to, if it refers to anything.
    pub(crate) fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        match value {
            Value::Object(at) => self.objects.get(at),
            _ => None,
        }
    }

    /// The bytes of a storage, all there.
    ///
    /// # Errors
    /// They are missing, damaged, or another number of them.
    pub(crate) fn bytes(&self, storage: &Storage<'a>) -> Result<&'a [u8]> {
        let name = format!("{}/data/{}", self.folder, storage.key);
        let bytes = self.archive.get(&name)?;
        let bytes = bytes.ok_or_else(|| format!("the archive holds no {name}"))?;
        let (length, width) = (storage.length, storage.dtype.width());
        if length.checked_mul(width) != Some(bytes.len()) {
            return Err(format!("{length} numbers expected, {} found", bytes.len() / width));
        }
        Ok(bytes)
    }

    /// What a value is, in a few words.
    pub(crate) fn words(&self, value: Value<'a>) -> String {
        match (value, self.object(value)) {
            (_, Some(Object::Unknown(module, name))) => format!("a {module}.{name}"),
            (_, Some(Object::Tensor(_))) => "a tensor".into(),
            (_, Some(Object::Dict(_))) => "a dictionary".into(),
            (_, Some(Object::List)) => "a list".into(),
            (Value::Text(_), _) => "a text".into(),
            (Value::Number(_), _) => "a number".into(),
            _ => "another object".into(),
        }
    }
}
