//! `host plugins`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::catalog::Catalog;
use neurhai_core::contract;
use neurhai_core::plugin::{Plugin, Registered, Tensors, load};
use serde_json::{Value, json};

use super::{failed, misused};
use crate::output;
use crate::plugins::{Options, refusal, replacements};
use crate::report::{Failure, Sources};
use crate::show::columns;
use crate::standard;

/// List the plugins that are found, or check one
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Load one plugin and hold everything it registers to its contract
    Check {
        /// The library
        file: PathBuf,

        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args, options: &Options) -> ExitCode {
    match &args.command {
        None => list(args.json, options),
        Some(Command::Check { file, json }) => check(file, *json, options),
    }
}

fn list(json: bool, options: &Options) -> ExitCode {
    let found = standard::catalog().and_then(|mut catalog| options.load(&mut catalog, None));
    let found = match found {
        Ok(found) => found,
        Err(error) => return failed(&Failure::from(error), &Sources::default()),
    };
    if json {
        let refused = found.refused.iter().map(|refused| {
            let problem = &refused.error.problems()[0];
            json!({
                "file": refused.file,
                "repeated": refused.repeated,
                "code": problem.code.id(),
                "why": problem.message,
                "cause": problem.cause,
            })
        });
        let all = json!({ "plugins": found.plugins, "refused": refused.collect::<Vec<Value>>() });
        output::line(&all.to_string());
        return ExitCode::SUCCESS;
    }
    if found.plugins.is_empty() && found.refused.is_empty() {
        output::line("no plugins were found in:");
        let folders = options.folders(None);
        for folder in &folders {
            output::line(&format!("  {}", folder.display()));
        }
        if folders.is_empty() {
            output::line("  (no folder: pass one with --plugins)");
        }
        return ExitCode::SUCCESS;
    }
    let mut rows = vec![
        ["plugin", "version", "libtorch", "registers", "file", "blake3"].map(String::from).to_vec(),
    ];
    rows.extend(found.plugins.iter().map(row));
    output::line(columns(&rows, 6).trim_end());
    for line in replacements(&found) {
        output::line(&line);
    }
    for refused in &found.refused {
        output::line(&refusal(refused));
    }
    ExitCode::SUCCESS
}

fn row(plugin: &Plugin) -> Vec<String> {
    let libtorch = match plugin.manifest.tensors {
        Tensors::None => "any".to_owned(),
        Tensors::Cpp => plugin.manifest.libtorch.clone(),
        Tensors::Stable => format!("≥ {}", plugin.manifest.libtorch),
    };
    vec![
        plugin.manifest.name.clone(),
        plugin.manifest.version.clone(),
        libtorch,
        registered(plugin),
        plugin.file.display().to_string(),
        plugin.blake3.chars().take(12).collect(),
    ]
}

/// `vote median, trimmed_mean; layer squeeze`
fn registered(plugin: &Plugin) -> String {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for entry in &plugin.entries {
        match kinds.iter_mut().find(|(other, _)| *other == entry.kind) {
            Some((_, names)) => names.push(&entry.name),
            None => kinds.push((entry.kind, vec![&entry.name])),
        }
    }
    let kinds = kinds.iter().map(|(kind, names)| format!("{kind} {}", names.join(", ")));
    kinds.collect::<Vec<_>>().join("; ")
}

fn check(file: &Path, json: bool, options: &Options) -> ExitCode {
    let catalog = standard::catalog();
    let loaded = catalog.and_then(|mut catalog: Catalog| {
        let plugin = load(&mut catalog, file, options.policy())?;
        Ok((catalog, plugin))
    });
    let (catalog, plugin) = match loaded {
        Ok(loaded) => loaded,
        Err(error) if !file.exists() => return misused(error),
        Err(error) => return failed(&Failure::from(error), &Sources::default()),
    };
    let judged: Vec<(&Registered, Vec<String>)> = plugin
        .entries
        .iter()
        .map(|entry| (entry, contract::check(&catalog, entry.kind, &entry.name)))
        .collect();
    let kept = judged.iter().all(|(_, findings)| findings.is_empty());
    if json {
        let entries = judged.iter().map(|(entry, findings)| {
            json!({ "kind": entry.kind, "name": entry.name, "broken": findings })
        });
        let entries: Vec<Value> = entries.collect();
        output::line(&json!({ "plugin": plugin, "entries": entries }).to_string());
        return ExitCode::from(u8::from(!kept));
    }
    let about = &plugin.manifest;
    output::line(&format!("{} {}: {}", about.name, about.version, plugin.file.display()));
    for (Registered { kind, name, .. }, findings) in judged {
        let verdict =
            if findings.is_empty() { "keeps its contract" } else { "breaks its contract" };
        output::line(&format!("  {kind} {name}: {verdict}"));
        for finding in findings {
            output::line(&format!("    {}", finding.replace('\n', "\n    ")));
        }
    }
    ExitCode::from(u8::from(!kept))
}
