//! The registration side of the miniature host.

use std::ffi::c_void;

use serde_json::{Map, Value};

use super::{Check, call, ensure};
use crate::abi::{self, Entry, Host, Item, NAME_TAKEN, OK, Sink, Status};
use crate::call::{read_text, write};

/// What was registered.
pub(super) enum Kind {
    Architecture(abi::Architecture),
    Transpose(abi::Transpose),
    Vote(abi::Vote),
    Metric(abi::Metric),
    Loss(abi::Loss),
    Layer(abi::Layer),
}

impl Kind {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Architecture(_) => "architecture",
            Self::Transpose(_) => "transpose",
            Self::Vote(_) => "vote",
            Self::Metric(_) => "metric",
            Self::Loss(_) => "loss",
            Self::Layer(_) => "layer",
        }
    }

    pub(super) fn item(&self) -> &Item {
        match self {
            Self::Architecture(raw) => &raw.item,
            Self::Transpose(raw) => &raw.item,
            Self::Vote(raw) => &raw.item,
            Self::Metric(raw) => &raw.item,
            Self::Loss(raw) => &raw.item,
            Self::Layer(raw) => &raw.item,
        }
    }
}

/// An entry with its texts, copied.
pub(super) struct Registered {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) help: String,
    pub(super) info: String,
    /// Options that the test asks for.
    pub(super) given: Map<String, Value>,
}

impl Registered {
    /// `info` as an object; what is none is told by `describe`.
    pub(super) fn more(&self) -> Map<String, Value> {
        serde_json::from_str(&self.info).unwrap_or_default()
    }

    pub(super) fn option_specs(&self) -> Vec<Value> {
        match self.more().remove("options") {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(drop) = self.kind.item().drop {
            // SAFETY: the host that took an entry calls this once.
            unsafe { drop(self.kind.item().data) }
        }
    }
}

/// Where the host's functions put what they get.
#[derive(Default)]
struct Collector {
    all: Vec<Registered>,
    refuses: bool,
}

const REFUSAL: &str = "this host takes nothing";

/// # Safety
/// `ctx` is the collector of a host that is registering, and `entry` null or what the interface
/// promises.
unsafe fn take<E: abi::Structure>(
    ctx: *mut c_void,
    entry: *const E,
    error: Sink,
    kind: fn(E) -> Kind,
) -> Status {
    // SAFETY: by this function's own condition; nothing else refers to the collector meanwhile.
    let collector = unsafe { &mut *ctx.cast::<Collector>() };
    if collector.refuses {
        write(error, REFUSAL);
        return NAME_TAKEN;
    }
    if entry.is_null() {
        write(error, "the entry is a null pointer");
        return abi::INVALID;
    }
    // SAFETY: the entry is not null; the rest by this function's own condition.
    let kind = match unsafe { abi::read(entry) } {
        Ok(raw) => kind(raw),
        Err(size) => {
            let least = E::SIZE_0;
            write(error, &format!("an entry has {size} bytes where at least {least} are needed"));
            return abi::INVALID;
        }
    };
    let item = *kind.item();
    // SAFETY: the plugin's texts are valid during this call.
    let texts = unsafe { (read_text(item.name), read_text(item.help), read_text(item.info)) };
    let (Ok(name), Ok(help), Ok(info)) = texts else {
        write(error, "name, help or info is no UTF-8");
        return abi::INVALID;
    };
    let same = |other: &Registered| other.kind.word() == kind.word() && other.name == name;
    if collector.all.iter().any(same) {
        write(error, &format!("the {} {name:?} is registered twice", kind.word()));
        return NAME_TAKEN;
    }
    let (name, help, info) = (name.to_owned(), help.to_owned(), info.to_owned());
    collector.all.push(Registered { kind, name, help, info, given: Map::new() });
    OK
}

macro_rules! taker {
    ($name:ident, $kind:ident) => {
        unsafe extern "C" fn $name(
            ctx: *mut c_void,
            entry: *const abi::$kind,
            error: Sink,
        ) -> Status {
            // SAFETY: the plugin hands back the host's `ctx`, and an entry valid during the call.
            unsafe { take(ctx, entry, error, Kind::$kind) }
        }
    };
}
taker!(architecture, Architecture);
taker!(transpose, Transpose);
taker!(vote, Vote);
taker!(metric, Metric);
taker!(loss, Loss);
taker!(layer, Layer);

fn init(entry: &Entry, refuses: bool) -> (Vec<Registered>, Result<(), super::Failed>) {
    let mut collector = Collector { all: Vec::new(), refuses };
    let host = Host {
        struct_size: size_of::<Host>() as u32,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        reserved: 0,
        ctx: (&raw mut collector).cast(),
        architecture,
        transpose,
        vote,
        metric,
        loss,
        layer,
    };
    // SAFETY: the host is complete and lives until the call returns.
    let result =
        call("init", |error| entry.init.map_or(abi::INVALID, |init| unsafe { init(&host, error) }));
    (collector.all, result)
}

/// What the plugin registers.
pub(super) fn collect(entry: &Entry, options: &[(&str, Value)]) -> Result<Vec<Registered>, String> {
    let (mut all, result) = init(entry, false);
    result?;
    for (name, given) in options {
        let registered = all.iter_mut().find(|registered| registered.name == *name);
        let registered = registered.ok_or_else(|| format!("nothing is called {name:?}"))?;
        registered.given = given.as_object().cloned().unwrap_or_default();
    }
    Ok(all)
}

/// A host that takes nothing must learn of it, in its own words.
pub(super) fn refused(entry: &Entry) -> Check {
    if init(entry, false).0.is_empty() {
        return Ok(());
    }
    match init(entry, true).1 {
        Ok(()) => Err("init: expected an error when the host refuses an entry".into()),
        Err(failed) => ensure(failed.text.contains(REFUSAL), || {
            format!("{}; expected the host's own words, {REFUSAL:?}", failed.message)
        }),
    }
}
