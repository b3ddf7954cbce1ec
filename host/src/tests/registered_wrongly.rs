//! What scripts may not do with what they register, and how they are told.

use neurhai_core::network::{Mode as Pass, Network, Plan};
use serde_json::json;
use tch::Device;

use super::registrations::{input, network, spec, trains};
use super::*;

/// The layer "x" with this function, planned for 2×8×8 and run in training.
fn used(definition: &str) -> Result<Vec<i64>, String> {
    let script = format!("layer(\"x\", #{{ n: 2 }}, {definition});");
    let limits = crate::sandbox::Limits { operations: 100_000, ..Default::default() };
    let bench = Bench::new(|s| s.limits = limits);
    bench.run(&script)?;
    let catalog = bench.runtime.catalog();
    let work = || -> neurhai_core::Result<Vec<i64>> {
        let plan = Plan::new(spec(json!(["x"])), &[2, 8, 8], &catalog)?;
        let net = Network::new(plan, 1, Device::Cpu)?;
        Ok(net.forward(&input(&[3, 2, 8, 8]), Pass::Training { seed: 1 })?.size())
    };
    work().map_err(|error| error.to_string())
}

#[test]
fn what_a_layer_may_not_do_is_told() {
    assert_eq!(used("|l, x| x[[(), 0]]").unwrap(), [3, 8, 8]);
    for (definition, part) in [
        ("|l, x| 3", "gives 3, not a tensor with the batch"),
        ("|l, x| x.sum()", "gives a tensor of one number, not a tensor with the batch"),
        ("|l, x| x.flatten()", "not a tensor with the batch"),
        ("|l, x| conv(x, 3)", "weight must be a tensor, not 3"),
        ("|l, x| x.matmul(ones([3, 3]))", "matmul cannot be computed"),
        ("|l, x| { loop {} }", "more than"),
        ("|l, x| if x.sum().item() > 0 { x } else { x * 2 }", "item needs values"),
        ("|l, x| linear(3).apply(x)", "needs a flat list of features"),
        ("|l, x| custom(\"x\").apply(x)", "apply each other"),
        ("#{ forward: |l, x| x, paramters: |l| #{} }", "did you mean \"parameters\"?"),
        ("#{ parameters: |l| #{} }", "the function forward is missing"),
        ("#{ forward: 3 }", "forward is a function, not 3"),
        ("3", "layer cannot be called with a text, a map, a whole number"),
        ("|l| 3", "a function that takes a map, a tensor was expected"),
        ("|l, x, y| x", "|a, b| …"),
        ("#{ forward: |l, x| x, example: 3 }", "an example is an input shape"),
        ("#{ forward: |l, x| x.matmul(ones([3, 3])), example: [1, 4, 4] }", "matmul"),
        ("#{ forward: |l, x| x, parameters: |l| 3 }", "parameters gives 3, not a map"),
        ("#{ forward: |l, x| x, parameters: |l| #{ n: [1] } }", "cannot be called \"n\""),
        ("#{ forward: |l, x| x, parameters: |l| #{ input: [1] } }", "cannot be called \"input\""),
        ("#{ forward: |l, x| x, parameters: |l| #{ w: 3 } }", "a shape is a list"),
        ("#{ forward: |l, x| x, parameters: |l| #{ w: [0, 1] } }", "cannot have the shape 0"),
        ("#{ forward: |l, x| x, parameters: |l| #{ w: #{ init: 1 } } }", "cannot start as 1"),
        (
            "#{ forward: |l, x| x, parameters: |l| #{ w: #{ shape: [1], inti: 1 } } }",
            "did you mean \"init\"?",
        ),
        ("#{ forward: |l, x| x * l.w, parameters: |l| #{ } }", "there is no entry \"w\""),
    ] {
        let error = used(definition).expect_err(definition);
        assert!(error.contains(part), "{definition}\n{error}");
    }
    let report = run("layer(\"x\", #{ input: 2 }, |l, x| x);").unwrap_err();
    assert!(report.contains("an option cannot be called \"input\""), "{report}");
    let report = run("relu().apply(zeros([1, 2]));").unwrap_err();
    assert!(report.contains("within the function of a layer only"), "{report}");
}

