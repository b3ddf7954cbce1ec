//! A training step of Conv5_FC3 in the trainer against loops written with tch alone.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use neurhai_core::data::phantom::{Phantom, PhantomOptions, generate};
use neurhai_core::train::{self, Event, Session};
use neurhai_host::runtime::{Runtime, Settings};
use serde_json::json;
use tch::nn::{self, ModuleT, OptimizerConfig};
use tch::{Device, Kind, Tensor};

use crate::{Result, compare, median};

const SIZE: [usize; 3] = [96, 112, 96];
const STEPS: usize = 8;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = PhantomOptions {
        participants_per_class: 10,
        image_size: SIZE,
        masks: false,
        ..PhantomOptions::default()
    };
    let phantom = generate(&folder.path().join("data"), &options)?;
    let mut bare = [Bare::new(true)?, Bare::new(false)?];
    let (mut ours, mut last, mut contiguous) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..4 {
        let runtime = Runtime::new(Settings::default()).map_err(|_| "the zoo cannot be read")?;
        let output = folder.path().join(round.to_string());
        let steps = in_trainer(runtime, &phantom, "Conv5_FC3", &output)?;
        let times = [steps, bare[0].steps()?, bare[1].steps()?];
        // The first round warms everything up.
        if round > 0 {
            ours.push(median(&times[0]));
            last.push(median(&times[1]));
            contiguous.push(median(&times[2]));
        }
    }
    let what = "step of Conv5_FC3, 1×96×112×96, batch 2";
    compare(what, &ours, ("bare tch, channels-last", &last), "≤ 1.05");
    compare(what, &ours, ("bare tch, contiguous", &contiguous), "≤ 0.7");
    Ok(())
}

/// Seconds per step of an epoch in the trainer, from the end of one step to the end of the next.
pub(crate) fn in_trainer(
    runtime: Runtime,
    phantom: &Phantom,
    architecture: &str,
    output: &Path,
) -> Result<Vec<f64>> {
    let catalog = runtime.catalog();
    let ends = Mutex::new(Vec::new());
    let events = |event: &Event| {
        if matches!(event, Event::Step { .. })
            && let Ok(mut ends) = ends.lock()
        {
            ends.push(Instant::now());
        }
    };
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let options = json!({
        "data": { "caps": phantom.caps }, "splits": phantom.splits, "output": output,
        "architecture": architecture, "epochs": 1, "batch_size": 2, "device": "cpu",
    });
    train::run(options.as_object().ok_or("a map")?, &session)?;
    let ends = ends.into_inner()?;
    Ok(ends.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect())
}

/// The same network, loss and optimiser with tch's own modules.
struct Bare {
    channels_last: bool,
    network: nn::SequentialT,
    optimizer: nn::Optimizer,
    _variables: nn::VarStore,
}

impl Bare {
    fn new(channels_last: bool) -> Result<Self> {
        let variables = nn::VarStore::new(Device::Cpu);
        let root = variables.root();
        let mut network = nn::seq_t();
        let mut channels = 1;
        let mut size = SIZE.map(|n| n as i64);
        for (i, out) in [8, 16, 32, 64, 128].into_iter().enumerate() {
            let config = nn::ConvConfig { padding: 1, ..Default::default() };
            let pad: Vec<i64> = size.iter().rev().flat_map(|n| [n % 2, 0]).collect();
            network = network
                .add(nn::conv3d(&root / format!("conv{i}"), channels, out, 3, config))
                .add(nn::batch_norm3d(&root / format!("norm{i}"), out, Default::default()))
                .add_fn(|x| x.relu())
                .add_fn(move |x| {
                    let x = if pad.iter().any(|n| *n > 0) {
                        x.constant_pad_nd(&pad)
                    } else {
                        x.shallow_clone()
                    };
                    x.max_pool3d(2, 2, 0, 1, false)
                });
            channels = out;
            size = size.map(|n| (n + 1) / 2);
        }
        let flat = channels * size.iter().product::<i64>();
        network = network
            .add_fn(|x| x.flatten(1, -1))
            .add(nn::linear(&root / "fc1", flat, 1300, Default::default()))
            .add_fn(|x| x.relu())
            .add(nn::linear(&root / "fc2", 1300, 50, Default::default()))
            .add_fn(|x| x.relu())
            .add(nn::linear(&root / "fc3", 50, 2, Default::default()));
        let optimizer = nn::Adam { wd: 1e-4, ..Default::default() }.build(&variables, 1e-4)?;
        Ok(Self { channels_last, network, optimizer, _variables: variables })
    }

    fn steps(&mut self) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for _ in 0..STEPS {
            let x = Tensor::rand([2, 1, 96, 112, 96], (Kind::Float, Device::Cpu));
            let truth = Tensor::from_slice(&[0i64, 1]);
            let start = Instant::now();
            let x = if self.channels_last { neurhai_core::network::channels_last(&x)? } else { x };
            let loss = self.network.forward_t(&x, true).cross_entropy_for_logits(&truth);
            self.optimizer.backward_step(&loss);
            loss.double_value(&[]);
            times.push(start.elapsed().as_secs_f64());
        }
        Ok(times)
    }
}
