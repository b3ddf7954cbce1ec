//! What the networks of all splits say together.

use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::train::LevelScores;
use crate::train::evaluate::{Evaluation, Row};

/// The scores of a group by the mean of what the best networks of all splits say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ensemble {
    /// The splits.
    pub splits: Vec<usize>,
    /// The metric that their networks are the best by.
    pub selection_metric: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// The scores; none where it is not known what is true.
    pub scores: LevelScores,
}

/// The mean of probabilities, or of predicted numbers, row by row.
///
/// # Errors
/// [`Code::Internal`] for evaluations of other images.
pub(super) fn mean(evaluations: &[&Evaluation]) -> Result<Evaluation> {
    let unlike = || Error::new(Code::Internal, "the splits did not predict the same images");
    let (first, others) = evaluations.split_first().ok_or_else(unlike)?;
    let n = evaluations.len() as f64;
    let mut rows = first.rows.clone();
    for other in others {
        if other.rows.len() != rows.len() || other.outputs != first.outputs {
            return Err(unlike());
        }
        for (row, other) in rows.iter_mut().zip(&other.rows) {
            if row.sample != other.sample {
                return Err(unlike());
            }
            row.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
        }
    }
    let divide = |row: &mut Row| row.values.iter_mut().for_each(|value| *value /= n);
    rows.iter_mut().for_each(divide);
    Ok(Evaluation { rows, loss: None, ..**first })
}