/// What is applied may not change between planning and computing.
#[test]
fn applied_layers_stay_as_they_were_planned() {
    // Only tensors without values, those of planning, have no sum.
    for (body, part) in [
        ("if real { x } else { conv(2, 1).apply(x) }", "applies 0 layers, but applied 1"),
        ("if real { conv(2, 1).apply(x) } else { x }", "applies a layer, but applied none"),
        ("conv(2, 1, #{ bias: real }).apply(x)", "conv with other options"),
        ("conv(2, 1).apply(if real { x[[(), (), 0..4]] } else { x })", "conv to 2×4×8"),
        ("let y = conv(2, 1).apply(x); if real { relu().apply(y) } else { y }", "2 layers or more"),
    ] {
        let real = "let real = true; try { x.sum().item(); } catch { real = false; }";
        let script = format!("layer(\"x\", #{{}}, |l, x| {{ {real} {body} }});");
        let bench = Bench::new(|_| {});
        bench.run(&script).unwrap_or_else(|report| panic!("{report}"));
        let catalog = bench.runtime.catalog();
        let net = network(&catalog, json!(["x"]), &[2, 8, 8]);
        let error = net.forward(&input(&[3, 2, 8, 8]), Pass::Evaluation).unwrap_err().to_string();
        assert!(error.contains(part), "{body}\n{error}");
    }
}

#[test]
fn what_goes_wrong_in_training_is_told_at_the_line() {
    for (wrong, place, part) in [
        (
            "loss(\"l\", #{}, |output, target, p|\n  output.matmul(output));",
            "s.rhai:2:10",
            "matmul cannot",
        ),
        (
            "loss(\"l\", #{}, |output, target, p| output.sum());",
            "s.rhai:1:1",
            "the loss \"l\" gives a tensor of one number",
        ),
        (
            "transform(\"t\", #{}, |image, p, seed|\n  image[0]);",
            "s.rhai:1:1",
            "an image of the shape it was given",
        ),
        (
            "transform(\"t\", #{}, |image, p, seed|\n  image + oops(seed));\nfn oops(n) { n.x }",
            "s.rhai:3:16",
            "x",
        ),
        ("vote(\"v\", #{}, |parts, p|\n  [1.0]);", "s.rhai:1:1", "2 scores, one per output"),
        ("vote(\"v\", #{}, |parts, p|\n  [0.0 / 0.0, 1.0]);", "s.rhai:1:1", "gives the score NaN"),
        ("vote(\"v\", #{}, |parts, p|\n  parts[99].scores);", "s.rhai:2:9", "99"),
        (
            "metric(\"m\", #{ direction: \"higher\" }, |truth, scores|\n  \"good\");",
            "s.rhai:1:1",
            "gives \"good\", not a number",
        ),
        (
            "metric(\"m\", #{ direction: \"higher\" }, |truth, scores|\n  truth.matmul(scores));",
            "s.rhai:2:9",
            "matmul cannot",
        ),
    ] {
        let option = match wrong.split('(').next() {
            Some("loss") => "loss: \"l\"",
            Some("transform") => "augmentation: [\"t\"]",
            Some("vote") => "vote: \"v\"",
            _ => "selection_metrics: [\"m\"]",
        };
        let report = trains(wrong, option).expect_err(wrong);
        assert!(report.contains(part), "{wrong}\n{report}");
        assert!(report.contains(&format!("--> {place}")), "{wrong}\n{report}");
        assert!(report.contains("in train, s.rhai:"), "{wrong}\n{report}");
    }
}

#[test]
fn definitions_are_checked_where_they_are_given() {
    for (script, part) in [
        ("vote(\"v\", #{}, 3);", "vote cannot be called with a text, a map, a whole number"),
        ("vote(\"v\", #{ x: [] }, |a, b| a);", "no default that tells what \"x\" may be"),
        (
            "metric(\"m\", #{ direction: \"higher\", directon: \"lower\" }, |t, s| 1);",
            "did you mean \"direction\"?",
        ),
        (
            "metric(\"m\", #{ direction: \"higher\", lowest: 2.0, highest: 1.0 }, |t, s| 1);",
            "lowest must be below highest",
        ),
        ("vote(\"a b\", #{}, |a, b| a);", "cannot be called \"a b\""),
        ("vote(\"v\");", "it is called as vote(name, [help,]"),
        ("scores([1]);", "scores takes the parts of a vote, not 1"),
    ] {
        let report = run(script).expect_err(script);
        assert!(report.contains(part), "{script}\n{report}");
        assert!(report.contains("--> s.rhai:1:"), "{script}\n{report}");
    }
}
