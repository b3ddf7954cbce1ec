//! Writing a data set: images by all cores, then its tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Generated, Watch};
use crate::data::pattern::Preprocessing;
use crate::data::table::write_tsv;
use crate::error::{Code, Error, Problems, Result};
use crate::files::{write_atomic, write_folder};

/// A data set as it is planned.
pub(super) struct Set<'a> {
    /// The folder to write.
    pub(super) output: &'a Path,
    /// Which data set it is: `trivial`.
    pub(super) kind: &'static str,
    /// What it was asked for with.
    pub(super) options: Value,
    /// The columns of its table after the ids.
    pub(super) columns: &'static [&'static str],
    /// The one of them that holds the label.
    pub(super) label: &'static str,
    /// Its images.
    pub(super) items: Vec<Item>,
    /// By which its images are found.
    pub(super) preprocessing: Preprocessing,
}

/// One image of a data set.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) participant: String,
    pub(super) session: String,
    /// The image's path below the folder of the session.
    pub(super) file: PathBuf,
    /// The further columns of the table.
    pub(super) cells: Vec<String>,
}

impl Item {
    /// The folder of the session in this CAPS.
    pub(super) fn folder(&self, caps: &Path) -> PathBuf {
        caps.join("subjects").join(&self.participant).join(&self.session)
    }
}

/// Options as the data set records them.
pub(super) fn recorded(options: &impl Serialize) -> Result<Value> {
    serde_json::to_value(options)
        .map_err(|error| Error::new(Code::Internal, "cannot write the options").because(error))
}

impl Set<'_> {
    /// Writes the data set: `image` writes the image of an item to a path whose folder is there, and
    /// `more` what else there is to the CAPS.
    ///
    /// # Errors
    /// [`Code::OutputInUse`]; all that `image` says, or [`Code::Interrupted`]. Nothing is left then.
    pub(super) fn write(
        self,
        watch: &Watch<'_>,
        image: impl Fn(usize, &Path) -> Result<()> + Sync,
        more: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Generated> {
        let done = AtomicUsize::new(0);
        let one = |caps: &Path, i: usize, item: &Item| -> Result<()> {
            watch.check()?;
            let path = item.folder(caps).join(&item.file);
            make_parent(&path)?;
            image(i, &path)?;
            (watch.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, self.items.len());
            Ok(())
        };
        write_folder(self.output, |caps| {
            let written: Vec<Result<()>> =
                self.items.par_iter().enumerate().map(|(i, item)| one(caps, i, item)).collect();
            watch.check()?;
            let mut problems = Problems::default();
            for result in written {
                problems.take(result);
            }
            problems.into_result()?;
            more(caps)?;
            self.tables(caps)
        })?;
        let at = self.columns.iter().position(|column| *column == self.label).unwrap_or_default();
        let mut labels = BTreeMap::new();
        for item in &self.items {
            *labels.entry(item.cells[at].clone()).or_default() += 1;
        }
        Ok(Generated {
            caps: self.output.into(),
            table: self.output.join("data.tsv"),
            images: self.items.len(),
            labels,
            preprocessing: self.preprocessing,
        })
    }

    fn tables(&self, caps: &Path) -> Result<()> {
        let ids = ["participant_id", "session_id"];
        let columns: Vec<&str> = ids.iter().chain(self.columns).copied().collect();
        let rows = self.items.iter().map(|item| {
            let ids = [item.participant.as_str(), item.session.as_str()];
            ids.into_iter().chain(item.cells.iter().map(String::as_str))
        });
        write_tsv(&caps.join("data.tsv"), &columns, rows)?;
        let sessions: BTreeSet<&str> =
            self.items.iter().map(|item| item.session.as_str()).collect();
        for session in sessions {
            let path = caps.join("missing_mods").join(format!("missing_mods_{session}.tsv"));
            make_parent(&path)?;
            let own = self.items.iter().filter(|item| item.session == session);
            let rows = own.map(|item| [item.participant.as_str(), "1"]);
            write_tsv(&path, &["participant_id", "synthetic"], rows)?;
        }
        let record = json!({
            "command": format!("generate {}", self.kind),
            "options": self.options,
            "version": env!("CARGO_PKG_VERSION"),
        });
        let text = format!("{record:#}\n");
        write_atomic(&caps.join("commandline.json"), |out| out.write_all(text.as_bytes()))
    }
}

pub(super) fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "make the folder", &error))
}
