//! New results beside the old ones, put into their place when they are complete.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Place, Result};
use crate::files;
use crate::maps::{Maps, make_folder};
use crate::records::write_hashes;

/// The folder in an experiment where new results wait; only the process that holds the lock uses it.
const FOLDER: &str = ".predict";

/// The file in it that says that they are complete.
const PLAN: &str = "plan.json";

/// What is to be done once everything new is there, by paths within the experiment folder.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// What goes; each was there when this was written.
    old: Vec<PathBuf>,
    /// What comes, in this order.
    new: Vec<PathBuf>,
}

/// Results that are being made. Until [`Staged::commit`] the experiment is as it was, and without it
/// they are removed.
pub(crate) struct Staged<'m> {
    maps: &'m Maps,
    new: Vec<PathBuf>,
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        let folder = self.maps.root().join(FOLDER);
        if !folder.join(PLAN).exists() {
            // What cannot be removed now is removed by who writes next.
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

impl<'m> Staged<'m> {
    /// # Errors
    /// [`Code::OutputLocked`] where the results of somebody else wait, which only a file system without
    /// locks lets happen; what the disk says.
    pub(crate) fn new(maps: &'m Maps) -> Result<Self> {
        let folder = maps.root().join(FOLDER);
        match std::fs::create_dir(&folder) {
            Ok(()) => Ok(Self { maps, new: Vec::new() }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let message = "results of another process wait here to be put into their place";
                Err(Error::new(Code::OutputLocked, message).at(Place::File(folder)).help(
                    "wait until it has finished; if none is running, it was stopped: remove this folder",
                ))
            }
            Err(error) => Err(Error::io(&folder, "create the folder", &error)),
        }
    }

    /// A folder to write into, which will be `place` of the experiment folder.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn folder(&mut self, place: &Path) -> Result<PathBuf> {
        let folder = self.maps.root().join(FOLDER).join("new").join(place);
        make_folder(&folder)?;
        self.new.push(place.into());
        Ok(folder)
    }

    /// Puts what was written into its place, with its hashes, and removes `old`. What is there of a
    /// folder and does not go stays beside what comes.
    ///
    /// Once the plan of it is on the disk, what is left to do is done by whoever opens the folder for
    /// writing next, if this process is stopped; before, nothing has changed.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn commit(mut self, old: Vec<PathBuf>) -> Result<()> {
        let root = self.maps.root();
        for place in &self.new {
            write_hashes(&root.join(FOLDER).join("new").join(place))?;
        }
        let mut new = Vec::new();
        for place in std::mem::take(&mut self.new) {
            // A folder that stays, such as one with interpretations, takes up what comes.
            let stays = root.join(&place).exists() && !old.iter().any(|old| place.starts_with(old));
            match stays {
                true => {
                    let names = files::entries(&root.join(FOLDER).join("new").join(&place))?;
                    new.extend(names.iter().map(|name| place.join(name)));
                }
                false => new.push(place),
            }
        }
        let plan = Plan { old, new };
        let text = serde_json::to_vec(&plan).map_err(|error| {
            Error::new(Code::Internal, "cannot write down what is to be done").because(error)
        })?;
        files::write_atomic(&root.join(FOLDER).join(PLAN), |out| out.write_all(&text))?;
        finish(root)
    }
}

/// Finishes what was begun: puts complete results into their place, removes incomplete ones. Nobody
/// else may be writing into the folder.
///
/// # Errors
/// What the disk says; [`Code::BadMaps`] for a plan that cannot be one.
pub(crate) fn finish(root: &Path) -> Result<()> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    let file = folder.join(PLAN);
    if file.is_file() {
        let text = files::read(&file, "read what is to be done")?;
        let damaged =
            || Error::new(Code::BadMaps, "the file is damaged").at(Place::File(file.clone()));
        let plan: Plan = serde_json::from_slice(&text).map_err(|error| damaged().because(error))?;
        if plan.old.iter().chain(&plan.new).any(|path| !inside(path)) {
            return Err(damaged());
        }
        let old = |i: usize| folder.join(format!("old-{i}"));
        for (i, place) in plan.old.iter().enumerate() {
            // Once it is away, something new may be in its place.
            if !old(i).exists() {
                move_to(&root.join(place), &old(i))?;
            }
        }
        for place in &plan.new {
            let (new, place) = (folder.join("new").join(place), root.join(place));
            if new.exists() {
                make_folder(place.parent().unwrap_or(root))?;
                move_to(&new, &place)?;
            }
        }
        // Without the plan, the rest is only litter; with it, all of it is needed.
        files::remove(&file)?;
        files::sync_folder(&folder)
            .map_err(|error| Error::io(&folder, "finish what was begun", &error))?;
    }
    std::fs::remove_dir_all(&folder)
        .map_err(|error| Error::io(&folder, "remove what is not needed any more", &error))
}

