//! The sessions of a study with what is to be learned of each, out of Clinica's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use serde::Serialize;

use super::check_free;
use super::diagnosis::{Diagnoses, find, inferred};
use super::frame::{months, read_visits, same};
use crate::data::participants::{Session, read_sessions};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};
use crate::files::write_atomic;

/// Which sessions are wanted.
#[derive(Debug, Clone)]
pub struct Labelling {
    /// The table of all that is known, as `clinica iotools merge-tsv` writes it.
    pub merged: PathBuf,
    /// The table to write; the same name with `.json` says how it was made.
    pub output: PathBuf,
    /// The diagnoses to keep; none for all.
    pub diagnoses: Vec<String>,
    /// What a session must have, a column of the tables in `missing_mods`.
    pub modality: Option<String>,
    /// The folder that `clinica iotools check-missing-modalities` writes.
    pub missing_mods: PathBuf,
    /// More columns of the table to keep.
    pub variables: Vec<String>,
    /// A table of the only sessions that may be taken.
    pub restriction: Option<PathBuf>,
    /// Keep sessions whose row says subjective memory complaints at baseline.
    pub keep_smc: bool,
    /// Leave out participants with one session.
    pub remove_unique_session: bool,
}

/// What a step left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is left: `with a diagnosis`.
    pub left: String,
    /// Sessions.
    pub sessions: usize,
    /// Participants.
    pub participants: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// From all sessions to those that were written.
    pub steps: Vec<Step>,
    /// Sessions of each diagnosis.
    pub diagnoses: BTreeMap<String, usize>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A session of the table.
#[derive(Clone, Copy)]
struct Visit<'t> {
    row: usize,
    session: &'t Session,
    month: u64,
    diagnosis: Option<&'t str>,
}

/// Writes a table with `participant_id`, `session_id`, `age`, `sex`, `diagnosis` and the variables asked
/// for, sorted by participant and time. ClinicaDL's `get-labels`, whose steps are taken in its order:
///
/// sessions that are named by their month; without SMC at baseline (`diagnosis_bl`, `diagnosis_sc`); of
/// participants with several, where asked for; with a diagnosis, which is filled in where the nearest
/// ones before and after agree; with a diagnosis that is wanted; with the modality; in the restriction.
///
/// # Errors
/// What is wrong with a table; columns that are not there; [`Code::EmptySelection`] where nothing is
/// left; [`Code::OutputInUse`].
pub fn labels(labelling: &Labelling) -> Result<Labels> {
    check_free(&labelling.output)?;
    let record = labelling.output.with_extension("json");
    check_free(&record)?;
    let table = Table::read(&labelling.merged)?;
    let sessions = read_visits(&table, &[])?;
    let diagnoses = Diagnoses::of(&table)?;
    let columns = Columns::of(&table, &labelling.variables)?;
    let modality = labelling.modality.as_ref();
    let has = modality.map(|name| Modality::read(&labelling.missing_mods, name)).transpose()?;
    let allowed = labelling.restriction.as_deref().map(restriction).transpose()?;

    let mut problems = Problems::default();
    let mut visits = Vec::new();
    for (row, session) in sessions.iter().enumerate() {
        let diagnosis = problems.take(diagnoses.get(&table, row)).flatten();
        if let Some(month) = months(&session.session) {
            visits.push(Visit { row, session, month, diagnosis });
        }
    }
    problems.into_result()?;
    visits.sort_by_key(|visit| (&visit.session.participant, visit.month, visit.row));

    let mut flow = Flow::default();
    flow.of("in the table", sessions.iter());
    flow.after("named by their month (ses-M012)", &visits);
    if !labelling.keep_smc {
        let baseline = ["diagnosis_bl", "diagnosis_sc"].map(|name| table.find_column(name));
        let smc = |row| baseline.iter().flatten().any(|at| table.text(row, *at) == Some("SMC"));
        visits.retain(|visit| !smc(visit.row));
        flow.after("without SMC at baseline", &visits);
    }
    if labelling.remove_unique_session {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        visits.iter().for_each(|visit| *counts.entry(&visit.session.participant).or_default() += 1);
        visits.retain(|visit| counts[visit.session.participant.as_str()] > 1);
        flow.after("of participants with several sessions", &visits);
    }
    let missing = visits.iter().filter(|visit| visit.diagnosis.is_none()).count();
    visits = with_diagnoses(&visits);
    flow.after("with a diagnosis", &visits);
    if !labelling.diagnoses.is_empty() {
        known(&labelling.diagnoses, &visits, &table)?;
        let wanted = |one: &str| labelling.diagnoses.iter().any(|wanted| wanted == one);
        visits.retain(|visit| visit.diagnosis.is_some_and(wanted));
        flow.after(&format!("of {}", labelling.diagnoses.join(", ")), &visits);
    }
    if let (Some(has), Some(name)) = (&has, modality) {
        visits.retain(|visit| has.get(visit.session));
        flow.after(&format!("with {name}"), &visits);
    }
    if let Some(allowed) = &allowed {
        visits.retain(|visit| allowed.contains(&key(visit.session)));
        flow.after("in the restriction", &visits);
    }
    if visits.is_empty() {
        return Err(flow.nothing(&labelling.merged));
    }

    let mut notes = columns.notes.clone();
    if missing > 0 {
        notes.push(format!(
            "{missing} sessions had no diagnosis; it was filled in where the ones before and after agree"
        ));
    }
    let lines = visits.iter().map(|visit| columns.line(&table, visit));
    write_tsv(&labelling.output, &columns.names, lines)?;
    labelling.write_record(&record)?;
    let mut counts = BTreeMap::new();
    for diagnosis in visits.iter().filter_map(|visit| visit.diagnosis) {
        *counts.entry(diagnosis.to_owned()).or_default() += 1;
    }
    Ok(Labels { steps: flow.steps, diagnoses: counts, notes })
}

