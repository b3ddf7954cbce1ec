use serde_json::json;

use super::*;

fn sampler(name: &str, options: Value, task: Task) -> Result<Sampler> {
    Sampler::new(name, options.as_object().unwrap(), task)
}

fn classes(sizes: &[usize]) -> Vec<Label> {
    let of_class = |(class, size): (usize, &usize)| vec![Label::Class(class); *size];
    let mut labels: Vec<Label> = sizes.iter().enumerate().flat_map(of_class).collect();
    // Classes are mixed in a table.
    Random::new(0, "mix", &[]).shuffle(&mut labels);
    labels
}

fn draws(name: &str, options: Value, labels: &[Label]) -> Draws {
    let task = match labels[0] {
        Label::Number(_) => Task::Regression,
        _ => Task::Classification,
    };
    let items: Vec<Item<'_>> =
        labels.iter().map(|label| Item { label: *label, cohort: "single" }).collect();
    sampler(name, options, task).unwrap().draws(&items).unwrap()
}

/// How often each of `n` places was drawn in so many epochs.
fn counts(draws: &Draws, n: usize, epochs: u64) -> Vec<f64> {
    let mut counts = vec![0.0; n];
    for epoch in 0..epochs {
        let order = draws.epoch(8, &mut Random::new(3, "order", &[0, epoch]));
        assert_eq!(order.len(), n);
        order.into_iter().for_each(|place| counts[place] += 1.0);
    }
    counts
}

fn chi_square(counts: &[f64], expected: &[f64]) -> f64 {
    counts.iter().zip(expected).map(|(count, e)| (count - e).powi(2) / e).sum()
}

#[test]
fn at_random_every_sample_comes_once_and_to_every_place() {
    let labels = classes(&[20, 5]);
    let draws = draws("random", json!({}), &labels);
    let mut first = vec![0.0; 25];
    for epoch in 0..2500 {
        let mut order = draws.epoch(8, &mut Random::new(3, "order", &[0, epoch]));
        first[order[0]] += 1.0;
        order.sort_unstable();
        assert_eq!(order, (0..25).collect::<Vec<_>>());
    }
    // The 0.9999 quantile of χ² with 24 degrees of freedom (scipy.stats.chi2.ppf).
    assert!(chi_square(&first, &[100.0; 25]) < 58.7, "{first:?}");
}

/// 200 · 100 draws; class k of nₖ samples is expected in a third of them, and each of its samples in
/// 1 / nₖ of these. The bounds are the 0.9999 quantiles of χ² with 99 and 2 degrees of freedom
/// (scipy.stats.chi2.ppf).
#[test]
fn weighted_draws_give_every_class_the_same_share() {
    let sizes = [10, 30, 60];
    let labels = classes(&sizes);
    let of = |label: &Label| match label {
        Label::Class(class) => *class,
        _ => unreachable!(),
    };
    let counts = counts(&draws("weighted", json!({}), &labels), 100, 200);
    let expected = labels.iter().map(|label| 20_000.0 / 3.0 / sizes[of(label)] as f64);
    let expected: Vec<f64> = expected.collect();
    let chi = chi_square(&counts, &expected);
    assert!(chi < 160.1, "{chi}");
    assert!(chi > 60.0, "draws with replacement scatter: {chi}");
    let mut by_class = [0.0; 3];
    labels.iter().zip(&counts).for_each(|(label, count)| by_class[of(label)] += count);
    assert!(chi_square(&by_class, &[20_000.0 / 3.0; 3]) < 18.43, "{by_class:?}");
}

/// Ages from 50 to 100: with five bins of 10 years each, the lower bound belongs to a bin and 100 to
/// the last one. One row is alone in its bin, so it is a third of all draws.
#[test]
fn numbers_are_weighed_by_the_bin_that_they_fall_into() {
    let ages = [50.0, 59.9, 60.0, 55.0, 100.0, 90.0, 52.0, 99.0];
    let labels = ages.map(Label::Number);
    let groups = |options: Value| draws("weighted", options, &labels).groups;
    assert_eq!(groups(json!({})), [vec![0, 1, 3, 6], vec![2], vec![4, 5, 7]]);
    assert_eq!(groups(json!({"bins": 2})), [vec![0, 1, 2, 3, 6], vec![4, 5, 7]]);
    assert_eq!(draws("weighted", json!({}), &[Label::Number(7.0); 3]).groups, [vec![0, 1, 2]]);
    let counts = counts(&draws("weighted", json!({}), &labels), 8, 1500);
    let expected = ages.map(|age| match age {
        ..60.0 => 1000.0,
        60.0 => 4000.0,
        _ => 4000.0 / 3.0,
    });
    // χ² with 7 degrees of freedom, quantile 0.9999.
    assert!(chi_square(&counts, &expected) < 29.9, "{counts:?}");
}

