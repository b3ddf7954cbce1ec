//! What a run records of plugins and scripts, and what is said where they are missing.

use super::*;
use tch::Tensor;

use crate::catalog::{Entry, LossEntry, VoteEntry};
use crate::loss::{Loss, LossInfo};
use crate::network::Mode;
use crate::options::Options;
use crate::vote::{Ballot, Vote, VoteInfo};
use crate::{Experiment, vote};

/// The weighted mean, learned: its one coefficient is the number of images it learned from.
struct Learned;

impl Vote for Learned {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: "learned".into(),
            help: "The soft vote, and a number learned from validation.".into(),
            source: String::new(),
            options: vec![],
            fits: true,
            numbers: false,
        }
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options) -> crate::Result<Vec<f64>> {
        assert_eq!(ballot.fitted.len(), 1);
        vote::built_in()[0].vote(ballot, options)
    }

    fn fit(&self, ballot: &Ballot<'_>, truth: &[usize], _: &Options) -> crate::Result<Vec<f64>> {
        assert_eq!(ballot.images().len(), truth.len());
        Ok(vec![truth.len() as f64])
    }
}

fn with_vote(version: &str, blake3: &str) -> Catalog {
    let mut catalog = catalog();
    let origin = Origin::Plugin {
        plugin: "learners".into(),
        version: version.into(),
        file: "/plugins/liblearners.so".into(),
        blake3: blake3.into(),
    };
    let vote = Box::new(Learned);
    catalog.votes.register(VoteEntry { info: vote.info(), origin, vote }).unwrap();
    catalog
}

#[test]
fn an_experiment_knows_what_it_was_made_with() {
    let bench = Bench::new();
    let catalog = with_vote("1.0.0", "aa");
    let stop = AtomicBool::new(false);
    let scripts = [
        ("study/main.rhai", "main"),
        ("study/lib/blocks.rhai", "blocks"),
        ("zoo/unused", "unused"),
    ];
    let scripts = scripts.map(|(name, text)| Script {
        name: name.into(),
        text: text.into(),
        arguments: vec![],
        replaced: vec![],
    });
    let session = Session { catalog: &catalog, scripts: &scripts, stop: &stop, events: &|_| () };
    let patches = json!({"mode": "patch", "patch_size": 9, "stride_size": 9});
    let options = bench.options("maps", json!({"vote": "learned", "data": patches}));
    run(&options, &session).unwrap();
    let maps = bench.path("maps");
    let read = |file: &str| std::fs::read_to_string(maps.join(file)).unwrap();
    assert_eq!(read("script.rhai"), "main");
    assert_eq!(read("scripts/main.rhai"), "main");
    assert_eq!(read("scripts/lib/blocks.rhai"), "blocks");
    assert!(!maps.join("scripts/zoo").exists());
    assert_eq!(
        read("split-0/best-loss/vote_fitted.tsv"),
        "coefficient\tvalue\n0\t4.0\n",
        "four images are in validation"
    );

    let experiment = Experiment::open(&maps).unwrap();
    let kinds: Vec<_> =
        experiment.entries.iter().map(|one| (one.kind.as_str(), one.name.as_str())).collect();
    assert_eq!(kinds[0], ("architecture", "tiny"));
    assert!(kinds.contains(&("layer", "conv")) && kinds.contains(&("metric", "BA")), "{kinds:?}");
    let used = experiment.entries.iter().find(|one| one.kind == "vote").unwrap();
    assert_eq!(&used.origin, catalog.votes.get("learned").unwrap().origin());
    assert!(experiment.check(&catalog).unwrap().is_empty());
    let error = experiment.check(&super::catalog()).unwrap_err();
    assert_eq!(error.code(), Code::MissingExtension);
    for part in ["vote \"learned\"", "learners 1.0.0", "/plugins/liblearners.so", "--plugins"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let warnings = experiment.check(&with_vote("1.1.0", "bb")).unwrap();
    assert!(warnings[0].contains("plugin learners 1.1.0"), "{warnings:?}");
    assert!(warnings[0].contains("used that of the plugin learners 1.0.0"), "{warnings:?}");
    let warnings = experiment.check(&with_vote("1.0.0", "bb")).unwrap();
    assert!(warnings[0].contains("another build"), "{warnings:?}");

    // The network needs no vote, and has the weights that were saved.
    let model = |catalog: &Catalog| experiment.model(catalog, 0, "loss", tch::Device::Cpu);
    let (network, warnings) = model(&super::catalog()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let saved = maps.join("split-0/best-loss/model.safetensors");
    let saved = Tensor::read_safetensors(saved).unwrap();
    for (param, tensor) in network.state() {
        let (_, other) = saved.iter().find(|(name, _)| *name == param.name).unwrap();
        assert!(tensor.equal(other), "{}", param.name);
    }
    let x = Tensor::ones([1, 1, 9, 9, 9], tch::kind::FLOAT_CPU);
    assert_eq!(network.forward(&x, Mode::Evaluation).unwrap().size(), [1, 2]);
}

/// A loss that leaves the record of operations.
struct Detached;

impl Loss for Detached {
    fn info(&self) -> LossInfo {
        let (name, help) = ("detached".into(), "A loss without a gradient.".into());
        LossInfo { name, help, source: String::new(), tasks: vec![], options: vec![] }
    }

    fn loss(&self, output: &Tensor, _: &Tensor, _: &Options) -> crate::Result<Tensor> {
        Ok(output.detach().select(1, 0))
    }
}

#[test]
fn a_loss_without_a_gradient_is_named() {
    let bench = Bench::new();
    let mut catalog = catalog();
    let loss = Box::new(Detached);
    let entry = LossEntry { info: loss.info(), origin: Origin::BuiltIn, loss };
    catalog.losses.register(entry).unwrap();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let error = run(&bench.options("maps", json!({"loss": "detached"})), &session).err().unwrap();
    assert_eq!(error.code(), Code::NoGradient);
    assert!(error.to_string().contains("the loss \"detached\" (built in)"), "{error}");
    let error = bench.run("b", json!({"loss": "CrossEntropyLos"})).err().unwrap();
    assert!(error.to_string().contains("did you mean \"CrossEntropyLoss\""), "{error}");
}

/// Augmentation changes what is learned, never what is evaluated; the same on any number of threads.
#[test]
fn augmentation_is_for_training_alone_and_depends_on_no_thread() {
    let bench = Bench::new();
    let steps = json!(["Noise", {"name": "Flip", "axis": 1}]);
    let read = |run: &str, file: &str| std::fs::read(bench.path(run).join(file)).unwrap();
    bench.run("a", json!({"augmentation": steps, "loader_threads": 0})).unwrap();
    bench.run("b", json!({"augmentation": steps, "loader_threads": 3})).unwrap();
    bench.run("c", json!({})).unwrap();
    let model = "split-0/best-loss/model.safetensors";
    assert!(read("a", model) == read("b", model), "threads do not matter");
    assert!(read("a", model) != read("c", model), "it has an effect");
    // Without learning, evaluations of both sets are those of the images as they are.
    let still = |name: &str, steps: Value| {
        bench
            .run(
                name,
                json!({"augmentation": steps, "learning_rate": 0.0, "options": {"plain": true}}),
            )
            .unwrap();
        read(name, "split-0/training_logs/training.tsv")
    };
    assert!(still("d", steps) == still("e", json!([])));
    let maps: Value = serde_json::from_slice(&read("a", "maps.json")).unwrap();
    assert_eq!(maps["data_augmentation"], json!(["Noise", "Flip"]));
    let error = bench.run("f", json!({"augmentation": ["Nois", {"name": "Flip", "p": 2}]}));
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("did you mean \"Noise\"") && error.contains("augmentation.p"),
        "{error}"
    );
}

/// An entry that was built in and is now replaced computes something else: that is told.
#[test]
fn a_replaced_layer_is_told() {
    let bench = Bench::new();
    bench.run("maps", json!({})).unwrap();
    let experiment = Experiment::open(&bench.path("maps")).unwrap();
    let mut catalog = catalog();
    let origin = with_vote("2.0.0", "cc").votes.get("learned").unwrap().origin.clone();
    let layer = crate::layer::built_in().into_iter().find(|one| one.info().name == "relu").unwrap();
    catalog
        .layers
        .replace(crate::catalog::LayerEntry { info: layer.info(), origin, layer })
        .unwrap();
    let (_, warnings) = experiment.model(&catalog, 0, "loss", tch::Device::Cpu).unwrap();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        warning.contains("the layer \"relu\" is that of the plugin learners 2.0.0"),
        "{warning}"
    );
    assert!(warning.contains("used that of this program"), "{warning}");
}

