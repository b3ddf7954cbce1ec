use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// The mean over the voxels that one was spread over.
pub(super) struct Upsample;

impl Transpose for Upsample {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let size = request.input[1..].to_vec();
        Ok(vec![LayerSpec::new("adaptive_avg_pool").with("output_size", size)])
    }
}
