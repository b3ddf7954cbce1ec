//! What scripts register: layers, votes, metrics, losses, transforms and transpose rules.

use neurhai_core::catalog::Catalog;
use neurhai_core::metric::{Confusion, Rows};
use neurhai_core::network::{LayerSpec, Mode as Pass, Network, NetworkSpec, PartSpec, Plan};
use neurhai_core::vote::Ballot;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::*;

fn defined(script: &str) -> Bench {
    let bench = Bench::new(|_| {});
    bench.run(script).unwrap_or_else(|report| panic!("{report}"));
    bench
}

pub(super) fn spec(layers: Value) -> NetworkSpec {
    let layers = LayerSpec::list(&layers).unwrap();
    let parts = vec![PartSpec { name: "net".into(), layers }];
    NetworkSpec { architecture: "test".into(), parts }
}

pub(super) fn network(catalog: &Catalog, layers: Value, input: &[i64]) -> Network {
    let plan = Plan::new(spec(layers), input, catalog).unwrap_or_else(|error| panic!("{error}"));
    Network::new(plan, 1, Device::Cpu).unwrap()
}

pub(super) fn input(size: &[i64]) -> Tensor {
    let count: i64 = size.iter().product();
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) / count as f64 - 0.5).view(size)
}

#[track_caller]
fn same(a: &Tensor, b: &Tensor) {
    assert_eq!(a.size(), b.size());
    let most = (a - b).abs().max().double_value(&[]);
    assert!(most < 1e-6, "{most}");
}

