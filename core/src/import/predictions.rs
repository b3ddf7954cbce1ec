//! ClinicaDL's tables of predictions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::data::participants::read_members;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};

/// A prediction for one part of an image, or for an image as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The cohort, where the table has them.
    pub cohort: Option<String>,
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
    let cohort = table.find_column("cohort");
    let mut predictions = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let number = table.needed_number(row, part)?;
        if number < 0.0 || number.fract() != 0.0 {
            let message = format!("a part's number was expected, {number} was found");
            return Err(Error::new(Code::BadValue, message).at(table.place(row, Some(part))));
        }
        let probabilities = classes.iter().map(|class| table.needed_number(row, *class));
        predictions.push(Prediction {
            cohort: cohort.and_then(|column| table.text(row, column)).map(str::to_owned),
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

/// Says of which cohort each prediction is, by the list of the group's sessions in `file`: ClinicaDL's
/// tables of predictions do not.
///
/// # Errors
/// [`Code::BadMaps`] for sessions that are not in the list, or in it for several cohorts.
pub(crate) fn add_cohorts(predictions: &mut [Prediction], file: &Path) -> Result<()> {
    let members = read_members(&Table::read(file)?)?;
    let mut cohorts: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for one in &members {
        cohorts.entry((&one.participant, &one.session)).or_default().insert(&one.cohort);
    }
    for row in predictions.iter_mut().filter(|row| row.cohort.is_none()) {
        let found = cohorts.get(&(row.participant.as_str(), row.session.as_str()));
        let mut found = found.into_iter().flatten();
        let (Some(cohort), None) = (found.next(), found.next()) else {
            let message = format!(
                "the list does not say of which cohort {} {} is",
                row.participant, row.session
            );
            return Err(Error::new(Code::BadMaps, message)
                .at(Place::File(file.into()))
                .help("every session of a group stands in its list, once and with its cohort"));
        };
        row.cohort = Some((*cohort).to_owned());
    }
    Ok(())
}
