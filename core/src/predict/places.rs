//! Where results go, and what is there already.

use std::path::{Path, PathBuf};

use super::group::Standing;
use super::opened::Opened;
use super::options::Asked;
use super::stale::stale;
use crate::error::{Code, Error, Place, Result};
use crate::files;

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

/// What lies in an experiment of a group `name` that it does not have, within its folder: results and
/// interpretations of other people.
///
/// # Errors
/// What the disk says.
pub(crate) fn of_others(opened: &Opened, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for (split, metric) in opened.chosen(None, None)? {
        let folder = opened.folder.best(split, &metric).join(name);
        found.push(folder.strip_prefix(&opened.root).map(Path::to_path_buf).unwrap_or(folder));
        found.push(ensemble(&metric, name));
    }
    found.sort();
    found.dedup();
    // An empty folder holds nothing that could be mixed up.
    found.retain(|place| {
        files::entries(&opened.root.join(place)).is_ok_and(|names| !names.is_empty())
    });
    Ok(found)
}

impl Places {
    /// Finds a place for each split and metric of `chosen`, for the group `name`.
    ///
    /// # Errors
    /// [`Code::GroupInUse`] for all that is there already and would be written again.
    pub(super) fn find(
        opened: &Opened,
        (name, standing): (&str, Standing),
        asked: &Asked,
        chosen: &[(usize, String)],
    ) -> Result<Self> {
        let root = &opened.root;
        let within = |path: PathBuf| path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path);
        let of = |split: usize, metric: &str| within(opened.folder.best(split, metric).join(name));
        // An interpretation is no prediction of the same people.
        let is_map = |name: &String| standing != Standing::New && name.starts_with("interpret-");
        let there = |place: &Path| {
            let path = root.join(place);
            path.exists() && !files::entries(&path).is_ok_and(|names| names.iter().all(is_map))
        };
        let stale = stale(root)?;
        let table = format!("{name}_{}_level_prediction.tsv", opened.config.data.text("mode")?);
        let overwrite = asked.group.overwrite;
        let (mut targets, mut taken) = (Vec::new(), Vec::new());
        if standing == Standing::New {
            taken.push(Path::new("groups").join(name));
            taken.extend(of_others(opened, name)?);
        }
        for (split, metric) in chosen {
            let folder = of(*split, metric);
            // What was saved is added to tables that the same weights wrote.
            let adds = standing != Standing::New
                && !overwrite
                && asked.saved.any()
                && root.join(&folder).join(&table).is_file()
                && !stale.contains(&folder);
            if adds {
                taken.extend(asked.saved.folders().into_iter().map(|what| folder.join(what)));
            } else {
                taken.extend([folder.clone(), ensemble(metric, name)]);
            }
            targets.push(Target { folder, tables: !adds });
        }
        taken.sort();
        taken.dedup();
        taken.retain(|place| there(place));
        if taken.is_empty() || overwrite {
            // It stays, unless other weights than those that predict now made it.
            let goes = |place: PathBuf| {
                let names = files::entries(&root.join(&place)).unwrap_or_default();
                let stays = |name: &&String| is_map(name) && !stale.contains(&place.join(name));
                match names.iter().any(|name| stays(&name)) {
                    true => names.iter().filter(|n| !stays(n)).map(|n| place.join(n)).collect(),
                    false => vec![place],
                }
            };
            return Ok(Self { targets, old: taken.into_iter().flat_map(goes).collect() });
        }
        let shown = taken.iter().map(|place| {
            let by = if stale.contains(place) { " (by earlier weights)" } else { "" };
            format!("{}{by}", place.display())
        });
        let list = shown.collect::<Vec<_>>().join(", ");
        let message = format!("results of the group {name:?} are there already: {list}");
        let whole = |target: &Target| {
            let folder = &target.folder;
            !taken.contains(folder) || root.join(folder).join(&table).is_file()
        };
        let help = match standing {
            Standing::Training if taken.iter().any(|place| stale.contains(place)) => {
                "move what earlier weights left there elsewhere, and save it again"
            }
            Standing::Training if targets.iter().all(whole) => {
                "training wrote its tables, which stay; save_tensors, save_nifti and save_latent add \
                 what it did not, once"
            }
            Standing::Training => "where its tables are gone, move what is left of it elsewhere",
            _ => {
                "choose another name, other splits or selection metrics, or pass overwrite to replace \
                 them"
            }
        };
        Err(Error::new(Code::GroupInUse, message).at(Place::File(root.clone())).help(help))
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
                shown.extend(files::entries(&folder)?.into_iter().map(|name| folder.join(name)));
            } else {
                shown.push(folder);
            }
        }
        Ok(shown)
    }
}
