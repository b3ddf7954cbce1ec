//! Which tensor of a source goes where in a target.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use tch::{Kind, Tensor};

use super::Source;
use super::differ::differ;
use crate::error::{Code, Error, Place, Result};
use crate::network::{ParamSpec, Plan, State};
use crate::shape::{Shape, elements, show};

/// A tensor by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The state name: `convolutions.0.weight`.
    pub name: String,
    /// Its shape; empty for a single number.
    pub shape: Shape,
}

/// What becomes of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The target's tensor takes the values of the source's.
    Matched,
    /// The source's tensor is not wanted.
    Skipped,
    /// The target's tensor stays as it was drawn.
    Fresh,
    /// The two have one name, but do not fit, as the text says; the target's stays as it was drawn.
    Mismatched(String),
}

/// A line of the table: a tensor of the source, of the target, or one of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The source's tensor.
    pub source: Option<Named>,
    /// The target's tensor.
    pub target: Option<Named>,
    /// What becomes of them.
    pub verdict: Verdict,
}

/// Which tensor of a source goes where in a target: every tensor of both has its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// The target's tensors in its order, and after those of each part what the source has more.
    pub lines: Vec<Line>,
}

impl Transfer {
    /// The pairs whose values are taken: source, target.
    pub fn matched(&self) -> impl Iterator<Item = (&Named, &Named)> {
        let matched = self.lines.iter().filter(|line| line.verdict == Verdict::Matched);
        matched.filter_map(|line| Some((line.source.as_ref()?, line.target.as_ref()?)))
    }

    /// How many numbers are taken.
    pub fn values(&self) -> i64 {
        self.matched().filter_map(|(_, to)| elements(&to.shape)).sum()
    }
}

/// Decides by the names what goes where. Networks with the same parts give everything. An encoder
/// goes into `convolutions` and the other way round, and from encoder to encoder where the other
/// parts differ; those parts are skipped, and stay as drawn in the target.
///
/// With `strict`, all tensors of the parts that are transferred must pair up, running statistics
/// included; otherwise what fits is taken. Different kinds of real numbers fit each other.
///
/// # Errors
/// [`Code::WeightsMismatch`] with the differences side by side, or where nothing fits at all;
/// [`Code::BadWeights`] for weights that are NaN or infinite.
pub fn fit(source: &Source, target: &Plan, strict: bool) -> Result<Transfer> {
    let (transfer, pairs) = table(source, target);
    if transfer.matched().next().is_none() {
        return Err(differ(source, target, &[], "none of the weights of").help(
            "transfer goes between the same networks, and from or to the encoder of an autoencoder \
             of the network",
        ));
    }
    let transferred = |name: &str| pairs.iter().any(|(from, _)| *from == first(name));
    let fits = |line: &&Line| match (&line.verdict, &line.source, &line.target) {
        (Verdict::Mismatched(_), ..) => false,
        (Verdict::Skipped, Some(from), _) => !transferred(&from.name),
        (Verdict::Fresh, _, Some(to)) => pairs.iter().all(|(_, part)| *part != first(&to.name)),
        _ => true,
    };
    let wrong: Vec<&Line> = transfer.lines.iter().filter(|line| !fits(line)).collect();
    if strict && !wrong.is_empty() {
        return Err(differ(source, target, &wrong, "not all weights of").help(
            "with transfer_strict: false what fits is taken, and the rest stays as it was drawn",
        ));
    }
    match not_finite(source, &transfer)?[..] {
        [] => Ok(transfer),
        [first, ref others @ ..] => {
            let more = match others.len() {
                0 => String::new(),
                more => format!(", and so do {more} more"),
            };
            let message = format!("{first} holds NaN or infinite numbers{more}");
            Err(Error::new(Code::BadWeights, message)
                .at(Place::File(source.file.clone()))
                .help("nothing can be learned from there: take the weights of another training"))
        }
    }
}

/// The tensors that are taken and hold what is NaN or infinite, in float32.
pub(crate) fn not_finite<'s>(source: &'s Source, transfer: &Transfer) -> Result<Vec<&'s str>> {
    let taken: HashSet<&str> = transfer.matched().map(|(from, _)| from.name.as_str()).collect();
    let mut wrong = Vec::new();
    for (name, tensor) in source.tensors.iter().filter(|(name, _)| taken.contains(name.as_str())) {
        if tensor.f_to_kind(Kind::Float)?.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            wrong.push(name.as_str());
        }
    }
    Ok(wrong)
}

