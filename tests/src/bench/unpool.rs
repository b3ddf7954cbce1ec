//! Padded max pooling that keeps positions, and its unpooling, against the same from libtorch's own
//! operations: forward and backward.

use std::time::Instant;

use neurhai_core::catalog::Catalog;
use neurhai_core::network::{LayerSpec, Mode, Network, NetworkSpec, PartSpec, Plan, channels_last};
use tch::{Device, Kind, Tensor};

use crate::{Result, compare};

pub(crate) fn run() -> Result<()> {
    for (size, repeats) in [([4, 8, 68, 83, 72], 9), ([4, 64, 9, 11, 9], 101)] {
        let network = network(&size[1..])?;
        let x = Tensor::randn(size, (Kind::Float, Device::Cpu));
        let last = channels_last(&x)?.f_set_requires_grad(true)?;
        let x = x.f_set_requires_grad(true)?;
        let (mut ours, mut theirs, mut contiguous) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..repeats {
            let own = || Ok(network.forward(&last, Mode::Training { seed: 1 })?);
            let times = [
                seconds(&last, own)?,
                seconds(&last, || by_libtorch(&last))?,
                seconds(&x, || by_libtorch(&x))?,
            ];
            // The first round warms everything up.
            if round > 0 {
                ours.push(times[0]);
                theirs.push(times[1]);
                contiguous.push(times[2]);
            }
        }
        let what = format!("pool and unpool {size:?}");
        compare(&what, &ours, ("libtorch, channels-last", &theirs), "≤ 1");
        compare(&what, &ours, ("libtorch, contiguous", &contiguous), "≤ 1");
    }
    Ok(())
}

fn network(input: &[i64]) -> Result<Network> {
    let pool = LayerSpec::new("pad_max_pool").with("kernel_size", 2).with("return_indices", true);
    let layers = vec![pool, LayerSpec::new("crop_max_unpool")];
    let parts = vec![PartSpec { name: "net".into(), layers }];
    let spec = NetworkSpec { architecture: "bench".into(), parts };
    Ok(Network::new(Plan::new(spec, input, &Catalog::built_in()?)?, 0, Device::Cpu)?)
}

fn by_libtorch(x: &Tensor) -> Result<Tensor> {
    let pad: Vec<i64> = x.size()[2..].iter().map(|n| n % 2).collect();
    let sides: Vec<i64> = pad.iter().rev().flat_map(|pad| [*pad, 0]).collect();
    let padded = x.f_constant_pad_nd(&sides)?;
    let (y, places) = padded.f_max_pool3d_with_indices(2, 2, 0, 1, false)?;
    let mut z = y.f_max_unpool3d(&places, &padded.size()[2..], [2, 2, 2], [0, 0, 0])?;
    for (axis, pad) in pad.iter().enumerate() {
        let axis = axis as i64 + 2;
        z = z.f_narrow(axis, *pad, z.size()[axis as usize] - pad)?;
    }
    Ok(z)
}

/// How long it takes, with the gradient of its product with `x`, as dense as a gradient in a network.
fn seconds(x: &Tensor, forward: impl Fn() -> Result<Tensor>) -> Result<f64> {
    let start = Instant::now();
    let y = forward()?;
    let loss = y.f_mul(&x.detach())?.f_sum(Kind::Float)?;
    Tensor::f_run_backward(&[loss], &[x], false, false)?;
    Ok(start.elapsed().as_secs_f64())
}
