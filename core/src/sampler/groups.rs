//! Samples that belong together, and draws that give every group the same share.

use std::collections::BTreeMap;

use super::Item;
use crate::data::split::Label;
use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;
use crate::task::Task;

/// Bins of a regression's numbers where the options do not say, as in ClinicaDL.
const BINS: usize = 5;

/// The places of equal keys, in the order of the keys.
pub(super) fn together<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.enumerate() {
        groups.entry(key).or_default().push(place);
    }
    groups.into_values().collect()
}

/// The option that says into how many bins numbers fall.
pub(super) fn bins() -> OptionSpec {
    let kind = Kind::Int { min: 2, max: i64::from(i32::MAX) };
    let meaning = format!("{BINS} for a regression");
    let help = "equal ranges from the lowest to the highest number of the training set";
    OptionSpec::absent("bins", kind, &meaning, help)
}

/// Refuses a task without classes or numbers, and bins where there are classes.
pub(super) fn has_labels(name: &str, task: Task, options: &Options) -> Result<()> {
    let refuse = |option: &str, message: String, help: &str| {
        let error = Error::new(Code::BadOption, message).at(Place::Option(option.into()));
        Err(error.help(help))
    };
    match task {
        Task::Reconstruction => refuse(
            "sampler",
            format!(
                "the sampler {name:?} goes by classes or numbers, and a reconstruction has none"
            ),
            "leave sampler out: every part of every image is learned from once in an epoch",
        ),
        Task::Classification if options.has("bins") => refuse(
            "sampler_options.bins",
            "a classification has classes, not numbers that fall into bins".into(),
            "leave bins out",
        ),
        _ => Ok(()),
    }
}

/// The places of each class, or of each bin of the numbers that holds any. With `bins` of them, a
/// number y is in bin min(bins − 1, ⌊bins · (y − min) / (max − min)⌋); where all numbers are equal
/// there is one bin.
pub(super) fn by_label(items: &[Item<'_>], options: &Options) -> Result<Vec<Vec<usize>>> {
    let bins = if options.has("bins") { options.int("bins")? as usize } else { BINS };
    let numbers = items.iter().filter_map(|item| match item.label {
        Label::Number(number) => Some(number),
        _ => None,
    });
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    let group = |item: &Item<'_>| match item.label {
        Label::None => 0,
        Label::Class(class) => class,
        Label::Number(_) if low == high => 0,
        Label::Number(number) => {
            ((bins as f64 * ((number - low) / (high - low))) as usize).min(bins - 1)
        }
    };
    Ok(together(items.iter().map(group)))
}

/// As many draws with replacement as there are places, each with the probability 1 / (groups · places
/// of its group): the weight 1 / (places of its group), divided by the sum of all weights.
pub(super) fn evenly(groups: &[Vec<usize>], random: &mut Random) -> Vec<usize> {
    let draw = |_| {
        let group = &groups[random.below(groups.len() as u64) as usize];
        group[random.below(group.len() as u64) as usize]
    };
    (0..groups.iter().map(Vec::len).sum()).map(draw).collect()
}
