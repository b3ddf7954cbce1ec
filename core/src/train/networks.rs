//! The networks of a split: one, or one for each part, several at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::config::cores;
use super::evaluate::Evaluation;
use super::image_level::MissingParts;
use super::prepare::Prepared;
use super::session::{Event, Session};
use super::sides::Sides;
use super::trainer::Trainer;
use crate::catalog::{Catalog, Origin};
use crate::error::{Code, Error, Result};
use crate::maps::Maps;
use crate::memory;
use crate::network::Plan;

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
    let missing = MissingParts::of(&prepared.config)?;
    let metrics = prepared.config.selection_metrics.len();
    let mut networks: Vec<_> = found.into_iter().map(Vec::into_iter).collect();
    let of_metric = |_| together(networks.iter_mut().map(|one| one.next().flatten()), missing);
    Ok((0..metrics).map(of_metric).collect())
}

/// What the networks of all parts say by one metric. Where a network has no best model its parts have
/// no prediction, and so has no image, unless images may lack parts.
fn together(networks: impl Iterator<Item = Judged>, missing: MissingParts) -> Judged {
    let networks: Vec<Judged> = networks.collect();
    if missing == MissingParts::Refuse && networks.iter().any(Option::is_none) {
        return None;
    }
    let mut networks = networks.into_iter().flatten();
    let mut first = networks.next()?;
    for own in networks {
        first.iter_mut().zip(own).for_each(|(all, own)| join(all, own));
    }
    for evaluation in &mut first {
        evaluation.rows.sort_by_key(|row| (row.sample.image, row.sample.part));
    }
    Some(first)
}

/// Adds the rows of another network; the loss is the mean over all rows.
pub(crate) fn join(all: &mut Evaluation, own: Evaluation) {
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
    let (split, networks, done) = (sides.split.index, numbers.len(), AtomicUsize::new(0));
    let quiet = |event: &Event| {
        if matches!(event, Event::Warning { .. }) {
            session.tell(event.clone());
        }
    };
    let session_of_one = Session { events: &quiet, ..*session };
    side_by_side(networks, at_once(prepared, session)?, |at| {
        let judged = one(prepared, sides, numbers[at], maps, goes_on, &session_of_one);
        let trained = done.fetch_add(1, Ordering::Relaxed) + 1;
        session.tell(Event::NetworkTrained { split, network: at, trained, networks });
        judged
    })
}

/// Does the work for each network from 0 to `count`, `at_once` of them at a time, each on one of
/// libtorch's threads. None is begun after one has failed.
///
/// # Errors
/// Of those that fail, what the first in order says.
pub(crate) fn side_by_side<T: Send>(
    count: usize,
    at_once: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<Result<T>>>> = Mutex::new((0..count).map(|_| None).collect());
    let threads = tch::get_num_threads();
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(count) {
            scope.spawn(|| {
                tch::set_num_threads(1);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = work(at);
                    if result.is_err() {
                        next.store(count, Ordering::Relaxed);
                    }
                    found.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                }
            });
        }
    });
    tch::set_num_threads(threads);
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut done = Vec::with_capacity(count);
    let mut unfinished = false;
    for result in found {
        match result {
            Some(result) => done.push(result?),
            None => unfinished = true,
        }
    }
    match unfinished {
        true => Err(Error::new(Code::Interrupted, "stopped before every network had its turn")),
        false => Ok(done),
    }
}

/// How many networks are trained at once.
fn at_once(prepared: &Prepared, session: &Session<'_>) -> Result<usize> {
    if prepared.config.train.has("networks_at_once") {
        return Ok(prepared.config.train.int("networks_at_once")? as usize);
    }
    let plan = prepared.plan(session)?;
    if prepared.device.is_cuda() || foreign(&plan, session.catalog) {
        return Ok(1);
    }
    let batch = prepared.config.batch_size.max(prepared.evaluation_batch) as i64;
    let parameters = plan.parameters();
    let bytes = (prepared.updates.bytes(parameters, parameters)?)
        .saturating_add(plan.activation_bytes().saturating_mul(2 * batch));
    Ok(fit(bytes))
}

/// How many networks of so many bytes compute at once, by processors and half of the memory.
pub(crate) fn fit(bytes: i64) -> usize {
    let fit = memory::free() as i64 / 2 / bytes.max(1);
    (fit.max(1) as usize).min(cores())
}

/// Whether layers are of others: they may draw from libtorch's own generator, which all threads share.
pub(crate) fn foreign(plan: &Plan, catalog: &Catalog) -> bool {
    plan.rows.iter().any(|row| {
        catalog.layers.find(&row.kind).is_none_or(|entry| entry.origin != Origin::BuiltIn)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::loader::Sample;
    use crate::data::split::Label;
    use crate::task::Task;
    use crate::train::evaluate::Row;

    /// What network `part` says of two images.
    fn judged(part: usize) -> [Evaluation; 2] {
        let row = |image: usize| Row {
            sample: Sample::new(image, part),
            truth: Label::Class(image % 2),
            values: vec![0.5, 0.5],
        };
        let rows = (0..2).map(row).collect();
        let one =
            Evaluation { task: Task::Classification, rows, outputs: 2, loss: Some(part as f64) };
        [one.clone(), one]
    }

    #[test]
    fn a_part_without_a_model_is_left_out_only_where_images_may_lack_parts() {
        let networks = || [Some(judged(0)), None, Some(judged(2))].into_iter();
        assert!(together(networks(), MissingParts::Refuse).is_none());
        assert!(together([None, None].into_iter(), MissingParts::Renormalise).is_none());
        let [_, validation] = together(networks(), MissingParts::Renormalise).unwrap();
        let samples = validation.rows.iter().map(|row| (row.sample.image, row.sample.part));
        assert_eq!(samples.collect::<Vec<_>>(), [(0, 0), (0, 2), (1, 0), (1, 2)]);
        assert_eq!(validation.loss, Some(1.0), "the mean over all rows");
        let scores = validation.of_part(1).scores(&Catalog::built_in().unwrap()).unwrap();
        assert!(scores.iter().all(|score| score.value.is_none()), "{scores:?}");
    }
}
