//! The experiment folder: ClinicaDL's MAPS, with weights as safetensors.

use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Place, Result};
use crate::files::{self, Lock};

mod describe;
mod tables;

pub(crate) use describe::{Description, pretty, write_description};
pub(crate) use tables::{
    Sheet, TrainingRow, write_fitted, write_group, write_inputs, write_sessions, write_weights,
};

/// An experiment folder that this process writes.
pub(crate) struct Maps {
    root: PathBuf,
    _lock: Lock,
}

impl Maps {
    /// Makes the folder, which must be new or empty, and keeps other writers out of it.
    ///
    /// # Errors
    /// [`Code::OutputInUse`], [`Code::OutputLocked`], and what the disk says.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root)
            .map_err(|error| Error::io(root, "create the experiment folder", &error))?;
        let lock = Lock::acquire(&root.join(".lock"))?;
        // Another process may have filled the folder since it was checked.
        if root.join("maps.json").exists() {
            return Err(Error::new(Code::OutputInUse, "the output folder is not empty")
                .at(Place::File(root.into())));
        }
        Ok(Self { root: root.into(), _lock: lock })
    }

    /// Opens a folder that is there already, and keeps other writers out of it.
    ///
    /// # Errors
    /// [`Code::OutputLocked`], and what the disk says.
    pub(crate) fn reopen(root: &Path) -> Result<Self> {
        let lock = Lock::acquire(&root.join(".lock"))?;
        Ok(Self { root: root.into(), _lock: lock })
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `split-<k>`.
    pub(crate) fn split(&self, split: usize) -> PathBuf {
        self.root.join(format!("split-{split}"))
    }

    /// `split-<k>/best-<metric>`.
    pub(crate) fn best(&self, split: usize, metric: &str) -> PathBuf {
        self.split(split).join(format!("best-{metric}"))
    }

    /// The weights of the best model of a metric.
    pub(crate) fn best_model(&self, split: usize, metric: &str) -> PathBuf {
        self.best(split, metric).join("model.safetensors")
    }

    /// Where training stands; there while a split is unfinished.
    pub(crate) fn checkpoint(&self, split: usize) -> PathBuf {
        self.split(split).join("tmp").join("checkpoint.safetensors")
    }

    /// Where training of a finished split stood at its end, so that it can go on.
    pub(crate) fn last(&self, split: usize) -> PathBuf {
        self.split(split).join("last.safetensors")
    }

    /// Makes the folders of a split.
    pub(crate) fn start_split(&self, split: usize, metrics: &[String]) -> Result<()> {
        let folder = self.split(split);
        let mut folders = vec![folder.join("tmp"), folder.join("training_logs")];
        folders.extend(metrics.iter().map(|metric| self.best(split, metric)));
        folders.iter().try_for_each(|folder| make_folder(folder))
    }

    /// Marks a split as finished: its last state stays, what only an unfinished one needs goes.
    pub(crate) fn finish_split(&self, split: usize) -> Result<()> {
        let (checkpoint, last) = (self.checkpoint(split), self.last(split));
        if checkpoint.exists() {
            std::fs::rename(&checkpoint, &last)
                .map_err(|error| Error::io(&last, "keep the last state", &error))?;
        }
        let folder = self.split(split).join("tmp");
        std::fs::remove_dir_all(&folder)
            .map_err(|error| Error::io(&folder, "remove the checkpoint", &error))
    }

    /// Writes the whole training log of a split.
    pub(crate) fn write_training(&self, split: usize, rows: &[TrainingRow]) -> Result<()> {
        tables::write_training(&self.split(split).join("training_logs/training.tsv"), rows)
    }

    /// Writes a text file of the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        files::write_atomic(&self.root.join(name), |out| out.write_all(text.as_bytes()))
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create the folder", &error))
}
