use super::derive::mirror;
use super::{Transpose, TransposeRequest, Transposed};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;
use crate::options::Options;

/// The decoder of its layers, as one layer.
pub(super) struct Sequential;

impl Transpose for Sequential {
    fn transpose(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Vec<LayerSpec>> {
        self.both(request, catalog).map(|both| both.decoder)
    }

    fn both(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Transposed> {
        let layers = Options::checked(request.layer.options.clone()).layers("layers")?;
        let found = mirror(catalog, "layers", layers, &request.input)?;
        let decoder = vec![LayerSpec::new("sequential").with_layers("layers", &found.decoder)];
        Ok(Transposed {
            encoder: request.layer.clone().with_layers("layers", &found.encoder),
            decoder,
        })
    }
}
