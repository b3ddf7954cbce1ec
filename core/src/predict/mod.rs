//! What trained networks say about images: predictions for groups of people, new ones or those of
//! training.

mod group;
mod leak;
mod opened;

pub(crate) use group::{DataGroup, GroupOptions, Standing};
pub(crate) use opened::Opened;
