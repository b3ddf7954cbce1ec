//! The images that an experiment read, where they are still there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::participants::{Key, SINGLE};
use crate::data::table::Table;
use crate::error::Result;
use crate::transfer::folder::list;
use crate::volume::{self, Volume};

/// The file of each session that `inputs.tsv` names.
pub(super) fn inputs(file: &Path) -> Result<Vec<(Key, PathBuf)>> {
    let table = Table::read(file)?;
    let [participant, session, path] =
        ["participant_id", "session_id", "file"].map(|name| table.column(name));
    let (participant, session, path) = (participant?, session?, path?);
    let cohort = table.find_column("cohort");
    let cell = |row, column| table.text(row, column).map(str::to_owned);
    let image = |row| {
        let cohort = cohort.and_then(|column| cell(row, column)).unwrap_or_else(|| SINGLE.into());
        // Tables that were read have no session.
        Some(((cohort, cell(row, participant)?, cell(row, session)?), cell(row, path)?.into()))
    };
    Ok((0..table.len()).filter_map(image).collect())
}

/// Where the image of each session lay.
pub(super) struct Images {
    files: BTreeMap<Key, PathBuf>,
}

impl Images {
    /// Of all groups of an experiment.
    ///
    /// # Errors
    /// Damaged tables.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let groups = root.join("groups");
        let mut files = BTreeMap::new();
        let names = if groups.is_dir() { list(&groups)? } else { Vec::new() };
        let folders = names.iter().map(|name| groups.join(name)).filter(|path| path.is_dir());
        for folder in folders.chain([groups.clone()]) {
            let file = folder.join("inputs.tsv");
            if file.is_file() {
                files.extend(inputs(&file)?);
            }
        }
        Ok(Self { files })
    }

    /// An image that can still be read.
    pub(super) fn read(&self, key: &Key) -> Option<Volume> {
        volume::read(self.files.get(key)?).ok().filter(|volume| !volume.voxels.is_empty())
    }

    /// The first image, in the order of cohorts and participants, that can still be read.
    pub(super) fn any(&self) -> Option<Volume> {
        self.files.keys().take(3).find_map(|key| self.read(key))
    }
}
