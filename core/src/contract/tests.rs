//! Everything built in keeps its contract, and an entry that breaks a clause is caught by it.

use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Kind as Number, Tensor};

use super::*;
use crate::catalog::{
    Architecture, ArchitectureEntry, ArchitectureRequest, LayerEntry, LossEntry, MetricEntry,
    Origin, TransformEntry, TransposeEntry, VoteEntry,
};
use crate::layer::{Example, Layer, LayerInfo, Planned};
use crate::loss::{Loss, LossInfo};
use crate::metric::{Direction, Measure, MetricInfo, RowMetric, Rows};
use crate::network::{LayerSpec, NetworkSpec, Planner};
use crate::options::Options;
use crate::transform::{Transform, TransformInfo};
use crate::transpose::{Transpose, TransposeRequest};
use crate::vote::{Ballot, Vote, VoteInfo};

#[test]
fn everything_built_in_keeps_its_contract() {
    let catalog = Catalog::built_in().unwrap();
    let entries = entries(&catalog);
    assert!(entries.len() > 55);
    for (kind, name) in entries {
        let findings = check(&catalog, kind, &name);
        assert!(findings.is_empty(), "{kind} {name}: {}", findings.join("\n"));
    }
}

#[track_caller]
fn broken(catalog: &Catalog, kind: &str, clause: &str) {
    let findings = check(catalog, kind, "broken");
    assert!(findings.iter().any(|found| found.contains(clause)), "{clause:?}: {findings:?}");
}

const HELP: &str = "An entry that breaks its contract.";

