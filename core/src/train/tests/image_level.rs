//! What the parts of an image say together.

use super::tasks::{assert_near, column, patches};
use super::*;
use crate::catalog::VoteEntry;
use crate::data::loader::Sample;
use crate::data::split::Label;
use crate::options::Options;
use crate::train::evaluate::{Evaluation, Row};
use crate::train::image_level::Election;
use crate::train::prepare::prepare;
use crate::vote::{Ballot, Vote, VoteInfo};

/// Scores that say which weights the first and the third part have.
struct Probe {
    fits: bool,
}

impl Vote for Probe {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: if self.fits { "fitted_probe" } else { "probe" }.into(),
            help: String::new(),
            source: String::new(),
            options: vec![],
            fits: self.fits,
            numbers: false,
        }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> crate::Result<Vec<f64>> {
        let scores = [ballot.weights[0], ballot.weights[2]];
        Ok(ballot.images().flat_map(|_| scores).collect())
    }
}

/// A run with four patches per image.
struct Voted {
    prepared: Prepared,
    catalog: Catalog,
    _bench: Bench,
}

impl Voted {
    fn new(change: Value) -> Self {
        let bench = Bench::new();
        let mut catalog = catalog();
        for fits in [false, true] {
            let (vote, origin) = (Box::new(Probe { fits }), Origin::BuiltIn);
            catalog.votes.register(VoteEntry { info: vote.info(), origin, vote }).unwrap();
        }
        let stop = AtomicBool::new(false);
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        let size = [10, 11, 18];
        let mut options =
            json!({"data": {"mode": "patch", "patch_size": size, "stride_size": size}});
        options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let config = Config::read(&bench.options("none", options)).unwrap();
        let prepared = prepare(config, &session).unwrap();
        assert_eq!(prepared.source.parts.count(), 4);
        Self { prepared, catalog, _bench: bench }
    }

    fn evaluation(&self, rows: Vec<Row>) -> Evaluation {
        let (task, outputs) = (self.prepared.config.task, rows[0].values.len());
        Evaluation { task, rows, outputs, loss: None }
    }

    fn election(&self, validation: &Evaluation) -> crate::Result<Election> {
        let Prepared { config, source, .. } = &self.prepared;
        Election::of(config, validation, source, &self.catalog)
    }

    /// The second score, or the only one, of each image that these rows are of.
    fn vote(&self, rows: Vec<Row>) -> crate::Result<Vec<f64>> {
        let election = self.election(&self.evaluation(validation()))?;
        let voted = election.take(&self.evaluation(rows), &self.prepared.source)?;
        Ok(voted.rows.iter().map(|row| row.values[row.values.len() - 1]).collect())
    }

    fn who(&self, image: usize) -> String {
        let visit = self.prepared.source.images.session(image);
        format!("{} {}", visit.participant, visit.session)
    }
}

fn class(image: usize, part: usize, truth: usize, of_second: f64) -> Row {
    let values = vec![1.0 - of_second, of_second];
    Row { sample: Sample::new(image, part), truth: Label::Class(truth), values }
}

/// Classes 0, 0, 0 and 1. The four parts are right about three, two and all of the first class, then
/// none of it; and about none, all, all and all of the second: balanced accuracies 1/2, 5/6, 1 and
/// 1/2, accuracies 3/4, 3/4, 1 and 1/4.
fn validation() -> Vec<Row> {
    let predicted = [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]];
    (0..4)
        .flat_map(|image| (0..4).map(move |part| (image, part)))
        .map(|(image, part)| {
            let second = [0.3, 0.7][predicted[part][image]];
            class(image, part, usize::from(image == 3), second)
        })
        .collect()
}

/// An image whose parts give these probabilities to the second class.
fn image(image: usize, parts: &[usize]) -> Vec<Row> {
    let of_second = [0.1, 0.2, 0.3, 0.6];
    parts.iter().map(|part| class(image, *part, 0, of_second[*part])).collect()
}

#[track_caller]
fn assert_all_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found.iter().zip(expected).all(near), "{found:?}, not {expected:?}");
}

