//! `autoencoder`, and the standard ones against PyTorch.

use neurhai_core::catalog::ArchitectureRequest;
use neurhai_core::network::{Mode, Network, channels_last};
use tch::{Device, Kind, Tensor, no_grad};

use super::*;

/// Numbers from -0.5 to 0.5 that follow from a name, as in tests/fixtures/make_autoencoder.py.
fn numbers(name: &str, count: usize) -> Vec<f64> {
    let hash = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    let mut state = name.bytes().fold(0xCBF2_9CE4_8422_2325, hash);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn tensor(name: &str, shape: &[i64]) -> Tensor {
    let fan = shape.get(usize::from(name.starts_with("encoder"))).copied().unwrap_or(1);
    let scale = (24.0 / (27.0 * fan as f64)).sqrt();
    let value = |u: f64| match name {
        "input" => 2.0 * u,
        _ if shape.len() > 1 => u * scale,
        _ if name.ends_with("running_var") => 0.55 + 0.9 * u,
        _ if name.ends_with("running_mean") => 0.2 * u,
        _ if name.ends_with("bias") => 0.3 + 0.4 * u,
        _ => 1.0 + u,
    };
    let count = shape.iter().product::<i64>() as usize;
    let values: Vec<f32> = numbers(name, count).into_iter().map(|u| value(u) as f32).collect();
    Tensor::from_slice(&values).view(shape)
}

/// Weights by ClinicaDL's names, running statistics included, at an odd size on every axis.
#[test]
fn the_autoencoder_of_conv5_fc3_computes_what_clinicadls_does() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/autoencoder.json");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let input: Vec<i64> = serde_json::from_value(expected["input_shape"].clone()).unwrap();
    let bench = Bench::new(|_| {});
    let (outputs, options) = (1, serde_json::Map::new());
    let request = ArchitectureRequest { input: input.clone(), outputs, options };
    let plan = bench.runtime.plan("AE_Conv5_FC3", &request).unwrap();
    let network = Network::new(plan, 0, Device::Cpu).unwrap();
    for (param, to) in network.state().filter(|(_, tensor)| tensor.kind() == Kind::Float) {
        no_grad(|| to.shallow_clone().copy_(&tensor(&param.name, &param.shape)));
    }
    let x = tensor("input", &[&[1], &input[..]].concat());
    for x in [channels_last(&x).unwrap(), x] {
        let mut code = Tensor::new();
        let y = network.forward_observed(&x, Mode::Evaluation, |path, y| {
            if path == "encoder.19" {
                code = y.shallow_clone();
            }
        });
        let y = y.unwrap();
        assert_eq!(y.size(), x.size());
        let same = |found: &Tensor, name: &str| {
            let wanted: Vec<f64> = serde_json::from_value(expected[name].clone()).unwrap();
            let wanted = Tensor::from_slice(&wanted);
            let difference = (found.to_kind(Kind::Double) - &wanted).abs().max().double_value(&[]);
            let scale = wanted.abs().max().double_value(&[]);
            assert!(difference < 1e-5 * scale, "{name}: {difference} at scale {scale}");
        };
        same(&code.flatten(0, -1), "code");
        let flat = y.contiguous().flatten(0, -1);
        same(&flat.slice(0, 0, None, 29), "values");
        let flat = flat.to_kind(Kind::Double);
        for (name, found) in [
            ("sum", flat.sum(Kind::Double)),
            ("mean", flat.mean(Kind::Double)),
            ("max", flat.max()),
        ] {
            let (found, wanted) = (found.double_value(&[]), expected[name].as_f64().unwrap());
            assert!((found - wanted).abs() < 1e-5 * wanted.max(1.0), "{name}: {found}, {wanted}");
        }
    }
}

const SLIM: &str = r#"
    architecture("slim", "A small CNN.", #{ width: 4 }, |p| [
        conv(p.width, 3, #{ padding: 1, stride: 2 }), batch_norm(), relu(), max_pool(2), flatten(),
        dropout(0.5), linear(p.outputs)
    ]);
"#;

