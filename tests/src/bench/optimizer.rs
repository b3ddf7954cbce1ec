//! Steps of optimisers on the parameters of Conv5_FC3 against those of libtorch's C++ API.

use std::time::Instant;

use neurhai_core::optimizer::{Clip, Groups, Method, Optimizer};
use neurhai_torch::Tensors;
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

/// A step of theirs.
enum Theirs {
    Api(nn::Optimizer),
    /// Adagrad, which tch does not reach: the operations of torch/csrc/api/src/optim/adagrad.cpp, with
    /// the sum of squares of each parameter.
    Adagrad(Vec<Tensor>),
}

impl Theirs {
    fn step(&mut self, params: &[Tensor]) -> Result<()> {
        match self {
            Self::Api(optimizer) => optimizer.step(),
            Self::Adagrad(sums) => {
                let decay = Tensor::from(DECAY as f32);
                let _no_grad = tch::no_grad_guard();
                for (param, sum) in params.iter().zip(sums) {
                    let list = |tensor: Tensor| Tensors::new(vec![tensor]);
                    let grad = list(param.grad().addcmul(&param.detach(), &decay));
                    list(sum.shallow_clone()).addcmul(&grad, &grad, 1.0)?;
                    let root = list(sum.sqrt().g_add_scalar_(1e-10));
                    list(param.shallow_clone()).addcdiv(&grad, &root, -1e-4)?;
                }
            }
        }
        Ok(())
    }
}

/// The C++ API's optimiser of this name; for those that it lacks, its Adam.
fn theirs(name: &str, variables: &nn::VarStore, params: &[Tensor]) -> Result<(String, Theirs)> {
    let lr = 1e-4;
    let built = match name {
        "Adagrad" => {
            let sums = params.iter().map(Tensor::zeros_like).collect();
            return Ok(("its operations".into(), Theirs::Adagrad(sums)));
        }
        "AdamW" => nn::AdamW { wd: DECAY, ..Default::default() }.build(variables, lr),
        "SGD" => nn::Sgd { wd: DECAY, momentum: 0.9, ..Default::default() }.build(variables, lr),
        "RMSprop" => nn::RmsProp { wd: DECAY, ..Default::default() }.build(variables, lr),
        _ => nn::Adam { wd: DECAY, ..Default::default() }.build(variables, lr),
    };
    let same = ["Adam", "AdamW", "SGD", "RMSprop"].contains(&name);
    let what = if same { "C++ API" } else { "C++ API's Adam" };
    Ok((what.into(), Theirs::Api(built?)))
}

pub(crate) fn run() -> Result<()> {
    for info in neurhai_core::optimizer::infos() {
        let name = info.name.as_str();
        let variables = nn::VarStore::new(Device::Cpu);
        let (mut params, mut ours) = (Vec::new(), Vec::new());
        for (i, shape) in shapes().iter().enumerate() {
            let path = variables.root() / i;
            let start = Tensor::randn(&shape[..], (Kind::Float, Device::Cpu)) * 0.01;
            params.push(path.var_copy("parameter", &start));
            ours.push((format!("{i}.parameter"), start.set_requires_grad(true)));
        }
        let (what, mut theirs) = theirs(name, &variables, &params)?;
        let options = if name == "SGD" { json!({ "momentum": 0.9 }) } else { json!({}) };
        let method = Method::new(name, options.as_object().ok_or("a map")?)?;
        let named: Vec<(&str, &Tensor)> = ours.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let mut optimizer = Optimizer::over(&named, &method, &Groups::all(DECAY), Clip::default())?;
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let grads: Vec<Tensor> = params.iter().map(Tensor::randn_like).collect();
            for ((mine, (_, other)), grad) in params.iter().zip(&ours).zip(&grads) {
                for param in [mine, other] {
                    param.shallow_clone().zero_grad();
                    (param * grad).sum(Kind::Float).backward();
                }
            }
            let start = Instant::now();
            theirs.step(&params)?;
            let middle = Instant::now();
            optimizer.step(1e-4)?;
            // The first round allocates.
            if round > 0 {
                their_times.push((middle - start).as_secs_f64());
                our_times.push(middle.elapsed().as_secs_f64());
            }
        }
        let title = format!("{name} on Conv5_FC3's parameters");
        compare(&title, &our_times, (&what, &their_times), "≤ 1");
    }
    Ok(())
}
