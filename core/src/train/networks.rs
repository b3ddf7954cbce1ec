//! The networks of a split: one, or one for each part, several at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::config::cores;
use super::evaluate::Evaluation;
use super::inputs::available_memory;
use super::prepare::Prepared;
use super::session::{Event, Session};
use super::sides::Sides;
use super::trainer::Trainer;
use crate::catalog::Origin;
use crate::error::{Code, Error, Result};
use crate::maps::Maps;

/// What a split's best model of a metric says about both sides; nothing where none was kept.
pub(super) type Judged = Option<[Evaluation; 2]>;

/// Trains every network of a split, each from its checkpoint where it goes on; gives, per selection
/// metric, what the best models say, all parts together.
///
/// # Errors
/// What goes wrong in the first network that fails; the others are saved.
pub(super) fn train(
    prepared: &Prepared,
    sides: &Sides,
    maps: &Maps,
    goes_on: bool,
    session: &Session<'_>,
) -> Result<Vec<Judged>> {
    let numbers = prepared.networks();
    if let [only] = numbers[..] {
        return one(prepared, sides, only, maps, goes_on, session);
    }
    let found = several(prepared, sides, &numbers, maps, goes_on, session)?;
    let metrics = prepared.config.selection_metrics.len();
    let mut networks: Vec<_> = found.into_iter().map(Vec::into_iter).collect();
    let of_metric = |_| {
        // Where a network has no best model its parts have no prediction, and so has no image.
        let all: Vec<Judged> = networks.iter_mut().map(|one| one.next().flatten()).collect();
        let mut all = all.into_iter().collect::<Option<Vec<[Evaluation; 2]>>>()?.into_iter();
        let mut first = all.next()?;
        for own in all {
            first.iter_mut().zip(own).for_each(|(all, own)| join(all, own));
        }
        for evaluation in &mut first {
            evaluation.rows.sort_by_key(|row| (row.sample.image, row.sample.part));
        }
        Some(first)
    };
    Ok((0..metrics).map(of_metric).collect())
}

/// Adds the rows of another network; the loss is the mean over all rows.
fn join(all: &mut Evaluation, own: Evaluation) {
    let sum = |evaluation: &Evaluation| Some(evaluation.loss? * evaluation.rows.len() as f64);
    let total = sum(all).zip(sum(&own)).map(|(a, b)| a + b);
    all.rows.extend(own.rows);
    all.loss = total.map(|total| total / all.rows.len() as f64);
}

/// Trains one network.
fn one(
    prepared: &Prepared,
    sides: &Sides,
    number: Option<usize>,
    maps: &Maps,
    goes_on: bool,
    session: &Session<'_>,
) -> Result<Vec<Judged>> {
    let split = sides.split.index;
    let mut trainer = Trainer::new(prepared, sides, number, maps, session)?;
    if let Some(file) = goes_on.then(|| maps.goes_on(split, number)).flatten() {
        trainer.resume(&file)?;
        let (epoch, batch) = trainer.done();
        session.tell(Event::Resumed { split, epoch, batch });
    }
    trainer.run()?;
    let mut judged = Vec::new();
    for (i, metric) in prepared.config.selection_metrics.iter().enumerate() {
        if !trainer.has_best(i) {
            let of = number.map_or_else(String::new, |number| format!(" of network {number}"));
            let text = format!(
                "{metric} was never defined in split {split}{of}, so no model was kept for it"
            );
            session.tell(Event::Warning { text });
            judged.push(None);
            continue;
        }
        // What was evaluated when the model was kept need not be evaluated again.
        let best = trainer.best[i].take();
        if best.as_ref().is_none_or(|best| best.train.is_none()) {
            trainer.load_best(&maps.best_model(split, metric, number))?;
        }
        let validation = match &best {
            Some(best) => best.validation.clone(),
            None => trainer.evaluate_validation()?,
        };
        let train = match best.as_ref().and_then(|best| best.train.clone()) {
            Some(train) => train,
            None => trainer.evaluate_train()?,
        };
        judged.push(Some([train, validation]));
    }
    Ok(judged)
}

/// Trains a network for each part, as many at a time as there are processors and memory for. Each
/// computes on one thread, so its result does not depend on how many are trained beside it.
fn several(
    prepared: &Prepared,
    sides: &Sides,
    numbers: &[Option<usize>],
    maps: &Maps,
    goes_on: bool,
    session: &Session<'_>,
) -> Result<Vec<Vec<Judged>>> {
    let at_once = at_once(prepared, session)?.min(numbers.len());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found: Mutex<Vec<Option<Result<Vec<Judged>>>>> =
        Mutex::new(numbers.iter().map(|_| None).collect());
    let split = sides.split.index;
    let quiet = |event: &Event| {
        if matches!(event, Event::Warning { .. }) {
            session.tell(event.clone());
        }
    };
    let session_of_one = Session { events: &quiet, ..*session };
    let threads = tch::get_num_threads();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                tch::set_num_threads(1);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(number) = numbers.get(at) else { break };
                    let judged = one(prepared, sides, *number, maps, goes_on, &session_of_one);
                    let failed = judged.is_err();
                    found.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(judged);
                    if failed {
                        next.store(numbers.len(), Ordering::Relaxed);
                    }
                    let networks = numbers.len();
                    let trained = done.fetch_add(1, Ordering::Relaxed) + 1;
                    session.tell(Event::NetworkTrained { split, network: at, trained, networks });
                }
            });
        }
    });
    tch::set_num_threads(threads);
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stopped = || Error::new(Code::Interrupted, "stopped before every network was trained");
    let mut judged = Vec::new();
    let mut unfinished = false;
    for result in found {
        match result {
            Some(result) => judged.push(result?),
            None => unfinished = true,
        }
    }
    if unfinished { Err(stopped()) } else { Ok(judged) }
}

/// How many networks are trained at once.
fn at_once(prepared: &Prepared, session: &Session<'_>) -> Result<usize> {
    if prepared.config.train.has("networks_at_once") {
        return Ok(prepared.config.train.int("networks_at_once")? as usize);
    }
    let plan = prepared.plan(session)?;
    // Layers of others may draw from libtorch's own generator, which all threads share.
    let foreign = plan.rows.iter().any(|row| {
        session.catalog.layers.find(&row.kind).is_none_or(|entry| entry.origin != Origin::BuiltIn)
    });
    if foreign || prepared.device.is_cuda() {
        return Ok(1);
    }
    let batch = prepared.config.batch_size.max(prepared.evaluation_batch) as i64;
    let bytes = (plan.parameters().saturating_mul(16))
        .saturating_add(plan.activation_bytes().saturating_mul(2 * batch));
    let fit = available_memory() as i64 / 2 / bytes.max(1);
    Ok((fit.max(1) as usize).min(cores()))
}
