//! Contracts of votes.

use serde_json::Value;

use super::{Check, Draw, Failed, Registered, call, close, ensure, on_two_threads, options_of};
use crate::abi;
use crate::call::text;

/// Rounding may differ with the order of the parts, and a fit stops a little before its end.
const TOLERANCE: f64 = 1e-6;

/// A ballot that owns its numbers.
#[derive(Clone)]
struct Owned {
    parts: usize,
    outputs: usize,
    values: Vec<f64>,
    weights: Vec<f64>,
    truth: Vec<f64>,
}

impl Owned {
    fn draw(images: usize, parts: usize, outputs: usize) -> Self {
        let mut draw = Draw((images * 100 + parts * 10 + outputs) as u64);
        let values = draw.probabilities(images * parts, outputs);
        let weights = draw.probabilities(1, parts);
        let truth = (0..images).map(|image| (image * 7 % outputs) as f64).collect();
        Self { parts, outputs, values, weights, truth }
    }

    fn images(&self) -> usize {
        self.truth.len()
    }

    fn raw(&self, fitted: Option<&[f64]>) -> abi::Ballot {
        abi::Ballot {
            struct_size: size_of::<abi::Ballot>() as u32,
            reserved: 0,
            images: self.images(),
            parts: self.parts,
            outputs: self.outputs,
            values: self.values.as_ptr(),
            weights: self.weights.as_ptr(),
            fitted: fitted.map_or(std::ptr::null(), <[f64]>::as_ptr),
            n_fitted: fitted.map_or(0, <[f64]>::len),
        }
    }

    /// The same images, the last first.
    fn turned(&self) -> Self {
        let images = self.values.chunks_exact(self.parts * self.outputs).rev();
        let truth = self.truth.iter().rev().copied().collect();
        Self { values: images.flatten().copied().collect(), truth, ..self.clone() }
    }

    /// The same parts with their weights, the last first.
    fn shuffled(&self) -> Self {
        let images = self.values.chunks_exact(self.parts * self.outputs);
        let values = images.flat_map(|image| image.chunks_exact(self.outputs).rev());
        let weights = self.weights.iter().rev().copied().collect();
        Self { values: values.flatten().copied().collect(), weights, ..self.clone() }
    }
}

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
}

impl Vote<'_> {
    fn fit(&self, ballot: &Owned) -> Result<Option<Vec<f64>>, Failed> {
        let Some(fit) = self.raw.fit else { return Ok(None) };
        let mut fitted: Vec<f64> = Vec::new();
        let numbers = abi::Numbers { ctx: (&raw mut fitted).cast(), write: Some(append) };
        let (raw, data) = (ballot.raw(None), self.registered.kind.item().data);
        call("fit", |error| {
            // SAFETY: all pointers are into what lives until the call returns.
            unsafe { fit(data, &raw, ballot.truth.as_ptr(), text(&self.options), numbers, error) }
        })?;
        Ok(Some(fitted))
    }

    fn vote(&self, ballot: &Owned, fitted: Option<&[f64]>) -> Result<Vec<f64>, Failed> {
        // What the plugin does not write shows as NaN.
        let mut scores = vec![f64::NAN; ballot.images() * ballot.outputs];
        let (raw, data) = (ballot.raw(fitted), self.registered.kind.item().data);
        call("vote", |error| {
            // SAFETY: all pointers are into what lives until the call returns.
            self.raw.vote.map_or(abi::INVALID, |vote| unsafe {
                vote(data, &raw, text(&self.options), scores.as_mut_ptr(), error)
            })
        })?;
        Ok(scores)
    }

    /// Fits if there is something to fit, and votes on the same images.
    fn scores(&self, ballot: &Owned) -> Result<Vec<f64>, String> {
        let fitted = self.fit(ballot)?;
        let finite = fitted.iter().flatten().all(|number| number.is_finite());
        ensure(finite, || format!("expected finite numbers from fit, not {fitted:?}"))?;
        let scores = self.vote(ballot, fitted.as_deref())?;
        let finite = scores.iter().all(|score| score.is_finite());
        ensure(finite, || format!("expected finite scores, not {scores:?}"))?;
        Ok(scores)
    }
}

