//! ClinicaDL's tables of predictions.

use std::path::Path;

use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};

/// A prediction for one part of an image, or for an image as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// `sub-…`
    pub participant: String,
    /// `ses-…`
    pub session: String,
    /// The part's number; 0 for a whole image.
    pub part: usize,
    /// The class's code or the value that is true, where it was known.
    pub truth: Option<f64>,
    /// The class's code or the value that was predicted.
    pub predicted: f64,
    /// The probability of each class, by its code; empty for a regression.
    pub probabilities: Vec<f64>,
}

/// Reads a `<group>_<mode>_level_prediction.tsv` of a classification or regression, in its order.
///
/// # Errors
/// Columns that are missing, and cells that are empty or no numbers, with their places.
pub fn read_predictions(file: &Path) -> Result<Vec<Prediction>> {
    let table = Table::read(file)?;
    let [participant, session, truth, predicted] =
        ["participant_id", "session_id", "true_label", "predicted_label"].map(|n| table.column(n));
    let (participant, session, truth, predicted) = (participant?, session?, truth?, predicted?);
    let ids = table
        .columns()
        .iter()
        .enumerate()
        .filter(|(i, name)| name.ends_with("_id") && *i != participant && *i != session);
    // It is called after the mode: patch_id, image_id, ….
    let Some((part, _)) = ids.into_iter().next() else {
        let message = "there is no column with the part's number, such as image_id or patch_id";
        return Err(Error::new(Code::MissingColumn, message).at(Place::File(file.into())));
    };
    let classes = (0..).map_while(|class| table.find_column(&format!("proba{class}")));
    let classes: Vec<usize> = classes.collect();
    let mut predictions = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let number = table.needed_number(row, part)?;
        if number < 0.0 || number.fract() != 0.0 {
            let message = format!("a part's number was expected, {number} was found");
            return Err(Error::new(Code::BadValue, message).at(table.place(row, Some(part))));
        }
        let probabilities = classes.iter().map(|class| table.needed_number(row, *class));
        predictions.push(Prediction {
            participant: table.needed_text(row, participant)?.to_owned(),
            session: table.needed_text(row, session)?.to_owned(),
            part: number as usize,
            truth: table.number(row, truth)?,
            predicted: table.needed_number(row, predicted)?,
            probabilities: probabilities.collect::<Result<_>>()?,
        });
    }
    Ok(predictions)
}
