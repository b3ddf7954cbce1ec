use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// The convolution whose transpose the layer is; it drops the output padding by itself.
pub(super) struct ConvTranspose;

impl Transpose for ConvTranspose {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let mut layer = LayerSpec::new("conv").with("out_channels", request.input[0]);
        for name in ["kernel_size", "stride", "padding", "dilation", "groups", "bias"] {
            let value = request.layer.options.get(name).cloned();
            layer = layer.with(name, value.unwrap_or_default());
        }
        Ok(vec![layer])
    }
}