pub(super) fn check(registered: &Registered, raw: &abi::Vote) -> Check {
    ensure(raw.vote.is_some(), || "vote is missing".into())?;
    let options = Value::Object(options_of(registered)).to_string();
    let vote = Vote { registered, raw, options };
    for (images, parts, outputs) in [(14, 5, 3), (12, 3, 2), (6, 1, 2), (1, 4, 2)] {
        let ballot = Owned::draw(images, parts, outputs);
        // Too few images to learn every class from.
        if let (true, Err(failed)) = (images < outputs, vote.fit(&ballot)) {
            failed.polite()?;
            continue;
        }
        check_ballot(&vote, &ballot).map_err(|problem| {
            format!("{images} images with {parts} parts and {outputs} outputs: {problem}")
        })?;
    }
    let none = Owned { values: Vec::new(), truth: Vec::new(), ..Owned::draw(1, 3, 2) };
    if let Err(failed) = vote.vote(&none, None) {
        failed.polite()?;
    }
    Ok(())
}

fn check_ballot(vote: &Vote<'_>, ballot: &Owned) -> Check {
    let scores = vote.scores(ballot)?;
    ensure(vote.scores(ballot)? == scores, || "expected the same result twice".into())?;
    on_two_threads(&scores, || vote.scores(ballot))?;

    let mut turned = vote.scores(&ballot.turned())?;
    turned = turned.chunks_exact(ballot.outputs).rev().flatten().copied().collect();
    ensure(close(&turned, &scores, TOLERANCE), || {
        format!(
            "expected another order of images to change only the order: {scores:?} and {turned:?}"
        )
    })?;
    let shuffled = vote.scores(&ballot.shuffled())?;
    ensure(close(&shuffled, &scores, TOLERANCE), || {
        format!("expected another order of parts to change nothing: {scores:?} and {shuffled:?}")
    })?;
    weights_of_zero(vote, ballot)?;

    if vote.raw.fit.is_some() {
        if let Err(failed) = vote.vote(ballot, None) {
            failed.polite()?;
        }
        return Ok(());
    }
    identical_parts(vote, ballot)
}

/// A part with a weight of zero may say anything.
fn weights_of_zero(vote: &Vote<'_>, ballot: &Owned) -> Check {
    if ballot.parts < 2 {
        return Ok(());
    }
    let mut without = ballot.clone();
    without.weights[1] = 0.0;
    let sum: f64 = without.weights.iter().sum();
    without.weights.iter_mut().for_each(|weight| *weight /= sum);
    let mut other = without.clone();
    for image in other.values.chunks_exact_mut(ballot.parts * ballot.outputs) {
        image[ballot.outputs..2 * ballot.outputs].rotate_left(1);
    }
    let (a, b) = (vote.scores(&without)?, vote.scores(&other)?);
    ensure(close(&a, &b, TOLERANCE), || {
        format!("expected a part with a weight of zero to be ignored: {a:?} and {b:?}")
    })
}

/// Parts that agree win, whatever their weights.
fn identical_parts(vote: &Vote<'_>, ballot: &Owned) -> Check {
    let mut same = ballot.clone();
    for image in same.values.chunks_exact_mut(ballot.parts * ballot.outputs) {
        let (first, rest) = image.split_at_mut(ballot.outputs);
        rest.chunks_exact_mut(ballot.outputs).for_each(|part| part.copy_from_slice(first));
    }
    let scores = vote.scores(&same)?;
    let winner = |scores: &[f64]| {
        (0..scores.len()).reduce(|best, i| if scores[i] > scores[best] { i } else { best })
    };
    let images = same.values.chunks_exact(ballot.parts * ballot.outputs);
    for (image, scores) in images.zip(scores.chunks_exact(ballot.outputs)) {
        let part = &image[..ballot.outputs];
        ensure(winner(part) == winner(scores), || {
            format!("expected parts that all say {part:?} to win, not {scores:?}")
        })?;
    }
    Ok(())
}
