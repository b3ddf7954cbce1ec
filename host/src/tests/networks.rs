//! Architectures: the standard ones, and what a recipe may give.

use std::collections::BTreeMap;

use neurhai_core::catalog::ArchitectureRequest;
use neurhai_core::network::Plan;
use serde_json::{Value, json};

use super::*;

fn request(input: &[i64]) -> ArchitectureRequest {
    ArchitectureRequest { input: input.to_vec(), outputs: 2, options: serde_json::Map::new() }
}

/// Shapes, parameters and state names, against the same networks in PyTorch (tests/fixtures/make_zoo.py).
#[test]
fn the_standard_architectures_are_clinicadls() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/zoo.json");
    let fixture: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let bench = Bench::new(|_| {});
    for (name, expected) in &fixture {
        let input: Vec<i64> = serde_json::from_value(expected["input_shape"].clone()).unwrap();
        let plan = bench.runtime.plan(name, &request(&input)).unwrap();
        assert_eq!(Value::from(plan.parameters()), expected["parameters"], "{name}");
        let state: Vec<(String, Vec<i64>)> =
            plan.params.iter().map(|param| (param.name.clone(), param.shape.clone())).collect();
        let wanted: Vec<(String, Vec<i64>)> =
            serde_json::from_value(expected["state_dict"].clone()).unwrap();
        assert_eq!(state, wanted, "{name}");
        for row in plan.rows.iter().filter(|row| row.depth == 0) {
            let wanted: Vec<i64> =
                serde_json::from_value(expected["outputs"][&row.path].clone()).unwrap();
            assert_eq!(row.output, wanted, "{name} {}", row.path);
        }
    }
    let plan = bench.runtime.plan("Conv5_FC3", &request(&[1, 169, 208, 179])).unwrap();
    assert_eq!(plan.parameters(), 42_293_972);
    assert!(plan.rows.iter().any(|row| row.kind == "flatten" && row.output == [32_256]));
    let plan = bench.runtime.plan("Conv4_FC3", &request(&[1, 169, 208, 179])).unwrap();
    assert_eq!(plan.parameters(), 1_909_692);
}

/// The sizes of ClinicaDL's RandomArchitecture by its own rule: channels double from the second block on
/// until they reach the limit, each block halves rounding up, and linear layers fall by the ratio
/// (F / K)^(1 / n) from F features to K outputs.
#[test]
fn random_convolutions_have_clinicadls_sizes() {
    let bench = Bench::new(|_| {});
    let plan = |options: Value| {
        let options = options.as_object().unwrap().clone();
        let request = ArchitectureRequest { options, ..request(&[1, 169, 208, 179]) };
        bench.runtime.plan("RandomConv", &request).unwrap()
    };
    let widths = |plan: &Plan, kind: &str| -> Vec<i64> {
        let rows = plan.rows.iter().filter(|row| row.kind == kind);
        rows.map(|row| row.output[0]).collect()
    };
    // 64 · 6 · 7 · 6 = 16128 features; 16128 / 89.8 = 179.6.
    let five = json!({"n_convblocks": 5, "first_conv_width": 4, "n_fcblocks": 2});
    for reduction in ["MaxPooling", "stride"] {
        let mut options = five.clone();
        options["d_reduction"] = json!(reduction);
        let found = plan(options);
        assert_eq!(widths(&found, "conv"), [4, 8, 16, 32, 64]);
        assert_eq!(widths(&found, "flatten"), [16128]);
        assert_eq!(widths(&found, "linear"), [180, 2]);
        let pools = if reduction == "stride" { 0 } else { 5 };
        assert_eq!(widths(&found, "pad_max_pool").len(), pools);
    }
    let mut options = five;
    options["n_conv"] = json!(2);
    options["channels_limit"] = json!(16);
    options["normalization"] = json!("instance");
    options["n_fcblocks"] = json!(1);
    let found = plan(options);
    // Of two convolutions in a block the first keeps the channels that it is given.
    assert_eq!(widths(&found, "conv"), [1, 4, 4, 8, 8, 16, 16, 16, 16, 16]);
    assert_eq!(
        (widths(&found, "instance_norm").len(), widths(&found, "batch_norm").len()),
        (10, 0)
    );
    assert_eq!(widths(&found, "linear"), [2]);
}

#[test]
fn the_standard_architectures_take_slices_too() {
    let bench = Bench::new(|_| {});
    let plan = bench.runtime.plan("Conv5_FC3", &request(&[3, 64, 64])).unwrap();
    assert_eq!(plan.output, [2]);
}

/// The networks of reconstructions, against the same in PyTorch (tests/fixtures/make_vae.py), and at sizes
/// that no halving divides.
#[test]
fn variational_networks_and_the_unet_give_back_the_inputs_size() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/vae.json");
    let fixture: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let bench = Bench::new(|_| {});
    for expected in &fixture {
        let (name, input) = (expected["name"].as_str().unwrap(), &expected["input_shape"]);
        let input: Vec<i64> = serde_json::from_value(input.clone()).unwrap();
        let plan = bench.runtime.plan(name, &request(&input)).unwrap();
        assert_eq!(Value::from(plan.parameters()), expected["parameters"], "{name}");
        assert_eq!(plan.output, input, "{name}");
        for size in 33..=40 {
            let mut input = vec![2, size, size + 3, size + 7];
            input.truncate(input.len().min(expected["input_shape"].as_array().unwrap().len()));
            let plan = bench.runtime.plan(name, &request(&input)).unwrap();
            assert_eq!(plan.output, input, "{name}");
        }
    }
}

