//! The course of a run's trainings, as trackers mirror it.

use std::path::Path;

use serde_json::{Map, Value};

use super::measured::Measured;
use super::{reproducible_hash, values};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::experiment::read;
use crate::files;
use crate::train::{Standing, standing_of};
use crate::transfer::folder::Folder;

/// The training of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The split.
    pub split: usize,
    /// Whether it is finished.
    pub finished: bool,
    /// Its evaluations, network by network, in their order.
    pub points: Vec<Point>,
    /// What its best models say at the end, by their place and name:
    /// `best-loss/validation/image/BA`.
    pub results: Vec<(String, f64)>,
    /// Milliseconds since 1970 at which the results were written.
    pub results_at: i64,
}

/// An evaluation, and when it was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What it said.
    pub measured: Measured,
    /// Milliseconds since 1970; 0 where that is not known.
    pub at: i64,
}

/// What a run says about all of its splits.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its name, unlike that of any other run.
    pub id: String,
    /// The hash of what its manifest says of everything but when and where; nothing while it has none.
    pub manifest: Option<String>,
    /// The options as they were resolved.
    pub configuration: Map<String, Value>,
    /// environment.txt.
    pub environment: Vec<(String, String)>,
    /// The splits that were begun.
    pub courses: Vec<Course>,
}

/// Reads the course of a run that is finished, was interrupted, or is being written.
///
/// # Errors
/// [`Code::BadMaps`] for a folder that is no experiment of this program, or damaged; what the disk says.
pub fn courses(maps: &Path) -> Result<Run> {
    let folder = Folder::open(maps)?;
    let file = maps.join("maps.json");
    let parameters = read(&file)?;
    let id = parameters.pointer("/neurhai/run").and_then(Value::as_str).ok_or_else(|| {
        let message = "the experiment has no name of its own, by which a server could know it";
        Error::new(Code::BadMaps, message)
            .at(Place::File(file.clone()))
            .help("it was written by ClinicaDL or an older version; host import gives it one")
    })?;
    let configuration = parameters.pointer("/neurhai/configuration").and_then(Value::as_object);
    let environment = std::fs::read_to_string(maps.join("environment.txt")).unwrap_or_default();
    let lines = environment.lines().filter_map(|line| line.split_once("=="));
    Ok(Run {
        id: id.to_owned(),
        manifest: reproducible_hash(maps)?,
        configuration: configuration.cloned().unwrap_or_default(),
        environment: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        courses: (folder.splits()?.into_iter())
            .map(|split| course(&folder, split))
            .collect::<Result<_>>()?,
    })
}

fn course(folder: &Folder, split: usize) -> Result<Course> {
    let path = folder.split(split);
    let logs = path.join("training_logs");
    let mut folders = vec![logs.clone()];
    if logs.is_dir() {
        let networks =
            files::entries(&logs)?.into_iter().filter(|name| name.starts_with("network-"));
        folders.extend(networks.map(|name| logs.join(name)));
    }
    let mut points = Vec::new();
    for folder in folders {
        points.extend(of_network(&folder)?);
    }
    let (results, results_at) = results(folder, split)?;
    let finished = matches!(standing_of(&path), Standing::Finished(_));
    Ok(Course { split, finished, points, results, results_at })
}

fn of_network(folder: &Path) -> Result<Vec<Point>> {
    let file = folder.join("metrics.jsonl");
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let text = files::read(&file, "read the evaluations")?;
    let times = times(&folder.join("times.tsv"));
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let points = lines.map(|line| {
        let measured: Measured = serde_json::from_slice(line).map_err(|error| {
            let error = Error::new(Code::BadMaps, "the file is damaged").because(error);
            error.at(Place::File(file.clone()))
        })?;
        let at = times.iter().find(|(step, _)| *step == measured.step).map_or(0, |(_, at)| *at);
        Ok(Point { measured, at })
    });
    points.collect()
}

/// When the evaluations after so many steps were done; nothing where that is not known.
fn times(file: &Path) -> Vec<(usize, i64)> {
    let Ok(table) = Table::read(file) else { return Vec::new() };
    let columns = ["step", "done"].map(|name| table.find_column(name));
    let [Some(step), Some(done)] = columns else { return Vec::new() };
    let time = |row| {
        let done: jiff::Timestamp = table.text(row, done)?.parse().ok()?;
        Some((table.text(row, step)?.parse().ok()?, done.as_millisecond()))
    };
    (0..table.len()).filter_map(time).collect()
}

/// The scores in the tables of the best models, and when the last of these was written.
fn results(folder: &Folder, split: usize) -> Result<(Vec<(String, f64)>, i64)> {
    let (mut found, mut at) = (Vec::new(), 0);
    for metric in folder.metrics(split)? {
        let best = folder.best(split, &metric);
        for group in files::entries(&best)?.into_iter().filter(|name| best.join(name).is_dir()) {
            for name in files::entries(&best.join(&group))? {
                let level = name.strip_prefix(&format!("{group}_"));
                let level = level.and_then(|rest| rest.strip_suffix("_level_metrics.tsv"));
                let Some(level) = level else { continue };
                let file = best.join(&group).join(&name);
                at = at.max(written(&file));
                for (score, value) in values(&file)? {
                    let name = format!("best-{metric}/{group}/{level}/{score}");
                    found.extend(value.map(|value| (name, value)));
                }
            }
        }
    }
    Ok((found, at))
}

fn written(file: &Path) -> i64 {
    let time = std::fs::metadata(file).and_then(|about| about.modified()).ok();
    let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_millis() as i64)
}
