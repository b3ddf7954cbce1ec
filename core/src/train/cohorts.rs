//! What holds between cohorts: the same names for images and labels, nobody twice, scores of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::config::Config;
use super::evaluate::Evaluation;
use super::prepare::Prepared;
use super::scores::Score;
use super::sides::Sides;
use crate::catalog::Catalog;
use crate::data::cohorts::{Cohorts, is_table, read_table};
use crate::data::images::Images;
use crate::data::participants::{Key, Person, Session as Visit};
use crate::data::split::{Label, Row, Split};
use crate::error::{Code, Error, Place, Problems, Result, some};
use crate::files;

/// How many people a message names.
const SHOWN: usize = 8;

/// Opens the CAPS of the cohorts, which `caps` and `splits` must both name or neither.
///
/// # Errors
/// Where only one of the two is a table; [`Code::UnknownName`] for every cohort with labels but no
/// CAPS; what is wrong with each CAPS.
pub(super) fn open(config: &Config) -> Result<Cohorts> {
    let here = |option: &str| Place::Option(option.into());
    let (caps, splits) = (Path::new(config.data.text("caps")?), config.train.text("splits")?);
    let splits = Path::new(splits);
    let one_of_two = |table: &str, folder: &str, help: &str| {
        let message = format!("{table} is a table of cohorts, but {folder} is a folder");
        Err(Error::new(Code::BadOption, message).at(here(folder)).help(help))
    };
    match (is_table(caps), is_table(splits)) {
        (true, false) => {
            let help = "name the splits of each cohort in a .tsv, too, or for caps one folder";
            return one_of_two("caps", "splits", help);
        }
        (false, true) => {
            let help = "name the CAPS of each cohort in a .tsv, too, or for splits one folder";
            return one_of_two("splits", "caps", help);
        }
        _ => {}
    }
    let cohorts = Cohorts::open(caps).map_err(|error| error.at(here("caps")))?;
    if cohorts.several() {
        let mut problems = Problems::default();
        // What is wrong with the table itself is told where the splits are read.
        for line in read_table(splits).unwrap_or_default() {
            let known = cohorts.caps(&line.cohort).map(|_| ());
            problems.take(known.map_err(|error| error.at(line.place)));
        }
        problems.into_result()?;
    }
    Ok(cohorts)
}

/// A warning where cohorts have images but no labels.
pub(super) fn unused(config: &Config, cohorts: &Cohorts) -> Result<Option<String>> {
    if !cohorts.several() {
        return Ok(None);
    }
    let file = Path::new(config.train.text("splits")?);
    let labelled: BTreeSet<String> = read_table(file)?.into_iter().map(|l| l.cohort).collect();
    let without: Vec<&str> = cohorts.names().filter(|name| !labelled.contains(*name)).collect();
    Ok((!without.is_empty()).then(|| {
        format!("there are no labels, so no images are used: cohort {}", without.join(", "))
    }))
}

/// Looks for ids that are in several cohorts. Where these have one CAPS, an id means one person, who
/// may not be on both sides of a split; otherwise only a warning is given for each split.
///
/// # Errors
/// [`Code::Leakage`], unless that is allowed: then they join those who leaked.
/// [`Code::DuplicateRow`] for an image that two cohorts list.
pub(super) fn check_people(
    splits: &mut [Split],
    cohorts: &Cohorts,
    config: &Config,
) -> Result<Vec<String>> {
    let allowed = config.train.flag("allow_leakage")?;
    let (mut problems, mut warnings) = (Problems::default(), Vec::new());
    let rows = splits.iter().flat_map(|split| split.train.iter().chain(&split.validation));
    problems.take(check_images(rows.map(|row| &row.session), cohorts));
    for split in splits {
        let (same, namesakes): (Vec<_>, Vec<_>) = (on_both_sides(split).into_iter())
            .partition(|(train, validation)| cohorts.share(&train.cohort, &validation.cohort));
        if !same.is_empty() && !allowed {
            let message = format!(
                "on both sides of split {}, in cohorts with one CAPS: {}",
                split.index,
                shown(&same)
            );
            let error = Error::new(Code::Leakage, message);
            problems.push(
                error
                    .at(Place::File(split.validation_file.clone()))
                    .help("split by participant: all sessions of one belong to one side"),
            );
        }
        split.leaked.extend(same.into_iter().map(|(_, validation)| validation));
        if !namesakes.is_empty() {
            warnings.push(format!(
                "split {} trains and validates on the same ids in different cohorts: {}; make sure \
                 that they are different people",
                split.index,
                shown(&namesakes)
            ));
        }
    }
    problems.into_result()?;
    Ok(warnings)
}