#[test]
fn parts_weigh_as_much_as_they_are_right_in_validation() {
    let check = |change: Value, expected: [f64; 4], of: f64| {
        let voted = Voted::new(change);
        let found = voted.election(&voted.evaluation(validation())).unwrap();
        let expected = expected.map(|weight| weight / of);
        assert_all_near(&found.parts.weights, &expected);
        let by_hand =
            expected.iter().zip([0.1, 0.2, 0.3, 0.6]).map(|(weight, p)| weight * p).sum::<f64>();
        assert_all_near(&voted.vote(image(7, &[0, 1, 2, 3])).unwrap(), &[by_hand]);
        found.parts.scores
    };
    let scores = check(json!({}), [3.0, 5.0, 6.0, 3.0], 17.0);
    assert_eq!(scores, [0.5, (2.0 / 3.0 + 1.0) / 2.0, 1.0, 0.5].map(Some));
    let scores = check(json!({"vote_weights": "accuracy"}), [3.0, 3.0, 4.0, 1.0], 11.0);
    assert_eq!(scores, [0.75, 0.75, 1.0, 0.25].map(Some));
    assert_eq!(check(json!({"vote_weights": "uniform"}), [1.0; 4], 4.0), [None; 4]);
    // A score of the threshold is not below it.
    check(json!({"selection_threshold": 0.5}), [3.0, 5.0, 6.0, 3.0], 17.0);
    let scores = check(json!({"selection_threshold": 0.6}), [0.0, 5.0, 6.0, 0.0], 11.0);
    assert_eq!(scores[0], Some(0.5), "the score is told although it does not count");

    let voted = Voted::new(json!({"selection_threshold": 0.9}));
    let rows = validation().into_iter().filter(|row| row.sample.part != 2);
    let rows = rows.chain((0..4).map(|i| class(i, 2, usize::from(i == 3), 0.9)));
    let error = voted.election(&voted.evaluation(rows.collect())).err().unwrap();
    assert_eq!(error.code(), Code::UndefinedVote);
    assert!(error.to_string().contains("above 0 and of at least 0.9"), "{error}");
}

#[test]
fn an_image_that_lacks_parts_is_named_with_them() {
    let voted = Voted::new(json!({}));
    let rows = [image(5, &[0, 2]), image(7, &[0, 1, 2, 3]), image(6, &[1, 2, 3])].concat();
    let error = voted.vote(rows).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    for (problem, (image, parts)) in
        error.problems().iter().zip([(5, "patch 1, patch 3"), (6, "patch 0")])
    {
        assert_eq!(problem.code, Code::UndefinedVote);
        assert_eq!(problem.message, format!("the image lacks {parts}"));
        let text = problem.place.as_ref().unwrap().to_string();
        assert!(voted.who(image).split(' ').all(|id| text.contains(id)), "{text}");
        assert!(problem.help.as_ref().unwrap().contains("missing_parts"), "{error}");
    }
    let error = voted.vote(image(5, &[0, 1, 1, 2, 3])).unwrap_err();
    assert!(error.to_string().contains("patch 1 of the image is there twice"), "{error}");
}

/// The weights 3, 5, 6 and 3 of 17, scaled to the sum 1 over the parts that are there.
#[test]
fn where_that_is_asked_for_the_other_parts_vote() {
    let others = |change: Value| {
        let mut all = json!({"missing_parts": "renormalise"});
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Voted::new(all)
    };
    let rows = || [image(6, &[0, 2]), image(5, &[0, 1, 2, 3]), image(8, &[3, 0, 1])].concat();
    let soft = others(json!({}));
    let expected = [(0.3 + 1.8) / 9.0, (0.3 + 1.0 + 1.8 + 1.8) / 17.0, (1.8 + 0.3 + 1.0) / 11.0];
    assert_all_near(&soft.vote(rows()).unwrap(), &expected);
    let election = soft.election(&soft.evaluation(validation())).unwrap();
    let found = election.take(&soft.evaluation(rows()), &soft.prepared.source).unwrap();
    let images: Vec<usize> = found.rows.iter().map(|row| row.sample.image).collect();
    assert_eq!(images, [6, 5, 8], "images stay in their order");

    let hard = others(json!({"vote": "hard"}));
    assert_all_near(&hard.vote(rows()).unwrap(), &[0.0, 0.25, 1.0 / 3.0]);
    let probe = others(json!({"vote": "probe"}));
    assert_all_near(&probe.vote(rows()).unwrap(), &[6.0 / 9.0, 6.0 / 17.0, 0.0]);

    let few = others(json!({"selection_threshold": 0.6}));
    let error = few.vote(image(5, &[0, 3])).unwrap_err().to_string();
    assert!(error.contains("have no weight") && error.contains("sub-PHAN"), "{error}");
    assert_all_near(&few.vote(image(5, &[0, 1])).unwrap(), &[0.2]);

    let fitted = others(json!({"vote": "fitted_probe"}));
    let error = fitted.vote(image(5, &[0, 3])).unwrap_err().to_string();
    assert!(error.contains("learned something of every part"), "{error}");
}

