use super::Findings;
use crate::catalog::{Catalog, TransposeEntry};
use crate::network::{LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::shape::show;
use crate::transpose::transpose;

pub(super) fn check(catalog: &Catalog, entry: &TransposeEntry, findings: &mut Findings) {
    findings.help(&entry.help);
    let Some(layer) = findings.ok("a layer to undo", catalog.layers.get(&entry.layer)) else {
        return;
    };
    let example = &layer.info.example;
    let Ok(layers) = LayerSpec::list(&example.layers) else { return };
    let Some(at) = layers.iter().rposition(|layer| layer.kind == entry.layer) else { return };
    // What stands before the layer in its example makes its input.
    let before = layers[..at].to_vec();
    let shape = |input: &[i64]| {
        if before.is_empty() {
            return Some(input.to_vec());
        }
        let parts = vec![PartSpec { name: "net".into(), layers: before.clone() }];
        let spec = NetworkSpec { architecture: "contract".into(), parts };
        Plan::new(spec, input, catalog).ok().map(|plan| plan.output)
    };
    let mut tried = 0;
    for longer in 0..4 {
        // Odd and even sizes; the channels stay.
        let mut input = match example.input[..] {
            [] => vec![4, 8, 8, 8],
            ref input => input.to_vec(),
        };
        let spatial = input.len().min(1);
        input[spatial..]
            .iter_mut()
            .enumerate()
            .for_each(|(axis, n)| *n += (longer + axis as i64) % 4);
        let alone = |input: &[i64]| {
            let parts = vec![PartSpec { name: "net".into(), layers: layers[at..=at].to_vec() }];
            Plan::new(NetworkSpec { architecture: "contract".into(), parts }, input, catalog)
        };
        let Some(input) = shape(&input).filter(|input| alone(input).is_ok()) else { continue };
        tried += 1;
        let undone = transpose(catalog, &layers[at], &input);
        findings.ok(&format!("the shape {} to be restored", show(&input)), undone);
    }
    findings.that("a shape that the layer takes", tried > 0);
}
