use super::{Transpose, TransposeRequest};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;

pub(super) const HELP: &str = "The same layer again.";

/// For layers that keep the shape and are as much at home in a decoder.
pub(super) struct Copy {
    pub(super) follows: bool,
}

impl Transpose for Copy {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec { name: None, ..request.layer.clone() }])
    }

    fn follows(&self) -> bool {
        self.follows
    }
}
