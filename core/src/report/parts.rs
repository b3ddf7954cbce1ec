//! What the vote of each part weighs, put back into the volume.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::Source;
use super::images::Images;
use super::pictures::{Shown, slices_at};
use super::tables::{Sheet, sheet};
use crate::data::cohorts::Cohorts;
use crate::data::options::specs;
use crate::data::part::canvas::Cover;
use crate::data::part::{Parts, parts};
use crate::error::Result;
use crate::files;
use crate::options::Options;
use crate::picture::{Colors, Scale};
use crate::train::inputs::{preprocessing, regions};
use crate::volume::Volume;

/// The weights of the parts in a split's best model of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weights {
    /// The split.
    pub split: usize,
    /// The metric whose best model it is.
    pub selection_metric: String,
    /// Score and weight of each part.
    pub table: Sheet,
    /// The weights over an image.
    pub pictures: Vec<Shown>,
    /// The largest colour's weight; none without pictures.
    pub limit: Option<f32>,
    /// Why there are no pictures, where there are none.
    pub missing: Option<String>,
}

/// The weights of every split and metric where parts vote.
///
/// # Errors
/// Damaged tables.
pub(super) fn weights(source: &Source<'_>, images: &Images) -> Result<Vec<Weights>> {
    let mut found = Vec::new();
    let mut cut: Option<AsTrained> = None;
    for split in source.folder.splits()? {
        for metric in source.folder.metrics(split)? {
            let file = source.folder.best(split, &metric).join("vote_weights.tsv");
            let Some(table) = sheet(&file)? else { continue };
            let cut = cut.get_or_insert_with(|| cut_as_trained(source, images));
            let (pictures, limit, missing) = match cut {
                Ok((volume, parts)) => match pictures(volume, parts.as_ref(), &table) {
                    Some((pictures, limit)) => (pictures, Some(limit), None),
                    None => (
                        Vec::new(),
                        None,
                        Some(
                            "no part has a weight above 0, or the table is of other parts"
                                .to_owned(),
                        ),
                    ),
                },
                Err(why) => (Vec::new(), None, Some(why.clone())),
            };
            found.push(Weights {
                split,
                selection_metric: metric,
                table,
                pictures,
                limit,
                missing,
            });
        }
    }
    Ok(found)
}

/// An image, and how it is cut, or why that is not known.
type AsTrained = std::result::Result<(Volume, Box<dyn Parts>), String>;

fn cut_as_trained(source: &Source<'_>, images: &Images) -> AsTrained {
    let Some(volume) = images.any() else {
        return Err("the images are not where they were, so the parts are not drawn".into());
    };
    let data = source.configuration.get("data").and_then(Value::as_object);
    let data = data.ok_or("the options of the data are not known")?;
    let made = Options::check(&specs(), data, "data").and_then(|data| {
        let cohorts = Cohorts::open(Path::new(data.text("caps")?))?;
        let used = cohorts.names().take(1).collect();
        let masks = regions(&cohorts, &used, &preprocessing(&data)?, &data)?;
        parts(&data, volume.shape, Some(&volume.affine), masks)
    });
    match made {
        Ok(parts) => Ok((volume, parts)),
        Err(error) => Err(format!("the parts are not drawn: {error}")),
    }
}

fn pictures(volume: &Volume, parts: &dyn Parts, table: &Sheet) -> Option<(Vec<Shown>, f32)> {
    let weight = table.columns.iter().position(|name| name == "weight")?;
    let weights: Option<Vec<f32>> =
        table.rows.iter().map(|row| row.get(weight)?.parse().ok()).collect();
    let weights = weights.filter(|weights| weights.len() == parts.count())?;
    let map = put_back(volume.shape, parts, &weights).ok()?;
    let limit = map.iter().copied().fold(0.0, f32::max);
    if limit <= 0.0 {
        return None;
    }
    // A hair above 0, so that parts without a say stay clear.
    let scale = Scale { colors: Colors::Sequential, limit, threshold: limit * 1e-6 };
    // Slices through where most is said.
    let peak = map.iter().enumerate().fold(
        0,
        |best, (at, value)| {
            if *value > map[best] { at } else { best }
        },
    );
    let [_, ny, nz] = volume.shape;
    let at = [peak / (ny * nz), peak / nz % ny, peak % nz];
    let centre = volume.shape.map(|length| length / 2);
    let through = if map[index(volume.shape, centre)] >= limit { centre } else { at };
    let pictures = slices_at(volume, Some((&map, &scale)), through).ok()?;
    Some((pictures, limit))
}

fn index([_, ny, nz]: [usize; 3], [x, y, z]: [usize; 3]) -> usize {
    (x * ny + y) * nz + z
}

/// The weights in the volume, as the mean over the parts that see a voxel.
fn put_back(shape: [usize; 3], parts: &dyn Parts, weights: &[f32]) -> Result<Vec<f32>> {
    let all: Vec<usize> = (0..weights.len()).collect();
    let cover = Cover::new(parts, &all, shape);
    let mut canvas = cover.canvas();
    for (part, weight) in weights.iter().enumerate() {
        let voxels = parts.block(part).size.iter().product();
        canvas.add(parts, part, &vec![*weight; voxels], &cover)?;
    }
    Ok(canvas.finish(&cover))
}

/// The pictures that `host interpret` wrote of a group's mean map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// The folder, below the experiment's.
    pub folder: PathBuf,
    /// The name that the maps were given.
    pub name: String,
    /// What `interpret.json` says.
    pub about: Value,
    /// The pictures, as PNG, with their names.
    pub pictures: Vec<Shown>,
}

/// Every folder `interpret-<name>` of every group.
///
/// # Errors
/// What the disk says.
pub(super) fn attributions(source: &Source<'_>, groups: &[PathBuf]) -> Result<Vec<Attribution>> {
    let mut found = Vec::new();
    for group in groups {
        for name in files::entries(group)? {
            let Some(given) = name.strip_prefix("interpret-") else { continue };
            let folder = group.join(&name);
            let pictures = super::pictures::of_folder(&folder.join("pictures"))?;
            let about = crate::experiment::read(&folder.join("interpret.json")).unwrap_or_default();
            let short = folder.strip_prefix(source.root).unwrap_or(&folder).to_path_buf();
            found.push(Attribution { folder: short, name: given.to_owned(), about, pictures });
        }
    }
    Ok(found)
}
