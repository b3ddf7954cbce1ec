//! The host of Neurhai: scripts, the command line, and everything a person sees. It computes
//! nothing; the program is a thin shell over it.
//!
//! Another program runs scripts through [`runtime::Runtime`], with a catalog of its own if it likes,
//! and is told what happens: see `examples/embed.rs`.
#![warn(missing_docs)]

mod callback;
pub mod cmd;
pub mod configuration;
mod definitions;
pub mod doctor;
pub mod functions;
pub mod html;
mod imports;
mod names;
pub mod output;
pub mod plugins;
pub mod progress;
mod repl;
pub mod report;
pub mod runtime;
pub mod sandbox;
pub mod show;
mod signals;
pub mod standard;
pub mod tensor;
mod track;
mod trials;
mod unique;
pub mod value;

#[cfg(test)]
mod tests;
