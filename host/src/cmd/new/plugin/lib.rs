//! A Neurhai plugin with an architecture and a vote. Keep what is of use, change the rest.
//!
//!     cargo test               the contract that every plugin keeps, and the numbers below
//!     cargo build --release    leaves target/release/lib{{ident}}.so
//!     host plugins check target/release/lib{{ident}}.so
//!
//! The library goes into a plugin folder: one named with --plugins or NEURHAI_PLUGINS, or `plugins`
//! beside a script. Scripts then know "{{network}}" and "{{ident}}_vote".

use neurhai_plugin::layers::{batch_norm, conv, flatten, linear, max_pool, relu};
use neurhai_plugin::{
    Architecture, Ballot, Info, Network, OptionSpec, Options, Request, Result, Vote, export_plugin,
};

/// Blocks of convolution, normalisation and pooling, each twice as wide, and a linear layer.
struct {{network}};

impl Architecture for {{network}} {
    fn info(&self) -> Info {
        Info::new("{{network}}", "Blocks of convolution and pooling, and a linear layer.")
            .option(OptionSpec::int("width", "channels of the first block").min(1).default(8))
            .option(OptionSpec::int("depth", "blocks").min(1).default(2))
    }

    fn build(&self, request: &Request) -> Result<Network> {
        let (width, depth) = (request.options.int("width")?, request.options.int("depth")?);
        let mut net = Vec::new();
        for block in 0..depth {
            let block = conv(width << block.min(16), 3).with("padding", 1);
            net.extend([block, batch_norm(), relu(), max_pool(2)]);
        }
        net.extend([flatten(), linear(request.outputs)]);
        Ok(net.into())
    }
}

/// Parts that are sure of themselves count more:
/// score(c) = Σ wᵢ sᵢ pᵢ(c) / Σ wᵢ sᵢ, where sᵢ is the largest pᵢ to the power of `sharpness`.
struct Sure;

impl Vote for Sure {
    fn info(&self) -> Info {
        Info::new("{{ident}}_vote", "Mean over the parts, weighed by how sure each part is.")
            .option(OptionSpec::float("sharpness", "0 counts all alike").min(0.0).default(1.0))
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()> {
        let sharpness = options.float("sharpness")?;
        for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
            let mut sum = 0.0;
            scores.fill(0.0);
            for (weight, part) in ballot.weighted_parts(image) {
                let largest = part.iter().copied().fold(0.0, f64::max);
                let counts = weight * largest.powf(sharpness);
                sum += counts;
                for (score, p) in scores.iter_mut().zip(part) {
                    *score += counts * p;
                }
            }
            if sum == 0.0 {
                return Err("no part counts".into());
            }
            scores.iter_mut().for_each(|score| *score /= sum);
        }
        Ok(())
    }
}

export_plugin!("{{name}}", env!("CARGO_PKG_VERSION"), |registrar| {
    registrar.architecture({{network}})?;
    registrar.vote(Sure)?;
    Ok(())
});

#[cfg(test)]
mod tests {
    use super::*;
    use neurhai_plugin::serde_json::json;
    use neurhai_plugin::testkit;

    #[test]
    fn it_keeps_the_contract() {
        testkit::check(&neurhai_plugin);
    }

    #[test]
    fn the_surer_part_counts_more() {
        let ballot = Ballot {
            parts: 2,
            outputs: 2,
            values: &[0.9, 0.1, 0.4, 0.6],
            weights: &[0.5, 0.5],
            fitted: None,
        };
        let options = json!({ "sharpness": 1.0 });
        let options = Options::new(options.as_object().unwrap().clone());
        let mut scores = [0.0; 2];
        Sure.vote(&ballot, &options, &mut scores).unwrap();
        // (0.9 · 0.9 + 0.6 · 0.4) / (0.9 + 0.6)
        assert!((scores[0] - 0.7).abs() < 1e-12, "{scores:?}");
        assert!((scores[1] - 0.3).abs() < 1e-12, "{scores:?}");
    }
}
