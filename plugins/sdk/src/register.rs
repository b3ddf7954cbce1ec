use std::ffi::c_void;

use neurhai_abi::{self as abi, Host, Item, OK, Sink, Status};

use crate::call::{drop_box, sink, text};
use crate::{Architecture, Fit, Info, Metric, Result, Transpose, Vote};
use crate::{architecture, metric, transpose, vote};

/// Takes what the plugin brings to the host.
///
/// Every function fails if the host refuses the entry, for instance because its name is taken;
/// passing the error on with `?` makes the host refuse the whole plugin.
#[derive(Debug)]
pub struct Registrar<'h> {
    host: &'h Host,
}

impl<'h> Registrar<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// Registers an architecture.
    ///
    /// # Errors
    /// What the host says; so for all functions here.
    pub fn architecture<T: Architecture>(&mut self, value: T) -> Result<()> {
        let build = Some(architecture::build::<T> as abi::JsonFn);
        self.register(
            value.info(),
            value,
            |item| abi::Architecture { item, build },
            |h| h.architecture,
        )
    }

    /// Registers how a layer is undone in a decoder.
    ///
    /// # Errors
    /// What the host says.
    pub fn transpose<T: Transpose>(&mut self, value: T) -> Result<()> {
        let transpose = Some(transpose::transpose::<T> as abi::JsonFn);
        self.register(
            value.info(),
            value,
            |item| abi::Transpose { item, transpose },
            |h| h.transpose,
        )
    }

    /// Registers a vote.
    ///
    /// # Errors
    /// What the host says.
    pub fn vote<T: Vote>(&mut self, value: T) -> Result<()> {
        let info = value.info();
        let entry = |item| abi::Vote { item, vote: Some(vote::vote::<T>), fit: None };
        self.register(info, value, entry, |host| host.vote)
    }

    /// Registers a vote that learns from the validation set.
    ///
    /// # Errors
    /// What the host says.
    pub fn fitted_vote<T: Fit>(&mut self, value: T) -> Result<()> {
        let info = value.info();
        let entry =
            |item| abi::Vote { item, vote: Some(vote::vote::<T>), fit: Some(vote::fit::<T>) };
        self.register(info, value, entry, |host| host.vote)
    }

    /// Registers a metric.
    ///
    /// # Errors
    /// What the host says.
    pub fn metric<T: Metric>(&mut self, value: T) -> Result<()> {
        let info = value.info();
        let entry = |item| abi::Metric { item, value: Some(metric::value::<T>) };
        self.register(info, value, entry, |host| host.metric)
    }

    /// Hands one entry to the host, which owns `value` if it takes it.
    pub(crate) fn register<T, E>(
        &mut self,
        info: Info,
        value: T,
        entry: impl FnOnce(Item) -> E,
        function: impl FnOnce(&Host) -> HostFn<E>,
    ) -> Result<()> {
        let more = serde_json::Value::Object(info.more).to_string();
        let data = Box::into_raw(Box::new(value)).cast::<c_void>();
        let entry = entry(Item {
            struct_size: size_of::<E>() as u32,
            flags: info.flags,
            name: text(&info.name),
            help: text(&info.help),
            info: text(&more),
            data,
            drop: Some(drop_box::<T>),
        });
        let mut message = Vec::new();
        // SAFETY: the host is valid during `init`, which holds this registrar; the texts live until
        // the call returns.
        let status = unsafe { function(self.host)(self.host.ctx, &entry, sink(&mut message)) };
        if status == OK {
            return Ok(());
        }
        // SAFETY: the host refused the entry, so its data is still ours.
        unsafe { drop_box::<T>(data) };
        Err(refusal(&info.name, status, &message))
    }
}

type HostFn<E> = unsafe extern "C" fn(*mut c_void, *const E, Sink) -> Status;

pub(crate) fn refusal(name: &str, status: Status, message: &[u8]) -> crate::Error {
    match String::from_utf8_lossy(message).trim() {
        "" => format!("the host refused {name:?} (status {status})").into(),
        message => message.into(),
    }
}
