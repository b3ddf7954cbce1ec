use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// Maxima go back to where they were.
pub(super) struct MaxPool;

impl Transpose for MaxPool {
    fn transpose(&self, _: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("max_unpool")])
    }
}

/// The same for the pooling that pads.
pub(super) struct PadMaxPool;

impl Transpose for PadMaxPool {
    fn transpose(&self, _: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("crop_max_unpool")])
    }
}
