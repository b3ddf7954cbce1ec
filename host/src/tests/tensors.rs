//! Tensors in scripts. Expected numbers are by hand, or from NumPy where a line says so.

use super::*;

/// What each expression gives, as a list or value.
#[track_caller]
fn give(rows: &[(&str, &str)]) {
    let bench = Bench::new(|_| {});
    for (expression, expected) in rows {
        let script = format!(
            "let x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]); let v = tensor([3, 1, 2]);\n\
             let r = {expression};\nif type_of(r) == \"Tensor\" {{ r = r.to_list(); }}\nprint(r);"
        );
        let printed = bench.run(&script).unwrap_or_else(|report| panic!("{expression}\n{report}"));
        assert_eq!(printed.trim(), *expected, "{expression}");
    }
}

#[test]
fn arithmetic_takes_tensors_and_numbers_on_both_sides() {
    give(&[
        ("x + x", "[[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]"),
        ("x[0] * 2", "[2.0, 4.0, 6.0]"),
        ("2 * x[0]", "[2.0, 4.0, 6.0]"),
        ("0.5 - x[0]", "[-0.5, -1.5, -2.5]"),
        ("1 / v", "[0.3333333432674408, 1.0, 0.5]"),
        ("v / 2", "[1.5, 0.5, 1.0]"),
        ("v + 1", "[4, 2, 3]"),
        ("v + 0.5", "[3.5, 1.5, 2.5]"),
        ("v % 2", "[1, 1, 0]"),
        ("-v", "[-3, -1, -2]"),
        ("x[0] ** 2", "[1.0, 4.0, 9.0]"),
        ("2 ** v", "[8, 2, 4]"),
        ("4.0 ** tensor(0.5)", "2.0"),
        ("x[0] ** 0.5 == x[0].sqrt()", "[true, true, true]"),
        // Shapes stretch to each other: [2, 3] and [3], [2, 3] and [2, 1].
        ("x - v", "[[-2.0, 1.0, 1.0], [1.0, 4.0, 4.0]]"),
        ("x * tensor([[1], [10]])", "[[1.0, 2.0, 3.0], [40.0, 50.0, 60.0]]"),
        ("x[0] < 2", "[true, false, false]"),
        ("2 <= x[0]", "[false, true, true]"),
        ("v == tensor([3, 0, 2])", "[true, false, true]"),
        ("v != 1", "[true, false, true]"),
        ("(v > 1) & (v < 3)", "[false, false, true]"),
        ("!(v > 1) | (v == 3)", "[true, true, false]"),
        ("x == ()", "false"),
        ("() != x", "true"),
        ("{ let y = x[0]; y += 1; y *= 2; y }", "[4.0, 6.0, 8.0]"),
        ("x.matmul(x.transpose(0, 1))", "[[14.0, 32.0], [32.0, 77.0]]"),
        ("abs(tensor([-1, 2])) + sign(tensor([-3, 0]))", "[0, 2]"),
        ("exp(tensor(0.0)) + log(tensor(1.0)) + log1p(tensor(0.0))", "1.0"),
        ("square(x[0]) - pow(x[0], 2)", "[0.0, 0.0, 0.0]"),
        ("minimum(v, 2) + maximum(v, tensor([0, 5, 0]))", "[5, 6, 4]"),
        ("clamp(v, 2)", "[3, 2, 2]"),
        ("clamp(v, #{ max: 2 })", "[2, 1, 2]"),
        ("clamp(x[0], 1.5, 2.5)", "[1.5, 2.0, 2.5]"),
        ("where(v > 1, v, 0)", "[3, 0, 2]"),
        ("where(v > 1, 1.0, x)", "[[1.0, 2.0, 1.0], [1.0, 5.0, 1.0]]"),
        ("round(tensor([0.5, 1.5, -2.6]))", "[0.0, 2.0, -3.0]"),
        ("floor(tensor([-0.5])) + ceil(tensor([0.2]))", "[0.0]"),
        ("isfinite(1.0 / tensor([0.0, 1.0]))", "[false, true]"),
    ]);
}

