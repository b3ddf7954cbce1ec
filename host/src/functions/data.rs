//! `caps` and what is cut from its images. A data value is only a description: nothing is read.

use std::collections::BTreeMap;

use neurhai_core::Result;
use neurhai_core::options::Options;
use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};
use serde_json::{Map, Value};

use super::raise;
use crate::report::CallSite;
use crate::value::{from_json, map_to_json, to_json};

/// Images of a CAPS and how a network sees them, as scripts hold it.
#[derive(Debug, Clone, Default)]
pub struct Data {
    options: Map<String, Value>,
    givers: BTreeMap<String, CallSite>,
}

/// The options that the functions take by position.
const POSITIONAL: &[(&str, &[&str])] = &[
    ("caps", &["caps"]),
    ("patches", &["patch_size", "stride_size"]),
    ("roi", &["roi_list"]),
    ("images", &[]),
    ("slices", &[]),
];

/// Which value of a call of `function` gives `key`.
pub(crate) fn position(function: &str, key: &str) -> Option<usize> {
    let (_, keys) = POSITIONAL.iter().find(|(name, _)| *name == function)?;
    keys.iter().position(|known| *known == key)
}

impl Data {
    /// The options of `data` in a training.
    pub fn options(&self) -> &Map<String, Value> {
        &self.options
    }

    /// The calls that gave each option.
    pub(crate) fn givers(&self) -> &BTreeMap<String, CallSite> {
        &self.givers
    }

    /// The same with what a call gives on top.
    fn with(
        &self,
        ctx: &NativeCallContext<'_>,
        values: Vec<(&str, Dynamic)>,
        more: &rhai::Map,
    ) -> Result<Self> {
        let mut new = self.clone();
        let mut given = map_to_json(more)?;
        for (key, value) in values {
            given.insert(key.into(), to_json(&value)?);
        }
        for (key, value) in given {
            new.givers.insert(key.clone(), CallSite::of(ctx));
            new.options.insert(key, value);
        }
        // Whether folders and files exist is found out by `check` and `train`.
        Options::check(&neurhai_core::data::options::specs(), &new.options, "data")?;
        Ok(new)
    }
}

type Made = std::result::Result<Data, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    fn caps(ctx: NativeCallContext<'_>, folder: &str, more: rhai::Map) -> Made {
        Data::default().with(&ctx, vec![("caps", folder.into())], &more).map_err(raise)
    }
    fn mode(
        ctx: &NativeCallContext<'_>,
        data: &Data,
        mode: &str,
        mut values: Vec<(&str, Dynamic)>,
        more: &rhai::Map,
    ) -> Made {
        values.push(("mode", mode.into()));
        data.with(ctx, values, more).map_err(raise)
    }
    type Ctx<'a> = NativeCallContext<'a>;
    let none = rhai::Map::new;
    engine
        .register_type_with_name::<Data>("Data")
        .register_get("options", |data: &mut Data| crate::value::map_from_json(&data.options))
        .register_fn("to_string", |data: &mut Data| {
            from_json(&Value::Object(data.options.clone())).to_string()
        })
        .register_fn("caps", caps)
        .register_fn("caps", move |ctx: Ctx<'_>, folder: &str| caps(ctx, folder, none()))
        .register_fn("images", move |ctx: Ctx<'_>, data: &mut Data| {
            mode(&ctx, data, "image", vec![], &none())
        })
        .register_fn(
            "patches",
            move |ctx: Ctx<'_>, data: &mut Data, size: Dynamic, step: Dynamic| {
                mode(
                    &ctx,
                    data,
                    "patch",
                    vec![("patch_size", size), ("stride_size", step)],
                    &none(),
                )
            },
        )
        .register_fn(
            "patches",
            |ctx: Ctx<'_>, data: &mut Data, size: Dynamic, step: Dynamic, more: rhai::Map| {
                mode(&ctx, data, "patch", vec![("patch_size", size), ("stride_size", step)], &more)
            },
        )
        .register_fn("slices", move |ctx: Ctx<'_>, data: &mut Data| {
            mode(&ctx, data, "slice", vec![], &none())
        })
        .register_fn("slices", |ctx: Ctx<'_>, data: &mut Data, more: rhai::Map| {
            mode(&ctx, data, "slice", vec![], &more)
        })
        .register_fn("roi", move |ctx: Ctx<'_>, data: &mut Data, names: Array| {
            mode(&ctx, data, "roi", vec![("roi_list", names.into())], &none())
        })
        .register_fn("roi", |ctx: Ctx<'_>, data: &mut Data, names: Array, more: rhai::Map| {
            mode(&ctx, data, "roi", vec![("roi_list", names.into())], &more)
        });
}
