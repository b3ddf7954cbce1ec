use neurhai_plugin::layers::{
    LayerSpec, Network, batch_norm, conv, dropout, elu, flatten, linear, max_pool, residual,
};
use neurhai_plugin::{Architecture, Info, OptionSpec, Options, Request, Result};

/// Five residual blocks with max pooling, and two linear layers.
pub(crate) struct ResNet3D;

impl Architecture for ResNet3D {
    fn info(&self) -> Info {
        let info = Info::new(
            "ResNet3D",
            "ClinicaDL's residual CNN: five blocks with max pooling, two linear layers, ELU.",
        )
        .source("https://clinicadl.readthedocs.io; Korolev et al. 2017, https://arxiv.org/abs/1701.06643");
        with_options(info, 0.8)
    }

    fn build(&self, request: &Request) -> Result<Network> {
        let mut net = Vec::new();
        for channels in widths(&request.options)? {
            net.extend([block(channels, elu(), Vec::new()), elu(), halve()]);
        }
        let p = request.options.float("dropout")?;
        net.extend([flatten(), linear(256), elu(), dropout(p), linear(request.outputs)]);
        Ok(net.into())
    }
}

/// The options of both networks of this shape.
pub(crate) fn with_options(info: Info, dropout: f64) -> Info {
    info.option(
        OptionSpec::float("dropout", "probability that a value before a linear layer is zeroed")
            .min(0.0)
            .max(1.0)
            .default(dropout),
    )
    .option(
        OptionSpec::int("width", "channels of the first block; each next has twice as many")
            .min(1)
            .max(1024)
            .default(8),
    )
    .option(
        OptionSpec::int(
            "blocks",
            "how many blocks; each halves the size, and 5 need 63 voxels per axis",
        )
        .min(1)
        .max(8)
        .default(5),
    )
}

/// Channels of each block.
pub(crate) fn widths(options: &Options) -> Result<Vec<i64>> {
    let width = options.int("width")?;
    Ok((0..options.int("blocks")?).map(|block| width << block).collect())
}

/// Two convolutions with batch normalisation, beside a convolution of one voxel. `last` comes before
/// the sum.
pub(crate) fn block(channels: i64, activation: LayerSpec, last: Vec<LayerSpec>) -> LayerSpec {
    let conv3 = || conv(channels, 3).with("padding", 1).with("bias", false);
    let mut body = vec![conv3(), batch_norm(), activation, conv3(), batch_norm()];
    body.extend(last);
    residual(body, vec![conv(channels, 1).with("bias", false)])
}

/// Halves each axis.
pub(crate) fn halve() -> LayerSpec {
    max_pool(3).with("stride", 2)
}