#[test]
fn reductions_take_axes_and_keep_them_where_asked() {
    give(&[
        ("x.sum()", "21.0"),
        ("sum(x, 0)", "[5.0, 7.0, 9.0]"),
        ("x.sum(-1)", "[6.0, 15.0]"),
        ("x.sum([0, 1])", "21.0"),
        ("x.sum(1, true).shape", "[2, 1]"),
        ("x.sum(1, #{ keepdim: true }).shape", "[2, 1]"),
        ("x.mean()", "3.5"),
        ("x.mean(#{ axis: 0 })", "[2.5, 3.5, 4.5]"),
        // numpy: x.var(ddof=1), x.std(0)
        ("x.variance()", "3.5"),
        ("x.std(0, #{ unbiased: false })", "[1.5, 1.5, 1.5]"),
        ("v.prod()", "6"),
        ("x.prod(1)", "[6.0, 120.0]"),
        ("x.max()", "6.0"),
        ("x.max(0)", "[4.0, 5.0, 6.0]"),
        ("v.min()", "1"),
        ("x.min(1)", "[1.0, 4.0]"),
        ("v.argmax()", "0"),
        ("v.argmin().item()", "1"),
        ("x.argmax(1)", "[2, 2]"),
        ("(v > 2).any()", "true"),
        ("(v > 2).all()", "false"),
        ("(x > 2).all(1)", "[false, true]"),
        ("tensor([0.0, 0.0]).logsumexp(0)", "0.6931471824645996"),
        ("v.cumsum(0)", "[3, 4, 6]"),
        ("v.sort().values", "[1, 2, 3]"),
        ("v.sort(0, true).indices", "[0, 2, 1]"),
        ("tensor([1, 0, 1, 0]).sort().indices", "[1, 3, 0, 2]"),
        ("v.topk(2).values", "[3, 2]"),
        ("v.topk(1, #{ largest: false }).indices", "[1]"),
    ]);
}

#[test]
fn shapes_are_looked_at_and_changed() {
    give(&[
        ("x.shape", "[2, 3]"),
        ("x.ndim", "2"),
        ("x.numel()", "6"),
        ("x.size(-1)", "3"),
        ("x.reshape([3, -1])", "[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]"),
        ("x.flatten()", "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"),
        ("zeros([2, 3, 4, 5]).flatten(1).shape", "[2, 60]"),
        ("zeros([2, 3, 4, 5]).flatten(1, 2).shape", "[2, 12, 5]"),
        ("x.unsqueeze(0).shape", "[1, 2, 3]"),
        ("x.unsqueeze(0).squeeze().shape", "[2, 3]"),
        ("zeros([1, 2, 1]).squeeze(0).shape", "[2, 1]"),
        ("zeros([2, 3, 4]).permute([2, 0, 1]).shape", "[4, 2, 3]"),
        ("x.transpose(0, 1)[0]", "[1.0, 4.0]"),
        ("v.flip(0)", "[2, 1, 3]"),
        ("v.expand([2, -1])", "[[3, 1, 2], [3, 1, 2]]"),
        ("v.repeat([1, 2])", "[[3, 1, 2, 3, 1, 2]]"),
        ("cat([x, x], 1).shape", "[2, 6]"),
        ("cat([v, v])", "[3, 1, 2, 3, 1, 2]"),
        ("stack([v, v], 1).shape", "[3, 2]"),
        ("x.chunk(3, 1).len()", "3"),
        ("v.split(2)[1]", "[2]"),
        ("x.narrow(1, 1, 2)", "[[2.0, 3.0], [5.0, 6.0]]"),
        ("x.select(1, -1)", "[3.0, 6.0]"),
        ("x.slice(1, 0, 3, 2)", "[[1.0, 3.0], [4.0, 6.0]]"),
        ("v.slice(0, -2)", "[1, 2]"),
        ("v.index_select(0, tensor([2, 2]))", "[2, 2]"),
        ("v.gather(0, tensor([1, 0]))", "[1, 3]"),
        ("v.pad([1, 2])", "[0, 3, 1, 2, 0, 0]"),
        ("v.pad([1, 0], 7)", "[7, 3, 1, 2]"),
        ("x.pad([1, 1], #{ mode: \"replicate\" })[0]", "[1.0, 1.0, 2.0, 3.0, 3.0]"),
        ("x[1]", "[4.0, 5.0, 6.0]"),
        ("x[-1][0]", "4.0"),
        ("x[[0, 2]]", "3.0"),
        ("x[[(), 1]]", "[2.0, 5.0]"),
        ("x[[0..2, 1..3]]", "[[2.0, 3.0], [5.0, 6.0]]"),
        ("v[1..3]", "[1, 2]"),
        ("v[0..=1]", "[3, 1]"),
        ("v[1..=-1]", "[1, 2]"),
        ("v[tensor([2, 0])]", "[2, 3]"),
        ("v[v > 1]", "[3, 2]"),
    ]);
}

