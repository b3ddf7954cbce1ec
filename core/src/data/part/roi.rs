use std::path::{Path, PathBuf};

use super::*;
use crate::data::images::space::elsewhere;

/// A mask that was found for a region of interest.
pub struct Region {
    /// The region's name.
    pub name: String,
    /// The mask's file.
    pub file: PathBuf,
}

/// Regions given by masks: voxels outside a mask become 0, and the box around it is cut out.
pub(super) struct Roi {
    regions: Vec<Mask>,
    uncropped: bool,
    describe: Map<String, Value>,
}

struct Mask {
    name: String,
    file: PathBuf,
    inside: Vec<bool>,
    from: [usize; 3],
    size: [usize; 3],
}

impl Roi {
    pub(super) fn new(
        options: &Options,
        shape: [usize; 3],
        affine: Option<&Affine>,
        regions: Vec<Region>,
    ) -> Result<Self> {
        let uncropped = options.flag("uncropped_roi")?;
        let mut masks = Vec::new();
        for region in regions {
            masks.push(Mask::read(region, shape, affine, uncropped)?);
        }
        let Some(first) = masks.first() else {
            return Err(bad_option("roi_list", "roi_list names no region".into()));
        };
        if let Some(other) = masks.iter().find(|mask| mask.size != first.size) {
            return Err(bad_option(
                "roi_list",
                format!(
                    "the regions {:?} and {:?} have boxes of {} and {}",
                    first.name,
                    other.name,
                    show(first.size),
                    show(other.size)
                ),
            )
            .help("one network needs parts of one shape: set uncropped_roi, or use one region"));
        }
        let mut describe = Map::new();
        describe.insert("roi_list".into(), json!(options.texts("roi_list")?));
        describe.insert("uncropped_roi".into(), json!(uncropped));
        describe.insert("roi_custom_template".into(), json!(options.text("roi_custom_template")?));
        describe.insert(
            "roi_custom_mask_pattern".into(),
            json!(options.text("roi_custom_mask_pattern")?),
        );
        Ok(Self { regions: masks, uncropped, describe })
    }
}

impl Mask {
    fn read(
        Region { name, file }: Region,
        shape: [usize; 3],
        affine: Option<&Affine>,
        uncropped: bool,
    ) -> Result<Self> {
        let bad =
            |message: String| Error::new(Code::BadMask, message).at(Place::File(file.clone()));
        let mask = crate::volume::read(&file)?;
        if mask.shape != shape {
            return Err(bad(format!(
                "the mask of {name:?} has {} voxels, but the images {}",
                show(mask.shape),
                show(shape)
            ))
            .help("resample the mask to the images' grid, nearest neighbour"));
        }
        if let Some(how) = affine.and_then(|images| elsewhere(shape, &mask.affine, images)) {
            return Err(bad(format!("the mask of {name:?} lies elsewhere than the images: {how}"))
                .help("resample the mask to the images' grid, nearest neighbour"));
        }
        if mask.stats.non_finite > 0 || mask.voxels.iter().any(|v| *v != 0.0 && *v != 1.0) {
            return Err(bad(format!("the mask of {name:?} holds other values than 0 and 1"))
                .help("save the region alone, as 0 outside and 1 inside"));
        }
        let inside: Vec<bool> = mask.voxels.iter().map(|v| *v == 1.0).collect();
        let (mut low, mut high) = (shape, [0; 3]);
        for (i, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
            let at = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]];
            for axis in 0..3 {
                low[axis] = low[axis].min(at[axis]);
                high[axis] = high[axis].max(at[axis] + 1);
            }
        }
        if high[0] == 0 {
            return Err(bad(format!("the mask of {name:?} is empty")));
        }
        let (from, size) = match uncropped {
            true => ([0; 3], shape),
            false => (low, [0, 1, 2].map(|axis| high[axis] - low[axis])),
        };
        Ok(Self { name, file, inside, from, size })
    }
}

impl Parts for Roi {
    fn mode(&self) -> &'static str {
        "roi"
    }

    fn count(&self) -> usize {
        self.regions.len()
    }

    fn shape(&self, index: usize) -> Shape {
        let size = self.regions[index].size;
        vec![1, size[0] as i64, size[1] as i64, size[2] as i64]
    }

    fn label(&self, index: usize) -> String {
        format!("roi {:?}", self.regions[index].name)
    }

    fn block(&self, index: usize) -> Block {
        let Mask { from, size, .. } = &self.regions[index];
        Block { from: *from, size: *size }
    }

    fn inside(&self, index: usize) -> Option<&[bool]> {
        Some(&self.regions[index].inside)
    }

    fn cut(&self, volume: &Volume, index: usize, out: &mut Vec<f32>) {
        let Mask { inside, from, size, .. } = &self.regions[index];
        let [_, ny, nz] = volume.shape;
        for x in from[0]..from[0] + size[0] {
            for y in from[1]..from[1] + size[1] {
                let row = (x * ny + y) * nz + from[2];
                let voxels = &volume.voxels[row..row + size[2]];
                let inside = &inside[row..row + size[2]];
                out.extend(
                    voxels.iter().zip(inside).map(|(v, inside)| if *inside { *v } else { 0.0 }),
                );
            }
        }
    }

    fn tensor(&self, index: usize) -> Option<TensorOf<'_>> {
        let mask = &self.regions[index].file;
        Some(TensorOf::Roi { mask, uncropped: self.uncropped })
    }

    fn masks(&self) -> Vec<&Path> {
        self.regions.iter().map(|mask| mask.file.as_path()).collect()
    }

    fn describe(&self) -> Map<String, Value> {
        self.describe.clone()
    }
}
