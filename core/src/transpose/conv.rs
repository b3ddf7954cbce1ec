use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;
use crate::options::Options;

/// A strided convolution forgets size mod stride, so the transposed one is told by how much to pad.
pub(super) struct Conv;

impl Transpose for Conv {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let axes = request.input.len() - 1;
        let options = Options::checked(request.layer.options.clone());
        let read = |name: &str| options.sizes(name, axes);
        let (kernel, stride) = (read("kernel_size")?, read("stride")?);
        let (padding, dilation) = (read("padding")?, read("dilation")?);
        let extra: Vec<i64> = (0..axes)
            .map(|axis| {
                let restored = (request.output[axis + 1] - 1) * stride[axis] - 2 * padding[axis]
                    + dilation[axis] * (kernel[axis] - 1)
                    + 1;
                request.input[axis + 1] - restored
            })
            .collect();
        let mut layer = LayerSpec::new("conv_transpose").with("out_channels", request.input[0]);
        for name in ["kernel_size", "stride", "padding", "dilation", "groups", "bias"] {
            layer = layer.with(name, options.values().get(name).cloned().unwrap_or_default());
        }
        if extra.iter().any(|extra| *extra != 0) {
            layer = layer.with("output_padding", extra);
        }
        Ok(vec![layer])
    }
}
