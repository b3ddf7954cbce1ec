//! `host list`.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::runtime;
use crate::functions;
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::runtime::{Mode, Runtime};
use crate::show::columns;

/// List what scripts can name
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these
    what: Option<What>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Layers,
    Architectures,
    Metrics,
    Votes,
    Functions,
}

impl What {
    const ALL: [Self; 5] =
        [Self::Architectures, Self::Layers, Self::Metrics, Self::Votes, Self::Functions];

    fn title(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Architectures => "architectures",
            Self::Metrics => "metrics",
            Self::Votes => "votes",
            Self::Functions => "functions",
        }
    }

    /// Names with a line of help each.
    fn entries(self, runtime: &Runtime) -> Vec<(String, String)> {
        let catalog = runtime.catalog();
        let pair = |name: &str, help: &str| (name.to_owned(), help.to_owned());
        match self {
            Self::Layers => {
                catalog.layers.iter().map(|e| pair(&e.info.name, &e.info.help)).collect()
            }
            Self::Architectures => {
                catalog.architectures.iter().map(|e| pair(&e.name, &e.help)).collect()
            }
            Self::Metrics => {
                catalog.metrics.iter().map(|e| pair(&e.info.name, &e.info.help)).collect()
            }
            Self::Votes => catalog.votes.iter().map(|e| pair(&e.info.name, &e.info.help)).collect(),
            Self::Functions => functions::all().map(|f| pair(f.name, f.help)).collect(),
        }
    }
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match runtime(None, Arguments::default(), Mode::Define, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let all: Vec<What> = args.what.map_or_else(|| What::ALL.to_vec(), |what| vec![what]);
    if args.json {
        let kinds = all.iter().map(|what| {
            let entries = what.entries(&runtime);
            let entries = entries.iter().map(|(name, help)| json!({"name": name, "help": help}));
            (what.title().to_owned(), entries.collect::<Value>())
        });
        output::line(&Value::Object(kinds.collect::<Map<_, _>>()).to_string());
        return ExitCode::SUCCESS;
    }
    for (i, what) in all.iter().enumerate() {
        if all.len() > 1 {
            let gap = if i > 0 { "\n" } else { "" };
            output::line(&format!("{gap}{}", what.title()));
        }
        let indent = if all.len() > 1 { "  " } else { "" };
        let rows = what.entries(&runtime);
        let rows: Vec<_> =
            rows.into_iter().map(|(name, help)| vec![format!("{indent}{name}"), help]).collect();
        output::line(columns(&rows, 2).trim_end());
    }
    if args.what.is_none() {
        output::line("\n`host explain NAME` tells more about each");
    }
    ExitCode::SUCCESS
}
