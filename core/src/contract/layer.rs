use serde_json::json;

use super::{Findings, network};
use crate::catalog::{Catalog, LayerEntry};
use crate::network::{LayerSpec, NetworkSpec, PartSpec, Plan};
use crate::shape::show;

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
    let plan = |layers: &[LayerSpec]| Plan::new(spec(layers), &example.input, catalog);
    if let Some(planned) = findings.ok("its example to be right", plan(&layers)) {
        let said = format!("its example to give {}", show(&example.output));
        findings.that(&said, planned.output == example.output);
        network::check(catalog, &spec(&layers), &example.input, findings);
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
        plan(&layers)
    });
}
