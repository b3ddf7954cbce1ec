use serde_json::{Value, json};

use super::*;
use crate::catalog::{Origin, TransposeEntry};

#[track_caller]
fn undone(layer: Value, input: &[i64]) -> Result<Transposed> {
    let catalog = Catalog::built_in().unwrap();
    transpose(&catalog, &LayerSpec::read(&layer).unwrap(), input)
}

/// Odd and even sizes, strides, paddings, dilation and groups in 2D and 3D: `transpose` itself checks
/// that the shape comes back.
#[test]
fn convolutions_restore_every_size() {
    let mut count = 0;
    for (kernel, stride, padding) in
        (1..=5).flat_map(|k| (1..=3).flat_map(move |s| (0..=2).map(move |p| (k, s, p))))
    {
        for size in [8, 9, 10, 11, 17] {
            for (dilation, groups) in [(1, 1), (2, 2)] {
                for axes in [2, 3] {
                    let mut input = vec![4, size];
                    input.resize(axes + 1, size - 1);
                    let layer = json!({"kind": "conv", "out_channels": 6, "kernel_size": kernel,
                        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups});
                    match undone(layer, &input) {
                        Ok(_) => count += 1,
                        Err(error) => assert_eq!(error.code(), Code::KernelTooLarge, "{error}"),
                    }
                }
            }
        }
    }
    assert!(count > 800, "{count}");
}

#[test]
fn a_rule_names_options_of_its_own_layer_only() {
    let found = undone(
        json!({"kind": "conv", "out_channels": 8, "kernel_size": 3, "stride": 2, "padding": 1}),
        &[1, 8, 9, 10],
    );
    let expected = json!([{"kind": "conv_transpose", "out_channels": 1, "kernel_size": 3, "stride": 2,
        "padding": 1, "dilation": 1, "groups": 1, "bias": true, "output_padding": [1, 0, 1]}]);
    assert_eq!(serde_json::to_value(found.unwrap().decoder).unwrap(), expected);
    let found = undone(json!({"kind": "leaky_relu", "negative_slope": 0.2}), &[1, 4, 4]).unwrap();
    assert_eq!(found.decoder[0].options["negative_slope"], 5.0);
    for (layer, input) in [
        (json!({"kind": "max_pool", "kernel_size": 2}), vec![2, 7, 8, 9]),
        (json!({"kind": "max_pool", "kernel_size": 3, "stride": 2}), vec![2, 8, 9]),
        (json!({"kind": "pad_max_pool", "kernel_size": 2}), vec![2, 7, 8, 9]),
        (json!({"kind": "flatten"}), vec![2, 3, 4, 5]),
        (json!({"kind": "linear", "out_features": 3}), vec![7]),
        (
            json!({"kind": "conv_transpose", "out_channels": 2, "kernel_size": 3, "stride": 2,
            "output_padding": 1}),
            vec![4, 5, 6, 7],
        ),
    ] {
        assert!(undone(layer.clone(), &input).is_ok(), "{layer}");
    }
}

/// A rule as a plugin or a script gives it, which stands in for the built-in one.
struct Rule(Value);

impl Transpose for Rule {
    fn transpose(&self, _: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        LayerSpec::list(&self.0)
    }
}

#[test]
fn the_encoder_keeps_positions_for_whoever_unpools() {
    let undone = |kind: &str, decoder: Value| {
        let mut catalog = Catalog::built_in().unwrap();
        let rule = Box::new(Rule(decoder));
        let (layer, help, origin) = (kind.into(), "A rule.".into(), Origin::BuiltIn);
        catalog.transposes.replace(TransposeEntry { layer, help, origin, rule }).unwrap();
        let layer = LayerSpec::new(kind).with("kernel_size", 2);
        transpose(&catalog, &layer, &[2, 8, 9, 7]).map(|found| found.encoder)
    };
    let unpool = json!([{"kind": "max_unpool"}, {"kind": "conv", "out_channels": 2,
        "kernel_size": 3, "padding": 1}]);
    assert_eq!(undone("max_pool", unpool).unwrap().options["return_indices"], true);
    let inside = json!([{"kind": "sequential", "layers": [["crop_max_unpool"], "relu"]}]);
    assert_eq!(undone("pad_max_pool", inside).unwrap().options["return_indices"], true);
    let upsample = json!([{"kind": "upsample", "size": [8, 9, 7]}]);
    assert_eq!(undone("max_pool", upsample).unwrap().options["return_indices"], false);
    let error = undone("pad_max_pool", json!(["max_unpool"])).unwrap_err();
    assert!(error.to_string().contains("there is no max_pool before it"), "{error}");
}

#[test]
fn a_layer_without_a_rule_keeps_the_shape_or_says_how_to_give_it_one() {
    let found = undone(json!({"kind": "softmax"}), &[4]).unwrap();
    assert_eq!(found.decoder, [found.encoder]);
    let concat = json!({"kind": "concat", "branches": [["relu"], ["relu"]]});
    let error = undone(concat, &[4, 3, 3]).unwrap_err();
    assert_eq!(error.code(), Code::NoTranspose);
    assert!(error.to_string().contains("transpose(\"concat\""), "{error}");
    let error = undone(json!({"kind": "leaky_relu", "negative_slope": 0}), &[4, 4]).unwrap_err();
    assert!(error.to_string().contains("cannot be undone"), "{error}");
}
