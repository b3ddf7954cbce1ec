use super::derive::mirror;
use super::{Transpose, TransposeRequest, Transposed, keeps_positions};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::network::LayerSpec;
use crate::options::Options;

/// The sum of the decoders of both ways; where there is no shortcut, x itself is added again.
pub(super) struct Residual;

impl Transpose for Residual {
    fn transpose(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Vec<LayerSpec>> {
        self.both(request, catalog).map(|both| both.decoder)
    }

    fn both(&self, request: &TransposeRequest, catalog: &Catalog) -> Result<Transposed> {
        let options = Options::checked(request.layer.options.clone());
        let way = |name: &str| mirror(catalog, name, options.layers(name)?, &request.input);
        let (body, shortcut) = (way("body")?, way("shortcut")?);
        let encoder = request.layer.clone().with_layers("body", &body.encoder);
        let encoder = encoder.with_layers("shortcut", &shortcut.encoder);
        // The positions kept last are the first to be taken, so the shortcut's go first.
        let crossed = keeps_positions(&body.encoder) && keeps_positions(&shortcut.encoder);
        let (first, second) = match crossed {
            true => (shortcut.decoder, body.decoder),
            false => (body.decoder, shortcut.decoder),
        };
        let decoder = LayerSpec::new("residual").with_layers("body", &first);
        let decoder = decoder.with_layers("shortcut", &second);
        Ok(Transposed { encoder, decoder: vec![decoder] })
    }
}
