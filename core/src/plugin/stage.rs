//! What a plugin registers is staged until all of it is known to be right.

use std::ffi::c_void;
use std::sync::Arc;

use neurhai_abi as abi;

use super::Registered;
use super::handle::{About, Described};
use super::info::Info;
use super::library::Init;
use super::text::{Written, tell};
use super::{architecture, layer, loss, metric, transpose, vote};
use crate::catalog::{
    ArchitectureEntry, Catalog, Entry, LayerEntry, LossEntry, MetricEntry, Origin, Registry,
    TransposeEntry, VoteEntry,
};
use crate::error::{Code, Error, Result};

/// An entry that waits to be registered.
pub(super) enum Staged {
    Architecture(ArchitectureEntry),
    Transpose(TransposeEntry),
    Vote(VoteEntry),
    Metric(MetricEntry),
    Loss(LossEntry),
    Layer(LayerEntry),
}

/// What a plugin registered so far.
pub(super) struct Staging {
    pub(super) about: Arc<About>,
    entries: Vec<(Staged, bool)>,
}

/// What the plugin's calls find behind the host's `ctx`.
struct Registering<'c> {
    staging: Staging,
    catalog: &'c Catalog,
    /// The first registration that was refused: it fails the whole plugin, even if the plugin itself
    /// goes on.
    refused: Option<Error>,
}

impl Staging {
    /// Lets a plugin register.
    pub(super) fn fill(catalog: &Catalog, about: Arc<About>, init: Init) -> Result<Self> {
        let staging = Self { about: Arc::clone(&about), entries: Vec::new() };
        let mut registering = Registering { staging, catalog, refused: None };
        let host = abi::Host {
            struct_size: size_of::<abi::Host>() as u32,
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            reserved: 0,
            ctx: std::ptr::from_mut(&mut registering).cast(),
            architecture: register::<abi::Architecture>,
            transpose: register::<abi::Transpose>,
            vote: register::<abi::Vote>,
            metric: register::<abi::Metric>,
            loss: register::<abi::Loss>,
            layer: register::<abi::Layer>,
        };
        let mut message = Written::default();
        let sink = message.sink();
        // SAFETY: the host structure, what its `ctx` points to and the sink outlive the call.
        let status = about.call(|| unsafe { init(&host, sink) })?;
        if let Some(error) = registering.refused {
            return Err(error);
        }
        let said = message.message();
        match status {
            abi::OK => Ok(registering.staging),
            abi::PANIC => Err(Error::new(Code::BadPlugin, format!("it panicked: {said}"))),
            _ if said.is_empty() => Err(Error::new(
                Code::BadPlugin,
                format!("it gave the status {status} and no reason"),
            )),
            _ => Err(Error::new(Code::BadPlugin, said)),
        }
    }

    /// Registers everything; what that was, in order.
    pub(super) fn commit(self, catalog: &mut Catalog) -> Result<Vec<Registered>> {
        fn put<E: Entry>(
            registry: &mut Registry<E>,
            entry: E,
            replaces: bool,
        ) -> Result<Registered> {
            let (kind, name) = (registry.what(), entry.name().to_owned());
            let replaced = registry.find(&name).map(|other| other.origin().clone());
            if replaces {
                registry.replace(entry)?
            } else {
                registry.register(entry)?
            }
            Ok(Registered { kind, name, replaces: replaced })
        }
        let entries = self.entries.into_iter().map(|(entry, replaces)| match entry {
            Staged::Architecture(entry) => put(&mut catalog.architectures, entry, replaces),
            Staged::Transpose(entry) => put(&mut catalog.transposes, entry, replaces),
            Staged::Vote(entry) => put(&mut catalog.votes, entry, replaces),
            Staged::Metric(entry) => put(&mut catalog.metrics, entry, replaces),
            Staged::Loss(entry) => put(&mut catalog.losses, entry, replaces),
            Staged::Layer(entry) => put(&mut catalog.layers, entry, replaces),
        });
        entries.collect()
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::Plugin {
            plugin: self.about.name.clone(),
            version: self.about.version.clone(),
            file: self.about.file.clone(),
            blake3: self.about.blake3.clone(),
        }
    }
}

