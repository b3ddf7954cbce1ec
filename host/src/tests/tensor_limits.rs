//! Tensors in scripts: errors, limits, memory, gradients, and any values at all.

use std::time::Instant;

use super::*;
use crate::sandbox::Limits;

#[test]
fn what_libtorch_refuses_is_told_at_the_line() {
    reports(
        "let a = zeros([2, 3]);\nlet b = a.matmul(a);",
        r#"
error[E0204] matmul cannot be computed for a tensor 2×3, a tensor 2×3
  --> s.rhai:2:11
 2 | let b = a.matmul(a);
   |           ^^^^^^
  because mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)
"#,
    );
    reports(
        "let a = zeros([2, 3]);\nlet b = 1 + a + zeros(2);",
        r#"
error[E0204] + cannot be computed for a tensor 2×3 and a tensor 2
  --> s.rhai:2:15
 2 | let b = 1 + a + zeros(2);
   |               ^
  because The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1
"#,
    );
}

#[test]
fn wrong_values_are_told() {
    for (script, part) in [
        ("zeros([2]).sum(\"x\")", "sum: axis must be a whole number or a list of them, not \"x\""),
        ("conv(zeros([1, 1, 3, 3]), 3)", "conv: weight must be a tensor, not 3"),
        ("conv(zeros([1, 1, 3, 3]))", "conv needs weight"),
        (
            "conv(zeros([1, 1, 3, 3]), ones([1, 1, 1, 1]), #{ paddin: 1 })",
            "did you mean \"padding\"?",
        ),
        ("conv(zeros([3, 3]), ones([1, 1, 1, 1]))", "conv needs a tensor [batch, channel, "),
        ("zeros(1).sum(0, #{ axis: 0 })", "sum is given \"axis\" twice"),
        ("zeros(2).softmax()", "softmax needs axis"),
        ("relu(zeros(2), 1, 2)", "with a tensor it is called as relu(x)"),
        ("zeros(2).item()", "item needs a tensor with one number, not 2"),
        ("tensor([[1], [1, 2]])", "the lists within a list differ in length"),
        ("tensor([[1], 2])", "the lists within a list differ in length"),
        ("tensor([1, [2]])", "the lists within a list differ in length"),
        ("tensor([\"a\"])", "\"a\" is not a number"),
        ("zeros(2) + \"x\"; zeros(2) - \"x\"", "- cannot be applied to a tensor 2 and \"x\""),
        ("zeros(2)[5]", "an index cannot be computed for a tensor 2 and 5"),
        ("zeros(2)[\"a\"]", "index"),
        ("zeros(2)[[0, 0]]", "has no axis"),
        ("zeros(2).size(3)", "there is no axis 3"),
        ("zeros(-1)", "sizes that are not negative"),
        ("arange(0, 1, 0)", "in steps of 0"),
        ("cross_entropy(zeros([1, 2]), tensor([0]), #{ reduction: \"avg\" })", "reduction must be"),
        ("dropout(zeros(1), 2)", "p must be a number from 0 to 1"),
        ("interpolate(zeros([1, 1, 2, 2]))", "either size or scale_factor"),
        ("if zeros(1) { print(1); }", "a tensor"),
        ("architecture(\"a\", #{ x: zeros(1) }, |p| [])", "a tensor cannot be used here"),
        ("zeros(2).matmull()", "did you mean \"matmul\"?"),
        ("let x = zeros(2); x[0] = 1;", "x"),
    ] {
        let report = run(script).expect_err(script);
        assert!(report.contains(part), "{script}\n{report}");
        assert!(report.contains("--> s.rhai:1:"), "{script}\n{report}");
    }
}

