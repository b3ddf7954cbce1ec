//! Steps of optimisers on the parameters of Conv5_FC3 against those of libtorch's C++ API.

use std::time::Instant;

use neurhai_core::optimizer::{Clip, Groups, Method, Optimizer};
use serde_json::json;
use tch::nn::{self, OptimizerConfig};
use tch::{Device, Kind, Tensor};

use crate::{Result, compare};

const ROUNDS: usize = 21;
const DECAY: f64 = 1e-4;

/// Of Conv5_FC3 on whole images of 169×208×179 voxels, batch norms' included.
fn shapes() -> Vec<Vec<i64>> {
    let mut shapes = Vec::new();
    for (channels, out) in [(1, 8), (8, 16), (16, 32), (32, 64), (64, 128)] {
        shapes.extend([vec![out, channels, 3, 3, 3], vec![out], vec![out], vec![out]]);
    }
    for (from, to) in [(128 * 6 * 7 * 6, 1300), (1300, 50), (50, 2)] {
        shapes.extend([vec![to, from], vec![to]]);
    }
    shapes
}

pub(crate) fn run() -> Result<()> {
    let bare = |name: &str, variables: &nn::VarStore| match name {
        "Adam" => nn::Adam { wd: DECAY, ..Default::default() }.build(variables, 1e-4),
        "AdamW" => nn::AdamW { wd: DECAY, ..Default::default() }.build(variables, 1e-4),
        "SGD" => nn::Sgd { wd: DECAY, momentum: 0.9, ..Default::default() }.build(variables, 1e-4),
        _ => nn::RmsProp { wd: DECAY, ..Default::default() }.build(variables, 1e-4),
    };
    for name in ["Adam", "AdamW", "SGD", "RMSprop"] {
        let variables = nn::VarStore::new(Device::Cpu);
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for (i, shape) in shapes().iter().enumerate() {
            let path = variables.root() / i;
            let start = Tensor::randn(&shape[..], (Kind::Float, Device::Cpu)) * 0.01;
            theirs.push(path.var_copy("parameter", &start));
            ours.push((format!("{i}.parameter"), start.set_requires_grad(true)));
        }
        let mut bare = bare(name, &variables)?;
        let options = if name == "SGD" { json!({ "momentum": 0.9 }) } else { json!({}) };
        let method = Method::new(name, options.as_object().ok_or("a map")?)?;
        let named: Vec<(&str, &Tensor)> = ours.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let mut optimizer = Optimizer::over(&named, &method, &Groups::all(DECAY), Clip::default())?;
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let grads: Vec<Tensor> = theirs.iter().map(Tensor::randn_like).collect();
            bare.zero_grad();
            for ((mine, (_, other)), grad) in theirs.iter().zip(&ours).zip(&grads) {
                for param in [mine, other] {
                    (param * grad).sum(Kind::Float).backward();
                }
            }
            let start = Instant::now();
            bare.step();
            let middle = Instant::now();
            optimizer.step(1e-4)?;
            // The first round allocates.
            if round > 0 {
                their_times.push((middle - start).as_secs_f64());
                our_times.push(middle.elapsed().as_secs_f64());
            }
        }
        let what = format!("{name} on Conv5_FC3's parameters");
        compare(&what, &our_times, ("C++ API", &their_times), "≤ 1");
    }
    Ok(())
}
