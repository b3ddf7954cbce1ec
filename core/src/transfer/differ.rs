//! The error of networks that do not fit each other, side by side.

use super::{Line, Named, Source};
use crate::error::{Code, Error, Place};
use crate::network::Plan;
use crate::shape::show;

/// Differences that are shown; a screen holds no more.
const MOST: usize = 16;

/// What does not fit: `wrong` of the parts that are transferred, or `nothing` fits at all.
pub(super) fn differ(source: &Source, target: &Plan, wrong: &[&Line], nothing: bool) -> Error {
    let theirs = source.architecture.as_deref().unwrap_or("the source");
    let ours = &target.spec.architecture;
    let cell = |named: &Option<Named>| match named {
        Some(Named { name, shape }) => format!("{name}  {}", show(shape)),
        None => "-".to_owned(),
    };
    let mut rows: Vec<[String; 2]> =
        wrong.iter().map(|line| [cell(&line.source), cell(&line.target)]).collect();
    let message = if nothing {
        if rows.is_empty() {
            let list = |names: &mut dyn Iterator<Item = &str>| {
                let first: Vec<&str> = names.take(4).collect();
                first.join(", ") + ", …"
            };
            rows.push([
                list(&mut source.tensors.iter().map(|(name, _)| name.as_str())),
                list(&mut target.params.iter().map(|param| param.name.as_str())),
            ]);
        }
        format!("none of the weights of {theirs} fits {ours}")
    } else {
        format!("the weights of {theirs} do not all fit {ours}")
    };
    let wide = |text: &str| text.chars().count();
    let width = rows.iter().map(|[left, _]| wide(left)).chain([6]).max().unwrap_or(6);
    let mut text = format!("{message}:\n    source{}  target", " ".repeat(width - 6));
    for [left, right] in rows.iter().take(MOST) {
        text += &format!("\n    {left}{}  {right}", " ".repeat(width - wide(left)));
    }
    if rows.len() > MOST {
        text += &format!("\n    and {} more", rows.len() - MOST);
    }
    let error = Error::new(Code::WeightsMismatch, text).at(Place::File(source.file.clone()));
    error.help(match nothing {
        true => "transfer goes between the same networks, and from or to the encoder of an autoencoder of the network",
        false => "with strict: false what fits is taken, and the rest stays as it was drawn",
    })
}
