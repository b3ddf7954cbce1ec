//! Metrics: bootstrap intervals of a large set, and similarity of large images against the dense
//! window that ClinicaDL slides over them.

use std::time::Instant;

use neurhai_core::Task;
use neurhai_core::catalog::Catalog;
use neurhai_core::metric::{Measure, RESAMPLES, Rows, Weighed, bootstrap_weighed};
use neurhai_core::random::Random;
use serde_json::Map;
use tch::{Kind, Tensor, no_grad};

use crate::{Result, compare, median};

const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<()> {
    let catalog = Catalog::built_in()?;
    intervals(&catalog, 10_000)?;
    let mut dense = Vec::new();
    for size in [[68, 83, 72], [169, 208, 179]] {
        let drawn = |seed: u64| -> Result<Tensor> {
            let mut random = Random::new(seed, "bench images", &[]);
            let voxels = size.iter().product::<i64>();
            let values: Vec<f32> = (0..voxels).map(|_| random.unit() as f32).collect();
            Ok(Tensor::f_from_slice(&values)?.f_view([1, 1, size[0], size[1], size[2]])?)
        };
        let (output, target) = (drawn(1)?, drawn(2)?);
        let what = size.map(|n| n.to_string()).join("×");
        for name in ["MAE", "PSNR", "SSIM", "LNCC"] {
            let metric = catalog.metrics.get(name)?;
            let Some(Measure::Images(metric)) = metric.measure(Task::Reconstruction) else {
                return Err(format!("{name} judges no images").into());
            };
            let ours = timed(|| Ok(no_grad(|| metric.values(&output, &target)).map(|_| ())?))?;
            // The large one takes ten seconds.
            if name == "SSIM" && dense.is_empty() {
                dense = timed(|| no_grad(|| dense_ssim(&output, &target)))?;
                compare(&format!("SSIM of {what}"), &ours, ("dense window", &dense), "≤ 0.15");
            } else {
                println!("  {name} of {what}: {:.1} ms", median(&ours) * 1e3);
            }
        }
        let loss = catalog.losses.get("SSIMLoss")?;
        let options = loss.options(&Map::new())?;
        let times = timed(|| {
            let output = output.copy().f_set_requires_grad(true)?;
            loss.of_samples(&output, &target, &[], &options)?.f_sum(Kind::Float)?.f_backward()?;
            Ok(())
        })?;
        println!("  SSIMLoss and its gradient of {what}: {:.1} ms", median(&times) * 1e3);
    }
    Ok(())
}

fn timed(mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    work()?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// All metrics of two classes' probabilities, and all of a regression.
fn intervals(catalog: &Catalog, n: usize) -> Result<()> {
    let mut random = Random::new(3, "bench rows", &[]);
    let truth: Vec<usize> = (0..n).map(|_| random.below(2) as usize).collect();
    let of_first = truth.iter().map(|code| 0.7 * random.unit() + 0.3 * (1 - code) as f64);
    let scores: Vec<f64> = of_first.flat_map(|p| [p, 1.0 - p]).collect();
    let predicted: Vec<usize> = scores.chunks_exact(2).map(neurhai_core::vote::winner).collect();
    let rows = Rows { classes: 2, truth: &truth, predicted: &predicted, scores: &scores };
    let (ages, guesses) = scores.split_at(n);
    let measures = || catalog.metrics.iter().flat_map(|entry| &entry.measures);
    let of_scores = measures().filter_map(|measure| match measure {
        Measure::Scores(metric) => Some(metric.weighed(&rows)),
        _ => None,
    });
    let of_numbers = measures().filter_map(|measure| match measure {
        Measure::Numbers(metric) => Some(metric.weighed(ages, guesses)),
        _ => None,
    });
    let of_scores: Vec<Weighed<'_>> = of_scores.collect();
    let of_numbers: Vec<Weighed<'_>> = of_numbers.collect();
    for (what, metrics) in [("probabilities", of_scores), ("numbers", of_numbers)] {
        let times =
            timed(|| Ok(bootstrap_weighed(n, &metrics, RESAMPLES, 0, &|| false).map(|_| ())?))?;
        println!(
            "  intervals of {} metrics of {n} {what}, {RESAMPLES} resamples: {:.0} ms, wanted ≤ 1000",
            metrics.len(),
            median(&times) * 1e3
        );
    }
    Ok(())
}

/// SSIM as convolutions with the whole window.
fn dense_ssim(x: &Tensor, y: &Tensor) -> Result<()> {
    let line = ((Tensor::arange(11, (Kind::Float, tch::Device::Cpu)) - 5.0).square() / -4.5).exp();
    let line = &line / line.sum(Kind::Float);
    let window = line.view([11, 1, 1]) * line.view([1, 11, 1]) * line.view([1, 1, 11]);
    let window = window.view([1, 1, 11, 11, 11]);
    let mean = |x: &Tensor| x.f_conv3d(&window, None::<&Tensor>, [1; 3], [5; 3], [1; 3], 1);
    let (mx, my) = (mean(x)?, mean(y)?);
    let (vx, vy) = (mean(&x.square())? - mx.square(), mean(&y.square())? - my.square());
    let covariance = mean(&(x * y))? - &mx * &my;
    let value = (&mx * &my * 2.0 + 1e-4) * (covariance * 2.0 + 9e-4)
        / ((mx.square() + my.square() + 1e-4) * (vx + vy + 9e-4));
    value.mean(Kind::Float).f_double_value(&[])?;
    Ok(())
}