#[test]
fn cohorts_are_drawn_equally_often() {
    let cohorts = ["ADNI"; 9].iter().chain(&["AIBL"; 3]);
    let items: Vec<Item<'_>> = cohorts.map(|cohort| Item { label: Label::None, cohort }).collect();
    let sampler = sampler("cohorts", json!({}), Task::Reconstruction).unwrap();
    let counts = counts(&sampler.draws(&items).unwrap(), 12, 1500);
    let expected: Vec<f64> = (0..12).map(|i| if i < 9 { 1000.0 } else { 3000.0 }).collect();
    // χ² with 11 degrees of freedom, quantile 0.9999.
    assert!(chi_square(&counts, &expected) < 37.4, "{counts:?}");
    let error = sampler.draws(&items[..9]).err().unwrap();
    assert!(error.to_string().contains("one cohort, \"ADNI\""), "{error}");
}

/// 12, 6 and 2 of 20 samples: batches of 10 hold exactly 6, 3 and 1. The shares of batches of 8 are 4.8,
/// 2.4 and 0.8, and 2.4, 1.2 and 0.4 in the last one of 4: it holds 2, 1 and 0, and one more of the
/// first of the two classes with the largest fraction.
#[test]
fn stratified_batches_have_the_proportions_of_the_training_set() {
    let labels = classes(&[12, 6, 2]);
    let draws = draws("stratified", json!({}), &labels);
    let batches = |batch_size: usize, epoch: u64| -> Vec<[usize; 3]> {
        let order = draws.epoch(batch_size, &mut Random::new(3, "order", &[0, epoch]));
        let count = |batch: &[usize]| {
            let mut counts = [0; 3];
            for place in batch {
                let Label::Class(class) = labels[*place] else { unreachable!() };
                counts[class] += 1;
            }
            counts
        };
        order.chunks(batch_size).map(count).collect()
    };
    for epoch in 0..10 {
        assert_eq!(batches(10, epoch), [[6, 3, 1]; 2]);
        let mut eights = batches(8, epoch);
        eights[..2].sort_unstable();
        assert_eq!(eights, [[4, 3, 1], [5, 2, 1], [3, 1, 0]]);
        assert_eq!(batches(20, epoch), [[12, 6, 2]]);
        assert_eq!(batches(64, epoch), [[12, 6, 2]]);
    }
}

/// Whatever the sizes: each sample once, and every batch holds of every class its share, rounded down
/// or up.
#[test]
fn stratified_batches_are_the_nearest_whole_numbers() {
    for trial in 0..3000 {
        let mut random = Random::new(11, "sizes", &[trial]);
        let classes_there = 1 + random.below(6);
        let sizes: Vec<usize> = (0..classes_there).map(|_| 1 + random.below(40) as usize).collect();
        let (all, batch_size) = (sizes.iter().sum::<usize>(), 1 + random.below(50) as usize);
        let labels = classes(&sizes);
        let draws = draws("stratified", json!({}), &labels);
        let mut order = draws.epoch(batch_size, &mut random);
        for batch in order.chunks(batch_size) {
            for (class, size) in sizes.iter().enumerate() {
                let of_class = |place: &&usize| labels[**place] == Label::Class(class);
                let found = batch.iter().filter(of_class).count();
                let share = batch.len() * size;
                assert!(
                    found == share / all || found == share.div_ceil(all),
                    "{sizes:?} in batches of {batch_size}: {found} of class {class} in {batch:?}"
                );
            }
        }
        order.sort_unstable();
        assert_eq!(order, (0..all).collect::<Vec<_>>());
    }
}

#[test]
fn the_batches_of_a_class_change_from_epoch_to_epoch() {
    for name in ["random", "weighted", "stratified"] {
        let draws = draws(name, json!({}), &classes(&[12, 8]));
        let order =
            |seed, split, epoch| draws.epoch(4, &mut Random::new(seed, "order", &[split, epoch]));
        assert_eq!(order(1, 2, 3), order(1, 2, 3));
        for other in [order(2, 2, 3), order(1, 1, 3), order(1, 2, 4)] {
            assert_ne!(order(1, 2, 3), other, "{name}");
        }
    }
}

#[test]
fn what_a_sampler_cannot_do_is_refused() {
    let refused = |name: &str, options: Value, task, words: &str| {
        let error = sampler(name, options, task).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("wieghted", json!({}), Task::Regression, "did you mean \"weighted\"?");
    refused("random", json!({"bins": 3}), Task::Regression, "has no option \"bins\"");
    refused("weighted", json!({"bins": 1}), Task::Regression, "of at least 2");
    for name in ["weighted", "stratified"] {
        refused(name, json!({}), Task::Reconstruction, "a reconstruction has none");
        refused(name, json!({"bins": 3}), Task::Classification, "classes, not numbers");
    }
}