/// The visits that have a diagnosis or are given that of their neighbours.
fn with_diagnoses<'t>(visits: &[Visit<'t>]) -> Vec<Visit<'t>> {
    let same =
        |one: &Visit<'_>, other: &Visit<'_>| one.session.participant == other.session.participant;
    let mut known = Vec::with_capacity(visits.len());
    for own in visits.chunk_by(same) {
        let diagnoses: Vec<Option<&str>> = own.iter().map(|visit| visit.diagnosis).collect();
        known.extend(own.iter().enumerate().filter_map(|(i, visit)| {
            Some(Visit { diagnosis: Some(inferred(&diagnoses, i)?), ..*visit })
        }));
    }
    known
}

/// Every diagnosis that is wanted must occur.
fn known(wanted: &[String], visits: &[Visit<'_>], table: &Table) -> Result<()> {
    let there: BTreeSet<&str> = visits.iter().filter_map(|visit| visit.diagnosis).collect();
    let Some(absent) = wanted.iter().find(|one| !there.contains(one.as_str())) else {
        return Ok(());
    };
    let near = did_you_mean(absent, there.iter().copied());
    let list: Vec<&str> = there.into_iter().collect();
    let message = format!("no session has the diagnosis {absent:?}{near}");
    Err(Error::new(Code::EmptySelection, message)
        .at(Place::File(table.file().into()))
        .help(format!("the diagnoses there are {}", list.join(", "))))
}

/// How many sessions and participants each step leaves.
#[derive(Default)]
struct Flow {
    steps: Vec<Step>,
}

impl Flow {
    fn of<'a>(&mut self, left: &str, sessions: impl ExactSizeIterator<Item = &'a Session>) {
        let count = sessions.len();
        let participants: BTreeSet<&str> = sessions.map(|one| one.participant.as_str()).collect();
        let participants = participants.len();
        self.steps.push(Step { left: left.into(), sessions: count, participants });
    }

    fn after(&mut self, left: &str, visits: &[Visit<'_>]) {
        self.of(left, visits.iter().map(|visit| visit.session));
    }

    fn nothing(&self, table: &Path) -> Error {
        let steps: Vec<String> =
            self.steps.iter().map(|step| format!("{} {}", step.sessions, step.left)).collect();
        let message = format!("no session is left: {}", steps.join(", "));
        Error::new(Code::EmptySelection, message)
            .at(Place::File(table.into()))
            .help("ask for less where the number falls to 0")
    }
}

/// What is written of each session.
struct Columns<'a> {
    /// The names in the new table.
    names: Vec<&'a str>,
    /// Where each stands in the old one; none for the diagnosis.
    positions: Vec<Option<usize>>,
    notes: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(table: &Table, variables: &'a [String]) -> Result<Self> {
        let mut columns = Self { names: Vec::new(), positions: Vec::new(), notes: Vec::new() };
        let ids = ["participant_id", "session_id"].map(|name| table.find_column(name));
        columns.push("participant_id", ids[0]);
        columns.push("session_id", ids[1]);
        for name in ["age", "sex"] {
            match find(table, name, name) {
                None => columns.notes.push(format!("there is no column of {name}")),
                Some(at) => {
                    let own = &table.columns()[at];
                    if own != name {
                        columns.notes.push(format!("{name} is taken from the column {own:?}"));
                    }
                    columns.push(name, Some(at));
                }
            }
        }
        columns.push("diagnosis", None);
        let mut problems = Problems::default();
        for name in variables {
            let at = problems.take(table.column(name));
            if at.is_some() && !columns.names.contains(&name.as_str()) {
                columns.push(name, at);
            }
        }
        problems.into_result()?;
        Ok(columns)
    }

    fn push(&mut self, name: &'a str, at: Option<usize>) {
        self.names.push(name);
        self.positions.push(at);
    }

    fn line<'t>(&self, table: &'t Table, visit: &Visit<'t>) -> Vec<&'t str> {
        let cell = |at: &Option<usize>| match at {
            Some(column) => table.text(visit.row, *column),
            None => visit.diagnosis,
        };
        self.positions.iter().map(|at| cell(at).unwrap_or_default()).collect()
    }
}

