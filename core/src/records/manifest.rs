//! `manifest.json`: the hash of everything that a run read and wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files_below;
use super::meaning::{Kept, Meanings};
use crate::compare::flat_options;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::experiment::read;
use crate::files;

const NAME: &str = "manifest.json";
/// Files that say nothing about a run.
const PASSED_OVER: [&str; 3] = [NAME, ".lock", ".track.lock"];

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: u32,
    /// The same for every run of the same script on the same data and machine.
    reproducible: Reproducible,
    /// When and where, and the files that say so.
    circumstances: Circumstances,
}

#[derive(Debug, Serialize, Deserialize)]
struct Reproducible {
    /// Versions, device and threads, as environment.txt has them.
    environment: BTreeMap<String, String>,
    seed: Value,
    deterministic: Value,
    precision: Value,
    /// The hash of all options but those that change no result: where things lie, how fast, how often saved.
    options: String,
    /// Plugins of which something was used, by name.
    plugins: BTreeMap<String, Plugin>,
    images: Vec<Image>,
    sources: Vec<Source>,
    files: BTreeMap<String, Written>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Circumstances {
    /// The run, as tracking servers know it.
    run: Value,
    /// When this was written.
    written: String,
    host: Option<String>,
    device: Option<String>,
    /// Where the images and sources lay, in the order above.
    images: Vec<PathBuf>,
    sources: Vec<PathBuf>,
    files: BTreeMap<String, Written>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plugin {
    version: String,
    blake3: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cohort: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    participant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    blake3: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Source {
    what: String,
    blake3: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Written {
    bytes: u64,
    blake3: String,
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
    let (images, image_files) = images(root)?;
    let (sources, source_files) = sources(root)?;
    let [same, apart] = written(root)?;
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

fn load(root: &Path) -> Result<Manifest> {
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

/// The hashes of the files of an experiment: of those that are the same every time, and of the others.
fn written(root: &Path) -> Result<[BTreeMap<String, Written>; 2]> {
    let meanings = Meanings::new();
    let mut found = [BTreeMap::new(), BTreeMap::new()];
    for (name, bytes) in files_below(root, root)? {
        if PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        let same = meanings.of(&name).is_some_and(|meaning| meaning.kept == Kept::Same);
        let blake3 = files::hash(&root.join(&name), "read the file")?;
        found[usize::from(!same)].insert(name, Written { bytes, blake3 });
    }
    Ok(found)
}

fn environment(root: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root.join("environment.txt")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("=="));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn options(configuration: &Map<String, Value>) -> String {
    let flat = serde_json::to_string(&flat_options(configuration)).unwrap_or_default();
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

fn images(root: &Path) -> Result<(Vec<Image>, Vec<PathBuf>)> {
    let file = root.join("groups/inputs.tsv");
    if !file.is_file() {
        return Ok((Vec::new(), Vec::new()));
    }
    let table = Table::read(&file)?;
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

/// How a file differs from what the manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// It holds something else.
    Changed,
    /// It is not there.
    Missing,
    /// The manifest does not know it.
    Added,
}

/// A file that is not as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The file: within the folder, or of an input where it lay.
    pub file: PathBuf,
    /// How it differs.
    pub difference: Difference,
}

/// What became of a run's files since it was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Files of the folder that were compared.
    pub files: usize,
    /// Those that differ, in order.
    pub deviations: Vec<Deviation>,
    /// Inputs that were compared: images, tables, masks, tensors, weights.
    pub inputs: usize,
    /// Those that differ, in the manifest's order.
    pub input_deviations: Vec<Deviation>,
}

impl Verified {
    /// Whether everything that the run left, and everything it was given that is still there, is as it
    /// was. Files that were added, and inputs that are not at their place, change no result.
    pub fn intact(&self) -> bool {
        let added = |one: &Deviation| one.difference == Difference::Added;
        let missing = |one: &Deviation| one.difference == Difference::Missing;
        self.deviations.iter().all(added) && self.input_deviations.iter().all(missing)
    }
}

/// Compares every file of an experiment folder, and every input, with its manifest.
///
/// # Errors
/// [`Code::BadMaps`] where there is no manifest, or a damaged one; files that cannot be read.
pub fn verify(root: &Path) -> Result<Verified> {
    let Manifest { reproducible, circumstances, .. } = load(root)?;
    let mut then = reproducible.files;
    then.extend(circumstances.files);
    let [mut now, apart] = written(root)?;
    now.extend(apart);
    let mut deviations = Vec::new();
    for (name, was) in &then {
        let difference = match now.remove(name) {
            Some(is) if is == *was => continue,
            Some(_) => Difference::Changed,
            None => Difference::Missing,
        };
        deviations.push(Deviation { file: name.into(), difference });
    }
    let added =
        now.into_keys().map(|name| Deviation { file: name.into(), difference: Difference::Added });
    deviations.extend(added);
    deviations.sort_by(|a, b| a.file.cmp(&b.file));
    let images = reproducible.images.iter().map(|image| &image.blake3).zip(circumstances.images);
    let sources = reproducible.sources.iter().map(|source| &source.blake3);
    let (mut inputs, mut input_deviations) = (0, Vec::new());
    for (was, file) in images.chain(sources.zip(circumstances.sources)) {
        inputs += 1;
        let difference = match file.is_file() {
            true if files::hash(&file, "read the file")? == *was => continue,
            true => Difference::Changed,
            false => Difference::Missing,
        };
        input_deviations.push(Deviation { file, difference });
    }
    Ok(Verified { files: then.len(), deviations, inputs, input_deviations })
}
