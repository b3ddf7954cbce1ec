//! The SDK's side of layers and losses, with a plugin of its own. It stands here because only this
//! package's tests are told where libtorch lies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

use std::sync::atomic::{AtomicI64, Ordering};

use neurhai_plugin::serde_json::json;
use neurhai_plugin::testkit::torch::{TestLayer, check_with, problems};
use neurhai_plugin::torch::{Init, Layer, Loss, Pass, Planned, Scope, Tensor, tch};
use neurhai_plugin::{
    Direction, Info, Metric, OptionSpec, Options, Result, Rows, export_plugin, layer,
};

type Forward = fn(&Tensor, &Tensor, &Pass) -> Result<Tensor>;

/// A layer with one parameter per channel, by a function of input and parameter.
struct By {
    name: &'static str,
    init: Init,
    forward: Forward,
}

impl Layer for By {
    fn info(&self) -> Info {
        Info::new(self.name, "A layer that is broken, or not.")
            .shapes("any → the same")
            .option(OptionSpec::text("weight", "the parameter's name").default("weight"))
            .example(vec![layer(self.name)], &[2, 3, 4], &[2, 3, 4])
    }

    fn create(&self, input: &[i64], options: &Options, scope: &mut Scope<'_>) -> Result<Planned> {
        let weight = scope.param(options.text("weight")?, &[input[0], 1, 1], self.init)?;
        scope.buffer("count", &[1], Init::Constant(0.0))?;
        let forward = self.forward;
        Ok(Planned::new(input, move |pass| forward(pass.input(), pass.weight(weight)?, pass)))
    }
}

/// A loss by a function of output and target.
struct LossBy(&'static str, fn(&Tensor, &Tensor) -> Result<Tensor>);

impl Loss for LossBy {
    fn info(&self) -> Info {
        Info::new(self.0, "A loss that is broken, or not.")
    }
    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        (self.1)(output, target)
    }
}

struct Share;

impl Metric for Share {
    fn info(&self) -> Info {
        Info::new("share", "The share of rows that are right.")
            .formula("right / rows")
            .direction(Direction::Higher)
            .range(Some(0.0), Some(1.0))
    }
    fn value(&self, rows: &Rows<'_>) -> Result<f64> {
        let right = rows.truth.iter().zip(rows.predicted).filter(|(a, b)| a == b).count();
        Ok(right as f64 / rows.truth.len() as f64)
    }
}

fn cross_entropy(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok(-output
        .f_log_softmax(1, None)?
        .f_gather(1, &target.f_unsqueeze(1)?, false)?
        .f_squeeze_dim(1)?)
}

export_plugin!("calls", "0.1.0", torch, |r| {
    let by = |name, forward| By { name, init: Init::FanIn(4), forward };
    r.layer(by("scale", |x, w, _| Ok(x.f_mul(w)?)))?;
    r.layer(by("itself", |x, _, _| Ok(x.shallow_clone())))?;
    r.layer(by("noise", |x, w, pass| {
        if !pass.training {
            return Ok(x * w);
        }
        assert!(pass.seed != 0);
        Ok(x * w * (pass.seed % 7) as f64)
    }))?;
    r.layer(by("panics", |x, w, _| Ok(x.matmul(&w.reshape([1, 1, 1, 1, -1])))))?;
    r.layer(by("errors", |x, w, _| Ok(x.f_conv2d::<&Tensor>(w, None, 1, 0, 1, 1)?)))?;
    r.layer(by("shrinks", |x, w, _| Ok((x * w).narrow(1, 0, 1))))?;
    r.layer(by("detached", |x, w, _| Ok((x * w).detach())))?;
    r.layer(by("counts", |x, w, pass| {
        static CALLS: AtomicI64 = AtomicI64::new(0);
        Ok(x * w * if pass.training { 1 } else { CALLS.fetch_add(1, Ordering::SeqCst) })
    }))?;
    r.layer(by("in_place", |x, w, pass| {
        let mut x = x.shallow_clone();
        Ok(if pass.training { x * w } else { x.relu_() * w })
    }))?;
    r.layer(by("contiguous", |x, w, _| {
        // What lies in memory, taken as if the last axis were the fastest.
        Ok(x.as_strided([x.numel() as i64], [1], None).view(&x.size()[..]) * w)
    }))?;
    r.layer(By { name: "infinite", init: Init::Constant(0.0), forward: |x, w, _| Ok(x / w) })?;
    r.loss(LossBy("entropy", cross_entropy))?;
    r.loss(LossBy("mean", |output, target| {
        Ok(cross_entropy(output, target)?.mean(tch::Kind::Float))
    }))?;
    r.loss(LossBy("detached", |output, target| Ok(cross_entropy(output, target)?.detach())))?;
    r.loss(LossBy("neighbours", |output, target| {
        Ok(cross_entropy(output, target)?.cumsum(0, tch::Kind::Float))
    }))?;
    r.metric(Share)?;
    Ok(())
});