/// A participant and a session, by whatever way its month is written.
fn key(session: &Session) -> (String, String) {
    (session.participant.clone(), same(&session.session))
}

/// The sessions that a table allows.
fn restriction(file: &Path) -> Result<BTreeSet<(String, String)>> {
    Ok(read_sessions(&Table::read(file)?, &[])?.iter().map(key).collect())
}

/// Which sessions have a modality.
struct Modality(BTreeSet<(String, String)>);

impl Modality {
    /// By the tables `…_<session>.tsv` in a folder, each with `participant_id` and a column of 0 and 1
    /// for each modality.
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let io = |error| Error::io(folder, "list the tables of missing modalities", &error);
        let none = "name the folder that `clinica iotools check-missing-modalities` wrote, or do \
                    without: --modality none";
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| io(error).help(none))? {
            files.push(entry.map_err(io)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|kind| kind == "tsv"));
        files.sort();
        let (mut problems, mut there) = (Problems::default(), BTreeSet::new());
        let (mut found, mut lacks) = (false, None);
        for file in &files {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let session = same(stem.rsplit('_').next().unwrap_or_default());
            let Some(table) = problems.take(Table::read(file)) else { continue };
            let Some(ids) = problems.take(table.column("participant_id")) else { continue };
            let column = match table.column(name) {
                Ok(column) => column,
                Err(error) => {
                    lacks.get_or_insert(error);
                    continue;
                }
            };
            found = true;
            for row in 0..table.len() {
                let id = problems.take(table.needed_text(row, ids));
                let has = problems.take(table.number(row, column)).flatten();
                if let (Some(id), Some(has)) = (id, has)
                    && has != 0.0
                {
                    there.insert((id.to_owned(), session.clone()));
                }
            }
        }
        problems.into_result()?;
        match (found, lacks) {
            (true, _) => Ok(Self(there)),
            (false, Some(error)) => Err(error),
            (false, None) => {
                let message = "the folder holds no table of missing modalities";
                Err(Error::new(Code::FileNotFound, message)
                    .at(Place::File(folder.into()))
                    .help(none))
            }
        }
    }

    fn get(&self, session: &Session) -> bool {
        self.0.contains(&key(session))
    }
}

impl Labelling {
    /// Writes how the table was made, with the keys of ClinicaDL's `labels.json`.
    fn write_record(&self, file: &Path) -> Result<()> {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let record = json!({
            "merged_tsv": name(&self.merged),
            "missing_mods": name(&self.missing_mods),
            "diagnoses": self.diagnoses,
            "modality": self.modality,
            "restriction_path": self.restriction.as_deref().map(name),
            "variables_of_interest": self.variables,
            "remove_smc": !self.keep_smc,
            "remove_unique_session": self.remove_unique_session,
        });
        write_atomic(file, |out| {
            serde_json::to_writer_pretty(&mut *out, &record)?;
            out.write_all(b"\n")
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
