use neurhai_plugin::torch::{Init, Layer, Planned, Scope};
use neurhai_plugin::{Info, OptionSpec, Options, Result, layer};

/// x · (s + q): `s` is a factor per channel from the means of all channels, `q` a factor per place
/// from all channels there.
///
/// s = σ(W₂ · relu(W₁ · mean(x) + b₁) + b₂), with C / `reduction` hidden units; q = σ(w · x + b), a
/// convolution of one voxel.
pub(crate) struct SqueezeSpatialAttention;

impl Layer for SqueezeSpatialAttention {
    fn info(&self) -> Info {
        Info::new(
            "squeeze_spatial_attention",
            "Scales channels by what they hold on the whole, and places by what all channels hold there.",
        )
        .source("scSE: Roy et al. 2018, https://arxiv.org/abs/1803.02579")
        .shapes("[channel, (depth,) height, width] → the same")
        .option(
            OptionSpec::int("reduction", "how many channels share one hidden unit")
                .min(1)
                .max(4096)
                .default(2),
        )
        .positional(1)
        .example(
            vec![layer("squeeze_spatial_attention").with("reduction", 2)],
            &[4, 5, 6, 7],
            &[4, 5, 6, 7],
        )
    }

    fn create(&self, input: &[i64], options: &Options, scope: &mut Scope<'_>) -> Result<Planned> {
        let axes = input.len().saturating_sub(1);
        if !(2..=3).contains(&axes) {
            return Err(format!(
                "needs [channel, height, width] or [channel, depth, height, width], not {input:?}"
            )
            .into());
        }
        let channels = input[0];
        let hidden = (channels / options.int("reduction")?).max(1);

        let squeeze = [
            scope.param("squeeze.weight", &[hidden, channels], Init::FanIn(channels))?,
            scope.param("squeeze.bias", &[hidden], Init::FanIn(channels))?,
        ];
        let excite = [
            scope.param("excite.weight", &[channels, hidden], Init::FanIn(hidden))?,
            scope.param("excite.bias", &[channels], Init::FanIn(hidden))?,
        ];
        let mut kernel = vec![1, channels];
        kernel.resize(axes + 2, 1);
        let spatial = [
            scope.param("spatial.weight", &kernel, Init::FanIn(channels))?,
            scope.param("spatial.bias", &[1], Init::FanIn(channels))?,
        ];

        let places: Vec<i64> = (2..axes as i64 + 2).collect();
        let mut per_channel = vec![-1, channels];
        per_channel.resize(axes + 2, 1);
        let (ones, zeros) = (vec![1; axes], vec![0; axes]);
        Ok(Planned::new(input, move |pass| {
            let x = pass.input();
            let s = x
                .f_mean_dim(&places[..], false, None)?
                .f_linear(pass.weight(squeeze[0])?, Some(pass.weight(squeeze[1])?))?
                .f_relu()?
                .f_linear(pass.weight(excite[0])?, Some(pass.weight(excite[1])?))?
                .f_sigmoid()?
                .f_view(&per_channel[..])?;
            let (kernel, bias) = (pass.weight(spatial[0])?, Some(pass.weight(spatial[1])?));
            let q = x
                .f_convolution(kernel, bias, &ones, &zeros, &ones, false, &zeros, 1)?
                .f_sigmoid()?;
            Ok(x.f_mul(&s.f_add(&q)?)?)
        }))
    }
}