/// A structure of the interface that begins with an item, and how an entry is made of it.
pub(super) trait Raw: abi::Structure {
    /// Makes the entry. The handle, which owns the plugin's data, must be made last, when nothing can
    /// fail any more: data of an entry that is refused stay the plugin's.
    fn stage(self, staging: &Staging, name: String, help: String, info: Info) -> Result<Staged>;

    /// The item it begins with.
    fn item(&self) -> &abi::Item;

    /// Whether the name is free, among staged and registered entries.
    fn check(catalog: &Catalog, name: &str, origin: &Origin, replaces: bool) -> Result<()>;

    /// Whether a staged entry is of this kind.
    fn is(staged: &Staged) -> Option<&str>;
}

macro_rules! raw {
    ($($kind:ident, $registry:ident, $module:ident;)*) => {$(
        impl Raw for abi::$kind {
            fn stage(self, staging: &Staging, name: String, help: String, info: Info) -> Result<Staged> {
                $module::stage(self, staging, name, help, info).map(Staged::$kind)
            }

            fn item(&self) -> &abi::Item {
                &self.item
            }

            fn check(catalog: &Catalog, name: &str, origin: &Origin, replaces: bool) -> Result<()> {
                match replaces {
                    true => catalog.$registry.check_name(name),
                    false => catalog.$registry.check(name, origin),
                }
            }

            fn is(staged: &Staged) -> Option<&str> {
                match staged {
                    Staged::$kind(entry) => Some(entry.name()),
                    _ => None,
                }
            }
        }
    )*};
}

raw! {
    Architecture, architectures, architecture;
    Transpose, transposes, transpose;
    Vote, votes, vote;
    Metric, metrics, metric;
    Loss, losses, loss;
    Layer, layers, layer;
}

/// The function that a plugin calls to register an entry.
unsafe extern "C" fn register<T: Raw>(
    ctx: *mut c_void,
    entry: *const T,
    error: abi::Sink,
) -> abi::Status {
    if ctx.is_null() || entry.is_null() {
        return abi::INVALID;
    }
    // SAFETY: `ctx` is the `Registering` of `fill`, which waits for the plugin and does not touch it.
    let registering = unsafe { &mut *ctx.cast::<Registering<'_>>() };
    // SAFETY: the entry is not null, and every structure of the interface begins with its size.
    match unsafe { stage(registering, entry) } {
        Ok(()) => abi::OK,
        Err(refused) => {
            // SAFETY: the sink is the plugin's own, handed over for this call.
            unsafe { tell(error, &refused.problems()[0].message) };
            let taken = refused.code() == Code::NameTaken;
            registering.refused.get_or_insert(refused);
            if taken { abi::NAME_TAKEN } else { abi::INVALID }
        }
    }
}

/// # Safety
/// `entry` points to a structure that begins with its size and has as many bytes.
unsafe fn stage<T: Raw>(registering: &mut Registering<'_>, entry: *const T) -> Result<()> {
    // SAFETY: the caller promises it.
    let raw = unsafe { abi::read(entry) }.map_err(|size| {
        let message = format!("an entry has {size} bytes where at least {} are needed", T::SIZE_0);
        Error::new(Code::BadPlugin, message)
    })?;
    // SAFETY: the texts of an entry may be read while it is registered.
    let Described { name, help, info, replaces } = unsafe { Described::read(raw.item()) }?;
    let staging = &mut registering.staging;
    let origin = staging.origin();
    T::check(registering.catalog, &name, &origin, replaces)?;
    if staging.entries.iter().any(|(staged, _)| T::is(staged) == Some(&name)) {
        return Err(Error::new(
            Code::NameTaken,
            format!("the plugin registers {name:?} twice as the same kind of entry"),
        ));
    }
    if help.trim().is_empty() {
        return Err(Error::new(Code::BadPlugin, format!("{name:?} has no line of help")));
    }
    let named = |error: Error| {
        let message = format!("{name:?}: {}", error.problems()[0].message);
        Error::new(error.code(), message)
    };
    let entry = raw.stage(staging, name.clone(), help, Info::new(info)).map_err(named)?;
    staging.entries.push((entry, replaces));
    Ok(())
}

/// The function of an entry that must be there.
pub(super) fn needed<T>(function: Option<T>, what: &str) -> Result<T> {
    function.ok_or_else(|| Error::new(Code::BadPlugin, format!("it has no {what} function")))
}
