//! Maps of parts, put back into the volume that the parts were cut from.

use crate::data::part::{Block, Parts};
use crate::error::{Code, Error, Result};

/// How often each voxel of a volume is seen by the parts.
pub(super) struct Cover {
    shape: [usize; 3],
    count: Vec<u32>,
}

impl Cover {
    /// Where these parts of images of this shape lie.
    pub(super) fn new(parts: &dyn Parts, these: &[usize], shape: [usize; 3]) -> Self {
        let mut count = vec![0; shape.iter().product()];
        for part in these {
            seen(parts, *part, shape, |_, at| count[at] += 1);
        }
        Self { shape, count }
    }

    /// An empty volume.
    pub(super) fn canvas(&self) -> Canvas {
        Canvas(vec![0.0; self.count.len()])
    }

    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Whether a part sees the voxel at this place of the volume.
    pub(super) fn sees(&self, at: usize) -> bool {
        self.count[at] > 0
    }

    /// How many voxels there are.
    pub(super) fn len(&self) -> usize {
        self.count.len()
    }
}

/// The sum of the maps of an image's parts.
pub(super) struct Canvas(Vec<f32>);

impl Canvas {
    /// Adds the map of a part: a value for each voxel of its block, the last axis fastest.
    ///
    /// # Errors
    /// A map of another size.
    pub(super) fn add(
        &mut self,
        parts: &dyn Parts,
        part: usize,
        map: &[f32],
        cover: &Cover,
    ) -> Result<()> {
        let size: usize = parts.block(part).size.iter().product();
        if map.len() != size {
            let message = format!("a map of {} values for a part of {size} voxels", map.len());
            return Err(Error::new(Code::Internal, message));
        }
        seen(parts, part, cover.shape, |from, at| self.0[at] += map[from]);
        Ok(())
    }

    /// The mean over the parts that see each voxel; 0 where none does.
    pub(super) fn finish(mut self, cover: &Cover) -> Vec<f32> {
        for (value, count) in self.0.iter_mut().zip(&cover.count) {
            if *count > 1 {
                *value /= *count as f32;
            }
        }
        self.0
    }
}

/// Which voxels of its block a part sees, where it does not see all of them.
pub(super) fn inside(parts: &dyn Parts, part: usize, shape: [usize; 3]) -> Option<Vec<bool>> {
    parts.inside(part)?;
    let mut found = vec![false; parts.block(part).size.iter().product()];
    seen(parts, part, shape, |place, _| found[place] = true);
    Some(found)
}

/// Calls `each` with the place in the part and in the volume of each voxel that a part sees; what lies
/// outside of a region's mask it does not.
fn seen(parts: &dyn Parts, part: usize, shape: [usize; 3], mut each: impl FnMut(usize, usize)) {
    let Block { from, size } = parts.block(part);
    let inside = parts.inside(part);
    let mut place = 0;
    for x in from[0]..from[0] + size[0] {
        for y in from[1]..from[1] + size[1] {
            let row = (x * shape[1] + y) * shape[2] + from[2];
            for at in row..row + size[2] {
                if inside.is_none_or(|inside| inside[at]) {
                    each(place, at);
                }
                place += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::options::specs;
    use crate::data::part::{Region, parts};
    use crate::options::Options;
    use crate::volume::{self, Stats, Volume};

    const SHAPE: [usize; 3] = [5, 6, 7];

    fn volume() -> Volume {
        let voxels: Vec<f32> = (0..210).map(|i| i as f32 + 1.0).collect();
        let affine = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
        Volume { shape: SHAPE, stats: Stats::of(&voxels), voxels: voxels.into(), affine }
    }

    /// Cutting a volume and putting the parts back gives the volume where parts lie, and 0 elsewhere.
    #[track_caller]
    fn returns(
        given: serde_json::Value,
        regions: Vec<Region>,
        covered: impl Fn([usize; 3]) -> bool,
    ) {
        let mut given = given.as_object().unwrap().clone();
        given.insert("caps".into(), json!("x"));
        let options = Options::check(&specs(), &given, "data").unwrap();
        let parts = parts(&options, SHAPE, None, regions).unwrap();
        let all: Vec<usize> = (0..parts.count()).collect();
        let (volume, cover) = (volume(), Cover::new(parts.as_ref(), &all, SHAPE));
        let mut canvas = cover.canvas();
        for part in 0..parts.count() {
            let mut voxels = Vec::new();
            parts.cut(&volume, part, &mut voxels);
            // All channels of a slice are the same.
            let size: usize = parts.block(part).size.iter().product();
            canvas.add(parts.as_ref(), part, &voxels[..size], &cover).unwrap();
        }
        let found = canvas.finish(&cover);
        for (at, (found, voxel)) in found.iter().zip(&volume.voxels).enumerate() {
            let expected = if covered([at / 42, at / 7 % 6, at % 7]) { *voxel } else { 0.0 };
            assert_eq!(*found, expected, "voxel {at}");
        }
    }

    #[test]
    fn parts_are_put_back_where_they_were_cut() {
        returns(json!({"mode": "image"}), vec![], |_| true);
        let overlapping = json!({"mode": "patch", "patch_size": 3, "stride_size": [2, 2, 3]});
        // 5 − 3 is a multiple of 2, 6 − 3 is not, 7 − 3 leaves one voxel.
        returns(overlapping, vec![], |[_, y, z]| y < 5 && z < 6);
        let slices = json!({"mode": "slice", "slice_direction": "coronal", "discarded_slices": [1, 2],
            "slice_mode": "rgb"});
        returns(slices, vec![], |[_, y, _]| (1..4).contains(&y));
    }

    #[test]
    fn regions_are_put_back_inside_of_their_masks() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |[x, y, z]: [usize; 3]| (1..3).contains(&x) && (y + z) % 2 == 0 && z > 3;
        let mask = (0..210).map(|at| f32::from(u8::from(inside([at / 42, at / 7 % 6, at % 7]))));
        let file = folder.path().join("mask.nii.gz");
        let mask: Vec<f32> = mask.collect();
        volume::write(&file, SHAPE, &mask, &volume().affine).unwrap();
        for uncropped in [false, true] {
            let region = Region { name: "r".into(), file: file.clone() };
            let given = json!({"mode": "roi", "roi_list": "r", "uncropped_roi": uncropped});
            returns(given, vec![region], inside);
        }
    }
}
