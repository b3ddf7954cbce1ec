//! `autoencoder`: the autoencoder of a registered architecture, as another one.

use std::sync::Arc;

use neurhai_core::Result;
use neurhai_core::catalog::ArchitectureEntry;
use neurhai_core::options::{Kind, OptionSpec, Options};
use neurhai_core::transpose::Derived;
use rhai::{Engine, NativeCallContext};

use super::replace;
use crate::functions::{Shared, raise};
use crate::report::CallSite;
use crate::standard;
use crate::value::map_to_json;

/// Registers the autoencoder of `base`, unless that was done before; gives its name.
fn add(shared: &Shared, at: &CallSite, base: &str, given: &rhai::Map) -> Result<String> {
    let specs = [
        OptionSpec::absent("name", Kind::Text, "AE_ and the architecture's", "what it is called"),
        OptionSpec::absent("parts", Kind::Texts, "convolutions", "parts that make the encoder"),
    ];
    let options = Options::check(&specs, &map_to_json(given)?, "autoencoder")?;
    let name = options.has("name").then(|| options.text("name")).transpose()?;
    let parts = if options.has("parts") { options.texts("parts")? } else { Vec::new() };
    let (entry, again) = {
        let catalog = shared.catalog();
        let base = catalog.architectures.get(base)?;
        let entry = Derived::entry(base, name, &parts, shared.sources.origin(at));
        let other = catalog.architectures.find(&entry.name);
        let again = other.is_some_and(|other| same(other, &entry));
        (entry, again)
    };
    let name = entry.name.clone();
    let replaces = replace::asked(shared, "architecture", &name);
    if !again {
        shared.change_catalog(|catalog| match standard::is_replaced(catalog, &entry) {
            true => Ok(()),
            false if replaces => catalog.architectures.replace(entry),
            false => catalog.architectures.register(entry),
        })?;
    }
    Ok(name)
}

/// Whether both are the autoencoder of the same parts of the same architecture.
fn same(one: &ArchitectureEntry, other: &ArchitectureEntry) -> bool {
    match (one.architecture.base(), other.architecture.base()) {
        (Some((a, parts)), Some((b, others))) => Arc::ptr_eq(a, b) && parts == others,
        _ => false,
    }
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let full = move |ctx: NativeCallContext<'_>, architecture: &str, options: rhai::Map| {
        add(&shared, &CallSite::of(&ctx), architecture, &options).map_err(raise)
    };
    let plain = full.clone();
    engine.register_fn("autoencoder", full).register_fn(
        "autoencoder",
        move |ctx: NativeCallContext<'_>, architecture: &str| {
            plain(ctx, architecture, rhai::Map::new())
        },
    );
}
