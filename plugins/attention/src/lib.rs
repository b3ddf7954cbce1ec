//! A layer that attends to channels and places, for slices and volumes. It computes in this plugin,
//! on the host's tensors; its parameters are the host's.

use neurhai_plugin::export_plugin;

mod squeeze_spatial_attention;

export_plugin!("attention", env!("CARGO_PKG_VERSION"), torch, |registrar| {
    registrar.layer(squeeze_spatial_attention::SqueezeSpatialAttention)
});
