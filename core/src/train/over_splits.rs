//! What the splits of a run say together.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use serde::Serialize;

use super::outcome::{GroupResult, MetricScore, Outcome};
use crate::predict::TRAINING;

/// A metric of a group by the best models of a selection metric, over the splits in which it has a
/// value. Of several networks the predictions of all count together, part by part and image by image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverSplits {
    /// The metric whose best models predicted.
    pub selection_metric: String,
    /// `train`, `validation`, or the name given to `host predict`.
    pub group: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// The cohort; none for all images together.
    pub cohort: Option<String>,
    /// The metric, or `loss`.
    pub metric: String,
    /// The splits in which it has a value.
    pub splits: Vec<usize>,
    /// The mean over them; none where there are none.
    pub mean: Option<f64>,
    /// Their standard deviation, with n − 1; none where there are fewer than two.
    pub standard_deviation: Option<f64>,
    /// Lower and upper bound of the mean at 95 %, where there are two splits or more. None for a group
    /// that is neither `train` nor `validation`: there, networks of all splits predict the same images,
    /// so their scores do not tell how others would vary.
    pub interval: Option<(f64, f64)>,
}

/// The metrics of several splits together, in the order in which they stand in the first split that
/// has them; nothing for fewer than two splits.
///
/// The interval is Student's, m ± t · s / √n with mean m, standard deviation s, and the 97.5 % quantile
/// t for n − 1 degrees of freedom (Student 1908, <https://doi.org/10.1093/biomet/6.1.1>). It is not cut
/// to the metric's range. It takes the splits for independent, which those of one data set are not:
/// their training sets overlap, so it is an approximation, as a rule too narrow (Nadeau and Bengio
/// 2003, <https://doi.org/10.1023/A:1024068626366>), and no unbiased estimate of the variance exists
/// (Bengio and Grandvalet 2004, <https://www.jmlr.org/papers/v5/grandvalet04a.html>).
pub fn over_splits(results: &[GroupResult]) -> Vec<OverSplits> {
    let several = results.iter().any(|result| result.split != results[0].split);
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for result in results.iter().filter(|_| several) {
        for (cohort, scores) in all(result) {
            for score in scores {
                let kind = Kind { result, cohort, metric: &score.metric };
                if !kinds.iter().any(|known| known.same(&kind)) {
                    kinds.push(kind);
                }
            }
        }
    }
    kinds.iter().map(|kind| one(results, kind)).collect()
}

/// What is looked at over splits: a metric of a cohort, or of all, in results such as this one.
struct Kind<'a> {
    result: &'a GroupResult,
    cohort: Option<&'a str>,
    metric: &'a str,
}

impl Kind<'_> {
    fn of(&self, result: &GroupResult) -> bool {
        names(self.result) == names(result)
    }

    fn same(&self, other: &Kind<'_>) -> bool {
        self.of(other.result) && (self.cohort, self.metric) == (other.cohort, other.metric)
    }
}

fn names(result: &GroupResult) -> [&str; 3] {
    [&result.selection_metric, &result.group, &result.level]
}

/// The scores of all images, and those of each cohort.
fn all(result: &GroupResult) -> impl Iterator<Item = (Option<&str>, &[MetricScore])> {
    let cohorts = result.cohorts.iter().map(|one| (Some(&*one.cohort), &one.scores[..]));
    std::iter::once((None, &result.scores[..])).chain(cohorts)
}

fn one(results: &[GroupResult], kind: &Kind<'_>) -> OverSplits {
    let Kind { result: like, cohort, metric } = *kind;
    let same = results.iter().filter(|result| kind.of(result));
    let value = |result: &GroupResult| {
        let (_, scores) = all(result).find(|(name, _)| *name == cohort)?;
        let score = scores.iter().find(|score| score.metric == metric)?;
        Some((result.split, score.value?))
    };
    let (splits, values): (Vec<usize>, Vec<f64>) = same.filter_map(value).unzip();
    let n = values.len() as f64;
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n);
    let deviation = mean.filter(|_| values.len() > 1).map(|mean| {
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (squares / (n - 1.0)).sqrt()
    });
    let own = TRAINING.contains(&&*like.group);
    let interval = mean.zip(deviation).filter(|_| own).map(|(mean, deviation)| {
        let half = student(values.len() - 1) * deviation / n.sqrt();
        (mean - half, mean + half)
    });
    OverSplits {
        selection_metric: like.selection_metric.clone(),
        group: like.group.clone(),
        level: like.level.clone(),
        cohort: cohort.map(str::to_owned),
        metric: metric.to_owned(),
        splits,
        mean,
        standard_deviation: deviation,
        interval,
    }
}

/// The 97.5 % quantile of Student's t distribution, by bisection of its distribution function.
fn student(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        match within(freedom, middle) < 0.95 {
            true => low = middle,
            false => high = middle,
        }
    }
    (freedom as f64).sqrt() * low.tan()
}