const GATED: &str = r#"
    layer("gated", "A convolution times a gate.", #{ channels: 8 }, |l, x|
        conv(l.channels, 3, #{ padding: 1 }).apply(x) * sigmoid(conv(l.channels, 1).apply(x)));
"#;

/// The same numbers as the two convolutions by themselves, whose weights come from the same names.
#[test]
fn a_layer_out_of_layers_has_inner_layers() {
    let bench = defined(GATED);
    let catalog = bench.runtime.catalog();
    let gated = network(&catalog, json!([{"kind": "gated", "channels": 4}]), &[2, 5, 6]);
    let names: Vec<_> =
        gated.state().map(|(param, tensor)| (param.name.as_str(), tensor.size())).collect();
    let expected = [
        ("net.0.apply.0.weight", vec![4, 2, 3, 3]),
        ("net.0.apply.0.bias", vec![4]),
        ("net.0.apply.1.weight", vec![4, 2, 1, 1]),
        ("net.0.apply.1.bias", vec![4]),
    ];
    assert_eq!(names, expected);
    assert_eq!(gated.plan.output, [4, 5, 6]);
    assert_eq!(gated.plan.parameters(), 4 * 2 * 9 + 4 + 4 * 2 + 4);
    let rows: Vec<_> = gated.plan.rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(rows, ["net.0", "net.0.apply.0", "net.0.apply.1"]);
    let state: Vec<Tensor> = gated.state().map(|(_, tensor)| tensor.shallow_clone()).collect();
    let x = input(&[3, 2, 5, 6]);
    let expected = x.conv2d(&state[0], Some(&state[1]), 1, 1, 1, 1)
        * x.conv2d(&state[2], Some(&state[3]), 1, 0, 1, 1).sigmoid();
    same(&gated.forward(&x, Pass::Evaluation).unwrap(), &expected);
}

const OWN: &str = r#"
    layer("own", #{ channels: 8, scale: 1.0 }, #{
        parameters: |l| #{
            weight: [l.channels, l.input[0], 3, 3],
            bias: #{ shape: [l.channels], init: "ones" },
            gain: #{ shape: [l.channels], init: "ones" },
            start: #{ shape: [2], init: #{ uniform: 0.5 } },
            kept: #{ shape: [1], init: #{ constant: 3.0 }, trainable: false },
            other: #{ shape: [4], init: #{ fan_in: 16 } },
        },
        forward: |l, x| conv(x, l.weight, l.bias, #{ padding: 1 }) * l.scale,
    });
"#;

#[test]
fn a_layers_own_parameters_belong_to_the_network() {
    let bench = defined(OWN);
    let catalog = bench.runtime.catalog();
    let net = network(&catalog, json!([{"kind": "own", "channels": 4, "scale": 2.0}]), &[2, 5, 6]);
    // As the built-in convolution: 4·5·6 values of 2·3·3 terms each.
    assert_eq!(net.plan.multiply_adds(), 4 * 5 * 6 * 2 * 9);
    let param = |name: &str| {
        let found = net.state().find(|(param, _)| param.name == format!("net.0.{name}")).unwrap();
        (found.0.trainable(), found.1.shallow_clone())
    };
    assert_eq!(net.state().next().unwrap().0.name, "net.0.weight");
    // U(±1/√18), ones where the script says so or by PyTorch's rule for norms, ±0.5, and ±1/4.
    let bound = |name| param(name).1.abs().max().double_value(&[]);
    assert!((0.2..1.0 / 18f64.sqrt()).contains(&bound("weight")), "{}", bound("weight"));
    assert!(param("bias").1.equal(&Tensor::ones([4], (Kind::Float, Device::Cpu))));
    assert!(param("gain").1.equal(&Tensor::ones([4], (Kind::Float, Device::Cpu))));
    assert!(bound("start") <= 0.5 && bound("other") <= 0.25);
    assert_eq!((param("kept").0, param("kept").1.double_value(&[0])), (false, 3.0));

    let x = input(&[3, 2, 5, 6]);
    let (weight, bias) = (param("weight").1, param("bias").1);
    let expected = x.conv2d(&weight, Some(&bias), 1, 1, 1, 1) * 2.0;
    let y = net.forward(&x, Pass::Training { seed: 1 }).unwrap();
    same(&y, &expected);
    y.square().sum(Kind::Float).backward();
    let by_hand = weight.detach().set_requires_grad(true);
    let again = x.conv2d(&by_hand, Some(&bias.detach()), 1, 1, 1, 1) * 2.0;
    again.square().sum(Kind::Float).backward();
    let (found, wanted) = (weight.grad(), by_hand.grad());
    same(&(&found / wanted.abs().max()), &(&wanted / wanted.abs().max()));
}

#[test]
fn layers_of_scripts_are_used_like_others() {
    let script = format!(
        r#"{GATED}
        layer("twice", #{{}}, |l, x| custom("gated", 2).apply(custom("gated").apply(x)).relu());
        print(custom("gated", 4));
        print(custom("gated", #{{ channels: 4 }}).options.channels);
        print(custom("twice").named("deep"));
        architecture("net", #{{}}, |p| [ custom("gated", 4), custom("twice"), flatten(), linear(p.outputs) ]);
        let net = inspect("net", [1, 8, 8]);
        print(net.output); print(net.parameters);
        "#
    );
    // (9+1)·4 + (1+1)·4, (36+1+4+1)·8, (72+1+8+1)·2, 2·64·2 + 2.
    let expected = "custom(\"gated\", 4)\n4\ncustom(\"twice\").named(\"deep\")\n[2]\n806";
    prints(&script, expected);
}

#[test]
fn an_example_is_tried_and_kept() {
    let bench = defined(
        r#"layer("half", #{ by: 2 }, #{ example: [3, 8, 8], forward: |l, x| avg_pool(x, l.by) });"#,
    );
    let catalog = bench.runtime.catalog();
    let info = &catalog.layers.find("half").unwrap().info;
    assert_eq!((&info.example.output, info.shapes.as_str()), (&vec![3, 4, 4], "3×8×8 → 3×4×4"));
}

/// Everything that is registered keeps the contract that built-in entries keep.
#[test]
fn what_scripts_register_keeps_the_contract() {
    let bench = defined(
        r#"
        layer("half", #{ by: 2 }, #{ example: [3, 8, 8], forward: |l, x| avg_pool(x, l.by) });
        layer("gated", #{ channels: 8 }, #{ example: [2, 6, 7], forward: |l, x|
            dropout(conv(l.channels, 3).apply(x), 0.5) * conv(x, ones([1, 2, 3, 3])) });
        transpose("half", |l| [ upsample(#{ size: l.input.extract(1) }) ]);
        vote("mean", #{ power: 1.0 }, |parts, p| {
            let w = weights(parts).unsqueeze(1);
            (scores(parts) * w).sum(0) / w.sum()
        });
        metric("brier", #{ direction: "lower", highest: 2.0 }, |truth, scores|
            (scores - one_hot(truth, scores.size(1))).square().sum(1).mean());
        loss("focal", #{ gamma: 2.0 }, |output, target, p| {
            let ce = cross_entropy(output, target, #{ reduction: "none" });
            (1 - exp(-ce)) ** p.gamma * ce
        });
        transform("shift", #{ by: 0.1 }, |image, p, seed| image + p.by * randn([1], seed));
        "#,
    );
    let catalog = bench.runtime.catalog();
    for (kind, name) in [
        ("layer", "half"),
        ("layer", "gated"),
        ("transpose rule", "half"),
        ("vote", "mean"),
        ("metric", "brier"),
        ("loss", "focal"),
        ("transform", "shift"),
    ] {
        let findings = neurhai_core::contract::check(&catalog, kind, name);
        assert!(findings.is_empty(), "{kind} {name}:\n{}", findings.join("\n"));
    }
}

#[test]
fn votes_are_taken_per_image() {
    let bench = defined(
        r#"
        vote("surest", #{ floor: 0.0 }, |parts, p| {
            let best = ();
            for row in parts {
                let top = row.scores.reduce(|a, b| if a > b { a } else { b }, 0.0);
                if top >= p.floor && (best == () || top > best.top) { best = #{ top: top, scores: row.scores }; }
            }
            best.scores
        });
        vote("count", #{}, |parts, p| [parts.len(), parts[0].part]);
        "#,
    );
    let catalog = bench.runtime.catalog();
    let values = [0.6, 0.4, 0.1, 0.9, 0.8, 0.2, 0.5, 0.5, 0.3, 0.7, 0.55, 0.45];
    let vote = |name: &str, weights: &[f64]| {
        let entry = catalog.votes.get(name).unwrap();
        let ballot = Ballot { parts: 3, outputs: 2, values: &values, weights, fitted: &[] };
        entry.scores(&ballot, &entry.options(&Map::new()).unwrap()).unwrap()
    };
    assert_eq!(vote("surest", &[0.4, 0.3, 0.3]), [0.1, 0.9, 0.3, 0.7]);
    // A part without weight is not there.
    assert_eq!(vote("surest", &[0.5, 0.0, 0.5]), [0.8, 0.2, 0.55, 0.45]);
    assert_eq!(vote("count", &[0.0, 0.5, 0.5]), [2.0, 1.0, 2.0, 1.0]);
}

/// What a function changes in the variables it captured is forgotten after the call.
#[test]
fn functions_do_not_remember_earlier_calls() {
    let bench = defined(
        r#"
        let calls = 0; let seen = [];
        transform("count", #{}, |image, p, seed| { calls += 1; seen.push(calls); image * calls * seen.len() });
        "#,
    );
    let catalog = bench.runtime.catalog();
    let entry = catalog.transforms.get("count").unwrap();
    let options = entry.options(&Map::new()).unwrap();
    for _ in 0..3 {
        assert_eq!(entry.apply(vec![2.0, 3.0], &[1, 2], &options, 0).unwrap(), [2.0, 3.0]);
    }
}

/// Who interrupts training gets a checkpoint; a layer in the middle of a step does not prevent it.
#[test]
fn a_pass_goes_on_to_its_end_when_training_is_to_stop() {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let bench = Bench::new(|s| s.stop = Arc::clone(&stop));
    bench.run("layer(\"x\", #{}, |l, x| x + 1);").unwrap();
    let catalog = bench.runtime.catalog();
    let net = network(&catalog, json!(["x"]), &[2]);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    same(&net.forward(&input(&[1, 2]), Pass::Evaluation).unwrap(), &(input(&[1, 2]) + 1.0));
}

#[test]
fn metrics_get_codes_and_probabilities() {
    let bench = defined(
        r#"
        metric("right", "Share of right answers.", #{ direction: "higher", formula: "right / all" }, |truth, scores|
            (scores.argmax(1) == truth).to_double().mean());
        metric("never", #{ direction: "higher" }, |truth, scores| ());
        metric("whole", #{ direction: "higher", highest: 10.0 }, |truth, scores| truth.numel());
        "#,
    );
    let catalog = bench.runtime.catalog();
    let (truth, predicted) = ([0, 1, 1], [0, 1, 0]);
    let rows = Rows {
        classes: 2,
        truth: &truth,
        predicted: &predicted,
        scores: &[0.9, 0.1, 0.2, 0.8, 0.7, 0.3],
    };
    let confusion = Confusion::new(&truth, &predicted, 2).unwrap();
    let value = |name: &str| catalog.metrics.get(name).unwrap().value(&rows, &confusion).unwrap();
    assert_eq!(value("right"), Some(2.0 / 3.0));
    assert_eq!(value("never"), None);
    assert_eq!(value("whole"), Some(3.0));
    assert_eq!(catalog.metrics.get("right").unwrap().info.formula, "right / all");
}

#[test]
fn rules_are_looked_at_with_transposed() {
    prints(
        r#"
        layer("gated", #{ channels: 8 }, |l, x| conv(l.channels, 3, #{ padding: 1 }).apply(x));
        transpose("gated", "Back to the input's channels.", |l| [ custom("gated", l.input[0]) ]);
        print(transposed(custom("gated", 4), [2, 8, 8]));
        print(transposed(conv(8, 3, #{ stride: 2 }), [1, 8, 8]));
        replace("transpose", "relu");
        transpose("relu", |l| [ leaky_relu(0.2) ]);
        print(relu().transposed([1, 8]));
        "#,
        "[custom(\"gated\", 2)]\n\
         [conv_transpose(1, 3, #{ output_padding: [1, 1], stride: 2 })]\n[leaky_relu(0.2)]",
    );
}

#[test]
fn a_name_taken_twice_names_both_origins_unless_it_is_replaced() {
    for (kind, name, rest) in [
        ("vote", "soft", "|parts, p| parts[0].scores"),
        ("loss", "CrossEntropyLoss", "|o, t, p| o.sum(1)"),
        ("metric", "BA", "|t, s| 1.0"),
        ("transform", "Noise", "|x, p, s| x"),
        ("layer", "relu", "|l, x| x * 2"),
    ] {
        let defaults = if kind == "metric" { "#{ direction: \"higher\" }" } else { "#{}" };
        let call = format!("{kind}(\"{name}\", {defaults}, {rest});");
        let report = run(&call).unwrap_err();
        assert!(report.contains("s.rhai:1 is already registered: built in"), "{report}");
        let twice = format!("replace(\"{kind}\", \"{name}\");\n{call}\n{call}");
        let report = run(&twice).unwrap_err();
        assert!(report.contains("s.rhai:3 is already registered: s.rhai:2"), "{report}");
    }
    prints(
        "replace(\"layer\", \"relu\"); layer(\"relu\", #{ by: 2 }, |l, x| x * l.by);\n\
         print(relu(#{ by: 3 })); print(custom(\"relu\"));",
        "custom(\"relu\", 3)\ncustom(\"relu\")",
    );
    for (script, part) in [
        ("replace(\"vot\", \"soft\")", "did you mean \"vote\"?"),
        ("replace(\"vote\", \"softt\")", "did you mean \"soft\"?"),
        ("transpose(\"rellu\", |l| [])", "did you mean \"relu\"?"),
        ("transpose(\"relu\", |l| [])", "already registered: built in"),
    ] {
        let report = run(script).unwrap_err();
        assert!(report.contains(part), "{report}");
    }
}

/// The whole way: a script that trains with its own functions, one of which is wrong.
#[track_caller]
pub(super) fn trains(definitions: &str, options: &str) -> Result<String, String> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().display();
    run(&format!(
        r#"{definitions}
let heads = phantoms("{folder}/data", #{{ participants_per_class: 6, image_size: [16, 18, 16], masks: false }});
architecture("Tiny", #{{}}, |p| [conv(2, 3), relu(), max_pool(4), flatten(), linear(p.outputs)]);
let run = train(#{{
    data: caps(heads.caps).patches(8, 8), splits: heads.splits, architecture: "Tiny", epochs: 1, seed: 1,
    output: "{folder}/maps", {options}
}});
print(run.best("BA"));"#
    ))
}

const WORKING: &str = r#"
loss("mine", #{ factor: 1.0 }, |output, target, p| p.factor * cross_entropy(output, target, #{ reduction: "none" }));
transform("shift", #{ by: 0.1 }, |image, p, seed| image + p.by * randn([1], seed));
vote("mean", #{}, |parts, p| scores(parts).mean(0));
metric("half", #{ direction: "higher" }, |truth, scores| 0.5);
"#;

const OPTIONS: &str = r#"loss: "mine", loss_options: #{ factor: 2.0 }, vote: "mean", augmentation: ["shift"], selection_metrics: ["loss", "half"]"#;

#[test]
fn training_uses_what_a_script_registers() {
    trains(WORKING, OPTIONS).unwrap_or_else(|report| panic!("{report}"));
}

#[test]
fn modules_register_everything() {
    let place = tempfile::tempdir().unwrap();
    let module =
        format!("{WORKING}\n{GATED}\nfn by() {{ 2 }}\nlayer(\"own\", #{{}}, |l, x| x * by());");
    std::fs::write(place.path().join("all.rhai"), module).unwrap();
    let bench = Bench::new(|s| s.folder = Some(place.path().into()));
    bench.run("import \"all\" as all;\nprint(custom(\"own\"));").unwrap_or_else(|r| panic!("{r}"));
    let catalog = bench.runtime.catalog();
    let net = network(&catalog, json!(["own"]), &[2, 3]);
    let x = input(&[1, 2, 3]);
    same(&net.forward(&x, Pass::Evaluation).unwrap(), &(&x * 2.0));
    assert!(catalog.votes.get("mean").unwrap().origin.to_string().contains("all.rhai:"));
}

/// Maps at the usual image size are larger than what a script may make by itself.
#[test]
fn a_layer_of_a_script_takes_images_of_the_usual_size() {
    let bench = defined(
        r#"layer("own", #{ channels: 8 }, #{
            parameters: |l| #{ w: [l.channels, l.input[0], 3, 3, 3], qkv_bias: [l.channels] },
            forward: |l, x| conv(x, l.w, l.qkv_bias, #{ padding: 1 }) });"#,
    );
    let catalog = bench.runtime.catalog();
    let plan = Plan::new(spec(json!([{"kind": "own"}])), &[1, 169, 208, 179], &catalog).unwrap();
    assert_eq!(plan.output, [8, 169, 208, 179]);
    let bias = plan.params.iter().find(|param| param.name.ends_with("qkv_bias")).unwrap();
    assert!(format!("{:?}", bias.state).contains("Constant(0.0)"), "{:?}", bias.state);
}

#[test]
fn functions_keep_what_they_captured_and_end_where_they_need_themselves() {
    prints(
        "for i in 0..3 { architecture(\"N\" + i, #{}, |p| [flatten(), linear(10 + i), linear(p.outputs)]); }
         let n = 4;
         architecture(\"M\", #{}, |p| [flatten(), linear(n), linear(p.outputs)]);
         n = 100;
         for name in [\"N0\", \"N2\", \"M\"] {
             let table = inspect(name, [1, 4, 4]).to_string();
             print(table.contains(\"linear(10)\")); print(table.contains(\"linear(12)\"));
             print(table.contains(\"linear(4)\"));
         }",
        "true\nfalse\nfalse\nfalse\ntrue\nfalse\nfalse\nfalse\ntrue",
    );
    for script in [
        "architecture(\"A\", #{}, |p| { inspect(\"A\", [1, 4, 4]); [flatten()] }); inspect(\"A\", [1, 4, 4]);",
        "layer(\"c\", #{}, |l, x| x); transpose(\"c\", |l| transposed(custom(\"c\"), [1, 4, 4]));
         transposed(custom(\"c\"), [1, 4, 4]);",
    ] {
        let report = run(script).unwrap_err();
        assert!(report.contains("more than 32 deep"), "{report}");
    }
    for name in ["kind", "name", "a b", ""] {
        let report = run(&format!("layer(\"c\", #{{ \"{name}\": 3 }}, |l, x| x);")).unwrap_err();
        assert!(report.contains("an option cannot be called"), "{name}: {report}");
    }
}

#[test]
fn options_may_have_bounds_choices_and_help() {
    let bench = defined(
        r#"vote("v", #{ floor: option(0.6, #{ min: 0, max: 1, help: "least probability" }),
               by: option("mean", #{ of: ["mean", "median"] }), n: option(3, #{ min: 1 }), plain: 2 },
               |parts, p| parts[0].scores);"#,
    );
    let catalog = bench.runtime.catalog();
    let entry = catalog.votes.get("v").unwrap();
    let explained = crate::show::explain::anything(&catalog, "v").unwrap();
    assert!(explained.contains("least probability (a number from 0 to 1)"), "{explained}");
    assert!(explained.contains("one of mean, median"), "{explained}");
    let check = |given: Value| entry.options(given.as_object().unwrap());
    assert_eq!(check(json!({})).unwrap().float("floor").unwrap(), 0.6);
    for (given, part) in [
        (json!({"floor": 1.5}), "a number from 0 to 1"),
        (json!({"by": "mode"}), "one of mean, median"),
        (json!({"n": 0}), "at least 1"),
    ] {
        assert!(check(given).unwrap_err().to_string().contains(part));
    }
    for (defaults, part) in [
        ("option(5, #{ max: 3 })", "the default of \"o\" must be"),
        ("option(5, #{ mix: 3 })", "an option is not described by"),
        ("option(5, #{ of: [\"a\"] })", "only a text is one of several"),
        ("option(\"a\", #{ min: 1 })", "only a number has bounds"),
    ] {
        let script = format!("vote(\"w\", #{{ o: {defaults} }}, |parts, p| [1]);");
        let report = run(&script).unwrap_err();
        assert!(report.contains(part), "{report}");
    }
}
