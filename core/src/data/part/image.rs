use super::*;

/// The whole image as one part.
pub(super) struct Image {
    pub(super) shape: [usize; 3],
}

impl Parts for Image {
    fn mode(&self) -> &'static str {
        "image"
    }

    fn count(&self) -> usize {
        1
    }

    fn shape(&self, _: usize) -> Shape {
        vec![1, self.shape[0] as i64, self.shape[1] as i64, self.shape[2] as i64]
    }

    fn label(&self, _: usize) -> String {
        "the image".into()
    }

    fn block(&self, _: usize) -> Block {
        Block { from: [0; 3], size: self.shape }
    }

    fn cut(&self, volume: &Volume, _: usize, out: &mut Vec<f32>) {
        out.extend_from_slice(&volume.voxels);
    }

    /// Whole images are read from tensors by [`crate::data::images::Images`].
    fn tensor(&self, _: usize) -> Option<TensorOf<'_>> {
        None
    }

    fn describe(&self) -> Map<String, Value> {
        Map::new()
    }
}
