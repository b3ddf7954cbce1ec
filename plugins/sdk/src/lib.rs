//! What a Neurhai plugin is written with.
//!
//! A plugin is a shared library that brings architectures, transposition rules, votes, metrics and,
//! with the feature `torch`, layers and losses. Each is a type with a trait of this crate, handed
//! over in [`export_plugin!`]. A whole plugin:
//!
//! ```toml
//! [package]
//! name = "tiny"
//! version = "0.1.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! neurhai-plugin = { path = "…/plugins/sdk" }
//! ```
//!
//! ```
//! use neurhai_plugin::layers::{batch_norm, conv, flatten, linear, max_pool, relu};
//! use neurhai_plugin::{
//!     Architecture, Ballot, Info, Network, OptionSpec, Options, Request, Result, Vote, export_plugin,
//! };
//!
//! /// Two convolutions and one linear layer, for slices and volumes.
//! struct Tiny;
//!
//! impl Architecture for Tiny {
//!     fn info(&self) -> Info {
//!         Info::new("Tiny", "Two convolutions and a linear layer.")
//!             .option(OptionSpec::int("width", "channels of the first block").min(1).default(8))
//!     }
//!
//!     fn build(&self, request: &Request) -> Result<Network> {
//!         let width = request.options.int("width")?;
//!         let mut net = Vec::new();
//!         for channels in [width, 2 * width] {
//!             net.extend([conv(channels, 3).with("padding", 1), batch_norm(), relu(), max_pool(2)]);
//!         }
//!         net.extend([flatten(), linear(request.outputs)]);
//!         Ok(net.into())
//!     }
//! }
//!
//! /// The part that is surest of anything decides alone.
//! struct Surest;
//!
//! impl Vote for Surest {
//!     fn info(&self) -> Info {
//!         Info::new("surest", "The part with the largest probability decides alone.")
//!     }
//!
//!     fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
//!         let largest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
//!         for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
//!             let parts = ballot.weighted_parts(image).map(|(_, part)| part);
//!             let best = parts.max_by(|a, b| largest(a).total_cmp(&largest(b)));
//!             scores.copy_from_slice(best.ok_or("every part has a weight of zero")?);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! export_plugin!("tiny", env!("CARGO_PKG_VERSION"), |registrar| {
//!     registrar.architecture(Tiny)?;
//!     registrar.vote(Surest)?;
//!     Ok(())
//! });
//!
//! // In a plugin this is a test of its own, marked #[test].
//! fn keeps_the_contract() {
//!     neurhai_plugin::testkit::check(&neurhai_plugin);
//! }
//! # fn main() { keeps_the_contract() }
//! ```
//!
//! `cargo build --release` leaves `target/release/libtiny.so`, which goes into a plugin folder.
//!
//! # What the host is promised
//!
//! Errors and panics reach the host as text, with the place of a panic; nothing is printed and
//! nothing unwinds into it. Only code that ends the process (a stack overflow, `abort`) takes the
//! host along. Entries are used by several threads at once, so what a plugin remembers between
//! calls must be synchronised, and must not change results.
//!
//! The crate depends on `neurhai-abi` and `serde_json` alone; a plugin without `torch` builds in
//! seconds and links no libtorch.
#![warn(missing_docs)]

mod architecture;
mod call;
mod entry;
mod error;
mod info;
pub mod layers;
mod metric;
mod options;
mod register;
pub mod testkit;
#[cfg(feature = "torch")]
pub mod torch;
mod transpose;
mod vote;

pub use architecture::{Architecture, Request};
pub use entry::{Plugin, entry};
pub use error::{Error, Result};
pub use info::{Direction, Info, OptionSpec};
pub use layers::{LayerSpec, Network, layer};
pub use metric::{Metric, Rows};
pub use neurhai_abi as abi;
pub use options::Options;
pub use register::Registrar;
pub use serde_json;
pub use transpose::Transpose;
pub use vote::{Ballot, Fit, Vote};
