use super::*;

/// All planes across one axis, less some at both ends.
pub(super) struct Slice {
    shape: [usize; 3],
    axis: usize,
    rgb: bool,
    first: usize,
    discarded: [usize; 2],
}

impl Slice {
    pub(super) fn new(options: &Options, shape: [usize; 3]) -> Result<Self> {
        let axis = match options.text("slice_direction")? {
            "sagittal" => 0,
            "coronal" => 1,
            _ => 2,
        };
        let discarded = options.ints("discarded_slices")?;
        let discarded = match discarded[..] {
            [] => [0, 0],
            [both] if both >= 0 => [both as usize; 2],
            [low, high] if low >= 0 && high >= 0 => [low as usize, high as usize],
            _ => {
                return Err(bad_option(
                    "discarded_slices",
                    "discarded_slices is one number for both ends, or two".into(),
                ));
            }
        };
        if discarded[0] + discarded[1] >= shape[axis] {
            return Err(bad_option(
                "discarded_slices",
                format!(
                    "discarding {} and {} of {} slices leaves none",
                    discarded[0], discarded[1], shape[axis]
                ),
            ));
        }
        let rgb = options.text("slice_mode")? == "rgb";
        Ok(Self { shape, axis, rgb, first: discarded[0], discarded })
    }
}

impl Parts for Slice {
    fn mode(&self) -> &'static str {
        "slice"
    }

    fn count(&self) -> usize {
        self.shape[self.axis] - self.discarded[0] - self.discarded[1]
    }

    fn shape(&self, _: usize) -> Shape {
        let mut shape = vec![if self.rgb { 3 } else { 1 }];
        shape.extend((0..3).filter(|axis| *axis != self.axis).map(|axis| self.shape[axis] as i64));
        shape
    }

    fn id(&self, index: usize) -> usize {
        self.first + index
    }

    fn block(&self, index: usize) -> Block {
        let (mut from, mut size) = ([0; 3], self.shape);
        from[self.axis] = self.first + index;
        size[self.axis] = 1;
        Block { from, size }
    }

    fn cut(&self, volume: &Volume, index: usize, out: &mut Vec<f32>) {
        let start = out.len();
        copy_block(volume, self.block(index), out);
        if self.rgb {
            let end = out.len();
            out.extend_from_within(start..end);
            out.extend_from_within(start..end);
        }
    }

    fn tensor(&self, index: usize) -> Option<TensorOf<'_>> {
        Some(TensorOf::Slice { axis: self.axis, rgb: self.rgb, index: self.id(index) })
    }

    fn describe(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        keys.insert("slice_direction".into(), json!(self.axis));
        keys.insert("slice_mode".into(), json!(if self.rgb { "rgb" } else { "single" }));
        keys.insert("discarded_slices".into(), json!(self.discarded));
        keys
    }
}
