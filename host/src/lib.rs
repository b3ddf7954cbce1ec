//! The host of Neurhai: scripts, the command line, and everything a person sees. It computes
//! nothing; the program is a thin shell over it.
#![warn(missing_docs)]

mod callback;
pub mod cmd;
pub mod functions;
mod imports;
mod names;
pub mod output;
pub mod progress;
pub mod report;
pub mod runtime;
pub mod sandbox;
pub mod show;
pub mod value;

#[cfg(test)]
mod tests;
