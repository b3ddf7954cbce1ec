use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

/// The same again with as many groups as divide both its number of groups and the channels.
pub(super) struct GroupNorm;

impl Transpose for GroupNorm {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let groups = request.layer.options.get("num_groups").and_then(|groups| groups.as_i64());
        let common = greatest_common_divisor(groups.unwrap_or(1), request.input[0]);
        let layer = LayerSpec { name: None, ..request.layer.clone() };
        Ok(vec![layer.with("num_groups", common)])
    }

    fn follows(&self) -> bool {
        true
    }
}

/// Euclid's.
fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
