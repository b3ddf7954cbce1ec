//! What of ClinicaDL's folder is copied as it is.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files;
use crate::files::write_atomic;
use crate::maps::{Maps, make_folder};
use crate::transfer::folder::Folder;

/// Files at the top, and what they are called beside ours.
const TOP: [(&str, &str); 3] = [
    ("maps.json", "clinicadl_maps.json"),
    ("environment.txt", "clinicadl_environment.txt"),
    ("information.log", "clinicadl_information.log"),
];

/// Copies lists of sessions, logs, predictions and metrics; notes what stays behind.
pub(super) fn copy(
    from: &Path,
    folder: &Folder,
    maps: &Maps,
    notes: &mut Vec<String>,
) -> Result<()> {
    let to = maps.root();
    for (name, new) in TOP {
        if from.join(name).is_file() {
            file(&from.join(name), &to.join(new))?;
        }
    }
    groups(&from.join("groups"), &to.join("groups"))?;
    for split in folder.splits()? {
        let (old, new) = (folder.split(split), maps.split(split));
        logs(&old.join("training_logs"), &new.join("training_logs"))?;
        for metric in folder.metrics(split)? {
            let (old, new) = (folder.best(split, &metric), maps.best(split, &metric));
            for group in folders(&old)? {
                results(&old.join(&group), &new.join(&group), notes)?;
            }
        }
        for (name, what) in [
            ("tmp", "the checkpoint of an unfinished training stays"),
            ("all_models", "the models of all epochs stay"),
            ("training_logs/tensorboard", "the logs for TensorBoard stay"),
        ] {
            if old.join(name).is_dir() {
                notes.push(format!("{what} behind: {}", old.join(name).display()));
            }
        }
    }
    Ok(())
}

fn file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let bytes = std::fs::read(from).map_err(|error| Error::io(from, "read the file", &error))?;
    write_atomic(to, |out| out.write_all(&bytes))
}

/// The folders in a folder, in order; none where there is no such folder.
fn folders(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(files::entries(folder)?.into_iter().filter(|name| folder.join(name).is_dir()).collect())
}

/// The tables and texts that lie in a folder itself.
fn tables(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for name in files::entries(from)? {
        let wanted = [".tsv", ".json", ".log"].iter().any(|suffix| name.ends_with(suffix));
        if wanted && from.join(&name).is_file() {
            file(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// `groups/`, where splits may be called folds.
fn groups(from: &Path, to: &Path) -> Result<()> {
    tables(from, to)?;
    for group in folders(from)? {
        let (old, new) = (from.join(&group), to.join(&group));
        tables(&old, &new)?;
        for split in folders(&old)? {
            let name = split.replacen("fold-", "split-", 1);
            tables(&old.join(&split), &new.join(name))?;
        }
    }
    Ok(())
}

/// `training.tsv`, of one network or of each.
fn logs(from: &Path, to: &Path) -> Result<()> {
    tables(from, to)?;
    let networks = folders(from)?.into_iter().filter(|name| name.starts_with("network-"));
    networks.into_iter().try_for_each(|name| tables(&from.join(&name), &to.join(&name)))
}

/// Predictions and metrics of a group; images and maps of theirs stay behind.
fn results(from: &Path, to: &Path, notes: &mut Vec<String>) -> Result<()> {
    tables(from, to)?;
    let left = folders(from)?;
    if !left.is_empty() {
        notes.push(format!("{} of {} stay behind", left.join(", "), from.display()));
    }
    Ok(())
}
