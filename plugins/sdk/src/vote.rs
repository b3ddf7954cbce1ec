use std::ffi::c_void;

use neurhai_abi::{self as abi, Numbers, Sink, Status, Text};

use crate::call::{Failure, Outcome, guard, object, read_text, slice, structure};
use crate::options;
use crate::{Info, Options, Result};

/// How parts vote on their image.
pub trait Vote: Send + Sync + 'static {
    /// Name, help and options.
    fn info(&self) -> Info;

    /// Fills `scores`, `[image, output]`, all of a group at once. They begin as NaN, so that an
    /// image that a vote forgets is an error rather than a decision.
    ///
    /// # Errors
    /// Whatever makes the vote impossible.
    fn vote(&self, ballot: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()>;
}

/// A vote that learns from the validation set.
pub trait Fit: Vote {
    /// What it learned, which is kept with the experiment and handed to [`Vote::vote`] as
    /// [`Ballot::fitted`]. `truth` holds each image's class code.
    ///
    /// # Errors
    /// Whatever makes it impossible to learn.
    fn fit(&self, ballot: &Ballot<'_>, truth: &[f64], options: &Options) -> Result<Vec<f64>>;
}

/// The outputs of all parts of all images of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ballot<'a> {
    /// Parts per image.
    pub parts: usize,
    /// Outputs per part: one probability per class.
    pub outputs: usize,
    /// `[image, part, output]`, the last fastest.
    pub values: &'a [f64],
    /// One weight per part: not negative, with sum 1.
    pub weights: &'a [f64],
    /// What [`Fit::fit`] gave, if anything.
    pub fitted: Option<&'a [f64]>,
}

impl<'a> Ballot<'a> {
    /// The parts of each image: `[part, output]`.
    pub fn images(&self) -> impl Iterator<Item = &'a [f64]> {
        self.values.chunks_exact((self.parts * self.outputs).max(1))
    }

    /// The probabilities of each part of one image that has a weight, with the weight.
    pub fn weighted_parts(&self, image: &'a [f64]) -> impl Iterator<Item = (f64, &'a [f64])> {
        let parts = image.chunks_exact(self.outputs.max(1));
        self.weights.iter().copied().zip(parts).filter(|(weight, _)| *weight > 0.0)
    }
}

/// The ballot that the host hands over, and the number of images.
///
/// # Safety
/// `ballot` is null or what the interface promises, valid for `'a`.
unsafe fn read<'a>(ballot: *const abi::Ballot) -> Outcome<(Ballot<'a>, usize)> {
    // SAFETY: by this function's own condition.
    let raw = unsafe { structure(ballot) }?;
    let numbers = (raw.images.checked_mul(raw.parts)).and_then(|n| n.checked_mul(raw.outputs));
    let numbers = numbers.ok_or_else(|| Failure::Invalid("a ballot too large to count".into()))?;
    // SAFETY: the interface promises as many numbers behind each pointer.
    let ballot = unsafe {
        Ballot {
            parts: raw.parts,
            outputs: raw.outputs,
            values: slice(raw.values, numbers)?,
            weights: slice(raw.weights, raw.parts)?,
            fitted: match raw.fitted.is_null() {
                true => None,
                false => Some(slice(raw.fitted, raw.n_fitted)?),
            },
        }
    };
    Ok((ballot, raw.images))
}

/// # Safety
/// `text` is valid for this call.
unsafe fn read_options(text: Text) -> Outcome<Options> {
    // SAFETY: by this function's own condition.
    Ok(Options::new(options::object(unsafe { read_text(text) }?)?))
}

pub(crate) unsafe extern "C" fn vote<T: Vote>(
    data: *mut c_void,
    ballot: *const abi::Ballot,
    options: Text,
    scores: *mut f64,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry, and a ballot and text valid during
        // the call.
        let (vote, (ballot, images), options) =
            unsafe { (object::<T>(data)?, read(ballot)?, read_options(options)?) };
        let len = images.checked_mul(ballot.outputs);
        let len = len.ok_or_else(|| Failure::Invalid("scores too many to count".into()))?;
        if len == 0 {
            return Ok(());
        }
        if scores.is_null() {
            return Err(Failure::Invalid("a null pointer for the scores".into()));
        }
        // The host need not have written to what it allocated, so it is filled first.
        for at in 0..len {
            // SAFETY: the host has allocated this many numbers for this call alone.
            unsafe { scores.add(at).write(f64::NAN) };
        }
        // SAFETY: as above, and all of them have a value now.
        let scores = unsafe { std::slice::from_raw_parts_mut(scores, len) };
        Ok(vote.vote(&ballot, &options, scores)?)
    })
}

pub(crate) unsafe extern "C" fn fit<T: Fit>(
    data: *mut c_void,
    ballot: *const abi::Ballot,
    truth: *const f64,
    options: Text,
    fitted: Numbers,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: as in `vote`.
        let (vote, (ballot, images), options) =
            unsafe { (object::<T>(data)?, read(ballot)?, read_options(options)?) };
        // SAFETY: the interface promises one class code per image.
        let truth = unsafe { slice(truth, images) }?;
        let learned = vote.fit(&ballot, truth, &options)?;
        if let Some(write) = fitted.write {
            // SAFETY: the host's collector takes them during this call.
            unsafe { write(fitted.ctx, learned.as_ptr(), learned.len()) };
        }
        Ok(())
    })
}