/// The probability that t lies within ±√ν · tan(angle), for ν degrees of freedom: a sum of ν / 2 terms
/// (Abramowitz and Stegun 1964, 26.7.3 for odd ν and 26.7.4 for even ν).
fn within(freedom: usize, angle: f64) -> f64 {
    let (sin, cos) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    let (mut term, mut factor) = if odd { (cos, 2.0) } else { (1.0, 1.0) };
    let mut sum = 0.0;
    for _ in 0..freedom / 2 {
        sum += term;
        term *= cos * cos * factor / (factor + 1.0);
        factor += 2.0;
    }
    if odd { FRAC_2_PI * (angle + sin * sum) } else { sin * sum }
}

impl Outcome {
    /// What its splits say together: see [`over_splits`].
    pub fn over_splits(&self) -> Vec<OverSplits> {
        over_splits(&self.results)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::CohortScores;
    use super::*;

    fn result(split: usize, scores: &[(&str, Option<f64>)]) -> GroupResult {
        let score = |(metric, value): &(&str, Option<f64>)| MetricScore {
            metric: (*metric).into(),
            value: *value,
            interval: None,
        };
        GroupResult {
            split,
            selection_metric: "loss".into(),
            group: "validation".into(),
            level: "image".into(),
            scores: scores.iter().map(score).collect(),
            cohorts: Vec::new(),
        }
    }

    #[test]
    fn cohorts_are_told_apart() {
        let results = [0, 1, 2].map(|split| {
            let mut result = result(split, &[("BA", Some(0.5))]);
            // The second cohort is not in the first split.
            let of = |name: &str, value| CohortScores {
                cohort: name.into(),
                images: 4,
                scores: self::result(split, &[("BA", Some(value))]).scores,
            };
            result.cohorts = vec![of("A", split as f64), of("B", 1.0)];
            result.cohorts.truncate(if split == 0 { 1 } else { 2 });
            result
        });
        let found = over_splits(&results);
        let seen: Vec<_> =
            found.iter().map(|row| (row.cohort.as_deref(), &row.splits[..], row.mean)).collect();
        let (all, last): (&[usize], &[usize]) = (&[0, 1, 2], &[1, 2]);
        let expected =
            [(None, all, Some(0.5)), (Some("A"), all, Some(1.0)), (Some("B"), last, Some(1.0))];
        assert_eq!(seen, expected);
    }

    /// Values of NumPy and SciPy.
    #[test]
    fn means_deviations_and_intervals_are_those_of_scipy() {
        let text = include_str!("../../../tests/fixtures/over_splits.json");
        let fixture: Value = serde_json::from_str(text).unwrap();
        for case in fixture["cases"].as_array().unwrap() {
            let values = case["values"].as_array().unwrap().iter().enumerate();
            let results: Vec<_> =
                values.map(|(split, value)| result(split, &[("BA", value.as_f64())])).collect();
            let found = &over_splits(&results)[..];
            let [found] = found else { panic!("{found:?}") };
            let (lower, upper) = found.interval.unwrap();
            for (name, value) in [
                ("mean", found.mean.unwrap()),
                ("standard_deviation", found.standard_deviation.unwrap()),
                ("lower", lower),
                ("upper", upper),
            ] {
                let expected = case[name].as_f64().unwrap();
                let off = (value - expected).abs() / expected.abs().max(1.0);
                assert!(off < 1e-12, "{name}: {value} {expected}");
            }
        }
        for case in fixture["quantiles"].as_array().unwrap() {
            let (freedom, t) = (case[0].as_u64().unwrap(), case[1].as_f64().unwrap());
            let found = student(freedom as usize);
            assert!((found / t - 1.0).abs() < 1e-12, "{freedom}: {found} {t}");
        }
    }

    #[test]
    fn splits_without_a_value_are_left_out_and_named_by_their_absence() {
        let results = [
            result(0, &[("LR_plus", None), ("MK", None), ("BA", Some(0.5))]),
            result(2, &[("LR_plus", Some(3.0)), ("MK", None), ("BA", Some(0.5))]),
        ];
        let found = over_splits(&results);
        let splits: Vec<&[usize]> = found.iter().map(|row| &row.splits[..]).collect();
        assert_eq!(splits, [&[2][..], &[], &[0, 2]]);
        assert_eq!((found[0].mean, found[0].standard_deviation), (Some(3.0), None));
        assert_eq!((found[1].mean, found[1].interval), (None, None));
        assert_eq!(found[2].interval, Some((0.5, 0.5)));
        assert!(over_splits(&results[..1]).is_empty() && over_splits(&[]).is_empty());
        // Networks that all predict the same images say nothing of other images.
        let of_test = results.map(|result| GroupResult { group: "test".into(), ..result });
        let found = over_splits(&of_test);
        assert_eq!((found[2].standard_deviation, found[2].interval), (Some(0.0), None));
    }
}
