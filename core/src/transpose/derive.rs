//! Autoencoders out of networks that end in something else: the decoder is the encoder's layers,
//! each undone, in reverse order.

use super::{TransposeRequest, keep_shape, transpose};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::network::{LayerRow, LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::shape::{Shape, show};

/// The part that becomes the encoder where no other is named.
pub(super) const CONVOLUTIONS: &str = "convolutions";

/// The parts of an autoencoder, in order.
pub const PARTS: [&str; 2] = ["encoder", "decoder"];

/// Layers, and those that undo them.
pub(super) struct Mirror {
    pub(super) encoder: Vec<LayerSpec>,
    pub(super) decoder: Vec<LayerSpec>,
}

/// What undoes one layer, in the order of the decoder.
struct Step {
    /// The layer's path in its own network.
    path: String,
    layers: Vec<LayerSpec>,
    /// The shape after them, if they do what they should.
    restores: Shape,
}

/// The autoencoder of a network for `input` (without the batch axis): the parts `encoder` and
/// `decoder`. The encoder is the part `convolutions`, or the layers of all `parts` that are named,
/// one after the other, with poolings that keep their positions.
///
/// The decoder follows ClinicaDL's: layers that change the map are undone in reverse order by their
/// transpose rules, and the normalisations and activations after each of them stay behind it, so
/// that a convolution, norm and rectifier become a transposed convolution, norm and rectifier.
///
/// # Errors
/// A part that the network does not have; a layer that does not fit, that has no rule although it
/// changes the shape, or whose counterpart does not restore the shape, by its path in `network`.
pub fn autoencoder(
    catalog: &Catalog,
    network: &NetworkSpec,
    input: &[i64],
    parts: &[String],
) -> Result<NetworkSpec> {
    let own =
        NetworkSpec { architecture: network.architecture.clone(), parts: chosen(network, parts)? };
    let plan = Plan::new(own, input, catalog)?;
    let (encoder, steps) = undo(catalog, &plan)?;
    let decoder: Vec<_> = steps.iter().flat_map(|step| step.layers.clone()).collect();
    let part = |name: &str, layers| PartSpec { name: name.into(), layers };
    let spec = NetworkSpec {
        architecture: format!("AE_{}", network.architecture),
        parts: vec![part(PARTS[0], encoder), part(PARTS[1], decoder)],
    };
    check(catalog, &spec, input, &steps)?;
    Ok(spec)
}

/// The parts that make the encoder.
fn chosen(network: &NetworkSpec, parts: &[String]) -> Result<Vec<PartSpec>> {
    let default = [CONVOLUTIONS.to_owned()];
    let wanted = if parts.is_empty() { &default[..] } else { parts };
    let find = |name: &String| {
        let names = || network.parts.iter().map(|part| part.name.as_str());
        network.parts.iter().find(|part| part.name == *name).cloned().ok_or_else(|| {
            let near = did_you_mean(name, names());
            let message = format!(
                "the architecture {:?} has no part {name:?} to make an encoder of{near}",
                network.architecture
            );
            let list: Vec<_> = names().map(|name| format!("{name:?}")).collect();
            Error::new(Code::UnknownName, message).help(match &list[..] {
                [] => "it has no layers at all".into(),
                _ => format!(
                    "its parts are {}; the option parts names those that the encoder consists of",
                    list.join(", ")
                ),
            })
        })
    };
    wanted.iter().map(find).collect()
}

/// The same for a list of layers within another: `option` is what holds it there. Errors are placed
/// at paths that begin with it.
pub(super) fn mirror(
    catalog: &Catalog,
    option: &str,
    layers: Vec<LayerSpec>,
    input: &[i64],
) -> Result<Mirror> {
    if layers.is_empty() {
        return Ok(Mirror { encoder: Vec::new(), decoder: Vec::new() });
    }
    let parts = vec![PartSpec { name: option.into(), layers }];
    let spec = NetworkSpec { architecture: "transpose".into(), parts };
    let (encoder, steps) = undo(catalog, &Plan::new(spec, input, catalog)?)?;
    Ok(Mirror { encoder, decoder: steps.into_iter().flat_map(|step| step.layers).collect() })
}

/// The encoder's layers with what they keep for the decoder, and the decoder's steps.
fn undo(catalog: &Catalog, plan: &Plan) -> Result<(Vec<LayerSpec>, Vec<Step>)> {
    let layers = plan.spec.parts.iter().flat_map(|part| &part.layers);
    let rows = plan.rows.iter().filter(|row| row.depth == 0);
    let mut encoder = Vec::new();
    // Each block: a layer that is undone before those that follow it, and what it restores.
    let mut blocks: Vec<Vec<Step>> = Vec::new();
    let mut shape = plan.input.clone();
    for (layer, row) in layers.zip(rows) {
        let here = |error: Error| within(error, &row.path);
        if !head(catalog, row) {
            let layers = follower(catalog, row, &shape).map_err(here)?;
            let step = Step { path: row.path.clone(), layers, restores: shape.clone() };
            match blocks.last_mut() {
                Some(block) => block.push(step),
                None => blocks.push(vec![step]),
            }
            encoder.push(layer.clone());
        } else {
            if catalog.transposes.find(&row.kind).is_none() {
                keep_shape(&row.kind, &row.input, &row.output).map_err(here)?;
            }
            let undone = transpose(catalog, layer, &row.input).map_err(here)?;
            shape.clone_from(&row.input);
            let (path, layers) = (row.path.clone(), undone.decoder);
            blocks.push(vec![Step { path, layers, restores: shape.clone() }]);
            encoder.push(undone.encoder);
        }
    }
    let mut steps: Vec<Step> = blocks.into_iter().rev().flatten().collect();
    for layer in steps.iter_mut().flat_map(|step| &mut step.layers) {
        layer.name = None;
    }
    Ok((encoder, steps))
}

/// Whether the layer is undone where it stands in the reverse order: its counterpart does not stay
/// behind that of the layer before it.
pub(super) fn head(catalog: &Catalog, row: &LayerRow) -> bool {
    let rule = catalog.transposes.find(&row.kind);
    row.input != row.output || rule.is_some_and(|rule| !rule.rule.follows())
}

/// The counterpart of a layer that follows another, for the shape that it gets in the decoder.
fn follower(catalog: &Catalog, row: &LayerRow, shape: &[i64]) -> Result<Vec<LayerSpec>> {
    let layer = LayerSpec { kind: row.kind.clone(), name: None, options: row.options.clone() };
    match catalog.transposes.find(&row.kind) {
        Some(rule) => {
            let (input, output) = (shape.to_vec(), shape.to_vec());
            rule.rule.transpose(&TransposeRequest { layer, input, output }, catalog)
        }
        None => Ok(vec![layer]),
    }
}

/// Places an error at the layer `path`, or at the layer within it that it is about.
fn within(error: Error, path: &str) -> Error {
    error.placed(|place| match place {
        Some(Place::Layer(inner)) => Some(Place::Layer(format!("{path}.{inner}"))),
        _ => Some(Place::Layer(path.into())),
    })
}

/// Plans the autoencoder: every step must restore what it should.
fn check(catalog: &Catalog, spec: &NetworkSpec, input: &[i64], steps: &[Step]) -> Result<()> {
    let decoded = |path: &str| {
        let (part, rest) = path.split_once('.')?;
        let mut at: usize = rest.split('.').next()?.parse().ok()?;
        let mut steps = steps.iter().filter(|_| part == PARTS[1]);
        steps.find(|step| {
            let here = at < step.layers.len();
            at = at.wrapping_sub(step.layers.len());
            here
        })
    };
    let plan = Plan::new(spec.clone(), input, catalog).map_err(|error| {
        error.placed(|place| match &place {
            Some(Place::Layer(path)) => match decoded(path) {
                Some(step) => Some(Place::Layer(step.path.clone())),
                None => place,
            },
            _ => place,
        })
    })?;
    let mut rows = plan.rows.iter().filter(|row| row.depth == 0 && row.path.starts_with(PARTS[1]));
    for step in steps {
        let Some(last) = rows.by_ref().take(step.layers.len()).last() else { continue };
        if last.output != step.restores {
            let message = format!(
                "its counterpart in the decoder gives {} in place of {}",
                show(&last.output),
                show(&step.restores)
            );
            return Err(Error::new(Code::NoTranspose, message)
                .at(Place::Layer(step.path.clone()))
                .help(format!(
                    "register a rule that fits: transpose({:?}, |l| [ … ])",
                    last.kind
                )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
