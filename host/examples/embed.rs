//! Runs a script within another program, which brings an architecture and a vote of its own and is
//! told what happens: `embed FOLDER` trains on phantoms and leaves everything in FOLDER.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it does")]

use std::process::ExitCode;

use neurhai_core::catalog::{
    Architecture, ArchitectureEntry, ArchitectureRequest, Catalog, Origin, VoteEntry,
};
use neurhai_core::network::{LayerSpec, NetworkSpec};
use neurhai_core::options::{Kind, OptionSpec, Options};
use neurhai_core::train::Event;
use neurhai_core::vote::{Ballot, Vote, VoteInfo};
use neurhai_host::functions::arguments::Arguments;
use neurhai_host::report::{Failure, Sources, Style};
use neurhai_host::runtime::{Runtime, Settings};

const SCRIPT: &str = r#"
    let heads = phantoms(arg("folder") + "/data", #{ participants_per_class: 6, image_size: [24, 24, 24] });
    let run = train(#{
        data: caps(heads.caps).patches(12, 12), splits: heads.splits, output: arg("folder") + "/maps",
        architecture: "lean", options: #{ width: 4 }, vote: "certain",
        epochs: 2, batch_size: 8, device: "cpu",
    });
    print(run.table());
"#;

/// One convolution as wide as asked for, and a linear layer.
struct Lean;

fn lean_options() -> Vec<OptionSpec> {
    let width = Kind::Int { min: 1, max: 1024 };
    vec![OptionSpec::new("width", width, 8, "channels of the convolution")]
}

impl Architecture for Lean {
    fn build(
        &self,
        request: &ArchitectureRequest,
        _: &Catalog,
    ) -> neurhai_core::Result<NetworkSpec> {
        let options = Options::check(&lean_options(), &request.options, "architecture \"lean\"")?;
        let conv = LayerSpec::new("conv").with("kernel_size", 3).with("stride", 2);
        let layers = vec![
            conv.with("out_channels", options.int("width")?),
            LayerSpec::new("batch_norm"),
            LayerSpec::new("relu"),
            LayerSpec::new("flatten"),
            LayerSpec::new("linear").with("out_features", request.outputs),
        ];
        Ok(NetworkSpec::from_layers("lean", layers))
    }
}

/// The part that is most certain speaks for its image.
struct Certain;

impl Vote for Certain {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: "certain".into(),
            help: "The scores of the part whose best class is most probable.".into(),
            source: "argmax over the parts of max p(c)".into(),
            options: Vec::new(),
            fits: false,
            numbers: false,
        }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> neurhai_core::Result<Vec<f64>> {
        let mut scores = Vec::new();
        for image in ballot.images() {
            let best = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
            let parts = image.chunks_exact(ballot.outputs).zip(ballot.weights);
            let parts = parts.filter(|(_, weight)| **weight > 0.0).map(|(part, _)| part);
            scores.extend(parts.max_by(|a, b| best(a).total_cmp(&best(b))).unwrap_or_default());
        }
        Ok(scores)
    }
}

/// What is built in, and what this program adds.
fn catalog() -> neurhai_core::Result<Catalog> {
    let mut catalog = Catalog::built_in()?;
    catalog.architectures.register(ArchitectureEntry {
        name: "lean".into(),
        help: "One convolution and a linear layer.".into(),
        source: String::new(),
        options: lean_options(),
        origin: Origin::BuiltIn,
        architecture: Box::new(Lean),
    })?;
    let vote = Box::new(Certain);
    catalog.votes.register(VoteEntry { info: vote.info(), origin: Origin::BuiltIn, vote })?;
    Ok(catalog)
}

fn run(folder: &str) -> Result<(), String> {
    let render = |failure: Failure, sources: &Sources| {
        failure.render(sources, Style { color: false, width: 100, full: false })
    };
    let early = |error: neurhai_core::Error| error.to_string();
    let settings = Settings {
        catalog: Some(catalog().map_err(early)?),
        arguments: Arguments::parse(&[format!("--folder={folder}")]).map_err(early)?,
        print: Box::new(|text, _| println!("{text}")),
        events: Box::new(|event| match event {
            Event::EpochEnded { epoch, validation_loss, .. } => {
                println!("epoch {epoch}: validation loss {validation_loss:.4}");
            }
            Event::Finished { maps } => println!("written to {}", maps.display()),
            _ => {}
        }),
        ..Settings::default()
    };
    let runtime = Runtime::new(settings).map_err(|f| render(f, &Sources::default()))?;
    runtime.run("embedded", SCRIPT).map_err(|f| render(f, runtime.sources()))?;
    Ok(())
}

fn main() -> ExitCode {
    neurhai_core::device::share_processors();
    neurhai_core::device::keep_memory();
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: embed FOLDER");
        return ExitCode::from(2);
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("{report}");
            ExitCode::FAILURE
        }
    }
}
