//! Networks: described as data, planned without allocation, then given weights.

mod checkpoint;
mod context;
mod determinism;
mod freeze;
mod plan;
mod precision;
mod spec;
mod take;
mod weights;

pub(crate) use checkpoint::{checkpoint_progress, load_checkpoint, save_checkpoint};
pub use context::{Context, Mode, Observer};
pub use freeze::Freeze;
pub use plan::{LayerRow, ParamId, ParamSpec, Plan, Planner, Sequence, State};
pub use precision::Precision;
pub(crate) use precision::float;
pub use spec::{LayerSpec, NetworkSpec, PartSpec};
pub(crate) use weights::parse_tensors;
pub use weights::{Network, Pass, channels_last};
