//! From parts to the image: how the votes of its parts are counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::part_weights::PartWeights;
use crate::catalog::{Catalog, VoteEntry};
use crate::data::loader::{Sample, Source};
use crate::error::{Code, Error, Problems, Result};
use crate::options::Options;
use crate::train::evaluate::{Evaluation, Row};
use crate::vote::Ballot;

/// Parts that a message names; of more it says how many there are.
const NAMED: usize = 8;

/// What becomes of an image that lacks some of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingParts {
    /// It is an error.
    Refuse,
    /// The others vote, their weights scaled to sum 1.
    Renormalise,
}

impl MissingParts {
    /// What the options ask for.
    pub(super) fn of(config: &Config) -> Result<Self> {
        Ok(match config.train.text("missing_parts")? {
            "renormalise" => Self::Renormalise,
            _ => Self::Refuse,
        })
    }
}

/// The rows of one image, by part.
struct Image<'a> {
    image: usize,
    rows: Vec<Option<&'a Row>>,
}

impl Image<'_> {
    /// Whether each part is there.
    fn there(&self) -> Vec<bool> {
        self.rows.iter().map(Option::is_some).collect()
    }

    /// A row of any part: what is true of the image.
    fn any(&self) -> Option<&Row> {
        self.rows.iter().flatten().next().copied()
    }
}

/// A vote that is ready to be taken.
pub(crate) struct Election {
    entry: Arc<VoteEntry>,
    options: Options,
    missing: MissingParts,
    pub(crate) parts: PartWeights,
    /// What the vote learned from the validation set.
    pub(crate) fitted: Vec<f64>,
}

impl Election {
    /// The vote that the options ask for, with weights from `validation`: for this and every other
    /// group by the same models.
    ///
    /// # Errors
    /// As [`PartWeights::by`] and [`Election::new`].
    pub(crate) fn of(
        config: &Config,
        validation: &Evaluation,
        source: &Source,
        catalog: &Catalog,
    ) -> Result<Self> {
        let (score, threshold) =
            (config.vote_weights()?, config.train.float("selection_threshold")?);
        let count = source.parts.count();
        let parts = PartWeights::by(score, threshold, validation, count, catalog)?;
        Self::new(config, parts, validation, source, catalog)
    }

    /// The same with these weights; where the vote learns, from `validation`.
    ///
    /// # Errors
    /// [`Code::UndefinedVote`] naming the images that lack a part, where that is not allowed; what the
    /// vote says.
    pub(crate) fn new(
        config: &Config,
        parts: PartWeights,
        validation: &Evaluation,
        source: &Source,
        catalog: &Catalog,
    ) -> Result<Self> {
        let mut election = Self::known(config, parts, Vec::new(), catalog)?;
        if election.entry.info.fits {
            let images = election.images(validation, source)?;
            let values = values(&images, validation.outputs);
            let ballot = election.ballot(&values, validation.outputs, &election.parts.weights);
            let rows = images.iter().filter_map(Image::any);
            let truth: Vec<usize> = rows.map(Row::class).collect();
            let fitted = election.entry.vote.fit(&ballot, &truth, &election.options)?;
            election.fitted = fitted;
        }
        Ok(election)
    }

    /// The vote that the options ask for, with weights of the parts and what it learned that are
    /// known.
    ///
    /// # Errors
    /// A vote that is not registered.
    pub(crate) fn known(
        config: &Config,
        parts: PartWeights,
        fitted: Vec<f64>,
        catalog: &Catalog,
    ) -> Result<Self> {
        let entry = Arc::clone(catalog.votes.get(config.train.text("vote")?)?);
        let options = entry.options(config.train.map("vote_options")?)?;
        Ok(Self { entry, options, missing: MissingParts::of(config)?, parts, fitted })
    }

    /// Whether the vote learned from the validation set.
    pub(crate) fn fits(&self) -> bool {
        self.entry.info.fits
    }