/// As [`fit()`], for weights that must be those of the target, all of them and no others.
pub(crate) fn fit_whole(source: &Source, target: &Plan) -> Result<Transfer> {
    let (transfer, _) = table(source, target);
    let taken = |line: &&Line| line.verdict == Verdict::Matched;
    let wrong: Vec<&Line> = transfer.lines.iter().filter(|line| !taken(line)).collect();
    match wrong[..] {
        [] => Ok(transfer),
        _ => Err(differ(source, target, &wrong, "not all weights of")),
    }
}

/// The line of every tensor, and which part of the source goes into which of the target.
fn table<'a>(source: &'a Source, target: &'a Plan) -> (Transfer, Vec<(&'a str, &'a str)>) {
    let theirs = parts(source.tensors.iter().map(|(name, _)| name.as_str()));
    let ours = parts(target.params.iter().map(|param| param.name.as_str()));
    let pairs = pairs(&theirs, &ours);
    let named: HashMap<&str, &(String, Tensor)> =
        source.tensors.iter().map(|tensor| (tensor.0.as_str(), tensor)).collect();
    let mut lines = Vec::new();
    for part in &ours {
        let from = pairs.iter().find(|(_, to)| to == part).map(|(from, _)| *from);
        let mut used = HashSet::new();
        for param in target.params.iter().filter(|param| first(&param.name) == *part) {
            let name = from.map(|from| format!("{from}{}", &param.name[part.len()..]));
            let found = name.and_then(|name| named.get(name.as_str()).copied());
            used.extend(found.map(|(name, _)| name.as_str()));
            lines.push(line(found, param));
        }
        let given = source.tensors.iter().filter(|(name, _)| Some(first(name)) == from);
        let more = given.filter(|(name, _)| !used.contains(name.as_str()));
        lines.extend(more.map(|(name, tensor)| skipped(name, tensor)));
    }
    let transferred = |name: &str| pairs.iter().any(|(from, _)| *from == first(name));
    let others = source.tensors.iter().filter(|(name, _)| !transferred(name));
    lines.extend(others.map(|(name, tensor)| skipped(name, tensor)));
    (Transfer { lines }, pairs)
}

/// The part that a tensor belongs to: the first component of its name.
fn first(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The parts, each once, in order.
fn parts<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.map(first).filter(|part| seen.insert(*part)).collect()
}

/// Which part of the source goes into which of the target.
fn pairs<'a>(theirs: &[&'a str], ours: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    const ENCODER: &str = "encoder";
    const CONVOLUTIONS: &str = "convolutions";
    let same = theirs.len() == ours.len() && theirs.iter().all(|part| ours.contains(part));
    let both = |from, to| theirs.contains(&from) && ours.contains(&to);
    if !same {
        for (from, to) in [(ENCODER, ENCODER), (ENCODER, CONVOLUTIONS), (CONVOLUTIONS, ENCODER)] {
            if both(from, to) {
                return vec![(from, to)];
            }
        }
    }
    theirs.iter().filter(|part| ours.contains(part)).map(|part| (*part, *part)).collect()
}

fn named(name: &str, tensor: &Tensor) -> Named {
    Named { name: name.to_owned(), shape: tensor.size() }
}

fn skipped(name: &str, tensor: &Tensor) -> Line {
    Line { source: Some(named(name, tensor)), target: None, verdict: Verdict::Skipped }
}

/// A tensor of the target, and the source's that it would take.
fn line(found: Option<&(String, Tensor)>, param: &ParamSpec) -> Line {
    let target = Some(Named { name: param.name.clone(), shape: param.shape.clone() });
    let Some((name, tensor)) = found else {
        return Line { source: None, target, verdict: Verdict::Fresh };
    };
    let real = |kind| matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
    let counts = param.state == State::Counter;
    let verdict = if tensor.size() != param.shape {
        let (there, here) = (show(&tensor.size()), show(&param.shape));
        Verdict::Mismatched(format!("{there} there, {here} here"))
    } else if counts == real(tensor.kind()) {
        let [there, here] = match counts {
            true => ["real numbers", "a counter"],
            false => ["whole numbers", "real ones"],
        };
        Verdict::Mismatched(format!("{there} there, {here} here"))
    } else {
        Verdict::Matched
    };
    Line { source: Some(named(name, tensor)), target, verdict }
}