#[test]
fn a_script_derives_an_autoencoder_by_name() {
    let script = format!(
        r#"{SLIM}
        print(autoencoder("slim"));
        print(autoencoder("slim"));
        print(autoencoder("slim", #{{ parts: "convolutions" }}));
        print(inspect(autoencoder("slim"), [1, 15, 18, 13]).output);
        let deep = autoencoder("slim", #{{ name: "deep", parts: ["convolutions", "fc"] }});
        let net = inspect(deep, [1, 15, 18, 13], #{{ outputs: 9, options: #{{ width: 2 }} }});
        print(`${{deep}} ${{net.output}}`);
        print(autoencoder("Conv5_FC3"));
        "#
    );
    prints(
        &script,
        "AE_slim\nAE_slim\nAE_slim\n[1, 15, 18, 13]\ndeep [1, 15, 18, 13]\nAE_Conv5_FC3",
    );
}

/// The rule of a script counts, inside of other layers too; an autoencoder keeps to the
/// architecture that it was derived from.
#[test]
fn rules_and_replacements_of_scripts_count() {
    prints(
        r#"
        layer("double", #{}, |l, x| cat([x, x], 1));
        transpose("double", |l| [ conv(l.input[0], 1) ]);
        architecture("a", #{}, |p| [ residual(custom("double"), custom("double")), relu() ]);
        print(inspect(autoencoder("a"), [2, 9, 9]).parameters);
        replace("architecture", "a");
        architecture("a", #{}, |p| [ conv(3, 3) ]);
        print(inspect("AE_a", [2, 9, 9]).parameters);
        replace("architecture", "AE_a");
        print(inspect(autoencoder("a"), [2, 9, 9]).parameters);
        "#,
        // Two convolutions from 4 to 2 channels; one of 2 to 3 channels and back.
        "20\n20\n113",
    );
}

#[test]
fn mistakes_are_told_where_they_are() {
    for (script, parts) in [
        ("autoencoder(\"slimm\");", &["did you mean \"slim\"?", "s.rhai:6:"][..]),
        ("autoencoder(\"slim\", #{ part: [\"fc\"] });", &["no option \"part\"", "\"parts\""]),
        ("autoencoder(\"slim\", #{ name: \"slim\" });", &["already registered: s.rhai:2"]),
        (
            "autoencoder(\"slim\"); autoencoder(\"slim\", #{ parts: [\"fc\"] });",
            &["\"AE_slim\" of s.rhai:6 is already registered: s.rhai:6"],
        ),
        ("autoencoder(\"slim\", #{ name: \"a b\" });", &["cannot be called \"a b\""]),
        (
            "inspect(autoencoder(\"slim\", #{ parts: [\"fcs\"] }), [1, 9, 9]);",
            &["has no part \"fcs\"", "did you mean \"fc\"?", "\"convolutions\", \"fc\""],
        ),
        (
            "architecture(\"b\", #{}, |p| [ relu(),\nskip(conv(4, 1)) ]);\ninspect(autoencoder(\"b\"), [1, 9, 9]);",
            &["s.rhai:7:", "1×9×9 to 5×9×9", "transpose(\"skip\", |l|"],
        ),
        (
            "architecture(\"b\", #{}, |p| [ skip(conv(4, 1)) ]);\ntranspose(\"skip\", |l| [ conv(9, 1) ]);\ninspect(autoencoder(\"b\"), [1, 9, 9]);",
            &["s.rhai:6:", "transpose rule of \"skip\" (s.rhai:7)", "9×9×9 in place of 1×9×9"],
        ),
    ] {
        let report = run(&format!("{}\n{script}", SLIM.trim_end())).expect_err(script);
        for part in parts {
            assert!(report.contains(part), "{script}: {part:?} is not in\n{report}");
        }
    }
}

/// Each block of the encoder beside what undoes it; a network whose decoder goes another way has a
/// line per layer, as all others.
#[test]
fn encoder_and_decoder_are_shown_side_by_side() {
    let script = r#"
        architecture("a", #{}, |p| [
            conv(8, 3, #{ padding: 1 }), batch_norm(), relu(), pad_max_pool(2),
            residual([conv(8, 3, #{ padding: 1 })]), global_avg_pool()
        ]);
        print(inspect(autoencoder("a"), [1, 68, 83, 72]));
    "#;
    let expected = "
          encoder                 output      weights │           decoder                           output      weights
          input                   1×68×83×72          │
0         conv(8, 3, padding: 1)  8×68×83×72      224 │ 4         conv_transpose(1, 3, padding: 1)  1×68×83×72      217
1         batch_norm()            8×68×83×72       16 │ 5         batch_norm()                      1×68×83×72        2
2         relu()                  8×68×83×72          │ 6         relu()                            1×68×83×72
3         pad_max_pool(2)         8×34×42×36          │ 3         crop_max_unpool()                 8×68×83×72
4         residual([…])           8×34×42×36    1 736 │ 2         residual([…])                     8×34×42×36    1 736
4.body.0  conv(8, 3, padding: 1)  8×34×42×36    1 736 │ 2.body.0  conv_transpose(8, 3, padding: 1)  8×34×42×36    1 736
5         global_avg_pool()       8                   │ 0         reshape([8, 1, 1, 1])             8×1×1×1
                                                      │ 1         upsample(size: [34, 42, 36])      8×34×42×36
total  3 931 parameters: 1 976 of the encoder, 1 955 of the decoder
       353 M multiply–adds, 63.5 MB of memory, output 1×68×83×72
memory is that of the outputs, for one sample in float32; the weights take 15.8 kB
";
    let found = run(script).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(found, expected[1..], "\n{found}");

    let own = r#"
        architecture("own", #{}, |p| #{ encoder: [conv(4, 3), relu()], decoder: [relu(), conv(1, 1)] });
        print(inspect("own", [1, 8, 8]));
    "#;
    let found = run(own).unwrap_or_else(|report| panic!("{report}"));
    assert!(found.starts_with("layer ") && found.contains("\ndecoder.1 "), "{found}");
}

#[test]
fn tables_of_autoencoders_fit_a_terminal() {
    let bench = Bench::new(|_| {});
    bench
        .run(
            r#"
            architecture("wide", #{}, |p| [
                conv(64, [5, 5, 3], #{ stride: [2, 2, 1], padding: [2, 2, 1] }), relu(),
                conv(64, [5, 5, 3], #{ stride: [2, 2, 1], padding: [2, 2, 1], bias: false })
            ]);
            autoencoder("wide");
            "#,
        )
        .unwrap();
    for name in ["AE_Conv5_FC3", "AE_wide"] {
        for input in [vec![1, 68, 83, 72], vec![1, 169, 208, 179]] {
            let (outputs, options) = (1, serde_json::Map::new());
            let request = ArchitectureRequest { input, outputs, options };
            let plan = bench.runtime.plan(name, &request).unwrap();
            let table = crate::show::layer_table(&bench.runtime.catalog(), &plan);
            assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
            assert!(table.contains(" │ "), "{table}");
            assert_eq!(table.contains('…'), name == "AE_wide", "{table}");
        }
    }
}
