//! Deep learning on brain images, on libtorch: networks as data, the data path, training,
//! evaluation and the experiment folder.
//!
//! This crate never prints, exits, or knows the terminal; what happens is told through events and
//! results. See the `host` program for scripts and the command line.
#![warn(missing_docs)]

pub mod cache;
pub mod catalog;
pub mod compare;
pub mod contract;
pub mod data;
pub mod device;
mod each;
pub mod error;
mod experiment;
pub mod files;
mod filter;
pub mod generate;
mod guard;
pub mod import;
pub mod interpret;
pub mod layer;
pub mod loss;
mod maps;
pub mod memory;
pub mod metric;
pub mod network;
pub mod optimizer;
pub mod options;
pub mod overrides;
pub mod pickle;
pub mod picture;
pub mod plugin;
pub mod predict;
pub mod prepare;
mod quota;
pub mod random;
pub mod records;
pub mod report;
pub mod sampler;
pub mod schedule;
pub mod search;
pub mod shape;
#[cfg(test)]
mod shared_data;
pub mod statistics;
mod task;
pub mod train;
pub mod transfer;
pub mod transform;
pub mod transpose;
pub mod trials;
pub mod tsv;
mod used;
pub mod verify;
pub mod volume;
pub mod vote;

pub use error::{Code, Error, Place, Problem, Problems, Result};
pub use experiment::Experiment;
pub use task::Task;
pub use used::Used;
