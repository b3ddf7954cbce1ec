//! What scripts cost: a layer of a script inside Conv5_FC3 against the built-in, and votes.

use std::time::Instant;

use neurhai_core::data::phantom::{PhantomOptions, generate};
use neurhai_core::vote::Ballot;
use neurhai_host::runtime::{Runtime, Settings};
use serde_json::Map;

use super::step::in_trainer;
use crate::{Result, compare, median};

/// Conv5_FC3 whose convolutions are a script's: once out of tensor functions with parameters of its
/// own, once as a layer that applies the built-in one.
const NETWORKS: &str = r#"
    import "zoo/blocks" as blocks;
    layer("by_functions", #{ channels: 8 }, #{
        parameters: |l| #{ weight: [l.channels, l.input[0], 3, 3, 3], bias: [l.channels] },
        forward: |l, x| conv(x, l.weight, l.bias, #{ padding: 1 }),
    });
    layer("by_layers", #{ channels: 8 }, |l, x| conv(l.channels, 3, #{ padding: 1 }).apply(x));
    fn net(kind, p) {
        let net = [];
        for n in [8, 16, 32, 64, 128] {
            net += [ custom(kind, n), batch_norm(), relu(), pad_max_pool(2) ];
        }
        net + blocks::head(p, [1300, 50])
    }
    architecture("ByFunctions", #{ dropout: 0.0 }, |p| net("by_functions", p));
    architecture("ByLayers", #{ dropout: 0.0 }, |p| net("by_layers", p));
    architecture("BuiltIn", #{ dropout: 0.0 }, |p| blocks::five_conv_pools() + blocks::head(p, [1300, 50]));
"#;

const VOTES: &str = r#"
    vote("rows", #{}, |parts, p| {
        let first = 0.0; let second = 0.0; let sum = 0.0;
        for row in parts {
            first += row.weight * row.scores[0];
            second += row.weight * row.scores[1];
            sum += row.weight;
        }
        [first / sum, second / sum]
    });
    vote("tensors", #{}, |parts, p| (scores(parts) * weights(parts).unsqueeze(1)).sum(0));
"#;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = PhantomOptions {
        participants_per_class: 10,
        image_size: [96, 112, 96],
        masks: false,
        ..PhantomOptions::default()
    };
    let phantom = generate(&folder.path().join("data"), &options)?;
    let names = ["BuiltIn", "ByFunctions", "ByLayers"];
    let mut times = [const { Vec::new() }; 3];
    for round in 0..7 {
        for (name, times) in names.iter().zip(&mut times) {
            let output = folder.path().join(format!("{name}-{round}"));
            // Others on the machine make steps slower, never faster.
            let steps = in_trainer(defined(NETWORKS)?, &phantom, name, &output)?;
            let step = steps.into_iter().fold(f64::INFINITY, f64::min);
            // The first round warms everything up.
            if round > 0 {
                times.push(step);
            }
        }
    }
    let [built_in, functions, layers] = times;
    let what = "step of Conv5_FC3, 1×96×112×96, batch 2, convolutions of a script";
    compare(&format!("{what} by functions"), &functions, ("built in", &built_in), "≤ 1.05");
    compare(&format!("{what} by layers"), &layers, ("built in", &built_in), "≤ 1.05");
    votes()
}

fn votes() -> Result<()> {
    let (images, parts, outputs) = (10_000, 36, 2);
    let values: Vec<f64> = (0..images * parts)
        .flat_map(|i| [(i % 97) as f64 / 97.0, (97 - i % 97) as f64 / 97.0])
        .collect();
    let weights = vec![1.0 / parts as f64; parts];
    let ballot = Ballot { parts, outputs, values: &values, weights: &weights, fitted: &[] };
    let runtime = defined(VOTES)?;
    let catalog = runtime.catalog();
    for (name, what) in [("rows", "a loop over rows"), ("tensors", "tensors")] {
        let entry = catalog.votes.get(name)?;
        let options = entry.options(&Map::new())?;
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            entry.scores(&ballot, &options)?;
            times.push(start.elapsed().as_secs_f64());
        }
        let time = median(&times);
        println!(
            "  vote of a script by {what}, 10 000 images × 36 parts: {time:.3} s, wanted ≤ 1 s"
        );
    }
    Ok(())
}

fn defined(script: &str) -> Result<Runtime> {
    let runtime = Runtime::new(Settings::default()).map_err(|_| "the zoo cannot be read")?;
    runtime.run("bench.rhai", script).map_err(|failure| format!("{failure:?}"))?;
    Ok(runtime)
}
