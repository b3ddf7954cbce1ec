//! From parts to the image: what each part's vote weighs, and how the votes are counted.

use crate::catalog::{Catalog, VoteEntry};
use crate::data::loader::{Sample, Source};
use crate::error::{Code, Error, Result};
use crate::options::Options;
use crate::train::evaluate::{Evaluation, Row};
use crate::vote::Ballot;

/// The weight of each part: its score over `validation`, 0 under the threshold, with sum 1.
///
/// # Errors
/// [`Code::UndefinedVote`] if no part reaches the threshold or all scores are 0.
pub(crate) fn weights(
    validation: &Evaluation,
    parts: usize,
    by: &str,
    threshold: f64,
    catalog: &Catalog,
) -> Result<Vec<f64>> {
    let metric = match by {
        "accuracy" => "accuracy",
        "balanced_accuracy" => "BA",
        _ => return Ok(vec![1.0 / parts as f64; parts]),
    };
    let mut scores = Vec::with_capacity(parts);
    for part in 0..parts {
        let score = validation.of_part(part).value(catalog, metric)?.unwrap_or(0.0);
        if !(score >= 0.0 && score.is_finite()) {
            let message = format!("part {part} would weigh {score} by its validation {metric}");
            return Err(Error::new(Code::UndefinedVote, message)
                .help("weights are finite and not negative; set vote_weights: \"uniform\""));
        }
        scores.push(if score < threshold { 0.0 } else { score });
    }
    let sum: f64 = scores.iter().sum();
    if sum > 0.0 {
        return Ok(scores.iter().map(|score| score / sum).collect());
    }
    Err(Error::new(
        Code::UndefinedVote,
        format!("no part has a validation {by} above 0 and of at least {threshold}"),
    )
    .help("lower selection_threshold, or set vote_weights: \"uniform\""))
}

/// The outputs of all parts of a group, image by image: `[image, part, output]`.
pub(crate) struct Columns {
    values: Vec<f64>,
    truth: Vec<usize>,
}

/// Lays the parts of each image side by side.
///
/// # Errors
/// [`Code::UndefinedVote`] naming an image that lacks a part.
pub(crate) fn columns(evaluation: &Evaluation, parts: usize, source: &Source) -> Result<Columns> {
    let mut values = Vec::with_capacity(evaluation.rows.len() * evaluation.outputs);
    let mut truth = Vec::new();
    for image in evaluation.rows.chunks(parts) {
        let complete = image.len() == parts
            && image.iter().enumerate().all(|(part, row)| {
                row.sample.part == part && row.sample.image == image[0].sample.image
            });
        if !complete {
            let visit = source.images.session(image[0].sample.image);
            return Err(Error::new(Code::UndefinedVote, "an image lacks some of its parts")
                .at(visit.place(None)));
        }
        values.extend(image.iter().flat_map(|row| row.values.iter().copied()));
        truth.push(image[0].class());
    }
    Ok(Columns { values, truth })
}

/// A vote that is ready to be taken.
pub(crate) struct Election<'a> {
    entry: &'a VoteEntry,
    options: Options,
    pub(crate) weights: Vec<f64>,
    /// What the vote learned from the validation set.
    pub(crate) fitted: Vec<f64>,
}

impl<'a> Election<'a> {
    /// A vote with these weights; where it learns, from `validation`.
    ///
    /// # Errors
    /// [`Code::UndefinedVote`] naming an image that lacks a part; what the vote says.
    pub(crate) fn new(
        entry: &'a VoteEntry,
        options: Options,
        weights: Vec<f64>,
        validation: &Evaluation,
        source: &Source,
    ) -> Result<Self> {
        let mut election = Self { entry, options, weights, fitted: Vec::new() };
        if entry.info.fits {
            let columns = columns(validation, election.weights.len(), source)?;
            let ballot = election.ballot(&columns, validation.outputs);
            let fitted = entry.vote.fit(&ballot, &columns.truth, &election.options)?;
            election.fitted = fitted;
        }
        Ok(election)
    }

    fn ballot<'b>(&'b self, columns: &'b Columns, outputs: usize) -> Ballot<'b> {
        Ballot {
            parts: self.weights.len(),
            outputs,
            values: &columns.values,
            weights: &self.weights,
            fitted: &self.fitted,
        }
    }

    /// The image-level predictions that the parts of `evaluation` vote for.
    ///
    /// # Errors
    /// As [`Election::new`].
    pub(crate) fn take(&self, evaluation: &Evaluation, source: &Source) -> Result<Evaluation> {
        let columns = columns(evaluation, self.weights.len(), source)?;
        let ballot = self.ballot(&columns, evaluation.outputs);
        let scores = self.entry.scores(&ballot, &self.options)?;
        let rows = evaluation
            .rows
            .chunks(self.weights.len())
            .zip(scores.chunks_exact(evaluation.outputs))
            .map(|(image, scores)| Row {
                sample: Sample { image: image[0].sample.image, part: 0 },
                truth: image[0].truth,
                values: scores.to_vec(),
            })
            .collect();
        Ok(Evaluation { rows, loss: None, ..*evaluation })
    }
}
