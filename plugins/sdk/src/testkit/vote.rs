//! Contracts of votes.

use serde_json::Value;

use super::{Check, Draw, Failed, Registered, call, close, ensure, on_two_threads, options_of};
use crate::abi;
use crate::call::text;

const IMAGES: usize = 7;
const PARTS: usize = 4;
const WEIGHTS: [f64; PARTS] = [0.4, 0.3, 0.0, 0.3];

unsafe extern "C" fn append(ctx: *mut std::ffi::c_void, ptr: *const f64, len: usize) {
    // SAFETY: `ctx` is the vector in `fit`, and the plugin gives `len` numbers at `ptr`.
    unsafe {
        if len > 0 {
            (*ctx.cast::<Vec<f64>>()).extend_from_slice(std::slice::from_raw_parts(ptr, len));
        }
    }
}

struct Vote<'a> {
    registered: &'a Registered,
    raw: &'a abi::Vote,
    options: String,
    outputs: usize,
}

impl Vote<'_> {
    /// A ballot of as many images as there are values for.
    fn ballot(&self, values: &[f64], weights: &[f64], fitted: &[f64]) -> abi::Ballot {
        abi::Ballot {
            struct_size: size_of::<abi::Ballot>() as u32,
            reserved: 0,
            images: values.len() / (weights.len() * self.outputs),
            parts: weights.len(),
            outputs: self.outputs,
            values: values.as_ptr(),
            weights: weights.as_ptr(),
            fitted: if fitted.is_empty() { std::ptr::null() } else { fitted.as_ptr() },
            n_fitted: fitted.len(),
        }
    }

    /// What the vote learns; nothing if it does not learn.
    fn fit(&self, values: &[f64]) -> Result<Vec<f64>, String> {
        let Some(fit) = self.raw.fit else { return Ok(Vec::new()) };
        let mut fitted: Vec<f64> = Vec::new();
        let numbers = abi::Numbers { ctx: (&raw mut fitted).cast(), write: Some(append) };
        let (raw, data) = (self.ballot(values, &WEIGHTS, &[]), self.registered.kind.item().data);
        let truth: Vec<f64> = (0..IMAGES).map(|image| (image % self.outputs) as f64).collect();
        call("fit", |error| {
            // SAFETY: all pointers are into what lives until the call returns.
            unsafe { fit(data, &raw, truth.as_ptr(), text(&self.options), numbers, error) }
        })?;
        let finite = fitted.iter().all(|number| number.is_finite());
        ensure(finite, || format!("expected finite numbers from fit, not {fitted:?}"))?;
        Ok(fitted)
    }

    fn vote(&self, values: &[f64], weights: &[f64], fitted: &[f64]) -> Result<Vec<f64>, Failed> {
        let (raw, data) = (self.ballot(values, weights, fitted), self.registered.kind.item().data);
        // What the plugin does not write shows as NaN.
        let mut scores = vec![f64::NAN; raw.images * raw.outputs];
        call("vote", |error| {
            // SAFETY: all pointers are into what lives until the call returns.
            self.raw.vote.map_or(abi::INVALID, |vote| unsafe {
                vote(data, &raw, text(&self.options), scores.as_mut_ptr(), error)
            })
        })?;
        Ok(scores)
    }
}

pub(super) fn check(registered: &Registered, raw: &abi::Vote) -> Check {
    ensure(raw.vote.is_some(), || "vote is missing".into())?;
    for outputs in [2, 3] {
        let options = Value::Object(options_of(registered)).to_string();
        let vote = Vote { registered, raw, options, outputs };
        keeps_its_contract(&vote).map_err(|problem| format!("{outputs} outputs: {problem}"))?;
        unusual_calls(&vote)?;
    }
    Ok(())
}

fn keeps_its_contract(vote: &Vote<'_>) -> Check {
    let outputs = vote.outputs;
    let values = Draw(outputs as u64).probabilities(IMAGES * PARTS, outputs);
    let fitted = vote.fit(&values)?;
    let scores_of = |values: &[f64], weights: &[f64]| {
        let scores = vote.vote(values, weights, &fitted)?;
        let finite = scores.iter().all(|score| score.is_finite());
        ensure(finite, || format!("expected finite scores, not {scores:?}")).map(|()| scores)
    };
    let scores = scores_of(&values, &WEIGHTS)?;
    let expect = |clause: &str, found: &[f64], expected: &[f64]| {
        ensure(close(found, expected), || {
            format!("expected {clause}: {found:?} in place of {expected:?}")
        })
    };
    let again = scores_of(&values, &WEIGHTS)?;
    ensure(again == scores, || "expected the same scores again".into())?;

    let (mut turned, mut expected) = (values.clone(), scores.clone());
    turned.rotate_left(2 * PARTS * outputs);
    expected.rotate_left(2 * outputs);
    let found = scores_of(&turned, &WEIGHTS)?;
    expect("a permutation of the images to permute the scores", &found, &expected)?;

    let mut other = values.clone();
    for image in other.chunks_exact_mut(PARTS * outputs) {
        image[2 * outputs..3 * outputs].rotate_left(1);
    }
    let clause = "a part of weight 0 to have no influence";
    expect(clause, &scores_of(&other, &WEIGHTS)?, &scores)?;
    expect(clause, &vote.fit(&other)?, &fitted)?;

    // What was learned belongs to each part.
    if vote.raw.fit.is_none() {
        let mut turned = values.clone();
        for image in turned.chunks_exact_mut(PARTS * outputs) {
            image.rotate_left(outputs);
        }
        let found = scores_of(&turned, &[0.3, 0.0, 0.3, 0.4])?;
        expect("the order of the parts not to matter", &found, &scores)?;
        identical_parts(outputs, |values| scores_of(values, &[0.25; PARTS]))?;
    }
    on_two_threads("the same scores on two threads at once", &scores, || {
        scores_of(&values, &WEIGHTS)
    })
}

fn identical_parts(
    outputs: usize,
    scores_of: impl Fn(&[f64]) -> Result<Vec<f64>, String>,
) -> Check {
    let one = Draw(5).probabilities(IMAGES, outputs);
    let all: Vec<f64> = one.chunks_exact(outputs).flat_map(|part| part.repeat(PARTS)).collect();
    let scores = scores_of(&all)?;
    for (part, score) in one.chunks_exact(outputs).zip(scores.chunks_exact(outputs)) {
        let winner = super::winner(part);
        let decision: Vec<f64> = (0..outputs).map(|c| f64::from(u8::from(c == winner))).collect();
        ensure(close(score, part) || close(score, &decision), || {
            format!(
                "expected identical parts to give themselves, or their decision: {score:?} from \
                 {part:?}"
            )
        })?;
    }
    Ok(())
}

/// What the host never asks is refused with a reason, or answered: a vote on no images, and one that
/// learns but has not learnt.
fn unusual_calls(vote: &Vote<'_>) -> Check {
    let values = Draw(1).probabilities(PARTS, vote.outputs);
    for values in [&values[..], &[]] {
        if let Err(failed) = vote.vote(values, &[0.25; PARTS], &[]) {
            failed.polite()?;
        }
    }
    Ok(())
}