#[test]
fn new_tensors_have_the_kind_of_their_numbers() {
    give(&[
        ("tensor([[1, 2], [3, 4]])", "[[1, 2], [3, 4]]"),
        ("tensor([1, 2.5])", "[1.0, 2.5]"),
        ("tensor([true, false])", "[true, false]"),
        ("tensor(3)", "3"),
        ("tensor([]).shape", "[0]"),
        ("zeros(2)", "[0.0, 0.0]"),
        ("ones([1, 2])", "[[1.0, 1.0]]"),
        ("full([2], 7)", "[7, 7]"),
        ("full([2], 0.5)", "[0.5, 0.5]"),
        ("arange(3)", "[0, 1, 2]"),
        ("arange(1, 2, 0.25)", "[1.0, 1.25, 1.5, 1.75]"),
        ("arange(3, 0, -1)", "[3, 2, 1]"),
        ("eye(2)", "[[1.0, 0.0], [0.0, 1.0]]"),
        ("v.zeros_like() + x.ones_like()[0]", "[1.0, 1.0, 1.0]"),
        ("one_hot(tensor([0, 2]), 3)", "[[1, 0, 0], [0, 0, 1]]"),
        ("(randn([3], 1) == randn([3], 1)).all()", "true"),
        ("(rand([3], 1) == rand([3], 2)).any()", "false"),
        ("{ let r = rand(1000, 3); r.min() >= 0.0 & r.max() < 1.0 }", "true"),
        ("x[0].to_int()", "[1, 2, 3]"),
        ("v.to_float() / 4", "[0.75, 0.25, 0.5]"),
        ("v.to_double()", "[3.0, 1.0, 2.0]"),
        ("(v - 1).to_bool()", "[true, false, true]"),
        ("x.sum().item() + 1", "22.0"),
        ("(v.sum().item() + 1) % 2", "1"),
    ]);
}

#[test]
fn activations_norms_and_losses_follow_their_formulas() {
    give(&[
        ("relu(tensor([-1.0, 2.0]))", "[0.0, 2.0]"),
        ("tensor([-1.0, 2.0]).relu()", "[0.0, 2.0]"),
        ("leaky_relu(tensor([-1.0, 2.0]), 0.5)", "[-0.5, 2.0]"),
        ("elu(tensor([0.0, 2.0]))", "[0.0, 2.0]"),
        ("gelu(tensor([0.0]))", "[0.0]"),
        ("silu(tensor([0.0])) + sigmoid(tensor([0.0])) + tanh(tensor([0.0]))", "[0.5]"),
        ("softplus(tensor([0.0]))", "[0.6931471824645996]"),
        ("softmax(tensor([0.0, 0.0]), 0)", "[0.5, 0.5]"),
        ("log_softmax(tensor([0.0, 0.0]), 0)", "[-0.6931471824645996, -0.6931471824645996]"),
        // [1·1 + 2·0 + 3·-1, …] + 10
        ("linear(x, tensor([[1.0, 0.0, -1.0]]), tensor([10.0]))", "[[8.0], [8.0]]"),
        ("dropout(x, 0.9).sum()", "21.0"),
        // (1 - 2) / √1, (3 - 2) / √1, with running mean 2 and variance 1.
        (
            "batch_norm(tensor([[1.0], [3.0]]), tensor([2.0]), tensor([1.0]), #{ eps: 0.0 })",
            "[[-1.0], [1.0]]",
        ),
        ("layer_norm(tensor([[1.0, 3.0]]), [2], #{ eps: 0.0 })", "[[-1.0, 1.0]]"),
        ("instance_norm(tensor([[[1.0, 3.0]]]), #{ eps: 0.0 })", "[[[-1.0, 1.0]]]"),
        ("group_norm(tensor([[1.0, 3.0]]), 1, tensor([2.0, 2.0]), #{ eps: 0.0 })", "[[-2.0, 2.0]]"),
        // log 2 for both.
        (
            "cross_entropy(zeros([2, 2]), tensor([0, 1]), #{ reduction: \"none\" })",
            "[0.6931471824645996, 0.6931471824645996]",
        ),
        ("cross_entropy(zeros([2, 2]), tensor([0, 1]))", "0.6931471824645996"),
        ("binary_cross_entropy_with_logits(zeros([1]), tensor([1.0]))", "0.6931471824645996"),
        ("mse_loss(x, x + 2, #{ reduction: \"none\" }).sum()", "24.0"),
        ("l1_loss(x, x + 2, #{ reduction: \"sum\" })", "12.0"),
        // 1 · (3 - 0.5)
        ("huber_loss(zeros(1), tensor([3.0]))", "2.5"),
    ]);
}