/// Whether a path stays within the folder that it counts from.
fn inside(path: &Path) -> bool {
    let normal = |part| matches!(part, std::path::Component::Normal(_));
    path.components().next().is_some() && path.components().all(normal)
}

fn move_to(from: &Path, to: &Path) -> Result<()> {
    files::rename(from, to)?;
    // The name that is gone must stay so after a power cut, too.
    from.parent().map_or(Ok(()), |folder| {
        files::sync_folder(folder).map_err(|error| Error::io(folder, "rename the folder", &error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &Path, text: &str) {
        make_folder(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Whatever was done of a plan, the rest is done next time; without a plan nothing is.
    #[test]
    fn what_was_stopped_is_finished_or_undone() {
        for (moved, placed, planned) in
            [(0, 0, false), (0, 0, true), (1, 0, true), (2, 0, true), (2, 1, true), (2, 2, true)]
        {
            let folder = tempfile::tempdir().unwrap();
            let (root, staged) = (folder.path(), folder.path().join(FOLDER));
            let places = ["a/x", "b/y"];
            for place in places {
                write(&root.join(place).join("old"), "");
                write(&staged.join("new").join(place).join("new"), "");
            }
            if planned {
                write(
                    &staged.join("plan.json"),
                    r#"{"old": ["a/x", "b/y"], "new": ["a/x", "b/y"]}"#,
                );
            }
            for (i, place) in places[..moved].iter().enumerate() {
                std::fs::rename(root.join(place), staged.join(format!("old-{i}"))).unwrap();
            }
            for place in &places[..placed] {
                std::fs::rename(staged.join("new").join(place), root.join(place)).unwrap();
            }
            finish(root).unwrap();
            finish(root).unwrap();
            for place in places {
                let there = |name: &str| root.join(place).join(name).exists();
                assert_eq!((there("old"), there("new")), (!planned, planned), "{moved} {placed}");
            }
            assert!(!staged.exists());
        }
    }

    /// Of a folder that stays only what is named goes.
    #[test]
    fn what_stays_in_a_folder_is_beside_what_comes() {
        let folder = tempfile::tempdir().unwrap();
        let maps = Maps::reopen(folder.path()).unwrap();
        let place = Path::new("a/group");
        for old in ["interpret-x/map", "table", "tensors/old"] {
            write(&folder.path().join(place).join(old), "old");
        }
        let mut staged = Staged::new(&maps).unwrap();
        let new = staged.folder(place).unwrap();
        write(&new.join("table"), "new");
        write(&new.join("tensors/new"), "new");
        staged.commit(["table", "tensors"].map(|name| place.join(name)).to_vec()).unwrap();
        let text = |name: &str| std::fs::read_to_string(folder.path().join(place).join(name)).ok();
        assert_eq!(text("interpret-x/map").as_deref(), Some("old"));
        assert_eq!(text("table").as_deref(), Some("new"));
        assert_eq!(text("tensors/new").as_deref(), Some("new"));
        assert_eq!(text("tensors/old"), None);
        assert!(text("hashes.tsv").unwrap().contains("tensors/new"));
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[test]
    fn results_of_another_process_are_let_be() {
        let folder = tempfile::tempdir().unwrap();
        let maps = Maps::reopen(folder.path()).unwrap();
        let mut first = Staged::new(&maps).unwrap();
        write(&first.folder(Path::new("a")).unwrap().join("new"), "first");
        let error = Staged::new(&maps).err().unwrap();
        assert_eq!(error.code(), Code::OutputLocked, "{error}");
        first.commit(Vec::new()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("a/new")).unwrap(), "first");
        assert!(!folder.path().join(FOLDER).exists());
    }

    #[test]
    fn a_plan_cannot_lead_out_of_the_folder() {
        for place in ["../out", "/out", "a/../../out", ""] {
            let folder = tempfile::tempdir().unwrap();
            let plan = serde_json::json!({"old": [place], "new": []});
            write(&folder.path().join(FOLDER).join("plan.json"), &plan.to_string());
            assert_eq!(finish(folder.path()).unwrap_err().code(), Code::BadMaps, "{place:?}");
        }
    }
}
