//! Trains from Rust, without scripts: `train CAPS SPLITS OUTPUT [MODE]`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::atomic::AtomicBool;

use neurhai_core::catalog::{
    Architecture, ArchitectureEntry, ArchitectureRequest, Catalog, Origin,
};
use neurhai_core::network::{LayerSpec, NetworkSpec};
use neurhai_core::train::{self, Event, Session};
use serde_json::json;

/// Five blocks of convolution, normalisation and pooling, and three linear layers.
struct Conv5;

impl Architecture for Conv5 {
    fn build(
        &self,
        request: &ArchitectureRequest,
        _: &Catalog,
    ) -> neurhai_core::Result<NetworkSpec> {
        let mut layers = Vec::new();
        for channels in [8, 16, 32, 64, 128] {
            layers.push(
                LayerSpec::new("conv")
                    .with("out_channels", channels)
                    .with("kernel_size", 3)
                    .with("padding", 1),
            );
            layers.push(LayerSpec::new("batch_norm"));
            layers.push(LayerSpec::new("relu"));
            layers.push(LayerSpec::new("pad_max_pool").with("kernel_size", 2));
        }
        layers.push(LayerSpec::new("flatten"));
        for features in [1300, 50] {
            layers.push(LayerSpec::new("linear").with("out_features", features));
            layers.push(LayerSpec::new("relu"));
        }
        layers.push(LayerSpec::new("linear").with("out_features", request.outputs));
        Ok(NetworkSpec::from_layers("conv5", layers))
    }
}

fn main() -> neurhai_core::Result<()> {
    neurhai_core::device::share_processors();
    neurhai_core::device::keep_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [caps, splits, output, mode @ ..] = &arguments[..] else {
        println!("usage: train CAPS SPLITS OUTPUT [image|patch]");
        return Ok(());
    };
    let mut catalog = Catalog::built_in()?;
    catalog.architectures.register(ArchitectureEntry {
        name: "conv5".into(),
        help: "Five convolutions and three linear layers.".into(),
        source: String::new(),
        options: vec![],
        origin: Origin::BuiltIn,
        architecture: Box::new(Conv5),
    })?;
    let patches = mode.first().is_some_and(|mode| mode == "patch");
    let options = json!({
        "data": { "caps": caps, "mode": if patches { "patch" } else { "image" }, "patch_size": 32, "stride_size": 32 },
        "splits": splits, "split": [0], "output": output, "architecture": "conv5",
        "epochs": if patches { 3 } else { 10 }, "batch_size": if patches { 8 } else { 4 },
        "patience": 0, "selection_metrics": ["loss", "BA"], "seed": 42,
    });
    let print = |event: &Event| {
        if !matches!(event, Event::Step { .. } | Event::Evaluating { .. } | Event::Checking { .. })
        {
            println!("{event:?}");
        }
    };
    let session =
        Session { catalog: &catalog, scripts: &[], stop: &AtomicBool::new(false), events: &print };
    let options = options.as_object().cloned().unwrap_or_default();
    let outcome = train::run(&options, &session)?;
    println!("balanced accuracy {:?}", outcome.value(0, "BA", "validation", "BA"));
    Ok(())
}
