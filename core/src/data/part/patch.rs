use super::*;

/// Windows on a regular grid; ⌊(n − size) / stride⌋ + 1 per axis, the last axis counting fastest.
/// What is left over at the high side is not seen.
pub(super) struct Patch {
    size: [usize; 3],
    stride: [usize; 3],
    grid: [usize; 3],
}

impl Patch {
    pub(super) fn new(options: &Options, shape: [usize; 3]) -> Result<Self> {
        let size = three(options, "patch_size")?;
        let stride = three(options, "stride_size")?;
        let mut grid = [0; 3];
        for axis in 0..3 {
            if size[axis] > shape[axis] {
                return Err(bad_option(
                    "patch_size",
                    format!("patches of {} do not fit into images of {}", show(size), show(shape)),
                )
                .help(format!(
                    "choose patch_size of at most {}",
                    shape.iter().min().unwrap_or(&1)
                )));
            }
            grid[axis] = (shape[axis] - size[axis]) / stride[axis] + 1;
        }
        Ok(Self { size, stride, grid })
    }
}

impl Parts for Patch {
    fn mode(&self) -> &'static str {
        "patch"
    }

    fn count(&self) -> usize {
        self.grid.iter().product()
    }

    fn shape(&self, _: usize) -> Shape {
        vec![1, self.size[0] as i64, self.size[1] as i64, self.size[2] as i64]
    }

    fn block(&self, index: usize) -> Block {
        let [_, ny, nz] = self.grid;
        let place = [index / (ny * nz), index / nz % ny, index % nz];
        let from = [0, 1, 2].map(|axis| place[axis] * self.stride[axis]);
        Block { from, size: self.size }
    }

    fn cut(&self, volume: &Volume, index: usize, out: &mut Vec<f32>) {
        copy_block(volume, self.block(index), out);
    }

    /// ClinicaDL's patches are cubes, with one stride for all axes.
    fn tensor(&self, index: usize) -> Option<TensorOf<'_>> {
        let even = |sizes: [usize; 3]| sizes.iter().all(|size| *size == sizes[0]);
        let (size, stride) = (self.size[0], self.stride[0]);
        let written = even(self.size) && even(self.stride);
        written.then_some(TensorOf::Patch { size, stride, index })
    }

    fn describe(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        keys.insert("patch_size".into(), size_json(self.size));
        keys.insert("stride_size".into(), size_json(self.stride));
        keys
    }
}
