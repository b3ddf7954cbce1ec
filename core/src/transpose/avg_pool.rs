use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// Every mean is repeated over the voxels it was taken of.
pub(super) struct AvgPool;

impl Transpose for AvgPool {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("upsample").with("size", request.input[1..].to_vec())])
    }
}

/// The same from a flat output.
pub(super) struct GlobalAvgPool;

impl Transpose for GlobalAvgPool {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let mut voxel = vec![1; request.input.len()];
        voxel[0] = request.output[0];
        Ok(vec![
            LayerSpec::new("reshape").with("shape", voxel),
            LayerSpec::new("upsample").with("size", request.input[1..].to_vec()),
        ])
    }
}
