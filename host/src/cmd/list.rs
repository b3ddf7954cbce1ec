//! `host list`.

use std::process::ExitCode;

use clap::ValueEnum;
use neurhai_core::catalog::{Catalog, Entry, Origin, Registry};
use neurhai_core::{interpret, optimizer, sampler, schedule};
use serde_json::{Map, Value, json};

use super::Registering;
use crate::functions;
use crate::output;
use crate::plugins::Options;
use crate::show::columns;

/// List what scripts can name, and where it comes from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these
    what: Option<What>,

    /// As JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    registering: Registering,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Architectures,
    Layers,
    Transposes,
    Votes,
    Metrics,
    Losses,
    Transforms,
    Optimizers,
    Schedules,
    Samplers,
    Methods,
    Functions,
}

/// What is said about a name.
struct Row {
    name: String,
    origin: Origin,
    help: String,
}

impl Row {
    fn built_in(name: String, help: String) -> Self {
        Self { name, origin: Origin::BuiltIn, help }
    }
}

impl What {
    fn title(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn rows(self, catalog: &Catalog) -> Vec<Row> {
        fn all<E: Entry>(registry: &Registry<E>, help: fn(&E) -> &str) -> Vec<Row> {
            let row = |entry: &E| Row {
                name: entry.name().to_owned(),
                origin: entry.origin().clone(),
                help: help(entry).to_owned(),
            };
            registry.iter().map(|entry| row(entry)).collect()
        }
        match self {
            Self::Architectures => all(&catalog.architectures, |entry| &entry.help),
            Self::Layers => all(&catalog.layers, |entry| &entry.info.help),
            Self::Transposes => all(&catalog.transposes, |entry| &entry.help),
            Self::Votes => all(&catalog.votes, |entry| &entry.info.help),
            Self::Metrics => all(&catalog.metrics, |entry| &entry.info.help),
            Self::Losses => all(&catalog.losses, |entry| &entry.info.help),
            Self::Transforms => all(&catalog.transforms, |entry| &entry.info.help),
            Self::Optimizers => optimizer::infos()
                .into_iter()
                .map(|info| Row::built_in(info.name, info.help))
                .collect(),
            Self::Schedules => schedule::infos()
                .into_iter()
                .map(|info| Row::built_in(info.name, info.help))
                .collect(),
            Self::Samplers => sampler::infos()
                .into_iter()
                .map(|info| Row::built_in(info.name, info.help))
                .collect(),
            Self::Methods => interpret::infos()
                .into_iter()
                .map(|info| Row::built_in(info.name, info.help))
                .collect(),
            Self::Functions => functions::all()
                .map(|function| Row::built_in(function.name.into(), function.help.into()))
                .collect(),
        }
    }
}

/// An origin in few words: the library of a plugin is left to `host explain` and `host plugins`.
fn brief(origin: &Origin) -> String {
    match origin {
        Origin::Plugin { plugin, version, .. } => format!("plugin {plugin} {version}"),
        other => other.to_string(),
    }
}

pub(super) fn run(args: &Args, plugins: &Options) -> ExitCode {
    let runtime = match args.registering.runtime(plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let catalog = runtime.catalog();
    let kinds = args.what.map_or_else(|| What::value_variants().to_vec(), |what| vec![what]);
    if args.json {
        let entry = |row: &Row| json!({"name": row.name, "help": row.help, "origin": row.origin});
        let kinds = kinds
            .iter()
            .map(|kind| (kind.title(), kind.rows(&catalog).iter().map(entry).collect::<Value>()));
        output::line(&Value::Object(kinds.collect::<Map<_, _>>()).to_string());
        return ExitCode::SUCCESS;
    }
    for (i, kind) in kinds.iter().enumerate() {
        if kinds.len() > 1 {
            let gap = if i > 0 { "\n" } else { "" };
            output::line(&format!("{gap}{}", kind.title()));
        }
        let indent = if kinds.len() > 1 { "  " } else { "" };
        let rows = kind.rows(&catalog).into_iter();
        let rows: Vec<_> = rows
            .map(|row| vec![format!("{indent}{}", row.name), brief(&row.origin), row.help])
            .collect();
        output::line(columns(&rows, 3).trim_end());
    }
    if args.what.is_none() {
        output::line("\n`host explain NAME` tells more about each");
    }
    ExitCode::SUCCESS
}
