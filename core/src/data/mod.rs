//! From tables and folders to batches.

pub mod caps;
pub mod cohorts;
pub mod images;
pub mod loader;
pub mod options;
pub mod part;
pub mod participants;
pub mod pattern;
pub mod phantom;
pub mod split;
pub mod table;
