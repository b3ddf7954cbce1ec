//! Weights and shapes are PyTorch's and torchvision's: tests/fixtures/make_plugins.py.

use neurhai_plugin::serde_json::{self, Value, json};
use neurhai_plugin::{Architecture, Options, Request, testkit};

use crate::resnet3d::ResNet3D;
use crate::resnet18::ResNet18;
use crate::squeeze_excitation::SqueezeExcitationCnn;

#[test]
fn every_architecture_keeps_the_contract() {
    testkit::check(&crate::neurhai_plugin);
}

type Shape = Vec<i64>;

/// Follows a list of layers as the host does: what each needs and what comes out of it.
#[derive(Default)]
struct Walk {
    weights: Vec<Shape>,
    /// Behind each residual block and each linear layer outside of gates.
    outputs: Vec<Shape>,
}

impl Walk {
    fn layers(&mut self, layers: &Value, input: &[i64]) -> Shape {
        let layers = layers.as_array().unwrap();
        layers.iter().fold(input.to_vec(), |shape, layer| self.layer(layer, &shape))
    }

    fn layer(&mut self, layer: &Value, input: &[i64]) -> Shape {
        let number =
            |option: &str, default| layer.get(option).map_or(default, |v| v.as_i64().unwrap());
        let channels = input[0];
        let mut output = input.to_vec();
        match layer["kind"].as_str().unwrap() {
            "relu" | "elu" | "sigmoid" | "dropout" => {}
            "conv" => {
                let (out, kernel) = (number("out_channels", 0), number("kernel_size", 0));
                let mut weight = vec![out, channels];
                weight.resize(input.len() + 1, kernel);
                self.weights.push(weight);
                assert_eq!(layer["bias"], json!(false));
                output = self.window(layer, input, kernel, 1);
                output[0] = out;
            }
            "max_pool" => {
                let kernel = number("kernel_size", 0);
                output = self.window(layer, input, kernel, kernel);
            }
            "batch_norm" => self.weights.extend([vec![channels], vec![channels]]),
            "linear" => {
                let out = number("out_features", 0);
                assert_eq!(input.len(), 1);
                self.weights.extend([vec![out, channels], vec![out]]);
                output = vec![out];
                self.outputs.push(output.clone());
            }
            "flatten" => output = vec![input.iter().product()],
            "global_avg_pool" => output = vec![channels],
            "adaptive_avg_pool" => output[1..].fill(number("output_size", 0)),
            "residual" => {
                output = self.layers(&layer["body"], input);
                assert_eq!(self.layers(&layer["shortcut"], input), output);
                self.outputs.push(output.clone());
            }
            "gate" => {
                let outside = self.outputs.len();
                assert_eq!(self.layers(&layer["body"], input), [channels]);
                self.outputs.truncate(outside);
            }
            other => panic!("{other} is not expected here"),
        }
        output
    }

    fn window(&self, layer: &Value, input: &[i64], kernel: i64, stride: i64) -> Shape {
        let number =
            |option: &str, default| layer.get(option).map_or(default, |v| v.as_i64().unwrap());
        let (stride, padding) = (number("stride", stride), number("padding", 0));
        let spatial = input[1..].iter().map(|n| {
            assert!(n + 2 * padding >= kernel, "nothing is left of {input:?}");
            (n + 2 * padding - kernel) / stride + 1
        });
        std::iter::once(input[0]).chain(spatial).collect()
    }
}

fn walk(architecture: &dyn Architecture, input: &[i64], outputs: i64, options: Value) -> Walk {
    let options = Options::new(options.as_object().unwrap().clone());
    let request = Request { input: input.to_vec(), outputs, options };
    let network = architecture.build(&request).unwrap();
    let mut walk = Walk::default();
    assert_eq!(walk.layers(&network.as_json()["layers"], input), [outputs]);
    walk
}

fn parameters(walk: &Walk) -> i64 {
    walk.weights.iter().map(|shape| shape.iter().product::<i64>()).sum()
}

fn defaults() -> Value {
    json!({"dropout": 0.5, "width": 8, "blocks": 5, "reduction": 8})
}

#[test]
fn weights_and_shapes_are_those_of_pytorch() {
    let file = include_str!("../../../tests/fixtures/plugins/resnet.json");
    let cases: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let (architecture, mut options): (&dyn Architecture, _) =
            match case["architecture"].as_str().unwrap() {
                "ResNet3D" => (&ResNet3D, defaults()),
                "SqueezeExcitationCNN" => (&SqueezeExcitationCnn, defaults()),
                _ => (&ResNet18, json!({"width": 64})),
            };
        for (option, value) in case["options"].as_object().unwrap() {
            options[option] = value.clone();
        }
        let input: Shape = serde_json::from_value(case["input"].clone()).unwrap();
        let outputs = case["outputs_asked"].as_i64().unwrap();
        let walk = walk(architecture, &input, outputs, options);
        assert_eq!(json!(walk.weights), case["weights"], "{}", case["architecture"]);
        assert_eq!(json!(walk.outputs), case["outputs"], "{}", case["architecture"]);
        assert_eq!(json!(parameters(&walk)), case["parameters"]);
    }
}

/// Block k takes a channels to b: 27(ab + b²) for two convolutions, ab for the way around, 4b for
/// two normalisations; the linear layers take 128·4·5·4 = 10240 features to 256 and 2.
#[test]
fn clinicadls_size_has_its_number_of_parameters() {
    let blocks = 1_984 + 10_560 + 42_112 + 168_192 + 672_256;
    let expected = blocks + (10_240 * 256 + 256) + (256 * 2 + 2);
    let walk = walk(&ResNet3D, &[1, 169, 208, 179], 2, defaults());
    assert_eq!(parameters(&walk), expected);
    assert_eq!(expected, 3_517_314);
}

#[test]
fn torchvisions_resnet18_has_its_number_of_parameters() {
    let walk = walk(&ResNet18, &[3, 224, 224], 1000, json!({"width": 64}));
    assert_eq!(parameters(&walk), 11_689_512);
}

/// Smaller inputs take fewer blocks; what is not a multiple of 8 still has a gate.
#[test]
fn options_change_the_network() {
    let mut options = defaults();
    (options["blocks"], options["width"]) = (json!(3), json!(6));
    let small = walk(&SqueezeExcitationCnn, &[1, 20, 20, 20], 4, options);
    assert_eq!(small.outputs[2], [24, 4, 4, 4]);
    assert_eq!(small.weights[6], [1, 6], "6 channels share one hidden unit");
}
