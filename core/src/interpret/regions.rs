//! Means of a map over the regions of an atlas.

use std::collections::BTreeMap;
use std::path::Path;

use super::records::near;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::volume::{self, Affine};

/// The labels of an atlas, on the grid of the images.
pub(super) struct Atlas {
    shape: [usize; 3],
    affine: Affine,
    /// For each region its label, its name, and its voxels.
    regions: Vec<(u32, Option<String>, Vec<usize>)>,
}

/// What a map holds in a region.
pub(super) struct Row {
    label: u32,
    name: Option<String>,
    voxels: usize,
    mean: f64,
    mean_absolute: f64,
}

impl Row {
    pub(super) const COLUMNS: [&'static str; 5] =
        ["index", "name", "voxels", "mean", "mean_absolute"];

    pub(super) fn cells(&self) -> [String; 5] {
        [
            self.label.to_string(),
            self.name.clone().unwrap_or_else(|| "n/a".into()),
            self.voxels.to_string(),
            self.mean.to_string(),
            self.mean_absolute.to_string(),
        ]
    }
}

impl Atlas {
    /// Reads an image of labels, 0 for background, and what they are called.
    ///
    /// # Errors
    /// What is no whole number from 0 on; a table without the columns `index` and `name`.
    pub(super) fn read(file: &Path, names: Option<&Path>) -> Result<Self> {
        let bad = |message: String| {
            Error::new(Code::BadImage, message)
                .at(Place::File(file.into()))
                .help("an atlas holds whole numbers, a label for each region, and 0 elsewhere")
        };
        let image = volume::read(file)?;
        let mut names = names.map_or_else(|| Ok(BTreeMap::new()), read_names)?;
        let mut voxels: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, value) in image.voxels.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            // Beyond 2²⁴ neighbouring labels are one number in float32.
            if value.fract() != 0.0 || !(0.0..=16_777_216.0).contains(value) {
                return Err(bad(format!("the atlas holds {value}, which is no label")));
            }
            voxels.entry(*value as u32).or_default().push(at);
        }
        if voxels.is_empty() {
            return Err(bad("the atlas has no region".into()));
        }
        let regions = voxels.into_iter().map(|(label, at)| (label, names.remove(&label), at));
        Ok(Self { shape: image.shape, affine: image.affine, regions: regions.collect() })
    }

    /// Whether it lies on the grid of an image.
    ///
    /// # Errors
    /// [`Code::ImageShape`] where it does not.
    pub(super) fn check(&self, shape: [usize; 3], affine: &Affine) -> Result<()> {
        if self.shape == shape && near(&self.affine, affine) {
            return Ok(());
        }
        let by = |[x, y, z]: [usize; 3]| format!("{x}×{y}×{z}");
        let message = match self.shape == shape {
            true => "the atlas lies elsewhere in the world than the image".to_owned(),
            false => format!("the atlas has {} voxels, the image {}", by(self.shape), by(shape)),
        };
        Err(Error::new(Code::ImageShape, message)
            .help("resample the atlas to the images' grid, nearest neighbour"))
    }

    /// What a map holds in each region, in the order of the labels.
    pub(super) fn rows(&self, map: &[f32]) -> Vec<Row> {
        let row = |(label, name, voxels): &(u32, Option<String>, Vec<usize>)| {
            let mean = |of: fn(f32) -> f64| {
                voxels.iter().map(|at| of(map[*at])).sum::<f64>() / voxels.len() as f64
            };
            Row {
                label: *label,
                name: name.clone(),
                voxels: voxels.len(),
                mean: mean(f64::from),
                mean_absolute: mean(|value| f64::from(value.abs())),
            }
        };
        self.regions.iter().map(row).collect()
    }
}

/// The names of labels, as BIDS tables of segmentations give them.
fn read_names(file: &Path) -> Result<BTreeMap<u32, String>> {
    let table = Table::read(file)?;
    let (index, name) = (table.column("index")?, table.column("name")?);
    let mut names = BTreeMap::new();
    for row in 0..table.len() {
        let number = table.needed_number(row, index)?;
        if number.fract() != 0.0 || !(0.0..=16_777_216.0).contains(&number) {
            let error = Error::new(Code::BadValue, format!("{number} is no label"));
            return Err(error.at(table.place(row, Some(index))));
        }
        if let Some(name) = table.text(row, name) {
            names.insert(number as u32, name.to_owned());
        }
    }
    Ok(names)
}
