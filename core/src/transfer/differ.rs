//! The error of networks that do not fit each other, side by side.

use super::{Line, Named, Source};
use crate::error::{Code, Error, Place};
use crate::network::Plan;
use crate::shape::show;

/// Differences that are shown; a screen holds no more.
const MOST: usize = 16;
/// Names that are shown where nothing fits.
const FEW: usize = 3;
const HEAD: &str = "source";

/// `amount` of the source fit the target: the lines that do not, or where there are none the names
/// that they begin with.
pub(super) fn differ(source: &Source, target: &Plan, wrong: &[&Line], amount: &str) -> Error {
    let cell = |named: &Option<Named>| match named {
        Some(Named { name, shape }) => format!("{name}  {}", show(shape)),
        None => "-".to_owned(),
    };
    let mut rows: Vec<[String; 2]> =
        wrong.iter().map(|line| [cell(&line.source), cell(&line.target)]).collect();
    if rows.is_empty() {
        let begin = |names: Vec<&str>| match &names[..] {
            [names @ .., _] if names.len() == FEW => format!("{}, …", names.join(", ")),
            names => names.join(", "),
        };
        let theirs = source.tensors.iter().map(|(name, _)| name.as_str());
        let ours = target.params.iter().map(|param| param.name.as_str());
        rows.push([begin(theirs.take(FEW + 1).collect()), begin(ours.take(FEW + 1).collect())]);
    }
    let wide = |text: &str| text.chars().count();
    let width = rows.iter().map(|[left, _]| wide(left)).fold(HEAD.len(), usize::max);
    let from = source.architecture.as_deref().unwrap_or("the source");
    let mut text = format!("{amount} {from} fit {}:", target.spec.architecture);
    text += &format!("\n    {HEAD}{}  target", " ".repeat(width - HEAD.len()));
    for [left, right] in rows.iter().take(MOST) {
        text += &format!("\n    {left}{}  {right}", " ".repeat(width - wide(left)));
    }
    if rows.len() > MOST {
        text += &format!("\n    and {} more", rows.len() - MOST);
    }
    Error::new(Code::WeightsMismatch, text).at(Place::File(source.file.clone()))
}
