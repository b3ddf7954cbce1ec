//! What the options say about samplers reaches the training.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::tasks::patches;
use super::*;
use crate::random::Random;
use crate::train::prepare::prepare;

/// Three quarters of the training rows of a class are left out.
fn uneven(bench: &Bench) {
    let file = bench.splits.join("train.tsv");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut seen = 0;
    let keep = |line: &&str| {
        let alpha = line.split('\t').nth(2) == Some("alpha");
        seen += usize::from(alpha);
        !alpha || seen <= 1
    };
    let lines: Vec<&str> = text.lines().filter(keep).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
}

/// Every sampler trains another network; none shows a training image twice to the evaluation, nor does
/// it matter who loads.
#[test]
fn samplers_change_what_is_learned_and_nothing_else() {
    let bench = Bench::new();
    uneven(&bench);
    let model = "split-0/best-loss/model.safetensors";
    let mut models = BTreeSet::new();
    for sampler in ["random", "weighted", "stratified"] {
        let change = |threads: usize| json!({"sampler": sampler, "epochs": 1, "batch_size": 2, "loader_threads": threads});
        bench.run(sampler, change(0)).unwrap();
        let other = format!("{sampler}-loaded");
        bench.run(&other, change(3)).unwrap();
        let read = |run: &str| std::fs::read(bench.path(run).join(model)).unwrap();
        assert!(read(sampler) == read(&other), "{sampler}");
        models.insert(read(sampler));
        let text = std::fs::read_to_string(bench.path(sampler).join("maps.json")).unwrap();
        let maps: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(maps["sampler"], sampler);
        let file = "split-0/best-loss/train/train_image_level_prediction.tsv";
        let table = bench.table(&format!("{sampler}/{file}"));
        let who: Vec<&str> = (0..table.len()).map(|row| table.text(row, 0).unwrap()).collect();
        let each = bench.table(&format!("{sampler}/groups/train/split-0/data.tsv"));
        assert_eq!(who.len(), each.len());
        assert_eq!(who.iter().collect::<BTreeSet<_>>().len(), each.len());
    }
    assert_eq!(models.len(), 3);
}

/// Classes that are written as numbers are names like others.
#[test]
fn classes_may_be_numbers_for_the_weighted_sampler() {
    let bench = Bench::new();
    uneven(&bench);
    let train = |output: &str| {
        let change = json!({"sampler": "weighted", "epochs": 1, "batch_size": 2});
        bench.run(output, change).unwrap();
        std::fs::read(bench.path(output).join("split-0/best-loss/model.safetensors")).unwrap()
    };
    let named = train("named");
    for entry in std::fs::read_dir(&bench.splits).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\talpha", "\t0").replace("\tbeta", "\t1")).unwrap();
    }
    assert!(train("numbered") == named);
    let text = std::fs::read_to_string(bench.path("numbered/maps.json")).unwrap();
    let maps: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(maps["label_code"], json!({"0": 0, "1": 1}));
}

/// 1 and 4 training images of 8 patches: in weighted draws each class has half of the 40, whichever
/// patch; stratified batches of 10 hold 2 and 8.
#[test]
fn draws_go_by_the_classes_of_the_training_images() {
    let bench = Bench::new();
    uneven(&bench);
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let drawn = |sampler: &str| {
        let change = json!({"sampler": sampler, "data": patches()});
        let config = Config::read(&bench.options("none", change)).unwrap();
        let prepared = prepare(config, &session).unwrap();
        let samples = prepared.samples(&prepared.splits[0].train);
        assert_eq!(samples.len(), 40);
        let draws = prepared.draws(&samples).unwrap();
        let epochs = 0..200;
        let draws = epochs.map(|epoch| draws.epoch(10, &mut Random::new(1, "order", &[0, epoch])));
        let rare = |place: &usize| samples[*place].1 == crate::data::split::Label::Class(0);
        let batches: Vec<usize> = draws
            .flat_map(|order| {
                let count = |batch: &[usize]| batch.iter().filter(|place| rare(place)).count();
                order.chunks(10).map(count).collect::<Vec<_>>()
            })
            .collect();
        batches
    };
    assert!(drawn("stratified").iter().all(|rare| *rare == 2));
    // 8000 draws, half of them of the rare class: the standard deviation is √8000 / 2 = 44.7, and the
    // number is within four of them.
    let rare: usize = drawn("weighted").iter().sum();
    assert!(rare.abs_diff(4000) < 179, "{rare}");
}

#[test]
fn a_sampler_and_weights_that_both_balance_are_warned_of() {
    let bench = Bench::new();
    let warnings = |change: Value| -> Vec<String> {
        let (catalog, stop, told) = (catalog(), AtomicBool::new(false), Mutex::new(Vec::new()));
        let events = |event: &Event| {
            if let Event::Warning { text } = event {
                told.lock().unwrap().push(text.clone());
            }
        };
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        let output = change.to_string().replace(['"', '/'], "");
        let mut change = change;
        change["epochs"] = json!(1);
        run(&bench.options(&output, change), &session).unwrap();
        told.into_inner().unwrap()
    };
    let found = warnings(json!({"sampler": "weighted", "balance_classes": true}));
    assert!(found.len() == 1 && found[0].contains("balance_classes weighs"), "{found:?}");
    let found = warnings(json!({"sampler": "weighted", "class_weights": {"alpha": 2}}));
    assert!(found.len() == 1 && found[0].contains("class_weights weighs"), "{found:?}");
    assert_eq!(warnings(json!({"sampler": "stratified", "balance_classes": true})), [""; 0]);
    assert_eq!(warnings(json!({"sampler": "weighted"})), [""; 0]);
}

#[test]
fn samplers_that_do_not_fit_are_refused() {
    let bench = Bench::new();
    bench.refused(
        json!({"sampler": "Weighted"}),
        &[(Code::BadOption, "one of random, weighted, stratified, cohorts")],
    );
    bench.refused(
        json!({"sampler_options": {"bins": 3}, "vote": "sofd"}),
        &[
            (Code::UnknownName, "did you mean \"soft\""),
            (Code::UnknownOption, "sampler_options.bins"),
        ],
    );
    let cohorts = json!({"sampler": "cohorts"});
    bench.refused(cohorts, &[(Code::BadOption, "of one cohort, \"single\"")]);
    let images = json!({"task": "reconstruction", "architecture": "AE_tiny", "sampler": "weighted",
        "selection_metrics": ["loss"]});
    bench.refused(images, &[(Code::BadOption, "a reconstruction has none")]);
}