/// Participants in training, each with those of the same id in validation, in other cohorts.
fn on_both_sides(split: &Split) -> Vec<(Person, Person)> {
    let people = |rows: &[Row]| -> BTreeSet<Person> {
        rows.iter().map(|row| row.session.person()).collect()
    };
    let mut train: BTreeMap<String, Vec<Person>> = BTreeMap::new();
    for person in people(&split.train) {
        train.entry(person.participant.clone()).or_default().push(person);
    }
    let validation = people(&split.validation).into_iter();
    let pairs = validation.flat_map(|person| {
        let others = train.get(&person.participant).into_iter().flatten();
        let others = others.filter(|other| other.cohort != person.cohort).cloned();
        others.map(|other| (other, person.clone())).collect::<Vec<_>>()
    });
    pairs.collect()
}

fn shown(pairs: &[(Person, Person)]) -> String {
    let show = |(train, validation): &(Person, Person)| {
        format!("{} ({} and {})", train.participant, train.cohort, validation.cohort)
    };
    some(pairs.iter().map(show), SHOWN)
}

/// Cohorts with one CAPS may not list the same session: it would count twice.
///
/// # Errors
/// [`Code::DuplicateRow`] for every image that two list.
pub(crate) fn check_images<'v>(
    visits: impl Iterator<Item = &'v Visit>,
    cohorts: &Cohorts,
) -> Result<()> {
    let mut problems = Problems::default();
    let names: Vec<&str> = cohorts.names().collect();
    let visits: BTreeMap<Key, &Visit> = visits.map(|visit| (visit.key(), visit)).collect();
    for (i, one) in names.iter().enumerate() {
        for other in names[i + 1..].iter().filter(|other| cohorts.share(one, other)) {
            let shared = visits.values().filter(|visit| {
                let twin = (visit.participant.clone(), visit.session.clone());
                visit.cohort == *one && visits.contains_key(&((*other).to_owned(), twin.0, twin.1))
            });
            for visit in shared {
                let message = format!("cohort {other:?} lists the same image of the same CAPS");
                let error = Error::new(Code::DuplicateRow, message).at(visit.place(None));
                problems.push(error.help("leave it out of one of the two"));
            }
        }
    }
    problems.into_result()
}

/// The metrics of each cohort that is in a group, with its name and its number of images, in the order
/// of the table; nothing where there is one CAPS. The loss is known for the whole group only.
///
/// # Errors
/// What the metrics say.
pub(super) fn scores<'a>(
    cohorts: &'a Cohorts,
    images: &Images,
    evaluation: &Evaluation,
    catalog: &Catalog,
) -> Result<Vec<(&'a str, usize, Vec<Score>)>> {
    let mut found = Vec::new();
    for name in cohorts.names().filter(|_| cohorts.several()) {
        let own = evaluation.of_images(|image| images.session(image).cohort == name);
        let images: BTreeSet<usize> = own.rows.iter().map(|row| row.sample.image).collect();
        if !images.is_empty() {
            found.push((name, images.len(), own.scores(catalog)?));
        }
    }
    Ok(found)
}

/// The number of training and of validation images of each cohort, in the order of the table;
/// nothing where there is one CAPS.
pub(super) fn counts(prepared: &Prepared, sides: &Sides) -> Vec<(String, usize, usize)> {
    let images = &prepared.source.images;
    let of_cohort = |name: &str, side: &[(usize, Label)]| {
        side.iter().filter(|(image, _)| images.session(*image).cohort == name).count()
    };
    let names = prepared.cohorts.names().filter(|_| prepared.cohorts.several());
    let count = |name: &str| {
        (name.to_owned(), of_cohort(name, &sides.train), of_cohort(name, &sides.validation))
    };
    names.map(count).collect()
}

/// The tables of cohorts, with their BLAKE3 hashes; none where there is one CAPS.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn tables(prepared: &Prepared) -> Result<Vec<(PathBuf, String)>> {
    if !prepared.cohorts.several() {
        return Ok(Vec::new());
    }
    let config = &prepared.config;
    let files = [config.data.text("caps")?, config.train.text("splits")?];
    hashed(files.into_iter().map(PathBuf::from))
}

/// Files that were read with their BLAKE3 hashes.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn hashed(read: impl Iterator<Item = PathBuf>) -> Result<Vec<(PathBuf, String)>> {
    let hashed = read.map(|file| {
        let hash = files::hash(&file, "read the file")?;
        Ok((file, hash))
    });
    hashed.collect()
}
