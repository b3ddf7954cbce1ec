//! Where results go, and what is there already.

use std::path::{Path, PathBuf};

use super::group::{DataGroup, Standing};
use super::opened::Opened;
use super::options::Asked;
use crate::error::{Code, Error, Place, Result};
use crate::transfer::folder::list;

/// Where results of a split's best models go.
pub(super) struct Target {
    /// Within the experiment folder: `split-<k>/best-<metric>/<group>`.
    pub(super) folder: PathBuf,
    /// Whether the tables are written; otherwise those that are there stay.
    pub(super) tables: bool,
}

/// Where all results go.
pub(super) struct Places {
    /// For each split and metric, in order.
    pub(super) targets: Vec<Target>,
    /// What goes, within the experiment folder; all of it is there.
    pub(super) old: Vec<PathBuf>,
}

/// Where what the splits say together goes, within the experiment folder.
pub(super) fn ensemble(metric: &str, group: &str) -> PathBuf {
    Path::new("ensemble").join(format!("best-{metric}")).join(group)
}

impl Places {
    /// Finds a place for each split and metric of `chosen`.
    ///
    /// # Errors
    /// [`Code::GroupInUse`] for all that is there already and would be written again.
    pub(super) fn find(
        opened: &Opened,
        group: &DataGroup,
        asked: &Asked,
        chosen: &[(usize, String)],
    ) -> Result<Self> {
        let (root, name) = (&opened.root, group.name.as_str());
        let within = |path: PathBuf| path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path);
        let of = |split: usize, metric: &str| within(opened.folder.best(split, metric).join(name));
        let there = |place: &Path| root.join(place).exists();
        let overwrite = asked.group.overwrite;
        let (mut targets, mut old, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        if group.standing == Standing::New {
            // Whatever is there of this name is of other people.
            let own = Path::new("groups").join(name);
            let mut all = vec![own];
            for (split, metric) in opened.chosen(None, None)? {
                all.push(of(split, &metric));
                all.push(ensemble(&metric, name));
            }
            all.sort();
            all.dedup();
            all.retain(|place| there(place));
            if overwrite { old.extend(all) } else { taken.extend(all) }
        }
        for (split, metric) in chosen {
            let folder = of(*split, metric);
            let table = format!("{name}_{}_level_prediction.tsv", group.source.parts.mode());
            // Interpretations would go with the folder.
            let interpreted = list(&root.join(&folder))
                .is_ok_and(|names| names.iter().any(|name| name.starts_with("interpret-")));
            let is_there =
                group.standing != Standing::New && (interpreted || there(&folder.join(table)));
            let adds = is_there && !overwrite;
            let saved = asked.saved.folders().into_iter().map(|what| folder.join(what));
            if group.standing == Standing::New {
            } else if !adds {
                let all = [folder.clone(), ensemble(metric, name)];
                old.extend(all.into_iter().filter(|place| there(place)));
            } else if asked.saved.any() {
                taken.extend(saved.filter(|place| there(place)));
            } else {
                taken.push(folder.clone());
            }
            targets.push(Target { folder, tables: !adds });
        }
        old.sort();
        old.dedup();
        if taken.is_empty() {
            return Ok(Self { targets, old });
        }
        let list = taken.iter().map(|place| place.display().to_string()).collect::<Vec<_>>();
        let message =
            format!("results of the group {name:?} are there already: {}", list.join(", "));
        Err(Error::new(Code::GroupInUse, message).at(Place::File(root.clone())).help(
            match group.standing {
                Standing::Training => {
                    "training wrote its tables, which stay; save_tensors, save_nifti and save_latent \
                     add what it did not, once"
                }
                _ => {
                    "choose another name, other splits or selection metrics, or pass overwrite to \
                     replace them"
                }
            },
        ))
    }

    /// What goes, file by file but for folders of many, below `root`.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn shown(&self, root: &Path) -> Result<Vec<PathBuf>> {
        let mut shown = Vec::new();
        for place in &self.old {
            let folder = root.join(place);
            if folder.is_dir() {
                shown.extend(list(&folder)?.into_iter().map(|name| folder.join(name)));
            } else {
                shown.push(folder);
            }
        }
        Ok(shown)
    }
}
