use neurhai_plugin::layers::{
    LayerSpec, Network, adaptive_avg_pool, batch_norm, conv, flatten, linear, max_pool, relu,
    residual,
};
use neurhai_plugin::{Architecture, Info, OptionSpec, Request, Result};

/// torchvision's ResNet-18, in 2D or 3D as the input has it.
pub(crate) struct ResNet18;

impl Architecture for ResNet18 {
    fn info(&self) -> Info {
        Info::new(
            "ResNet18",
            "torchvision's ResNet-18 for any number of channels: eight residual blocks, one linear layer.",
        )
        .source("He et al. 2016, https://arxiv.org/abs/1512.03385")
        .option(
            OptionSpec::int("width", "channels of the first blocks; the last have eight times as many")
                .min(1)
                .max(1024)
                .default(64),
        )
    }

    fn build(&self, request: &Request) -> Result<Network> {
        let width = request.options.int("width")?;
        let mut net = vec![
            conv(width, 7).with("stride", 2).with("padding", 3).with("bias", false),
            batch_norm(),
            relu(),
            max_pool(3).with("stride", 2).with("padding", 1),
        ];
        for stage in 0..4 {
            let stride = if stage == 0 { 1 } else { 2 };
            net.extend([block(width << stage, stride), relu(), block(width << stage, 1), relu()]);
        }
        net.extend([adaptive_avg_pool(1), flatten(), linear(request.outputs)]);
        Ok(net.into())
    }
}

/// Two convolutions; where the size is halved, the way around them is a convolution too.
fn block(channels: i64, stride: i64) -> LayerSpec {
    let conv3 =
        |stride| conv(channels, 3).with("stride", stride).with("padding", 1).with("bias", false);
    let body = vec![conv3(stride), batch_norm(), relu(), conv3(1), batch_norm()];
    let shortcut = match stride {
        1 => Vec::new(),
        _ => vec![conv(channels, 1).with("stride", stride).with("bias", false), batch_norm()],
    };
    residual(body, shortcut)
}
