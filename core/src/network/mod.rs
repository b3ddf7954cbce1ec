//! Networks: described as data, planned without allocation, then given weights.

mod plan;
mod spec;
mod weights;

pub use plan::{
    Context, LayerRow, Mode, Observer, ParamId, ParamSpec, Plan, Planner, Sequence, State,
};
pub use spec::{LayerSpec, NetworkSpec, PartSpec};
pub(crate) use weights::save_checkpoint;
pub use weights::{Network, channels_last};
