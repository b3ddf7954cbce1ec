use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// A linear layer from the outputs back to the inputs.
pub(super) struct Linear;

impl Transpose for Linear {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let bias = request.layer.options.get("bias").cloned().unwrap_or_default();
        let layer = LayerSpec::new("linear").with("out_features", request.input[0]);
        Ok(vec![layer.with("bias", bias)])
    }
}
