//! Architectures that are the autoencoders of others.

use std::sync::Arc;

use super::derive::{CONVOLUTIONS, autoencoder};
use crate::catalog::{Architecture, ArchitectureEntry, ArchitectureRequest, Catalog, Origin};
use crate::error::Result;
use crate::network::NetworkSpec;

/// The autoencoder of a registered architecture, whose options it takes.
pub struct Derived {
    name: String,
    base: Arc<ArchitectureEntry>,
    parts: Vec<String>,
}

impl Derived {
    /// An entry for the autoencoder of `base`: `AE_` and its name unless another is given, its
    /// encoder made of `parts`, or of the part `convolutions` where none are named.
    pub fn entry(
        base: &Arc<ArchitectureEntry>,
        name: Option<&str>,
        parts: &[String],
        origin: Origin,
    ) -> ArchitectureEntry {
        let parts = if parts.is_empty() { vec![CONVOLUTIONS.into()] } else { parts.to_vec() };
        let encoder = parts.join(", ");
        let name = name.map_or_else(|| format!("AE_{}", base.name), str::to_owned);
        let derived = Self { name: name.clone(), base: Arc::clone(base), parts };
        ArchitectureEntry {
            name,
            help: format!(
                "The autoencoder of {}: {encoder}, and a decoder that undoes it.",
                base.name
            ),
            source: base.source.clone(),
            options: base.options.clone(),
            origin,
            architecture: Box::new(derived),
        }
    }
}

impl Architecture for Derived {
    fn build(&self, request: &ArchitectureRequest, catalog: &Catalog) -> Result<NetworkSpec> {
        let network = self.base.architecture.build(request, catalog)?;
        let derived = autoencoder(catalog, &network, &request.input, &self.parts)?;
        Ok(NetworkSpec { architecture: self.name.clone(), ..derived })
    }

    fn base(&self) -> Option<(&Arc<ArchitectureEntry>, &[String])> {
        Some((&self.base, &self.parts))
    }
}