#[test]
fn windows_work_in_2d_and_3d() {
    give(&[
        // Sums of 2×2 windows of 1…9: 1+2+4+5, 2+3+5+6, …
        (
            "conv(arange(1.0, 10).reshape([1, 1, 3, 3]), ones([1, 1, 2, 2]))[[0, 0]]",
            "[[12.0, 16.0], [24.0, 28.0]]",
        ),
        (
            "conv(arange(1.0, 10).reshape([1, 1, 3, 3]), ones([1, 1, 1, 1]), tensor([1.0]), #{ stride: 2 })[[0, 0]]",
            "[[2.0, 4.0], [8.0, 10.0]]",
        ),
        (
            "ones([1, 2, 4, 4, 4]).conv(ones([2, 1, 3, 3, 3]), #{ padding: 1, groups: 2 })[[0, 1, 1, 1]]",
            "[18.0, 27.0, 27.0, 18.0]",
        ),
        (
            "conv(ones([1, 1, 5, 5]), ones([1, 1, 2, 2]), #{ dilation: [1, 3] }).shape",
            "[1, 1, 4, 2]",
        ),
        (
            "conv_transpose(ones([1, 1, 2, 2]), ones([1, 1, 2, 2]), #{ stride: 2 })[[0, 0, 0]]",
            "[1.0, 1.0, 1.0, 1.0]",
        ),
        (
            "conv_transpose(ones([1, 1, 2, 2, 2]), ones([1, 3, 3, 3, 3]), #{ output_padding: 1, stride: 2 }).shape",
            "[1, 3, 6, 6, 6]",
        ),
        ("max_pool(arange(16.0).reshape([1, 1, 4, 4]), 2)[[0, 0]]", "[[5.0, 7.0], [13.0, 15.0]]"),
        ("avg_pool(arange(16.0).reshape([1, 1, 4, 4]), 2)[[0, 0]]", "[[2.5, 4.5], [10.5, 12.5]]"),
        ("max_pool(ones([1, 1, 4, 4, 5]), 3, #{ stride: 1, padding: 1 }).shape", "[1, 1, 4, 4, 5]"),
        ("adaptive_avg_pool(arange(16.0).reshape([1, 1, 4, 4]), 1)[[0, 0]]", "[[7.5]]"),
        ("adaptive_avg_pool(ones([1, 1, 4, 4, 4]), [1, 2, 4]).shape", "[1, 1, 1, 2, 4]"),
        ("interpolate(tensor([[[[1.0, 2.0]]]]), [1, 4])[[0, 0]]", "[[1.0, 1.0, 2.0, 2.0]]"),
        // Half-pixel centres: 1, 1.25, 1.75, 2.
        (
            "interpolate(tensor([[[[1.0, 2.0]]]]), #{ scale_factor: [1, 2], mode: \"linear\" })[[0, 0]]",
            "[[1.0, 1.25, 1.75, 2.0]]",
        ),
        (
            "interpolate(ones([1, 1, 2, 2, 2]), #{ scale_factor: 1.5, mode: \"trilinear\" }).shape",
            "[1, 1, 3, 3, 3]",
        ),
    ]);
}

/// Names that layers have, too: what the first value is decides.
#[test]
fn with_a_tensor_a_layers_name_computes() {
    prints(
        r#"
        print(relu());
        print(relu(tensor([-1.0])).item());
        print(conv(8, 3));
        print(conv(8, 3, #{ padding: 1 }));
        print(conv(ones([1, 1, 3, 3]), ones([1, 1, 3, 3])).item());
        let net = [flatten(), max_pool(2), dropout(0.5), softmax(), linear(2), batch_norm()];
        print(net);
        print(max_pool(ones([1, 1, 2, 2]), 2).item());
        "#,
        "relu()\n0.0\nconv(8, 3)\nconv(8, 3, #{ padding: 1 })\n9.0\n\
         [flatten(), max_pool(2), dropout(0.5), softmax(), linear(2), batch_norm()]\n1.0",
    );
}

#[test]
fn tensors_are_shown() {
    prints(
        r#"
        print(tensor([[1, 2], [3, 4]]));
        print(`mean: ${tensor([1.0, 2.0]).mean()}`);
        print(zeros([0, 3]));
        "#,
        "[[1, 2],\n [3, 4]]\ntensor 2×2 of int64\nmean: 1.5\n\
         tensor 0×3 of float32",
    );
}

#[test]
fn lists_of_numbers_have_sums_and_extremes() {
    prints(
        "print([[3, 1, 2].max(), [3, 1, 2].min(), sum([3, 1, 2]), mean([1, 2])]);",
        "[3, 1, 6, 1.5]",
    );
    prints(
        "print([[0.25, 2].max(), [0.25, 2].sum(), tensor([1.0, 3.0]).max().item()]);",
        "[2.0, 2.25, 3.0]",
    );
    let report = run("[].max();").unwrap_err();
    assert!(report.contains("max of an empty list"), "{report}");
    let report = run("[1, \"a\"].sum();").unwrap_err();
    assert!(report.contains("\"a\" is in it"), "{report}");
}
