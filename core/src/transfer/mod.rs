//! Transfer: a network begins with the weights of another one.
//!
//! [`Source::open`] reads weights out of an experiment folder or a file, [`fit()`] decides by the
//! tensors' names which goes where, and [`Network::take`](crate::network::Network::take) copies them.

mod differ;
mod fit;
pub(crate) mod folder;
mod source;
#[cfg(test)]
mod tests;

pub use fit::{Line, Named, Transfer, Verdict, fit};
pub(crate) use fit::{fit_whole, not_finite};
pub(crate) use source::learned_before;
pub use source::{Choice, Source};
