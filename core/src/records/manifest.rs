//! `manifest.json`: the hash of everything that a run read and wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files_below;
use super::later::{hashes, is_hashes};
use super::meaning::{Kept, Meanings};
use crate::compare::flat_options;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::experiment::read;
use crate::files;

const NAME: &str = "manifest.json";
/// Files that say nothing about a run, or only what the others say.
const PASSED_OVER: [&str; 4] = [NAME, ".lock", ".track.lock", "report.html"];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    schema: u32,
    /// The same for every run of the same script on the same data and machine.
    pub(super) reproducible: Reproducible,
    /// When and where, and the files that say so.
    pub(super) circumstances: Circumstances,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reproducible {
    /// Versions, device and threads, as environment.txt has them.
    environment: BTreeMap<String, String>,
    seed: Value,
    deterministic: Value,
    precision: Value,
    /// The hash of all options but those that change no result: where things lie, how fast, how often saved.
    options: String,
    /// Plugins of which something was used, by name.
    plugins: BTreeMap<String, Plugin>,
    pub(super) images: Vec<Image>,
    pub(super) sources: Vec<Source>,
    pub(super) files: BTreeMap<String, Written>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Circumstances {
    /// The run, as tracking servers know it.
    run: Value,
    /// When this was written.
    written: String,
    host: Option<String>,
    device: Option<String>,
    /// Where the images and sources lay, in the order above.
    pub(super) images: Vec<PathBuf>,
    pub(super) sources: Vec<PathBuf>,
    pub(super) files: BTreeMap<String, Written>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plugin {
    version: String,
    blake3: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Image {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cohort: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    participant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    pub(super) blake3: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Source {
    what: String,
    pub(super) blake3: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

/// Writes the manifest of a finished run, out of what lies in its folder.
///
/// # Errors
/// Files that cannot be read, and what the disk says.
pub(crate) fn write_manifest(root: &Path) -> Result<()> {
    let maps = read(&root.join("maps.json"))?;
    let configuration = maps.pointer("/neurhai/configuration").and_then(Value::as_object);
    let configuration = configuration.cloned().unwrap_or_default();
    let option = |name: &str| configuration.get(name).cloned().unwrap_or_default();
    let mut environment = environment(root);
    let device = environment.get("device").cloned();
    if let Some(device) = environment.get_mut("device") {
        // How much memory happens to be free on a GPU is no matter of the run.
        *device = device.split(" (").next().unwrap_or_default().to_owned();
    }
    let (images, image_files) = images(&root.join("groups/inputs.tsv"))?;
    let (sources, source_files) = sources(root)?;
    let meanings = Meanings::new();
    let kept_apart = |name: &str| meanings.of(name).is_none_or(|found| found.kept == Kept::Apart);
    // What predictions left tells its hashes itself: it may be made again without the run.
    let later = hashes(root)?;
    let mut same = written(root, &|name| !later.contains_key(name))?;
    let apart = same.extract_if(.., |name, _| kept_apart(name)).collect();
    let manifest = Manifest {
        schema: 1,
        reproducible: Reproducible {
            environment,
            seed: option("seed"),
            deterministic: option("deterministic"),
            precision: option("precision"),
            options: options(&configuration),
            plugins: plugins(&maps),
            images,
            sources,
            files: same,
        },
        circumstances: Circumstances {
            run: maps.pointer("/neurhai/run").cloned().unwrap_or_default(),
            written: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim().to_owned()),
            device,
            images: image_files,
            sources: source_files,
            files: apart,
        },
    };
    save(root, &manifest)
}

fn save(root: &Path, manifest: &Manifest) -> Result<()> {
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|error| Error::new(Code::Internal, "cannot write the manifest").because(error))?;
    files::write_atomic(&root.join(NAME), |out| writeln!(out, "{text}"))
}

/// The hash of what the manifest says of everything but when and where; nothing where there is none.
///
/// # Errors
/// A damaged manifest.
pub(crate) fn reproducible_hash(root: &Path) -> Result<Option<String>> {
    let file = root.join(NAME);
    if !file.is_file() {
        return Ok(None);
    }
    let reproducible = read(&file)?.get("reproducible").map(Value::to_string);
    Ok(reproducible.map(|text| files::text_hash(&text)))
}

/// A run that goes on has no manifest until it is finished.
///
/// # Errors
/// What the disk says.
pub(crate) fn remove_manifest(root: &Path) -> Result<()> {
    files::remove(&root.join(NAME))
}

pub(super) fn load(root: &Path) -> Result<Manifest> {
    let file = root.join(NAME);
    if !file.is_file() {
        let error = Error::new(Code::BadMaps, "there is no manifest, so nothing to compare with");
        return Err(error.at(Place::File(file)).help(
            "it is written when a run is finished, which host resume does; ClinicaDL writes none",
        ));
    }
    serde_json::from_value(read(&file)?).map_err(|error| {
        Error::new(Code::BadMaps, "the manifest is damaged").at(Place::File(file)).because(error)
    })
}

/// The hashes of those files of an experiment that are `wanted`, by their paths within it.
pub(super) fn written(
    root: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Written>> {
    let mut found = BTreeMap::new();
    for (name, bytes) in files_below(root, root)? {
        if PASSED_OVER.contains(&name.as_str()) || is_hashes(&name) || !wanted(&name) {
            continue;
        }
        let blake3 = files::hash(&root.join(&name), "read the file")?;
        found.insert(name, Written { bytes, blake3 });
    }
    Ok(found)
}

fn environment(root: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root.join("environment.txt")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("=="));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn options(configuration: &Map<String, Value>) -> String {
    let mut flat = flat_options(configuration);
    // What lay there is told by the hashes of images and sources.
    flat.retain(|name, _| !["splits", "data.caps"].contains(&name.as_str()));
    let flat = serde_json::to_string(&flat).unwrap_or_default();
    files::text_hash(&flat)
}

fn plugins(maps: &Value) -> BTreeMap<String, Plugin> {
    let entries = maps.pointer("/neurhai/entries").and_then(Value::as_array);
    let plugin = |entry: &Value| {
        let text = |key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("plugin")?, Plugin { version: text("version")?, blake3: text("blake3")? }))
    };
    entries.into_iter().flatten().filter_map(plugin).collect()
}

/// The images that an `inputs.tsv` names, and where they lay.
pub(super) fn images(file: &Path) -> Result<(Vec<Image>, Vec<PathBuf>)> {
    if !file.is_file() {
        return Ok((Vec::new(), Vec::new()));
    }
    let table = Table::read(file)?;
    let columns = ["cohort", "participant_id", "session_id"].map(|name| table.find_column(name));
    let (path, hash) = (table.column("file")?, table.column("blake3")?);
    let cell = |row, column: usize| table.text(row, column).map(str::to_owned);
    let rows = (0..table.len()).map(|row| {
        let [cohort, participant, session] =
            columns.map(|column| column.and_then(|column| cell(row, column)));
        let blake3 = cell(row, hash).unwrap_or_default();
        let path = PathBuf::from(cell(row, path).unwrap_or_default());
        (Image { cohort, participant, session, blake3 }, path)
    });
    Ok(rows.unzip())
}

fn sources(root: &Path) -> Result<(Vec<Source>, Vec<PathBuf>)> {
    let file = root.join("groups/sources.tsv");
    if !file.is_file() {
        return Ok((Vec::new(), Vec::new()));
    }
    let table = Table::read(&file)?;
    let [what, path, hash] = ["what", "file", "blake3"].map(|name| table.column(name));
    let (what, path, hash) = (what?, path?, hash?);
    let cell = |row, column| table.text(row, column).unwrap_or_default().to_owned();
    let rows = (0..table.len()).map(|row| {
        (Source { what: cell(row, what), blake3: cell(row, hash) }, cell(row, path).into())
    });
    Ok(rows.unzip())
}
