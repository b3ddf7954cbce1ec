use super::{Findings, close, probabilities, required};
use crate::catalog::VoteEntry;
use crate::error::Result;
use crate::options::Options;
use crate::vote::{Ballot, winner};

const IMAGES: usize = 7;
const PARTS: usize = 4;

pub(super) fn check(entry: &VoteEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    findings.unknown_option(&entry.info.options, |given| entry.options(given));
    let given = required(&entry.info.options);
    let Some(options) = findings.ok("options that fit", entry.options(&given)) else { return };
    for outputs in [2, 3] {
        let result = with_outputs(entry, &options, outputs, findings);
        findings.ok(&format!("a vote on {outputs} outputs"), result);
    }
}

fn with_outputs(
    entry: &VoteEntry,
    options: &Options,
    outputs: usize,
    findings: &mut Findings,
) -> Result<()> {
    let values = probabilities(IMAGES * PARTS, outputs, "contract votes");
    let weights = [0.4, 0.3, 0.0, 0.3];
    let truth: Vec<usize> = (0..IMAGES).map(|image| image % outputs).collect();
    let fit = |values: &[f64]| {
        let ballot = Ballot { parts: PARTS, outputs, values, weights: &weights, fitted: &[] };
        match entry.info.fits {
            true => entry.vote.fit(&ballot, &truth, options),
            false => Ok(Vec::new()),
        }
    };
    let fitted = fit(&values)?;
    let vote = |values: &[f64], weights: &[f64]| {
        let ballot = Ballot { parts: weights.len(), outputs, values, weights, fitted: &fitted };
        entry.scores(&ballot, options)
    };
    let scores = vote(&values, &weights)?;
    findings.that("the same scores again", vote(&values, &weights)? == scores);

    let mut turned = values.clone();
    turned.rotate_left(2 * PARTS * outputs);
    let mut expected = scores.clone();
    expected.rotate_left(2 * outputs);
    let same = close(&vote(&turned, &weights)?, &expected);
    findings.that("a permutation of the images to permute the scores", same);

    let mut other = values.clone();
    for image in other.chunks_exact_mut(PARTS * outputs) {
        image[2 * outputs..3 * outputs].rotate_left(1);
    }
    let same = close(&vote(&other, &weights)?, &scores) && close(&fit(&other)?, &fitted);
    findings.that("a part of weight 0 to have no influence", same);

    // What was learned belongs to each part.
    if !entry.info.fits {
        let mut turned = values.clone();
        for image in turned.chunks_exact_mut(PARTS * outputs) {
            image.rotate_left(outputs);
        }
        let same = close(&vote(&turned, &[0.3, 0.0, 0.3, 0.4])?, &scores);
        findings.that("the order of the parts not to matter", same);
        let one = probabilities(IMAGES, outputs, "contract identical parts");
        let all: Vec<f64> = one.chunks_exact(outputs).flat_map(|part| part.repeat(PARTS)).collect();
        let scores = vote(&all, &[0.25; PARTS])?;
        let right =
            one.chunks_exact(outputs).zip(scores.chunks_exact(outputs)).all(|(part, score)| {
                let decision: Vec<f64> =
                    (0..outputs).map(|c| if c == winner(part) { 1.0 } else { 0.0 }).collect();
                close(score, part) || close(score, &decision)
            });
        findings.that("identical parts to give themselves, or their decision", right);
    }
    let threads: Vec<bool> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..2).map(|_| scope.spawn(|| vote(&values, &weights))).collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended.map(|end| matches!(end, Ok(Ok(found)) if found == scores)).collect()
    });
    findings.that("the same scores on two threads at once", threads == [true, true]);
    Ok(())
}