#[test]
fn every_flaw_is_found_and_nothing_else() {
    let expected = [
        "layer \"itself\": expected a finite gradient of weight",
        "layer \"panics\": forward ends with status 2: ",
        "layer \"errors\": forward ends with status 1: ",
        "layer \"shrinks\": expected the output to have the predicted shape [3, 2, 3, 4], not [3, 1, 3, 4]",
        "layer \"detached\": expected a network that computes, but the result is detached",
        "layer \"counts\": expected evaluation to give the same again",
        "layer \"in_place\": expected the input to be left as it is",
        "layer \"contiguous\": expected the same for another layout of the input in memory",
        "layer \"infinite\": expected a finite gradient of weight",
        "loss \"mean\": 1 samples of 2 classes: expected one loss per sample, [1], not []",
        "loss \"detached\": 1 samples of 2 classes: the result is detached",
        "loss \"neighbours\": 5 samples of 2 classes: expected each sample's loss to depend on",
    ];
    let found = problems(&neurhai_plugin, &[]);
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\ninstead of\n{expected}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
#[should_panic(expected = "the plugin breaks its contract")]
fn check_panics() {
    check_with(&neurhai_plugin, &[]);
}

#[test]
fn what_the_host_refuses_is_told_in_its_words() {
    let options = json!({"weight": "count"});
    let error = TestLayer::new(&neurhai_plugin, "scale", options, &[2, 3, 4]).err().unwrap();
    assert!(error.contains("\"count\" of shape [1] is asked for twice"), "{error}");
}

#[test]
fn gradients_pass_through() {
    let layer = TestLayer::new(&neurhai_plugin, "scale", json!({}), &[2, 3, 4]).unwrap();
    let x =
        Tensor::ones([5, 2, 3, 4], (tch::Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let y = layer.forward(&x, true, 3).unwrap();
    y.sum(tch::Kind::Float).backward();
    // Each channel's factor was used 5 · 3 · 4 times on a one.
    assert!(
        layer.weights()[0].grad().equal(&Tensor::from_slice(&[60f32, 60.0]).reshape([2, 1, 1]))
    );
    let weight = layer.weights()[0].detach().expand([5, 2, 3, 4], false);
    assert!(x.grad().equal(&weight));
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Inputs and outputs of 4 MiB each, whether the call ends well, with an error or with a panic: 300
/// passes would leave a gigabyte behind if one reference were kept.
#[test]
fn no_tensor_is_kept_or_freed_twice() {
    let shape = [1, 2, 512, 1024];
    for name in ["scale", "itself", "errors", "panics"] {
        let layer = TestLayer::new(&neurhai_plugin, name, json!({}), &shape[1..]).unwrap();
        let pass = || {
            let x = Tensor::ones(shape, (tch::Kind::Float, tch::Device::Cpu));
            let result = tch::no_grad(|| layer.forward(&x, false, 0));
            assert_eq!(result.is_ok(), ["scale", "itself"].contains(&name));
            // Both are still alive and our own.
            assert_eq!(x.sum(tch::Kind::Float).double_value(&[]), 1_048_576.0);
            assert!(result.is_err() || result.unwrap().numel() == 1_048_576);
        };
        (0..10).for_each(|_| pass());
        let before = resident_bytes();
        (0..300).for_each(|_| pass());
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 200 << 20, "{name}: {} MiB more", grown >> 20);
    }
}