/// (4 + 8 + 6 + 2) / 4, and without the third (4 + 8 + 2) / 3.
#[test]
fn the_number_of_an_image_is_the_mean_of_its_parts() {
    let change = json!({"task": "regression", "selection_metrics": ["loss"],
        "missing_parts": "renormalise"});
    let voted = Voted::new(change);
    let row = |part: usize, number: f64| Row {
        sample: Sample::new(0, part),
        truth: Label::Number(1.0),
        values: vec![number],
    };
    let all = vec![row(0, 4.0), row(1, 8.0), row(2, 6.0), row(3, 2.0)];
    let without = vec![row(0, 4.0), row(1, 8.0), row(3, 2.0)];
    assert_all_near(&voted.vote(all).unwrap(), &[5.0]);
    assert_all_near(&voted.vote(without).unwrap(), &[14.0 / 3.0]);
}

/// The weights in the table are those of the validation table, and both groups are voted on with them.
#[test]
fn tables_say_what_each_part_weighs_and_the_image_level_follows() {
    let bench = Bench::new();
    // The highest score of the first run, whose networks are those of the others, too.
    let mut highest = 0f64;
    for name in ["balanced", "threshold", "plain", "uniform"] {
        let change = match name {
            "plain" => json!({"vote_weights": "accuracy"}),
            "threshold" => json!({"selection_threshold": highest}),
            "uniform" => json!({"vote_weights": "uniform"}),
            _ => json!({}),
        };
        let mut all = json!({"data": patches(), "selection_metrics": ["loss"], "epochs": 4,
            "learning_rate": 0.02});
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        bench.run(name, all).unwrap();
        let folder = format!("{name}/split-0/best-loss");
        let table = bench.table(&format!("{folder}/vote_weights.tsv"));
        assert_eq!(table.columns(), ["patch_id", "score", "weight"]);
        assert_eq!(column(&table, "patch_id"), (0..8).map(f64::from).collect::<Vec<_>>());
        let weights = column(&table, "weight");

        let read = |group: &str, level: &str| {
            bench.table(&format!("{folder}/{group}/{group}_{level}_level_prediction.tsv"))
        };
        let validation = read("validation", "patch");
        let (truth, predicted) =
            (column(&validation, "true_label"), column(&validation, "predicted_label"));
        let share = |part: usize, class: Option<f64>| {
            let of_class = |row: &usize| class.is_none_or(|class| truth[*row] == class);
            let rows: Vec<usize> = (part..truth.len()).step_by(8).filter(of_class).collect();
            let right = rows.iter().filter(|row| truth[**row] == predicted[**row]).count();
            right as f64 / rows.len() as f64
        };
        let scores = (0..8).map(|part| match name {
            "plain" => share(part, None),
            _ => (share(part, Some(0.0)) + share(part, Some(1.0))) / 2.0,
        });
        let scores: Vec<f64> = scores.collect();
        let counted = scores.iter().map(|score| match name {
            "uniform" => 1.0,
            "threshold" if *score < highest => 0.0,
            _ => *score,
        });
        let sum: f64 = counted.clone().sum();
        let expected: Vec<f64> = counted.map(|score| score / sum).collect();
        assert_all_near(&weights, &expected);
        highest = scores.iter().copied().fold(highest, f64::max);
        match name {
            "uniform" => {
                let column = table.column("score").unwrap();
                assert!((0..8).all(|row| table.number(row, column).unwrap().is_none()));
            }
            _ => assert_all_near(&column(&table, "score"), &scores),
        }
        if name == "threshold" {
            assert!(weights.contains(&0.0), "the test must be able to fail");
        }
        for group in ["train", "validation"] {
            let (parts, images) = (read(group, "patch"), read(group, "image"));
            let of_parts = column(&parts, "proba1");
            for (image, found) in column(&images, "proba1").into_iter().enumerate() {
                let rows = 8 * image..8 * image + 8;
                let by_hand = of_parts[rows].iter().zip(&weights).map(|(p, w)| p * w).sum::<f64>();
                assert_near(found, by_hand);
            }
        }
    }
}

/// The only part decides, even where it is always wrong in validation.
#[test]
fn the_only_part_of_an_image_decides_alone() {
    let bench = Bench::new();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let size = [20, 22, 18];
    let data = json!({"mode": "patch", "patch_size": size, "stride_size": size});
    let config = Config::read(&bench.options("none", json!({"data": data}))).unwrap();
    let prepared = prepare(config, &session).unwrap();
    let rows = vec![class(0, 0, 0, 0.9), class(1, 0, 1, 0.2)];
    let validation = Evaluation { task: prepared.config.task, rows, outputs: 2, loss: None };
    let election = Election::of(&prepared.config, &validation, &prepared.source, &catalog).unwrap();
    assert_eq!(
        (&election.parts.scores[..], &election.parts.weights[..]),
        (&[Some(0.0)][..], &[1.0][..])
    );
    let voted = election.take(&validation, &prepared.source).unwrap();
    assert_all_near(&voted.rows[0].values, &[0.1, 0.9]);
}
