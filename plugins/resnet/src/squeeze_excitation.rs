use neurhai_plugin::layers::{
    LayerSpec, Network, dropout, flatten, gate, global_avg_pool, linear, relu, sigmoid,
};
use neurhai_plugin::{Architecture, Info, OptionSpec, Request, Result};

use crate::resnet3d::{block, halve, widths, with_options};

/// ResNet3D with ReLU, and a gate on the channels of each block.
pub(crate) struct SqueezeExcitationCnn;

impl Architecture for SqueezeExcitationCnn {
    fn info(&self) -> Info {
        let info = Info::new(
            "SqueezeExcitationCNN",
            "ClinicaDL's residual CNN with squeeze and excitation: five gated blocks, two linear layers.",
        )
        .source("https://clinicadl.readthedocs.io; Hu et al. 2018, https://arxiv.org/abs/1709.01507");
        with_options(info, 0.5).option(
            OptionSpec::int("reduction", "how many channels share one hidden unit of the gate")
                .min(1)
                .max(1024)
                .default(8),
        )
    }

    fn build(&self, request: &Request) -> Result<Network> {
        let reduction = request.options.int("reduction")?;
        let mut net = Vec::new();
        for channels in widths(&request.options)? {
            let gate = squeeze_excitation(channels, (channels / reduction).max(1));
            net.extend([block(channels, relu(), vec![gate]), relu(), halve()]);
        }
        let p = request.options.float("dropout")?;
        net.extend([flatten(), dropout(p), linear(256), relu(), linear(request.outputs)]);
        Ok(net.into())
    }
}

/// A factor for each channel, from the means of all.
fn squeeze_excitation(channels: i64, hidden: i64) -> LayerSpec {
    gate(vec![global_avg_pool(), linear(hidden), relu(), linear(channels), sigmoid()])
}
