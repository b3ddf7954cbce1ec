//! Every entry of every registry keeps its contract, whatever its origin: built in, in the zoo, in a
//! shipped plugin, in a script.

use neurhai_core::catalog::Origin;
use neurhai_core::contract;
use neurhai_core::plugin::{Policy, load_folders};
use neurhai_host::runtime::{Mode, Runtime, Settings};
use neurhai_host::standard;

use crate::plugins::shipped;

/// An entry of every kind that a script can register.
const SCRIPT: &str = r#"
    layer("out_of_layers", "A convolution times a gate.", #{ channels: 3 }, |l, x|
        conv(l.channels, 3, #{ padding: 1 }).apply(x) * sigmoid(conv(l.channels, 1).apply(x)));

    layer("out_of_tensors", "A convolution by hand.", #{ channels: 3 }, #{
        parameters: |l| #{ weight: [l.channels, l.input[0], 3, 3, 3], bias: #{ shape: [l.channels], init: "zeros" } },
        forward: |l, x| conv(x, l.weight, l.bias, #{ padding: 1, stride: 2 }),
        example: [2, 7, 8, 9],
    });
    transpose("out_of_tensors", "A transposed convolution that fits.", |l| {
        let extra = [];
        for axis in 1..4 { extra.push(l.input[axis] - 2 * l.output[axis] + 1); }
        [ conv_transpose(l.input[0], 3, #{ padding: 1, stride: 2, output_padding: extra }) ]
    });

    architecture("out_of_both", "Both layers and a linear one.", #{ width: 4 }, |p| [
        custom("out_of_layers", p.width), relu(), batch_norm(), flatten(), linear(p.outputs)
    ]);

    vote("surest", "The part that is surest decides alone.", #{ floor: 0.0 }, |parts, p| {
        let best = ();
        let top = p.floor;
        for part in parts {
            let sure = tensor(part.scores).max().item();
            if part.weight > 0.0 && sure > top {
                best = part.scores;
                top = sure;
            }
        }
        best
    });

    metric("log_score", "Mean logarithm of the true class's probability.",
        #{ direction: "higher", lowest: -100.0, highest: 0.0 },
        |truth, scores| scores.log().gather(1, truth.unsqueeze(1)).mean());

    loss("brier", "Squared error of the probabilities.", #{ scale: 1.0 }, |output, target, p|
        p.scale * (softmax(output, 1) - one_hot(target, output.shape[1])).square().sum(1));

    transform("dim", "Darkens the image by a share that is drawn.", #{ most: 0.3 }, |image, p, seed|
        image * (1.0 - p.most * rand([1], seed)));
"#;

#[test]
fn every_entry_keeps_its_contract_whatever_its_origin() {
    let folder = shipped::all();
    let mut catalog = standard::catalog().unwrap();
    let found = load_folders(&mut catalog, &[folder.path().into()], Policy::default()).unwrap();
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    let settings = Settings { catalog: Some(catalog), mode: Mode::Define, ..Settings::default() };
    let runtime = Runtime::new(settings).unwrap_or_else(|failure| panic!("{failure:?}"));
    runtime.run("entries.rhai", SCRIPT).unwrap_or_else(|failure| panic!("{failure:?}"));
    let catalog = runtime.catalog();
    let entries = contract::entries(&catalog);
    for kind in ["layer", "architecture", "transpose rule", "vote", "metric", "loss", "transform"] {
        assert!(entries.iter().any(|(other, _)| *other == kind), "{kind}");
    }
    let scripted = catalog.votes.get("surest").unwrap();
    assert!(matches!(&scripted.origin, Origin::Script { line: 20, .. }), "{}", scripted.origin);
    let mut broken = Vec::new();
    for (kind, name) in entries {
        for finding in contract::check(&catalog, kind, &name) {
            broken.push(format!("{kind} {name}: {finding}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
