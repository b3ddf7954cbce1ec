//! An entry of a plugin: its data, and how its functions are called.

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;

use neurhai_abi as abi;

use super::text::{Written, copy, lend};
use crate::error::{Code, Error, Result};

/// The plugin that an entry belongs to.
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) file: PathBuf,
    pub(super) blake3: String,
    /// Whether it can change libtorch's state.
    pub(super) tensors: bool,
}

impl About {
    /// Calls a function of the plugin. Whatever it does, libtorch's state of this thread is the same
    /// afterwards.
    pub(super) fn call<T>(&self, function: impl FnOnce() -> T) -> Result<T> {
        match self.tensors {
            true => Ok(neurhai_torch::shielded(function)?),
            false => Ok(function()),
        }
    }

    /// Hands data back to a function that frees them. If libtorch's state cannot be kept, which it
    /// says only when memory is at its end, they stay.
    ///
    /// # Safety
    /// The function and the data belong to each other and to this plugin, and nobody uses the data any
    /// more.
    pub(super) unsafe fn free(&self, free: unsafe extern "C" fn(*mut c_void), data: *mut c_void) {
        // SAFETY: the caller promises it, and the library stays loaded.
        let _freed = self.call(|| unsafe { free(data) });
    }
}

/// The data of one entry; dropped once, when nobody uses the entry any more.
pub(super) struct Handle {
    pub(super) about: Arc<About>,
    /// `vote "median"`
    what: String,
    data: *mut c_void,
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: a plugin promises that its functions may be called from any thread, several at once.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the data are this entry's, and nobody uses them any more.
            unsafe { self.about.free(drop, self.data) }
        }
    }
}

impl Handle {
    /// Takes over the data of an item.
    pub(super) fn new(about: &Arc<About>, what: String, item: &abi::Item) -> Self {
        Self { about: Arc::clone(about), what, data: item.data, drop: item.drop }
    }

    /// Who this is: `vote "median" of the plugin votes 0.1.0 (/plugins/libvotes.so)`. It stands in
    /// messages, so that the place of an error stays free for the layer's path or the script's line.
    pub(super) fn whole_name(&self) -> String {
        let About { name, version, file, .. } = &*self.about;
        format!("{} of the plugin {name} {version} ({})", self.what, file.display())
    }

    /// A mistake in this entry.
    pub(super) fn error(&self, message: &str) -> Error {
        Error::new(Code::PluginFailed, format!("the {} {message}", self.whole_name()))
            .help("this is a mistake in the plugin: report it to its author")
    }

    /// Calls a function of the entry with its data and a sink for errors.
    pub(super) fn call(
        &self,
        function: impl FnOnce(*mut c_void, abi::Sink) -> abi::Status,
    ) -> Result<()> {
        let mut message = Written::default();
        let sink = message.sink();
        let status = self.about.call(|| function(self.data, sink))?;
        self.judge(status, &message)
    }

    fn judge(&self, status: abi::Status, message: &Written) -> Result<()> {
        let text = message.message();
        let said = if text.is_empty() { "it did not say why".to_owned() } else { text };
        match status {
            abi::OK => Ok(()),
            abi::PANIC => Err(self.error("panicked").because(said)),
            abi::ERROR => Err(Error::new(Code::PluginFailed, said)
                .because(format!("so says the {}", self.whole_name()))),
            abi::INVALID => {
                let message = format!("the {} refused the call", self.whole_name());
                Err(Error::new(Code::PluginFailed, message).because(said))
            }
            other => Err(self.error(&format!("gave the unknown status {other}")).because(said)),
        }
    }

    /// Asks with JSON and gets JSON.
    pub(super) fn ask(
        &self,
        function: abi::JsonFn,
        request: &impl serde::Serialize,
    ) -> Result<serde_json::Value> {
        let internal = |error| Error::new(Code::Internal, "a request is no JSON").because(error);
        let request = serde_json::to_string(request).map_err(internal)?;
        let mut answer = Written::default();
        let sink = answer.sink();
        self.call(|data, error| {
            // SAFETY: the function is the plugin's own, called with its data; the texts and sinks
            // live until it returns.
            unsafe { function(data, lend(&request), sink, error) }
        })?;
        let text = answer.answer().map_err(|error| self.error(&error.problems()[0].message))?;
        serde_json::from_str(&text).map_err(|error| {
            let begin: String = text.chars().take(60).collect();
            self.error(&format!("answers with {begin:?}, which is no JSON")).because(error)
        })
    }
}

/// What an item says about itself.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) info: serde_json::Map<String, serde_json::Value>,
    pub(super) replaces: bool,
}

impl Described {
    /// Copies the texts of an item.
    ///
    /// # Safety
    /// The item's texts lie in memory that may be read.
    pub(super) unsafe fn read(item: &abi::Item) -> Result<Self> {
        // SAFETY: the caller promises it.
        let texts =
            unsafe { (copy(item.name, "name"), copy(item.help, "help"), copy(item.info, "info")) };
        let (name, help, info) = (texts.0?, texts.1?, texts.2?);
        let info = if info.trim().is_empty() { "{}" } else { &info };
        let info = serde_json::from_str(info).map_err(|error| {
            Error::new(Code::BadPlugin, format!("the info of {name:?} is no JSON object"))
                .because(error)
        })?;
        Ok(Self { name, help, info, replaces: item.flags & abi::ITEM_REPLACES != 0 })
    }
}