    /// The image-level predictions that the parts of `evaluation` vote for, of each image one, in the
    /// order in which they come first.
    ///
    /// A part that an image lacks has the weight 0 there, and so no say; the weights of the others are
    /// scaled to sum 1. A vote that learned something of every part cannot do without one.
    ///
    /// # Errors
    /// As [`Election::new`].
    pub(crate) fn take(&self, evaluation: &Evaluation, source: &Source) -> Result<Evaluation> {
        let images = self.images(evaluation, source)?;
        let mut alike: BTreeMap<Vec<bool>, Vec<(usize, Image<'_>)>> = BTreeMap::new();
        for (at, image) in images.into_iter().enumerate() {
            alike.entry(image.there()).or_default().push((at, image));
        }
        let mut rows = BTreeMap::new();
        for (there, images) in alike {
            let (places, images): (Vec<usize>, Vec<Image<'_>>) = images.into_iter().unzip();
            let weights = self.weights(&there, &images, source)?;
            let values = values(&images, evaluation.outputs);
            let ballot = self.ballot(&values, evaluation.outputs, &weights);
            let scores = self.entry.scores(&ballot, &self.options)?;
            let scores = scores.chunks_exact(evaluation.outputs);
            for ((at, image), scores) in places.into_iter().zip(&images).zip(scores) {
                let Some(truth) = image.any().map(|row| row.truth) else { continue };
                let sample = Sample::new(image.image, 0);
                rows.insert(at, Row { sample, truth, values: scores.to_vec() });
            }
        }
        Ok(Evaluation { rows: rows.into_values().collect(), loss: None, ..*evaluation })
    }

    /// The weights of the parts that are there, with sum 1.
    fn weights(&self, there: &[bool], images: &[Image<'_>], source: &Source) -> Result<Vec<f64>> {
        let weights = &self.parts.weights;
        if there.iter().all(|there| *there) {
            return Ok(weights.clone());
        }
        let kept = weights.iter().zip(there).map(|(w, there)| if *there { *w } else { 0.0 });
        let sum: f64 = kept.clone().sum();
        if sum > 0.0 {
            return Ok(kept.map(|weight| weight / sum).collect());
        }
        let mut problems = Problems::default();
        for image in images {
            let message = "the parts of the image that are there have no weight";
            problems.push(
                Error::new(Code::UndefinedVote, message)
                    .at(source.images.session(image.image).place(None))
                    .help("lower selection_threshold, or set vote_weights: \"uniform\""),
            );
        }
        problems.into_result().map(|()| Vec::new())
    }

    /// The rows image by image.
    ///
    /// # Errors
    /// [`Code::UndefinedVote`] naming every image that lacks a part, where each is needed, or that has
    /// one twice.
    fn images<'e>(&self, evaluation: &'e Evaluation, source: &Source) -> Result<Vec<Image<'e>>> {
        let count = self.parts.weights.len();
        let mut places = BTreeMap::new();
        let mut images: Vec<Image<'e>> = Vec::new();
        let mut problems = Problems::default();
        let mut wrong = |image: usize, message: String, help: &str| {
            let place = source.images.session(image).place(None);
            problems.push(Error::new(Code::UndefinedVote, message).at(place).help(help));
        };
        for row in &evaluation.rows {
            let Sample { image, part, .. } = row.sample;
            let at = *places.entry(image).or_insert_with(|| {
                images.push(Image { image, rows: vec![None; count] });
                images.len() - 1
            });
            match images[at].rows.get_mut(part) {
                Some(slot @ None) => *slot = Some(row),
                _ => {
                    let message =
                        format!("{} of the image is there twice", source.parts.label(part));
                    wrong(image, message, "a part votes once: leave one of the two rows out");
                }
            }
        }
        let help = match self.fits() {
            true => "the vote learned something of every part, so an image needs all of them",
            false => "bring the parts, or let the others vote: missing_parts: \"renormalise\"",
        };
        let each_is_needed = self.fits() || self.missing == MissingParts::Refuse;
        for image in images.iter().filter(|_| each_is_needed) {
            let missing = (0..count).filter(|part| image.rows[*part].is_none());
            let missing: Vec<String> = missing.map(|part| source.parts.label(part)).collect();
            let more = match missing.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            if !missing.is_empty() {
                let names = missing[..missing.len().min(NAMED)].join(", ");
                wrong(image.image, format!("the image lacks {names}{more}"), help);
            }
        }
        problems.into_result()?;
        Ok(images)
    }

    fn ballot<'b>(&'b self, values: &'b [f64], outputs: usize, weights: &'b [f64]) -> Ballot<'b> {
        Ballot { parts: weights.len(), outputs, values, weights, fitted: &self.fitted }
    }
}

/// The outputs of all parts, `[image, part, output]`; of a part that is not there, which has the weight
/// 0, as if it could not tell the outputs apart.
fn values(images: &[Image<'_>], outputs: usize) -> Vec<f64> {
    let nothing = vec![1.0 / outputs as f64; outputs];
    let row = |row: &Option<&Row>| row.map_or_else(|| nothing.clone(), |row| row.values.clone());
    images.iter().flat_map(|image| image.rows.iter().flat_map(row)).collect()
}
