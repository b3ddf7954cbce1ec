use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// The shape from before.
pub(super) struct Reshape;

impl Transpose for Reshape {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("reshape").with("shape", request.input.clone())])
    }
}
