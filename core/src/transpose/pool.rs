use super::{Transpose, TransposeRequest};
use crate::error::Result;
use crate::network::LayerSpec;

/// Maxima go back to where they were; the encoder's pooling remembers it.
pub(super) struct MaxPool;

impl Transpose for MaxPool {
    fn transpose(&self, _: &TransposeRequest) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("max_unpool")])
    }

    fn encoder(&self, layer: &LayerSpec) -> LayerSpec {
        layer.clone().with("return_indices", true)
    }
}

/// The same for the pooling that pads.
pub(super) struct PadMaxPool;

impl Transpose for PadMaxPool {
    fn transpose(&self, _: &TransposeRequest) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("crop_max_unpool")])
    }

    fn encoder(&self, layer: &LayerSpec) -> LayerSpec {
        layer.clone().with("return_indices", true)
    }
}
