//! `vote`: how the parts of an image decide on it.

use neurhai_core::catalog::VoteEntry;
use neurhai_core::options::Options;
use neurhai_core::vote::{Ballot, Vote, VoteInfo};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult};

use super::{Registration, Scripted, given};
use crate::functions::raise;
use crate::runtime::with_script_stack;
use crate::sandbox::in_pass;
use crate::tensor::{self, value};
use crate::value::describe;

struct ScriptVote {
    info: VoteInfo,
    function: Scripted,
}

impl Vote for ScriptVote {
    fn info(&self) -> VoteInfo {
        self.info.clone()
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>> {
        with_script_stack(|| self.count(ballot, options))?
    }
}

impl ScriptVote {
    fn count(&self, ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>> {
        let keys = ["part", "weight", "scores"].map(rhai::Identifier::from);
        let mut all = Vec::with_capacity(ballot.images().len() * ballot.outputs);
        let options = given(options);
        for image in ballot.images() {
            let rows = image.chunks_exact(ballot.outputs).zip(ballot.weights).enumerate();
            // Who has no weight has no say.
            let rows = rows.filter(|(_, (_, weight))| **weight > 0.0);
            let parts = rows.map(|(part, (scores, weight))| {
                let scores: rhai::Array = scores.iter().copied().map(Dynamic::from).collect();
                let values = [(part as i64).into(), (*weight).into(), scores.into()];
                Dynamic::from_map(keys.iter().cloned().zip(values).collect())
            });
            let parts: rhai::Array = parts.collect();
            let given = (parts, options.clone());
            let read = |found: Dynamic, _: &_| self.read(&found, ballot.outputs);
            all.extend(in_pass(|| self.function.call(given, read))?);
        }
        Ok(all)
    }

    /// One score per output, as a list or a tensor.
    fn read(&self, found: &Dynamic, outputs: usize) -> Result<Vec<f64>> {
        let scores = match tensor::Tensor::of(found) {
            Some(tensor) => numbers(&tensor::list(&tensor)?),
            None => numbers(found),
        };
        let wrong = |wanted: &str| self.function.wrong(wanted, found);
        match scores.filter(|scores| scores.len() == outputs) {
            None => Err(wrong(&format!("{outputs} scores, one per output"))),
            Some(scores) => match scores.iter().find(|score| !score.is_finite()) {
                None => Ok(scores),
                Some(score) => {
                    let message = format!("the {} gives the score {score}", self.function.owner);
                    Err(Error::new(Code::UndefinedVote, message)
                        .help("scores are finite numbers; look for a division by zero"))
                }
            },
        }
    }
}

fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|whole| whole as f64))
}

fn numbers(list: &Dynamic) -> Option<Vec<f64>> {
    list.read_lock::<rhai::Array>()?.iter().map(number).collect()
}

/// An entry of all rows as a tensor.
fn column(rows: &rhai::Array, key: &str) -> Result<tch::Tensor> {
    let entry = |row: &Dynamic| {
        let value = row.read_lock::<rhai::Map>()?.get(key)?.clone();
        numbers(&value).or_else(|| Some(vec![number(&value)?]))
    };
    let mut values = Vec::new();
    for row in rows {
        values.push(entry(row).ok_or_else(|| {
            let message = format!("{key} takes the parts of a vote, not {}", describe(row));
            Error::new(Code::BadOption, message)
        })?);
    }
    let width = values.first().map_or(0, Vec::len);
    if values.iter().any(|row| row.len() != width) {
        return Err(Error::new(Code::BadOption, format!("the parts' {key} differ in length")));
    }
    let flat = tch::Tensor::f_from_slice(&values.concat())?;
    Ok(flat.f_view([rows.len() as i64, width as i64])?)
}

type Given = std::result::Result<Dynamic, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("scores", |parts: rhai::Array| -> Given {
            column(&parts, "scores").map(value).map_err(raise)
        })
        .register_fn("weights", |parts: rhai::Array| -> Given {
            let weights = column(&parts, "weight").and_then(|column| Ok(column.f_flatten(0, -1)?));
            weights.map(value).map_err(raise)
        });
}

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let info = VoteInfo {
        name: given.name.into(),
        help: given.help(),
        source: String::new(),
        options: given.options(&[])?,
        fits: false,
        numbers: true,
    };
    let function = given.definition()?;
    let (vote, origin) = (ScriptVote { info: info.clone(), function }, given.origin());
    given.add(|catalog| &mut catalog.votes, VoteEntry { info, origin, vote: Box::new(vote) })
}
