//! Networks: described as data, planned without allocation, then given weights.

mod context;
mod freeze;
mod plan;
mod spec;
mod take;
mod weights;

pub use context::{Context, Mode, Observer};
pub use freeze::Freeze;
pub use plan::{LayerRow, ParamId, ParamSpec, Plan, Planner, Sequence, State};
pub use spec::{LayerSpec, NetworkSpec, PartSpec};
pub use weights::{Network, Pass, channels_last};
pub(crate) use weights::{parse_tensors, save_checkpoint};
