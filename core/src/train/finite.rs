//! Numbers that are none: which layer gave them first, and for whom.

use tch::{Kind, Tensor};

use super::objective::Objective;
use crate::data::loader::{Batch, Source};
use crate::error::{Code, Error};
use crate::network::{Mode, Network};

/// The error of a batch whose loss or outputs are NaN or infinite. `what` says what they are and
/// where, such as `the loss is NaN in epoch 1, batch 2`.
pub(crate) fn not_finite(
    what: &str,
    network: &Network,
    (x, mode): (&Tensor, Mode),
    (batch, source): (&Batch, &Source),
    objective: &Objective,
) -> Error {
    let mut first = None;
    let observe = |path: &str, output: &Tensor| {
        let finite = output.f_isfinite().and_then(|finite| finite.f_all());
        let finite = finite.and_then(|all| all.f_to_kind(Kind::Float)?.f_double_value(&[]));
        if first.is_none() && finite.is_ok_and(|finite| finite == 0.0) {
            first = Some(path.to_owned());
        }
    };
    // Only what the observer sees matters here; the output is known to be bad.
    drop(network.forward_observed(x, mode, observe));
    let who: Vec<String> = batch
        .samples
        .iter()
        .map(|sample| {
            let visit = source.images.session(sample.image);
            let part = source.parts.label(sample.part);
            format!("{visit} ({part})")
        })
        .collect();
    let (culprit, help) = match first {
        Some(path) => (
            format!("the first layer with such an output is {path}"),
            "lower learning_rate, and check the images named; the last checkpoint stays",
        ),
        None => (
            format!(
                "every layer's output is finite, so it comes from the loss {:?} ({})",
                objective.loss.info.name, objective.loss.origin
            ),
            "look at the loss: it divides by zero, or takes the logarithm of one; the last checkpoint stays",
        ),
    };
    let message = format!("{what} ({}); {culprit}", who.join(", "));
    Error::new(Code::LossNotFinite, message).help(help)
}
