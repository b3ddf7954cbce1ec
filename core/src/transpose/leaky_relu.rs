use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::network::LayerSpec;

/// x ↦ max(x, 0) + a · min(x, 0) is undone by the same function with 1/a.
pub(super) struct LeakyRelu;

impl Transpose for LeakyRelu {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let slope = request.layer.options.get("negative_slope").and_then(|slope| slope.as_f64());
        let inverse = 1.0 / slope.unwrap_or(0.0);
        if !inverse.is_finite() {
            let message = "a leaky_relu with the negative_slope 0 cannot be undone";
            return Err(Error::new(Code::NoTranspose, message)
                .help("use relu(), whose counterpart is relu() again"));
        }
        Ok(vec![LayerSpec::new("leaky_relu").with("negative_slope", inverse)])
    }

    fn follows(&self) -> bool {
        true
    }
}
