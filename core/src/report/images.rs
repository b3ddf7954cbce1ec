//! The images that an experiment read, where they are still there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::participants::{Key, SINGLE};
use crate::data::table::Table;
use crate::error::Result;
use crate::files;
use crate::volume::{self, Volume};

/// A file that `inputs.tsv` names.
pub(super) struct Input {
    /// Whose image it is; none for tables.
    pub(super) key: Option<Key>,
    pub(super) file: PathBuf,
    pub(super) blake3: String,
}

/// All that `inputs.tsv` names.
pub(super) fn inputs(file: &Path) -> Result<Vec<Input>> {
    let table = Table::read(file)?;
    let columns = ["participant_id", "session_id", "file", "blake3"];
    let [participant, session, path, hash] = columns.map(|name| table.column(name));
    let (participant, session, path, hash) = (participant?, session?, path?, hash?);
    let cohort = table.find_column("cohort");
    let cell = |row, column| table.text(row, column).map(str::to_owned);
    let input = |row| {
        let cohort = cohort.and_then(|column| cell(row, column)).unwrap_or_else(|| SINGLE.into());
        let visit = cell(row, participant).zip(cell(row, session));
        Some(Input {
            key: visit.map(|(participant, session)| (cohort, participant, session)),
            file: cell(row, path)?.into(),
            blake3: cell(row, hash)?,
        })
    };
    Ok((0..table.len()).filter_map(input).collect())
}

/// Whether a file is still what it was when it was read.
pub(super) fn unchanged(file: &Path, blake3: &str) -> bool {
    files::hash(file, "read the file").is_ok_and(|hash| hash == blake3)
}

/// The image of each session, with its hash.
type Files = BTreeMap<Key, (PathBuf, String)>;

/// Where the images of each group lay: another group may have them from another CAPS.
pub(super) struct Images {
    training: Files,
    groups: BTreeMap<String, Files>,
}

impl Images {
    /// Of all groups of an experiment.
    ///
    /// # Errors
    /// Damaged tables.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let folder = root.join("groups");
        let files = |folder: &Path| -> Result<Files> {
            let file = folder.join("inputs.tsv");
            let all = if file.is_file() { inputs(&file)? } else { Vec::new() };
            Ok(all.into_iter().filter_map(|one| Some((one.key?, (one.file, one.blake3)))).collect())
        };
        let mut groups = BTreeMap::new();
        for name in if folder.is_dir() { files::entries(&folder)? } else { Vec::new() } {
            let of_group = files(&folder.join(&name))?;
            groups.insert(name, of_group);
        }
        Ok(Self { training: files(&folder)?, groups })
    }

    /// An image of a group, where it is still what was read.
    pub(super) fn read(&self, group: &str, key: &Key) -> Option<Volume> {
        let own = self.groups.get(group).and_then(|files| files.get(key));
        let of_training = ["train", "validation"].contains(&group);
        still(own.or_else(|| self.training.get(key).filter(|_| of_training))?)
    }

    /// The first image of training, in the order of cohorts and participants, that is still what was
    /// read.
    pub(super) fn any(&self) -> Option<Volume> {
        self.training.values().take(3).find_map(still)
    }
}

fn still((file, blake3): &(PathBuf, String)) -> Option<Volume> {
    if !unchanged(file, blake3) {
        return None;
    }
    volume::read(file).ok().filter(|volume| !volume.voxels.is_empty())
}
