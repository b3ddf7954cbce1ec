//! The group that an experiment is asked about, as `host predict` and `host interpret` take it.

use std::path::PathBuf;

use neurhai_core::{Code, Error, Place, Result};
use serde_json::{Map, Value, json};

/// Whose images, by which networks, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Group {
    /// The CAPS with the images, or the .tsv of cohorts; by default that of the experiment, or of a group
    /// that is there, whose images it may say to be elsewhere now
    #[arg(long, value_name = "PATH")]
    caps: Option<PathBuf>,

    /// The table of a new group's sessions, or a .tsv with a table for each cohort
    #[arg(long, value_name = "FILE")]
    participants: Option<PathBuf>,

    /// The column that says what is true; by default that of the experiment, where the table has it
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// Do not look for what is true: nothing that depends on it is written
    #[arg(long)]
    no_labels: bool,

    /// Keep only sessions of these classes
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,

    /// Keep only sessions with one of these values in a column
    #[arg(long, value_name = "COLUMN=VALUE,…")]
    select: Option<String>,

    /// The splits whose networks are asked; by default all
    #[arg(long, value_name = "SPLIT,…", value_delimiter = ',')]
    split: Vec<usize>,

    /// The selection metrics whose best networks are asked; by default all
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',')]
    selection_metrics: Vec<String>,

    /// Go on where the networks have seen participants of the group; this is recorded
    #[arg(long)]
    allow_leakage: bool,

    /// Replace what is there already, once the new is complete
    #[arg(long)]
    overwrite: bool,

    /// Samples per pass
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Threads that networks compute with; by default as many as there are processors
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Group {
    /// What was said of it, and `further` options, as the options of the core; those that were not
    /// given are left out.
    pub(super) fn options(
        &self,
        further: impl IntoIterator<Item = (&'static str, Option<Value>)>,
    ) -> Result<Map<String, Value>> {
        let list = |all: Value| all.as_array().is_some_and(|all| !all.is_empty()).then_some(all);
        let select = self.select.as_deref().map(selection).transpose()?;
        let given = [
            ("caps", path(&self.caps)),
            ("participants", path(&self.participants)),
            ("label", self.label.as_ref().map(|label| json!(label))),
            ("labels", self.no_labels.then(|| json!(false))),
            ("classes", list(json!(self.classes))),
            ("select", select),
            ("split", list(json!(self.split))),
            ("selection_metrics", list(json!(self.selection_metrics))),
            ("allow_leakage", flag(self.allow_leakage)),
            ("overwrite", flag(self.overwrite)),
            ("batch_size", self.batch_size.map(|n| json!(n))),
            ("device", self.device.as_ref().map(|device| json!(device))),
            ("threads", self.threads.map(|n| json!(n))),
        ];
        let all = given.into_iter().chain(further);
        Ok(all.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }

    /// The paths that were given to read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.caps.iter().chain(&self.participants)
    }
}

/// An error of a command that changes an experiment all at once, at its end.
pub(super) fn unchanged(error: Error) -> Error {
    match error.code() {
        Code::Interrupted => error.help("nothing was changed"),
        _ => error,
    }
}

/// A path that was given.
pub(super) fn path(path: &Option<PathBuf>) -> Option<Value> {
    path.as_ref().map(|path| json!(path.display().to_string()))
}

/// What is asked for by its name alone.
pub(super) fn flag(given: bool) -> Option<Value> {
    given.then(|| json!(true))
}

/// `diagnosis=AD,CN` as a map.
fn selection(text: &str) -> Result<Value> {
    match text.split_once('=') {
        Some((column, values)) if !column.is_empty() && !values.is_empty() => {
            let values: Vec<&str> = values.split(',').map(str::trim).collect();
            Ok(json!({ column: values }))
        }
        _ => {
            Err(Error::new(Code::BadOption, format!("{text:?} does not name a column and values"))
                .at(Place::Option("select".into()))
                .help("write --select diagnosis=AD,CN"))
        }
    }
}
