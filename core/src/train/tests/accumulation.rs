//! The gradients of small batches together are that of one large batch.

use super::*;
use crate::data::loader::{Loader, Sample};
use crate::data::split::Label;
use crate::maps::Maps;
use crate::random::Random;
use crate::train::accumulation::Window;
use crate::train::prepare::prepare;
use crate::train::trainer::Trainer;

/// The gradient of every parameter after the trainer learned from these batches of one window.
fn gradients(
    trainer: &mut Trainer<'_>,
    prepared: &Prepared,
    batches: &[&[(Sample, Label)]],
) -> Vec<tch::Tensor> {
    for (_, parameter) in trainer.network.trainable() {
        let mut gradient = parameter.grad();
        if gradient.defined() {
            let _ = gradient.zero_();
        }
    }
    let sizes: Vec<usize> = batches.iter().map(|batch| batch.len()).collect();
    for (i, batch) in batches.iter().enumerate() {
        let samples = batch.iter().map(|(sample, _)| *sample).collect();
        let labels: Vec<Label> = batch.iter().map(|(_, label)| *label).collect();
        let loaded = Loader::new(prepared.source.clone(), vec![samples], 0).next();
        let window = Window::of(i, &sizes, sizes.len());
        trainer.learn(&loaded.unwrap().unwrap(), &labels, i, window.samples).unwrap();
    }
    trainer.network.trainable().map(|(_, parameter)| parameter.grad().copy()).collect()
}

/// Random samples, batch sizes and windows, without batch norm and dropout: of every parameter the two
/// gradients, both computed in float32, differ by less than 1e-6 of their norm. The windows' last batch
/// is shorter in most trials.
#[track_caller]
fn check(change: Value) {
    let bench = Bench::new();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let mut options = json!({"options": {"plain": true}, "data": tasks::patches()});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let prepared =
        prepare(Config::read(&bench.options("maps", options)).unwrap(), &session).unwrap();
    let maps = Maps::create(&bench.path("maps")).unwrap();
    let sides = &prepared.splits[0];
    let mut trainer = Trainer::new(&prepared, sides, None, &maps, &session).unwrap();
    let all = prepared.samples(&sides.train);
    let (mut shorter, mut farthest) = (0, 0.0);
    for trial in 0..25 {
        let mut random = Random::new(17, "accumulation", &[trial]);
        let size = 1 + random.below(40) as usize;
        let batch_size = 1 + random.below(size as u64) as usize;
        let drawn: Vec<(Sample, Label)> =
            (0..size).map(|_| all[random.below(all.len() as u64) as usize]).collect();
        shorter += usize::from(!size.is_multiple_of(batch_size));
        let small: Vec<&[(Sample, Label)]> = drawn.chunks(batch_size).collect();
        let small = gradients(&mut trainer, &prepared, &small);
        let large = gradients(&mut trainer, &prepared, &[&drawn[..]]);
        for (small, large) in small.iter().zip(&large) {
            let norm =
                |tensor: &tch::Tensor| tensor.to_kind(tch::Kind::Double).norm().double_value(&[]);
            let off = norm(&(small - large)) / norm(large);
            assert!(norm(large) > 0.0 && off < 1e-6, "{size} in batches of {batch_size}: {off}");
            farthest = f64::max(farthest, off);
        }
    }
    assert!(shorter >= 5 && farthest > 0.0, "the test must be able to fail");
}

#[test]
fn small_batches_of_classes_give_the_gradient_of_a_large_one() {
    check(json!({"class_weights": {"alpha": 0.25, "beta": 3}}));
}

#[test]
fn small_batches_of_numbers_give_the_gradient_of_a_large_one() {
    check(json!({"task": "regression", "selection_metrics": ["loss"]}));
}

/// 64 patches in batches of 3 are 22 batches; by fours these are 6 updates, after the batches 4, 8, 12,
/// 16, 20 and 22. Every second one is followed by an evaluation, and so is the epoch's end, once.
#[test]
fn evaluations_are_told_by_weight_updates_and_no_epoch_is_without_one() {
    let bench = Bench::new();
    let run = |name: &str, steps: usize, evaluation_steps: usize| {
        let change = json!({"data": tasks::patches(), "batch_size": 3, "accumulation_steps": steps,
            "evaluation_steps": evaluation_steps});
        bench.run(name, change).unwrap();
        let patches = bench.table(&format!("{name}/groups/train/split-0/data.tsv")).len() * 8;
        assert_eq!(patches, 64);
        let table = bench.table(&format!("{name}/split-0/training_logs/training.tsv"));
        let last = std::fs::read(bench.path(name).join("split-0/last.safetensors")).unwrap();
        let last = safetensors::SafeTensors::deserialize(&last).unwrap();
        let updates = last.tensor("optimizer.step.fc.1.bias").unwrap().data().to_vec();
        let updates = i64::from_le_bytes(updates.try_into().unwrap());
        (tasks::column(&table, "iteration"), updates)
    };
    let twice = |iterations: &[f64]| [iterations, iterations].concat();
    assert_eq!(run("some", 4, 2), (twice(&[8.0, 16.0, 22.0]), 12));
    assert_eq!(run("each", 4, 1), (twice(&[4.0, 8.0, 12.0, 16.0, 20.0, 22.0]), 12));
    assert_eq!(run("rare", 4, 7), (twice(&[22.0]), 12));
    assert_eq!(run("whole", 22, 1), (twice(&[22.0]), 2));
    assert_eq!(run("beyond", i32::MAX as usize, 1), (twice(&[22.0]), 2));
}
