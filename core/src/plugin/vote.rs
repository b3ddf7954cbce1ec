use neurhai_abi as abi;
use serde_json::Value;

use super::handle::Handle;
use super::info::Info;
use super::stage::{Staging, needed};
use super::text::{Collected, lend};
use crate::catalog::VoteEntry;
use crate::error::Result;
use crate::options::Options;
use crate::vote::{Ballot, Vote, VoteInfo};

/// A vote of a plugin.
struct Strategy {
    info: VoteInfo,
    vote: abi::VoteFn,
    fit: Option<abi::FitFn>,
    handle: Handle,
}

/// The ballot in the form of the interface; it lends the same columns.
fn lent(ballot: &Ballot<'_>) -> abi::Ballot {
    abi::Ballot {
        struct_size: size_of::<abi::Ballot>() as u32,
        reserved: 0,
        images: ballot.images().len(),
        parts: ballot.parts,
        outputs: ballot.outputs,
        values: ballot.values.as_ptr(),
        weights: ballot.weights.as_ptr(),
        fitted: match ballot.fitted {
            [] => std::ptr::null(),
            fitted => fitted.as_ptr(),
        },
        n_fitted: ballot.fitted.len(),
    }
}

fn as_text(options: &Options) -> String {
    Value::Object(options.values().clone()).to_string()
}

impl Vote for Strategy {
    fn info(&self) -> VoteInfo {
        self.info.clone()
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>> {
        let vote = self.vote;
        // What the plugin leaves out stays NaN, and is told as such.
        let mut scores = vec![f64::NAN; ballot.images().len() * ballot.outputs];
        let (lent, options) = (lent(ballot), as_text(options));
        self.handle.call(|data, error| {
            // SAFETY: the ballot's columns have the sizes it says, the scores are as many as the
            // interface promises, and all of it lives until the function returns.
            unsafe { vote(data, &lent, lend(&options), scores.as_mut_ptr(), error) }
        })?;
        Ok(scores)
    }

    fn fit(&self, ballot: &Ballot<'_>, truth: &[usize], options: &Options) -> Result<Vec<f64>> {
        let fit = needed(self.fit, "fit")?;
        let truth: Vec<f64> = truth.iter().map(|class| *class as f64).collect();
        let (lent, options) = (lent(ballot), as_text(options));
        let mut fitted = Collected::default();
        let sink = fitted.sink();
        self.handle.call(|data, error| {
            // SAFETY: as in `vote`; there is one true class per image.
            unsafe { fit(data, &lent, truth.as_ptr(), lend(&options), sink, error) }
        })?;
        fitted.all().map_err(|error| self.handle.error(&error.problems()[0].message))
    }
}

pub(super) fn stage(
    raw: abi::Vote,
    staging: &Staging,
    name: String,
    help: String,
    mut info: Info,
) -> Result<VoteEntry> {
    let vote = needed(raw.vote, "vote")?;
    let (source, options) = (info.text("source")?, info.options()?);
    let numbers = info.flag("numbers")?;
    info.finish(&["options", "source", "numbers"])?;
    let handle = Handle::new(&staging.about, format!("vote {name:?}"), &raw.item);
    let info = VoteInfo { name, help, source, options, fits: raw.fit.is_some(), numbers };
    let vote = Box::new(Strategy { info: info.clone(), vote, fit: raw.fit, handle });
    Ok(VoteEntry { info, origin: staging.origin(), vote })
}
