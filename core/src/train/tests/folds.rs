//! What several splits say together.

use super::resume::assert_same;
use super::*;

fn summary(maps: &Path) -> Table {
    Table::read(&maps.join("metrics_over_splits.tsv")).unwrap()
}

/// The splits that a table counts.
fn counted(table: &Table) -> String {
    let (metric, splits) = (table.column("metric").unwrap(), table.column("splits").unwrap());
    let row = (0..table.len()).find(|row| table.text(*row, metric) == Some("BA")).unwrap();
    table.text(row, splits).unwrap().to_owned()
}

/// Half of each class is learned from; validation and all else stay the same, and
/// what was interrupted goes on with the same people.
#[test]
fn a_share_of_the_training_participants_is_learned_from() {
    let bench = Bench::new();
    let outcome = bench.run("whole", json!({"epochs": 1})).unwrap();
    let part = bench.run("part", json!({"epochs": 1, "train_fraction": 0.5})).unwrap();
    let members = |maps: &str, group: &str| {
        let file = format!("{maps}/groups/{group}/split-0/data.tsv");
        let table = Table::read(&bench.path(&file)).unwrap();
        let (id, class) =
            (table.column("participant_id").unwrap(), table.column("diagnosis").unwrap());
        let text = |row, column| table.text(row, column).unwrap().to_owned();
        (0..table.len()).map(|row| (text(row, id), text(row, class))).collect::<Vec<_>>()
    };
    assert_eq!(members("whole", "validation"), members("part", "validation"));
    let (whole, half) = (members("whole", "train"), members("part", "train"));
    assert!(half.iter().all(|member| whole.contains(member)));
    for class in &outcome.classes {
        let of = |list: &[(String, String)]| list.iter().filter(|(_, c)| c == class).count();
        assert_eq!(of(&half), (of(&whole) as f64 / 2.0).round() as usize);
    }
    assert_ne!(outcome.results, part.results);
    let catalog = catalog();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    crate::train::resume(&bench.path("part"), Some(2), &session).unwrap();
    bench.run("longer", json!({"epochs": 2, "train_fraction": 0.5})).unwrap();
    assert_eq!(members("longer", "train"), half);
    let weights =
        |maps: &str| std::fs::read(bench.path(maps).join("split-0/best-loss/model.safetensors"));
    assert!(weights("part").unwrap() == weights("longer").unwrap());
}

/// Each line is that of the splits' own tables, by hand; a single split has no such table.
#[test]
fn the_table_over_splits_is_made_of_the_tables_of_each() {
    let bench = Bench::with(|options| options.n_splits = 3);
    let data = json!({"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]});
    let more = json!({"data": data, "multi_network": true, "epochs": 1});
    let outcome = bench.run("maps", more).unwrap();
    let table = summary(&bench.path("maps"));
    let columns = "selection_metric group level metric splits mean standard_deviation lower upper";
    assert_eq!(table.columns(), columns.split(' ').collect::<Vec<_>>());
    // Two models, two groups: 15 metrics and the loss of parts, 15 of images.
    assert_eq!(table.len(), 2 * 2 * (16 + 15));
    let text = |row: usize, name: &str| table.text(row, table.column(name).unwrap()).unwrap();
    let number = |row: usize, name: &str| table.number(row, table.column(name).unwrap()).unwrap();
    for row in 0..table.len() {
        let [by, group, level, metric] =
            ["selection_metric", "group", "level", "metric"].map(|name| text(row, name));
        let value = |split: usize| {
            let file =
                format!("maps/split-{split}/best-{by}/{group}/{group}_{level}_level_metrics.tsv");
            let own = Table::read(&bench.path(&file)).unwrap();
            own.number(0, own.column(metric).unwrap()).unwrap()
        };
        let values: Vec<f64> = (0..3).filter_map(value).collect();
        let Some(found) = number(row, "mean") else {
            assert!(values.is_empty());
            continue;
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((found - mean).abs() < 1e-12, "{metric}: {found} {mean}");
        if values.len() == 3 {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let deviation = number(row, "standard_deviation").unwrap();
            assert!((deviation - (squares / 2.0).sqrt()).abs() < 1e-12, "{metric}");
            // scipy.stats.t.ppf(0.975, 2) / 3 ** 0.5
            let half = 2.4841377 * deviation;
            let (lower, upper) = (number(row, "lower").unwrap(), number(row, "upper").unwrap());
            assert!((lower - (mean - half)).abs() < 1e-6 && (upper - (mean + half)).abs() < 1e-6);
        }
    }
    let headline = outcome.over_splits();
    let of_images =
        headline.iter().find(|row| (&*row.level, &*row.metric) == ("image", "BA")).unwrap();
    assert_eq!(of_images.splits, [0, 1, 2]);
    bench.run("one", json!({"epochs": 1, "split": [1]})).unwrap();
    assert!(!bench.path("one/metrics_over_splits.tsv").exists());
}

/// Only what is finished counts, and in the end it is as if there had been no interruption.
#[test]
fn a_table_over_some_of_the_splits_names_them() {
    let bench = Bench::with(|options| options.n_splits = 4);
    let change =
        |epochs: usize| json!({"epochs": epochs, "patience": 0, "selection_metrics": ["loss"]});
    bench.run("whole", change(1)).unwrap();
    bench.run("long", change(2)).unwrap();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let until = |split: usize| {
        let stop = &stop;
        move |event: &Event| {
            if matches!(event, Event::SplitStarted { split: now, .. } if *now == split) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    let maps = bench.path("stopped");
    let begun = until(2);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &begun };
    run(&bench.options("stopped", change(1)), &session).unwrap_err();
    assert_eq!(counted(&summary(&maps)), "0,1");
    let go_on = |epochs: Option<usize>, split: usize| {
        stop.store(false, Ordering::Relaxed);
        let events = until(split);
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        resume(&maps, epochs, &session)
    };
    go_on(None, 3).unwrap_err();
    assert_eq!(counted(&summary(&maps)), "0,1,2");
    // Of a process that was killed while it wrote.
    std::fs::write(maps.join("split-0/best-loss/.neurhai-7-7.tmp"), "half").unwrap();
    go_on(None, 9).unwrap();
    assert_eq!(counted(&summary(&maps)), "0,1,2,3");
    assert_same(&maps, &bench.path("whole"));

    // Extended in part, splits of different lengths are not thrown together.
    go_on(Some(2), 2).unwrap_err();
    assert!(!maps.join("metrics_over_splits.tsv").exists());
    go_on(None, 9).unwrap();
    assert_same(&maps, &bench.path("long"));
}