#[test]
fn every_layers_example_works_as_a_script() {
    let bench = Bench::new(|_| {});
    let examples: Vec<_> = {
        let catalog = bench.runtime.catalog();
        let written = |entry: &neurhai_core::catalog::LayerEntry| {
            let example = &entry.info.example;
            (crate::show::example(&catalog, &example.layers), example.clone())
        };
        catalog.layers.iter().map(|entry| written(entry)).collect()
    };
    for (i, (layers, example)) in examples.iter().enumerate() {
        let script = format!(
            "architecture(\"a{i}\", #{{}}, |p| {layers});\nprint(inspect(\"a{i}\", {:?}).output);",
            example.input
        );
        let printed = bench.run(&script).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(printed.trim(), format!("{:?}", example.output), "{script}");
    }
}

#[test]
fn a_recipe_learns_what_is_asked_for() {
    prints(
        r#"
        architecture("a", "some help", #{ width: 8, ratio: 0.5, name: "x", flags: [1, 2] }, |p| {
            print(`${p.width} ${p.ratio} ${p.name} ${p.flags} ${p.input} ${p.outputs} ${p.dimensions}`);
            [flatten(), linear(p.outputs)]
        });
        inspect("a", [1, 9, 9], #{ outputs: 5, options: #{ width: 4, ratio: 1 } });
        "#,
        "4 1.0 x [1, 2] [1, 9, 9] 5 2",
    );
}

#[test]
fn layers_compose() {
    prints(
        r#"
        let block = |n| [conv(n, 3, #{ padding: 1 }), batch_norm(), relu()];
        let net = block.call(4) + block.call(8);
        net += max_pool(2);
        net += residual(conv(8, 1), [conv(8, 1, #{ bias: false })]);
        net += concat([[relu()], conv(2, 1)]);
        net += skip(relu().named("act"));
        net += #{ kind: "gate", body: ["sigmoid"] };
        print(net.len());
        for layer in net { print(layer); }
        "#,
        r#"
11
conv(4, 3, #{ padding: 1 })
batch_norm()
relu()
conv(8, 3, #{ padding: 1 })
batch_norm()
relu()
max_pool(2)
residual([conv(8, 1)], [conv(8, 1, #{ bias: false })])
concat([[relu()], [conv(2, 1)]])
skip([relu().named("act")])
#{"body": ["sigmoid"], "kind": "gate"}"#,
    );
}

#[test]
fn parts_keep_their_order() {
    let script = |given: &str| {
        format!(
            "architecture(\"a\", #{{}}, |p| {given});\nprint(inspect(\"a\", [1, 8, 8]).to_string().split(\"\\n\")[1]);"
        )
    };
    for (given, first) in [
        ("[part(\"stem\", [conv(1, 3)]), part(\"body\", [relu()])]", "stem.0"),
        (
            "[#{ name: \"stem\", layers: [conv(1, 3)] }, #{ name: \"body\", layers: relu() }]",
            "stem.0",
        ),
        ("#{ encoder: [conv(1, 3)], decoder: [relu()] }", "encoder.0"),
        ("[conv(1, 3).named(\"first\")]", "convolutions.first"),
    ] {
        let printed = run(&script(given)).unwrap_or_else(|report| panic!("{report}"));
        assert!(printed.starts_with(first), "{printed}");
    }
    for (given, part) in [
        ("#{ stem: [relu()], body: [relu()] }", "a map forgets its order"),
        ("[part(\"stem\", [relu()]), relu()]", "layers stand beside parts"),
    ] {
        let report = run(&script(given)).unwrap_err();
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn defaults_say_what_an_option_may_be() {
    let bench = Bench::new(|_| {});
    bench.run("architecture(\"a\", #{ width: 8 }, |p| [relu()]);").unwrap();
    for (script, part) in [
        ("inspect(\"a\", [1, 8, 8], #{ options: #{ width: 0.5 } });", "must be a whole number"),
        (
            "architecture(\"b\", #{ input: 8 }, |p| [relu()]);",
            "an option cannot be called \"input\"",
        ),
        ("architecture(\"b\", #{ list: [] }, |p| [relu()]);", "no default that tells"),
        ("inspect(\"aa\", [1, 8, 8]);", "did you mean \"a\"?"),
        ("inspect(\"a\", 8);", "must be a list of whole numbers"),
    ] {
        let report = bench.run(script).unwrap_err();
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn nothing_is_registered_while_a_network_is_built() {
    let report = run(
        "architecture(\"a\", #{}, |p| { architecture(\"b\", #{}, |p| []); [] });\ninspect(\"a\", [1, 8, 8]);",
    )
    .unwrap_err();
    assert!(report.contains("nothing can be registered while"), "{report}");
}