type Votes = fn(&Ballot<'_>) -> Vec<f64>;

impl Vote for Votes {
    fn info(&self) -> VoteInfo {
        let (name, help) = ("broken".into(), HELP.into());
        VoteInfo { name, help, source: String::new(), options: vec![], fits: false, numbers: true }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> Result<Vec<f64>> {
        Ok(self(ballot))
    }
}

/// Not the same twice, whatever is asked.
static CALLS: AtomicU64 = AtomicU64::new(0);

fn calls() -> f64 {
    CALLS.fetch_add(1, Ordering::SeqCst) as f64
}

fn first_part(ballot: &Ballot<'_>) -> Vec<f64> {
    ballot.images().flat_map(|image| image[..ballot.outputs].to_vec()).collect()
}

#[test]
fn votes_that_break_a_clause_are_caught() {
    let cases: [(Votes, &str); 7] = [
        (|ballot| vec![0.5; ballot.outputs], "scores in place of"),
        (|ballot| first_part(ballot).iter().map(|_| f64::NAN).collect(), "gives NaN"),
        (|ballot| first_part(ballot).iter().map(|_| calls()).collect(), "the same scores again"),
        (
            |ballot| first_part(ballot).iter().enumerate().map(|(i, p)| p + i as f64).collect(),
            "a permutation of the images",
        ),
        (first_part, "the order of the parts"),
        (
            |ballot| {
                let squares: Vec<f64> = ballot
                    .images()
                    .flat_map(|image| {
                        (0..ballot.outputs)
                            .map(|c| {
                                let parts = image.iter().skip(c).step_by(ballot.outputs);
                                parts.zip(ballot.weights).map(|(p, w)| w * p * p).sum::<f64>()
                            })
                            .collect::<Vec<_>>()
                    })
                    .collect();
                squares
            },
            "identical parts to give themselves",
        ),
        (
            |ballot| {
                let outputs = ballot.outputs;
                let of = |image: &[f64], c: usize| image.iter().skip(c).step_by(outputs).sum();
                ballot.images().flat_map(|image| (0..outputs).map(move |c| of(image, c))).collect()
            },
            "a part of weight 0",
        ),
    ];
    for (vote, clause) in cases {
        let mut catalog = Catalog::built_in().unwrap();
        let entry = VoteEntry { info: vote.info(), origin: Origin::BuiltIn, vote: Box::new(vote) };
        catalog.votes.register(entry).unwrap();
        broken(&catalog, "vote", clause);
    }
}

/// A vote that learns from a part of weight 0.
struct LearnsTooMuch;

impl Vote for LearnsTooMuch {
    fn info(&self) -> VoteInfo {
        let (name, help) = ("broken".into(), HELP.into());
        VoteInfo { name, help, source: String::new(), options: vec![], fits: true, numbers: false }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> Result<Vec<f64>> {
        Ok(first_part(ballot))
    }

    fn fit(&self, ballot: &Ballot<'_>, _: &[usize], _: &Options) -> Result<Vec<f64>> {
        Ok(ballot.values.to_vec())
    }
}

#[test]
fn a_vote_that_learns_from_what_has_no_weight_is_caught() {
    let mut catalog = Catalog::built_in().unwrap();
    let vote = Box::new(LearnsTooMuch);
    catalog.votes.register(VoteEntry { info: vote.info(), origin: Origin::BuiltIn, vote }).unwrap();
    broken(&catalog, "vote", "a part of weight 0");
}

/// How many outputs a recipe gives, and whether it looks at its options.
struct Recipe(fn(i64) -> i64, bool);

impl Architecture for Recipe {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        if self.1 {
            Options::check(&[], &request.options, "architecture \"broken\"")?;
        }
        let linear = LayerSpec::new("linear").with("out_features", self.0(request.outputs));
        Ok(NetworkSpec::from_layers("broken", vec![LayerSpec::new("flatten"), linear]))
    }
}

#[test]
fn architectures_that_break_a_clause_are_caught() {
    for (recipe, clause) in [
        (Recipe(|_| 2, true), "as many outputs as were asked for"),
        (Recipe(|n| n + calls() as i64, true), "the same network again"),
        (Recipe(|_| 0, true), "to take images or slices"),
        (Recipe(|n| n, false), "the unknown option"),
    ] {
        let mut catalog = Catalog::built_in().unwrap();
        let entry = ArchitectureEntry {
            name: "broken".into(),
            help: HELP.into(),
            source: String::new(),
            options: vec![],
            origin: Origin::BuiltIn,
            architecture: Box::new(recipe),
        };
        catalog.architectures.register(entry).unwrap();
        broken(&catalog, "architecture", clause);
    }
}

type Values = fn(&Rows<'_>) -> f64;

impl RowMetric for Values {
    fn value(&self, rows: &Rows<'_>) -> Result<Option<f64>> {
        Ok(Some(self(rows)))
    }
}

#[test]
fn metrics_that_break_a_clause_are_caught() {
    let cases: [(Values, &str); 3] = [
        (|_| 1.5, "gives 1.5, which is not within 0 to 1"),
        (|rows| rows.scores[0], "the order of the rows"),
        (|_| 1.0 / (1.0 + calls()), "the same value again"),
    ];
    for (metric, clause) in cases {
        let mut catalog = Catalog::built_in().unwrap();
        let info = MetricInfo {
            name: "broken".into(),
            help: HELP.into(),
            formula: String::new(),
            source: String::new(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        };
        let measures = vec![Measure::Rows(Box::new(metric))];
        catalog.metrics.register(MetricEntry { info, origin: Origin::BuiltIn, measures }).unwrap();
        broken(&catalog, "metric", clause);
    }
}

type Losses = fn(&Tensor) -> Tensor;

impl Loss for Losses {
    fn info(&self) -> LossInfo {
        let (name, help) = ("broken".into(), HELP.into());
        LossInfo { name, help, source: String::new(), tasks: vec![], options: vec![] }
    }

    fn loss(&self, output: &Tensor, _: &Tensor, _: &Options) -> Result<Tensor> {
        Ok(self(output))
    }
}

#[test]
fn losses_that_break_a_clause_are_caught() {
    let cases: [(Losses, &str); 3] = [
        (|x| x.sum(Number::Float), "for a batch of"),
        (
            |x| x.cumsum(0, Number::Float).square().sum_dim_intlist(1, false, Number::Float),
            "that sample alone",
        ),
        (|x| (x.select(1, 0) * 0.0).log(), "finite losses"),
    ];
    for (loss, clause) in cases {
        let mut catalog = Catalog::built_in().unwrap();
        let entry =
            LossEntry { info: Loss::info(&loss), origin: Origin::BuiltIn, loss: Box::new(loss) };
        catalog.losses.register(entry).unwrap();
        broken(&catalog, "loss", clause);
    }
}

type Changes = fn(Vec<f32>) -> Vec<f32>;

impl Transform for Changes {
    fn info(&self) -> TransformInfo {
        let (name, help) = ("broken".into(), HELP.into());
        TransformInfo { name, help, source: String::new(), options: vec![], p: 1.0 }
    }

    fn apply(&self, voxels: Vec<f32>, _: &[i64], _: &Options, _: &Value) -> Result<Vec<f32>> {
        Ok(self(voxels))
    }
}

#[test]
fn transforms_that_break_a_clause_are_caught() {
    let cases: [(Changes, &str); 3] = [
        (|voxels| voxels[1..].to_vec(), "changes the shape"),
        (|voxels| voxels.iter().map(|v| v + calls() as f32).collect(), "for the same seed"),
        (|voxels| voxels.iter().map(|_| f32::INFINITY).collect(), "finite voxels"),
    ];
    for (transform, clause) in cases {
        let mut catalog = Catalog::built_in().unwrap();
        let entry = TransformEntry::new(Box::new(transform), Origin::BuiltIn);
        catalog.transforms.register(entry).unwrap();
        broken(&catalog, "transform", clause);
    }
}

type Forward = fn(&Tensor) -> Tensor;

impl Layer for Forward {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "broken".into(),
            help: HELP.into(),
            shapes: String::new(),
            options: vec![],
            positional: 0,
            example: Example::new(json!([{"kind": "broken"}]), &[4, 5, 6], &[4, 5, 6]),
            source: String::new(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], _: &mut Planner<'_>) -> Result<Planned> {
        let forward = *self;
        Ok(Planned::new(input, move |x, _| Ok(forward(x))))
    }
}

impl Transpose for Forward {
    fn transpose(&self, _: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        Ok(vec![LayerSpec::new("max_pool").with("kernel_size", 2)])
    }
}

#[test]
fn layers_that_break_a_clause_are_caught() {
    let cases: [(Forward, &str); 6] = [
        (|x| x.narrow(2, 0, 3), "the predicted shape"),
        (|x| x.detach() + x.sum(Number::Float) * 0.0 / 0.0, "a finite gradient of the input"),
        (
            |x| match x.requires_grad() {
                true => x * 1.0,
                false => x.shallow_clone().relu_(),
            },
            "the input to be left as it is",
        ),
        (
            |x| {
                // What lies in memory, taken as if the last axis were the fastest.
                let order: Vec<i64> = x.size();
                let flat = x.as_strided([x.numel() as i64], [1], None);
                flat.view(&order[..]) + x * 0.0
            },
            "another layout of the input",
        ),
        (|x| x * calls(), "evaluation to give the same again"),
        (|x| (x * 0.0).sqrt(), "a finite gradient of the input"),
    ];
    for (layer, clause) in cases {
        let mut catalog = Catalog::built_in().unwrap();
        let (info, origin) = (Layer::info(&layer), Origin::BuiltIn);
        catalog.layers.register(LayerEntry { info, origin, layer: Box::new(layer) }).unwrap();
        broken(&catalog, "layer", clause);
        let (help, origin) = (HELP.into(), Origin::BuiltIn);
        let rule = TransposeEntry { layer: "broken".into(), help, origin, rule: Box::new(layer) };
        catalog.transposes.register(rule).unwrap();
        broken(&catalog, "transpose rule", "takes 4×5×7 to 4×2×3");
    }
}
