//! The experiment folder: ClinicaDL's MAPS, with weights as safetensors.

use std::path::{Path, PathBuf};

use crate::data::loader::{Sample, Source};
use crate::error::{Code, Error, Place, Result};
use crate::files::{self, Lock};
use crate::predict;

mod describe;
mod event_file;
mod fingerprints;
mod log;
mod tables;

pub(crate) use describe::{Description, pretty, write_description};
pub(crate) use log::TrainingLog;
pub(crate) use tables::{
    Sheet, TrainingRow, write_cohorts, write_fitted, write_group, write_inputs, write_networks,
    write_over_splits, write_sessions, write_weights,
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

    /// Opens a folder that is there already, and keeps other writers out of it. What writers that
    /// were killed left beside files is removed, and predictions that were complete are put into their
    /// place.
    ///
    /// # Errors
    /// [`Code::OutputLocked`], and what the disk says.
    pub(crate) fn reopen(root: &Path) -> Result<Self> {
        let lock = Lock::acquire(&root.join(".lock"))?;
        if lock.is_exclusive() {
            files::remove_leftovers(root)?;
            predict::finish(root)?;
        }
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

    /// The weights of the best model of a metric; of one network where there are several.
    pub(crate) fn best_model(&self, split: usize, metric: &str, network: Option<usize>) -> PathBuf {
        self.best(split, metric).join(of_network(network, "model.safetensors"))
    }

    /// Where training stands; there while a split is unfinished.
    pub(crate) fn checkpoint(&self, split: usize, network: Option<usize>) -> PathBuf {
        self.split(split).join("tmp").join(of_network(network, "checkpoint.safetensors"))
    }

    /// Where training of a finished split stood at its end, so that it can go on.
    pub(crate) fn last(&self, split: usize, network: Option<usize>) -> PathBuf {
        self.split(split).join(of_network(network, "last.safetensors"))
    }

    /// The table of what the splits say together.
    pub(crate) fn over_splits(&self) -> PathBuf {
        self.root.join("metrics_over_splits.tsv")
    }

    /// Where training of a split goes on, if it was begun.
    pub(crate) fn goes_on(&self, split: usize, network: Option<usize>) -> Option<PathBuf> {
        let files = [self.checkpoint(split, network), self.last(split, network)];
        files.into_iter().find(|file| file.is_file())
    }

    /// Makes the folders of a split.
    pub(crate) fn start_split(
        &self,
        split: usize,
        metrics: &[String],
        networks: &[Option<usize>],
    ) -> Result<()> {
        let mut folders = vec![self.split(split).join("tmp")];
        folders.extend(networks.iter().map(|network| self.logs(split, *network)));
        folders.extend(metrics.iter().map(|metric| self.best(split, metric)));
        folders.iter().try_for_each(|folder| make_folder(folder))
    }

    fn logs(&self, split: usize, network: Option<usize>) -> PathBuf {
        let folder = self.split(split).join("training_logs");
        network.map_or_else(|| folder.clone(), |i| folder.join(format!("network-{i}")))
    }

    /// Marks a split as finished: its last state stays, what only an unfinished one needs goes.
    pub(crate) fn finish_split(&self, split: usize, networks: &[Option<usize>]) -> Result<()> {
        for network in networks {
            let (checkpoint, last) = (self.checkpoint(split, *network), self.last(split, *network));
            if checkpoint.exists() {
                files::rename(&checkpoint, &last)?;
            }
        }
        let folder = self.split(split).join("tmp");
        std::fs::remove_dir_all(&folder)
            .map_err(|error| Error::io(&folder, "remove the checkpoint", &error))
    }

    /// The logs of a network's training.
    pub(crate) fn training_log(&self, split: usize, network: Option<usize>) -> TrainingLog {
        TrainingLog::new(self.logs(split, network), split, network)
    }

    /// Writes what the transforms drew in an epoch for the training images of a network.
    pub(crate) fn write_augmentation(
        &self,
        split: usize,
        network: Option<usize>,
        epoch: usize,
        source: &Source,
        samples: impl Iterator<Item = Sample>,
    ) -> Result<()> {
        let folder = self.logs(split, network).join("augmentation");
        make_folder(&folder)?;
        tables::write_augmentation(
            &folder.join(format!("epoch-{epoch}.tsv")),
            epoch,
            source,
            samples,
        )
    }

    /// Writes a text file of the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        files::write_atomic(&self.root.join(name), |out| out.write_all(text.as_bytes()))
    }
}

/// The name of a file of one network, as ClinicaDL puts it.
fn of_network(network: Option<usize>, name: &str) -> String {
    network.map_or_else(|| name.to_owned(), |i| format!("network-{i}_{name}"))
}

pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create the folder", &error))
}