/// Outputs that are no numbers in evaluation alone would count as the first class.
#[test]
fn outputs_that_are_no_numbers_in_evaluation_are_an_error() {
    struct Hidden;
    impl crate::layer::Layer for Hidden {
        fn info(&self) -> crate::layer::LayerInfo {
            let relu = crate::layer::built_in().into_iter().find(|one| one.info().name == "relu");
            crate::layer::LayerInfo { name: "hidden".into(), ..relu.unwrap().info() }
        }
        fn plan(
            &self,
            _: &Options,
            input: &[i64],
            _: &mut crate::network::Planner<'_>,
        ) -> crate::Result<crate::layer::Planned> {
            Ok(crate::layer::Planned::new(input, |x, ctx| {
                Ok(if ctx.training() { x.relu() } else { x * f64::NAN })
            }))
        }
    }
    struct Hiding;
    impl Architecture for Hiding {
        fn build(
            &self,
            request: &ArchitectureRequest,
            catalog: &Catalog,
        ) -> crate::Result<NetworkSpec> {
            let mut spec = Tiny.build(request, catalog)?;
            spec.parts[0].layers.push(LayerSpec::new("hidden"));
            Ok(spec)
        }
    }
    let bench = Bench::new();
    let mut catalog = catalog();
    let layer = Box::new(Hidden);
    let (info, origin) = (crate::layer::Layer::info(&*layer), Origin::BuiltIn);
    catalog.layers.register(crate::catalog::LayerEntry { info, origin, layer }).unwrap();
    let hiding = ArchitectureEntry {
        name: "hiding".into(),
        help: String::new(),
        source: String::new(),
        options: vec![],
        origin: Origin::BuiltIn,
        architecture: Box::new(Hiding),
    };
    catalog.architectures.register(hiding).unwrap();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let options = bench.options("maps", json!({"architecture": "hiding"}));
    let error = run(&options, &session).err().unwrap();
    assert_eq!(error.code(), Code::LossNotFinite);
    for part in ["train set", "sub-PHAN", "the first layer with such an output is convolutions."] {
        assert!(error.to_string().contains(part), "{part:?} is not in {error}");
    }
}

#[test]
fn a_damaged_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = Experiment::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), Code::FileNotFound);
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write("maps.json", "{}");
    write("network.json", "{");
    assert_eq!(Experiment::open(folder.path()).unwrap_err().code(), Code::BadMaps);
    write("network.json", "{\"schema\": 99}");
    let error = Experiment::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("newer program"), "{error}");
}
