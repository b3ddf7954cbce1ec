//! Means of a map over the regions of an atlas.

use std::collections::BTreeMap;
use std::path::Path;

use super::canvas::Cover;
use super::records::near;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, some};
use crate::volume::{self, Affine};

/// The labels of an atlas, on the grid of the images.
pub(super) struct Atlas {
    shape: [usize; 3],
    affine: Affine,
    /// For each region its label, its name, and its voxels.
    regions: Vec<(u32, Option<String>, Vec<usize>)>,
    /// Names of labels that no voxel has.
    unused: Vec<String>,
}

/// What a map holds in a region.
pub(super) struct Row {
    label: u32,
    name: Option<String>,
    voxels: usize,
    /// Those of them that a part sees.
    seen: usize,
    /// Over what is seen: the mean, and that of the values without their signs.
    means: Option<[f64; 2]>,
}

impl Row {
    pub(super) const COLUMNS: [&'static str; 6] =
        ["index", "name", "voxels", "seen", "mean", "mean_absolute"];

    pub(super) fn cells(&self) -> [String; 6] {
        let mean = |which: usize| match self.means {
            Some(means) => means[which].to_string(),
            None => "n/a".to_owned(),
        };
        [
            self.label.to_string(),
            self.name.clone().unwrap_or_else(|| "n/a".into()),
            self.voxels.to_string(),
            self.seen.to_string(),
            mean(0),
            mean(1),
        ]
    }
}

impl Atlas {
    /// Reads an image of labels, 0 for background, and what they are called.
    ///
    /// # Errors
    /// What is no whole number from 0 on; a table without the columns `index` and `name`, or with a
    /// label twice.
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
        let regions = regions.collect();
        let unused = names.into_iter().map(|(label, name)| format!("{name} ({label})")).collect();
        Ok(Self { shape: image.shape, affine: image.affine, regions, unused })
    }

    /// What is to be known of it: names of labels that no voxel has.
    pub(super) fn warning(&self) -> Option<String> {
        let names = some(self.unused.iter(), 5);
        (!self.unused.is_empty()).then(|| format!("the atlas has no voxels of {names}"))
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

    /// What a map holds in each region where parts see it, in the order of the labels.
    pub(super) fn rows(&self, map: &[f32], cover: &Cover) -> Vec<Row> {
        let row = |(label, name, voxels): &(u32, Option<String>, Vec<usize>)| {
            let values = || voxels.iter().filter(|at| cover.sees(**at)).map(|at| map[*at]);
            let seen = values().count();
            let mean = |of: fn(f32) -> f64| values().map(of).sum::<f64>() / seen as f64;
            let means = [f64::from as fn(f32) -> f64, |value| f64::from(value.abs())];
            Row {
                label: *label,
                name: name.clone(),
                voxels: voxels.len(),
                seen,
                means: (seen > 0).then(|| means.map(mean)),
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
        let Some(name) = table.text(row, name) else { continue };
        if let Some(other) = names.insert(number as u32, name.to_owned()) {
            let message = format!("{number} is called {other:?} and {name:?}");
            let error = Error::new(Code::BadValue, message).at(table.place(row, Some(index)));
            return Err(error.help("name each label once"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::options::specs;
    use crate::data::part::parts;
    use crate::options::Options;

    const SHAPE: [usize; 3] = [4, 3, 2];

    fn affine() -> Affine {
        std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))))
    }

    /// An atlas with the label 1 where x is 0, 2 where it is 1, and 7 where it is 3.
    fn atlas(folder: &Path, names: &str) -> Result<Atlas> {
        let labels: Vec<f32> = (0..24).map(|at| [1.0, 2.0, 0.0, 7.0][at / 6]).collect();
        let (image, table) = (folder.join("atlas.nii"), folder.join("atlas.tsv"));
        volume::write(&image, SHAPE, &labels, &affine())?;
        std::fs::write(&table, names).unwrap();
        Atlas::read(&image, Some(&table))
    }

    #[test]
    fn means_are_over_what_parts_see() {
        let folder = tempfile::tempdir().unwrap();
        let atlas = atlas(folder.path(), "index\tname\n2\ttwo\n7\tseven\n9\tnine\n").unwrap();
        assert_eq!(atlas.warning().unwrap(), "the atlas has no voxels of nine (9)");
        // One patch, of the first three slices along x and the first two along y.
        let given = json!({"caps": "x", "mode": "patch", "patch_size": [3, 2, 2]});
        let options = Options::check(&specs(), given.as_object().unwrap(), "data").unwrap();
        let parts = parts(&options, SHAPE, None, vec![]).unwrap();
        let cover = Cover::new(parts.as_ref(), &[0], SHAPE);
        let map: Vec<f32> = (0..24).map(|at| [1.0, -2.0][at % 2] * (at / 6 + 1) as f32).collect();
        let map: Vec<f32> =
            map.iter().enumerate().map(|(at, v)| if cover.sees(at) { *v } else { 0.0 }).collect();
        let rows: Vec<_> = atlas.rows(&map, &cover).iter().map(Row::cells).collect();
        assert_eq!(rows[0], ["1", "n/a", "6", "4", "-0.5", "1.5"]);
        assert_eq!(rows[1], ["2", "two", "6", "4", "-1", "3"]);
        assert_eq!(rows[2], ["7", "seven", "6", "0", "n/a", "n/a"]);
    }

    #[test]
    fn a_label_has_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = atlas(folder.path(), "index\tname\n2\ttwo\n2\tzwei\n").err().unwrap();
        assert_eq!(error.code(), Code::BadValue);
        assert!(error.to_string().contains("\"two\" and \"zwei\""), "{error}");
    }
}
