use serde_json::json;

use super::{Findings, network};
use crate::catalog::{Catalog, LayerEntry};
use crate::network::{LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::shape::show;

/// Maps in 3D and 2D, and a row of features.
const COMMON: [&[i64]; 4] = [&[4, 9, 8, 7], &[4, 9, 8], &[16], &[1, 32, 32, 32]];

pub(super) fn check(catalog: &Catalog, entry: &LayerEntry, findings: &mut Findings) {
    let info = &entry.info;
    findings.help(&info.help);
    findings.that("no more positional options than options", info.positional <= info.options.len());
    let example = &info.example;
    let Some(layers) = findings.ok("an example of layers", LayerSpec::list(&example.layers)) else {
        return;
    };
    let spec = |layers: &[LayerSpec]| NetworkSpec {
        architecture: "contract".into(),
        parts: vec![PartSpec { name: "net".into(), layers: layers.to_vec() }],
    };
    let plan = |input: &[i64]| Plan::new(spec(&layers), input, catalog);
    // A script need not give an example; the first common shape that the layer takes will do.
    let given = !example.input.is_empty();
    let input = match given {
        true => example.input.clone(),
        false => {
            let taken = COMMON.iter().find(|input| plan(input).is_ok());
            taken.map_or_else(|| COMMON[0].to_vec(), |input| input.to_vec())
        }
    };
    if let Some(planned) = findings.ok("a shape that it takes", plan(&input)) {
        let said = format!("its example to give {}", show(&example.output));
        findings.that(&said, !given || planned.output == example.output);
        network::check(catalog, &spec(&layers), &input, findings);
    }
    let Some(at) = layers.iter().rposition(|layer| layer.kind == info.name) else {
        findings.that("its example to use the layer", false);
        return;
    };
    findings.unknown_option(&info.options, |given| {
        let mut layers = layers.clone();
        let unknown = given.keys().filter(|key| !info.options.iter().any(|o| o.name == **key));
        for key in unknown {
            layers[at].options.insert(key.clone(), json!(1));
        }
        Plan::new(spec(&layers), &input, catalog)
    });
}
