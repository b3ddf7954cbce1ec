//! Networks: described as data, planned without allocation, then given weights.

mod context;
mod plan;
mod spec;
mod weights;

pub use context::{Context, Mode, Observer};
pub use plan::{LayerRow, ParamId, ParamSpec, Plan, Planner, Sequence, State};
pub use spec::{LayerSpec, NetworkSpec, PartSpec};
pub(crate) use weights::save_checkpoint;
pub use weights::{Network, Pass, channels_last};