#[test]
fn tensors_no_memory_would_hold_are_refused_before_they_are_made() {
    let start = Instant::now();
    for script in [
        "zeros([100_000, 100_000])",
        "zeros([9_000_000_000, 9_000_000_000, 9_000_000_000])",
        "rand(9_000_000_000, 1)",
        "eye(1_000_000)",
        "arange(1e15)",
        "zeros([100_000, 1]) + zeros([1, 100_000])",
        "zeros(1).expand([100_000, 100_000])",
        "zeros(1000).repeat([1000, 1000, 1000])",
        "zeros([100_000, 1]).matmul(zeros([1, 100_000]))",
        "zeros([100_000, 1]).linear(zeros([100_000, 1]))",
        "one_hot(zeros(100_000).to_int(), 100_000)",
        "zeros(10).pad([1_000_000_000, 1_000_000_000])",
        "interpolate(zeros([1, 1, 2, 2]), 1_000_000)",
        "adaptive_avg_pool(zeros([1, 1, 2, 2]), 1_000_000)",
        "conv(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), #{ padding: 1_000_000 })",
        "conv_transpose(zeros([1, 1, 9, 9]), zeros([1, 1, 1, 1]), #{ stride: 1_000_000 })",
        "where(zeros([100_000, 1]) > 0, zeros(100_000), 1.0)",
        "zeros([1000, 1000]).index_select(0, zeros(1_000_000).to_int())",
        "zeros(100_000).to_list()",
        "zeros(100_000).split(1)",
        "let x = zeros(10_000_000); let l = []; for i in 0..50 { l.push(x); } cat(l)",
    ] {
        let report = run(script).expect_err(script);
        assert!(report.contains("E0102"), "{script}\n{report}");
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn loops_over_tensors_are_bounded() {
    let limits = Limits { operations: 1_000_000, ..Limits::default() };
    let stopped = |script: &str| Bench::new(|s| s.limits = limits).run(script).unwrap_err();
    let report = stopped("let x = zeros(2);\nloop { x = x + 1; }");
    assert!(report.contains("more than 1000000 steps"), "{report}");
    let limits = Limits { memory_bytes: 256 << 20, ..Limits::default() };
    let report = Bench::new(|s| s.limits = limits)
        .run("let l = [];\nloop { l.push(ones(1_000_000)); }")
        .unwrap_err();
    assert!(report.contains("256 MB of memory"), "{report}");
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}

/// 10 000 tensors of 1 MB are 10 GB, one after the other.
#[test]
fn memory_is_freed_when_a_value_goes_out_of_scope() {
    let bench = Bench::new(|_| {});
    let script = "for i in 0..N { let x = ones(262_144); let y = x; x = y + 1; }";
    bench.run(&script.replace('N', "100")).unwrap();
    let before = resident_kb();
    bench.run(&script.replace('N', "10_000")).unwrap();
    let grown = resident_kb().saturating_sub(before);
    assert!(grown < 100_000, "{grown} kB");
}

/// d/dx Σ (3x² + x) = 6x + 1, through what a script computes.
#[test]
fn gradients_flow_through_a_script() {
    let mut engine = rhai::Engine::new();
    crate::tensor::register(&mut engine);
    let ast = engine.compile("fn f(x) { let y = 3 * x ** 2; (y + x).sum() }").unwrap();
    let x = tch::Tensor::from_slice(&[1.0f32, -2.0]).set_requires_grad(true);
    let given = crate::tensor::value(x.shallow_clone());
    let y: crate::tensor::Tensor =
        engine.call_fn(&mut rhai::Scope::new(), &ast, "f", (given,)).unwrap();
    y.get().backward();
    assert_eq!(Vec::<f32>::try_from(x.grad()).unwrap(), [7.0, -11.0]);
}

#[test]
fn dropout_follows_the_pass() {
    use crate::tensor::pass::{Pass, within};
    let mut engine = rhai::Engine::new();
    crate::tensor::register(&mut engine);
    let script = "let x = ones(1000); let a = dropout(x, 0.5); let b = dropout(x, 0.5);\n\
                  [a.sum().item(), (a == b).all().item()]";
    let run = || engine.eval::<rhai::Array>(script).unwrap();
    let in_pass = |seed| {
        let anchor = tch::Tensor::zeros([0], (tch::Kind::Float, tch::Device::Cpu));
        within(Pass::new(seed, &anchor), run)
    };
    let sum = |list: &rhai::Array| list[0].as_float().unwrap();
    let (first, again, other) = (in_pass(Some(1)), in_pass(Some(1)), in_pass(Some(2)));
    assert_eq!(sum(&first), sum(&again));
    assert_ne!(sum(&first), sum(&other));
    assert!((900.0..1100.0).contains(&sum(&first)), "{first:?}");
    assert!(!first[1].as_bool().unwrap(), "two calls draw differently");
    // In evaluation, and outside of any pass, nothing is dropped.
    assert_eq!(sum(&in_pass(None)), 1000.0);
    assert_eq!(sum(&run()), 1000.0);
}

/// Neither a panic nor a signal out of libtorch, whatever the values are.
#[test]
fn every_function_survives_any_values() {
    let mut engine = crate::sandbox::engine(Limits::default(), Arc::default());
    crate::tensor::register(&mut engine);
    let tensors = [
        "zeros([])",
        "zeros(0)",
        "ones(3)",
        "arange(6).reshape([2, 3])",
        "ones([1, 2, 4, 4])",
        "ones([2, 2, 3, 3, 3])",
        "tensor([true, false])",
        "tensor([1, -1])",
        "zeros([0, 2, 4, 4])",
        "ones([2, 2, 3, 3]).to_double()",
        "1.0 / zeros(2)",
        "tensor(2)",
        "ones([2, 2, 1, 1, 1])",
    ];
    let others = [
        "0",
        "1",
        "-1",
        "2",
        "3",
        "9_223_372_036_854_775_807",
        "-9_223_372_036_854_775_808",
        "0.5",
        "-1e300",
        "0.0 / 0.0",
        "()",
        "true",
        "\"x\"",
        "\"circular\"",
        "[]",
        "[0, 0]",
        "[2, 2, 2]",
        "[-1, 5, 0]",
        "[[]]",
        "[zeros(2), zeros(2)]",
        "[zeros(2), ones([1, 1])]",
        "#{}",
        "0..2",
        "-5..=-1",
        "#{ stride: 0 }",
        "#{ groups: 0 }",
        "#{ padding: -3 }",
        "#{ dilation: 0, stride: -1 }",
        "|a| a",
    ];
    let pool: Vec<&str> = tensors.iter().chain(&others).copied().collect();
    let mut random = neurhai_core::random::Random::new(1, "calls", &[]);
    let mut pick = |from: &[&'static str]| from[random.below(from.len() as u64) as usize];
    let names = crate::tensor::FUNCTIONS.iter().map(|function| function.name);
    let (mut ran, mut all) = (0, 0);
    for name in names {
        let arity = 1 + crate::tensor::FUNCTIONS
            .iter()
            .find(|function| function.name == name)
            .map_or(0, |function| function.usage.matches(',').count());
        for round in 0..80 {
            // Rhai's own pad, of lists, overflows.
            let any = round % 4 == 0 && name != "pad";
            let mut args = vec![if any { pick(&pool) } else { pick(&tensors) }];
            args.extend((0..round % (arity + 1)).map(|_| pick(&pool)));
            all += 1;
            ran += u32::from(engine.run(&format!("{name}({})", args.join(", "))).is_ok());
        }
    }
    for operator in ["+", "-", "*", "/", "%", "**", "==", "<", "&", "|"] {
        for _ in 0..200 {
            let (a, b) = (pick(&tensors), pick(&pool));
            let _ = engine.run(&format!("({a}) {operator} ({b}); ({b}) {operator} ({a})"));
        }
    }
    for _ in 0..800 {
        let (a, b) = (pick(&tensors), pick(&pool));
        let _ = engine.run(&format!("print(({a})[{b}])"));
    }
    assert!(ran > all / 20, "{ran} of {all} calls went through");
}

/// Every function can be called as its line says, is explained, and is known to suggestions.
#[test]
fn every_function_is_documented_once() {
    let mut names: Vec<_> = crate::tensor::FUNCTIONS.iter().map(|f| f.name).collect();
    for function in crate::tensor::FUNCTIONS.iter() {
        assert!(
            function.usage.ends_with(')') && function.help.ends_with('.'),
            "{}",
            function.usage
        );
    }
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// What shapes are found out by: tensors without values.
#[test]
fn every_function_works_on_shapes_alone() {
    let mut engine = crate::sandbox::engine(Limits::default(), Arc::default());
    crate::tensor::register(&mut engine);
    engine.register_fn("meta", |shape: rhai::Array| {
        let shape: Vec<i64> = shape.iter().map(|size| size.as_int().unwrap()).collect();
        crate::tensor::Tensor::new(neurhai_torch::meta(&shape).unwrap())
    });
    let anchor = neurhai_torch::meta(&[1]).unwrap();
    crate::tensor::pass::within(crate::tensor::pass::Pass::new(Some(1), &anchor), || {
        for (call, shape) in [
            (
                "conv(meta([2, 3, 9, 9]), meta([4, 3, 3, 3]), meta([4]), #{ stride: 2, padding: 1 })",
                "[2, 4, 5, 5]",
            ),
            ("conv(meta([2, 3, 9, 9, 8]), meta([4, 3, 3, 3, 3]), meta([4]))", "[2, 4, 7, 7, 6]"),
            (
                "conv(meta([2, 4, 9, 9, 8]), meta([4, 1, 3, 3, 3]), #{ groups: 4, dilation: 2 })",
                "[2, 4, 5, 5, 4]",
            ),
            (
                "conv_transpose(meta([2, 3, 4, 4]), meta([3, 5, 3, 3]), #{ stride: 2 })",
                "[2, 5, 9, 9]",
            ),
            (
                "conv_transpose(meta([2, 3, 4, 4, 4]), meta([3, 5, 3, 3, 3]), meta([5]))",
                "[2, 5, 6, 6, 6]",
            ),
            ("linear(meta([2, 3]), meta([5, 3]), meta([5]))", "[2, 5]"),
            ("matmul(meta([2, 3]), meta([3, 4]))", "[2, 4]"),
            ("max_pool(meta([2, 3, 9, 9]), 2)", "[2, 3, 4, 4]"),
            ("max_pool(meta([2, 3, 9, 9, 9]), 2)", "[2, 3, 4, 4, 4]"),
            ("avg_pool(meta([2, 3, 9, 9, 9]), 2)", "[2, 3, 4, 4, 4]"),
            ("avg_pool(meta([2, 3, 9, 9]), 2)", "[2, 3, 4, 4]"),
            ("adaptive_avg_pool(meta([2, 3, 9, 9, 9]), 2)", "[2, 3, 2, 2, 2]"),
            ("adaptive_avg_pool(meta([2, 3, 9, 9]), 1)", "[2, 3, 1, 1]"),
            ("interpolate(meta([2, 3, 9, 9, 9]), #{ scale_factor: 2 })", "[2, 3, 18, 18, 18]"),
            ("interpolate(meta([2, 3, 9, 9]), 4, #{ mode: \"linear\" })", "[2, 3, 4, 4]"),
            ("interpolate(meta([2, 3, 9, 9, 3]), 4, #{ mode: \"linear\" })", "[2, 3, 4, 4, 4]"),
            (
                "batch_norm(meta([2, 3, 9, 9]), meta([3]), meta([3]), meta([3]), meta([3]))",
                "[2, 3, 9, 9]",
            ),
            ("instance_norm(meta([2, 3, 9, 9]), meta([3]), meta([3]))", "[2, 3, 9, 9]"),
            ("group_norm(meta([2, 4, 9, 9]), 2, meta([4]), meta([4]))", "[2, 4, 9, 9]"),
            ("layer_norm(meta([2, 4, 9, 9]), [9, 9], meta([9, 9]))", "[2, 4, 9, 9]"),
            ("dropout(meta([2, 4]), 0.5)", "[2, 4]"),
            (
                "relu(meta([2, 4])).sigmoid().tanh().softplus().gelu().silu().elu().leaky_relu()",
                "[2, 4]",
            ),
            ("softmax(meta([2, 4]), 1).log_softmax(1).cumsum(1)", "[2, 4]"),
            ("meta([2, 4]).sort().values", "[2, 4]"),
            ("meta([2, 4]).topk(2).values", "[2, 2]"),
            (
                "meta([2, 4]).sum(1) + meta([2, 4]).mean(1) + meta([2, 4]).std(1) + meta([2, 4]).variance(1)",
                "[2]",
            ),
            (
                "meta([2, 4]).max(1) + meta([2, 4]).min(1) + meta([2, 4]).prod(1) + meta([2, 4]).logsumexp(1)",
                "[2]",
            ),
            ("meta([2, 4]).argmax(1) + meta([2, 4]).argmin(1)", "[2]"),
            ("(meta([2, 4]) > 0).any(1) | (meta([2, 4]) > 0).all(1)", "[2]"),
            ("2 * meta([2, 4]) ** 2 - 1 / meta([4]) % 3", "[2, 4]"),
            ("meta([2, 4]) ** 0.5 + meta([2, 4]).pow(meta([2, 1]))", "[2, 4]"),
            (
                "clamp(meta([2, 4]), 0, 1) + minimum(meta([2, 4]), 1) + maximum(meta([2, 4]), meta([4]))",
                "[2, 4]",
            ),
            ("where(meta([2, 4]) > 0, 1.0, meta([2, 4]))", "[2, 4]"),
            (
                "meta([2, 4]).abs().exp().log().log1p().sqrt().square().sign().round().floor().ceil()",
                "[2, 4]",
            ),
            (
                "meta([2, 4]).reshape([4, 2]).transpose(0, 1).permute([1, 0]).unsqueeze(0).flatten(1)",
                "[1, 8]",
            ),
            ("cat([meta([2, 4]), meta([2, 1])], 1)", "[2, 5]"),
            ("stack([meta([2, 4]), meta([2, 4])], 1)", "[2, 2, 4]"),
            ("meta([2, 4]).chunk(2, 1)[0] + meta([2, 4]).split(2, 1)[1]", "[2, 2]"),
            ("meta([2, 4])[[(), 1]] + meta([2, 4]).select(1, 0)", "[2]"),
            (
                "meta([2, 4])[[(), 1..3]].flip(1).repeat([1, 2]) + meta([2, 1]).expand([2, 4])",
                "[2, 4]",
            ),
            ("meta([2, 4]).index_select(1, tensor([0, 2]))", "[2, 2]"),
            ("meta([2, 4]).pad([1, 1]).pad([1, 1], #{ mode: \"replicate\" })", "[2, 8]"),
            ("meta([2, 3, 4, 4]).pad([1, 1, 1, 1], #{ mode: \"reflect\" })", "[2, 3, 6, 6]"),
            (
                "zeros([4]) + randn([2, 4], 1) + full([4], 2) + meta([4]) + arange(4) + eye(4)[0]",
                "[2, 4]",
            ),
            ("one_hot(meta([2]).to_int(), 3)", "[2, 3]"),
            ("cross_entropy(meta([2, 3]), meta([2]).to_int(), #{ reduction: \"none\" })", "[2]"),
            ("mse_loss(meta([2, 3]), meta([2, 3]), #{ reduction: \"none\" })", "[2, 3]"),
            ("meta([2, 3]).to_double().detach().zeros_like()", "[2, 3]"),
        ] {
            let found = engine.eval::<crate::tensor::Tensor>(call);
            let found = found.unwrap_or_else(|error| panic!("{call}: {error}"));
            assert_eq!(format!("{:?}", found.get().size()), shape, "{call}");
        }
    });
}
