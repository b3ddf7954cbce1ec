//! The figures of a report.

use neurhai_core::report::{ClassFigures, Curve, Histogram, NumberFigures, Roc};

use super::svg::{Chart, around, escape, short};

const WIDE: (f64, f64) = (460.0, 300.0);
const SQUARE: (f64, f64) = (340.0, 340.0);

/// The most points that are drawn of many, spread evenly.
const POINTS: usize = 1500;

/// Train and validation over the epochs, the best one marked.
pub(super) fn curve(curve: &Curve, title: &str) -> String {
    let values = curve.train.iter().chain(&curve.validation).flatten().copied();
    let last = curve.epochs.last().copied().unwrap_or(1.0);
    let first = curve.epochs.first().copied().unwrap_or(0.0).min(last - 1.0).max(0.0);
    let mut chart =
        Chart::new((380.0, 240.0), (first, last), around(values), ["epoch", &curve.metric]);
    let of = |values: &[Option<f64>]| -> Vec<(f64, Option<f64>)> {
        let step = curve.epochs.len().div_ceil(POINTS / 4).max(1);
        curve.epochs.iter().copied().zip(values.iter().copied()).step_by(step).collect()
    };
    chart.line(&of(&curve.train), "train");
    chart.line(&of(&curve.validation), "validation");
    let mut told = format!("{} of training and validation over {last} epochs.", curve.metric);
    if let Some(best) = curve.best
        && let Some(value) = curve.validation[best]
    {
        chart.dot(curve.epochs[best], value, "best", 5.0);
        told +=
            &format!(" Best in validation: {} after epoch {}.", short(value), curve.epochs[best]);
    }
    chart.finish(title, &told)
}

/// True classes against predicted ones.
pub(super) fn confusion(figures: &ClassFigures) -> String {
    let n = figures.classes.len();
    let cell = (260.0 / n as f64).clamp(34.0, 96.0);
    let longest = figures.classes.iter().map(|class| class.chars().count()).max().unwrap_or(1);
    let left = (longest.min(14) as f64 * 7.0 + 34.0).max(60.0);
    let (width, height) = (left + cell * n as f64 + 8.0, cell * n as f64 + 64.0);
    let mut body = String::new();
    let name = |class: &str| -> String {
        let short: String = class.chars().take(14).collect();
        escape(&if short.len() < class.len() { format!("{short}…") } else { short })
    };
    for (truth, row) in figures.counts.iter().enumerate() {
        let whole: u64 = row.iter().sum();
        let y = 50.0 + cell * truth as f64;
        body += &format!(
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text><text class="tick" x="{:.1}" y="44" text-anchor="middle">{}</text>"#,
            left - 6.0,
            y + cell / 2.0 + 4.0,
            name(&figures.classes[truth]),
            left + cell * (truth as f64 + 0.5),
            name(&figures.classes[truth])
        );
        for (predicted, count) in row.iter().enumerate() {
            let share = *count as f64 / whole.max(1) as f64;
            let x = left + cell * predicted as f64;
            let kind = if truth == predicted { "right" } else { "wrong" };
            let (cx, cy) = (x + cell / 2.0, y + cell / 2.0);
            body += &format!(
                r#"<rect class="cell {kind}" x="{x:.1}" y="{y:.1}" width="{cell:.1}" height="{cell:.1}" fill-opacity="{:.2}"/><text class="count" x="{cx:.1}" y="{cy:.1}" text-anchor="middle">{count}</text>"#,
                share * 0.45
            );
            if cell >= 48.0 {
                body += &format!(
                    r#"<text class="tick" x="{cx:.1}" y="{:.1}" text-anchor="middle">{:.0} %</text>"#,
                    cy + 17.0,
                    share * 100.0
                );
            }
        }
    }
    let middle = 50.0 + cell * n as f64 / 2.0;
    format!(
        r#"<svg class="chart" viewBox="0 0 {width:.0} {height:.0}" style="max-width:{width:.0}px" role="img"><title>Confusion matrix</title><desc>Rows are true classes, columns predicted ones; the table below has the numbers.</desc><text class="name" x="{:.1}" y="18" text-anchor="middle">predicted</text><text class="name" transform="translate(13 {middle:.1}) rotate(-90)" text-anchor="middle">true</text>{body}</svg>"#,
        left + cell * n as f64 / 2.0
    )
}

/// The class of a series' colour and dashes.
fn series(at: usize) -> String {
    format!("s{}", at % 6)
}

/// ROC curves with the diagonal of chance.
pub(super) fn roc(curves: &[Roc]) -> String {
    let names = ["false positive rate", "true positive rate"];
    let mut chart = Chart::new(SQUARE, (0.0, 1.0), (0.0, 1.0), names);
    chart.line(&[(0.0, Some(0.0)), (1.0, Some(1.0))], "chance");
    let mut told = Vec::new();
    for (at, curve) in curves.iter().enumerate() {
        let step = curve.points.len().div_ceil(POINTS).max(1);
        let last = curve.points.len().saturating_sub(1);
        let kept = curve.points.iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
        let points: Vec<_> = kept.map(|(_, (x, y))| (*x, Some(*y))).collect();
        chart.line(&points, &series(at));
        told.extend(curve.area.map(|area| format!("{}: area {}", curve.class, short(area))));
    }
    chart.finish("ROC curves", &told.join("; "))
}

/// A reliability diagram.
pub(super) fn calibration(figures: &ClassFigures) -> String {
    let two = figures.classes.len() == 2;
    let (x, y) = match two {
        true => (
            format!("predicted probability of {}", figures.classes[0]),
            format!("share that is {}", figures.classes[0]),
        ),
        false => {
            ("probability of the predicted class".to_owned(), "share that is right".to_owned())
        }
    };
    let mut chart = Chart::new(SQUARE, (0.0, 1.0), (0.0, 1.0), [&x, &y]);
    chart.line(&[(0.0, Some(0.0)), (1.0, Some(1.0))], "chance");
    for bin in &figures.calibration {
        let at = bin.probability;
        chart.line(&[(at, Some(bin.interval.0)), (at, Some(bin.interval.1))], "interval");
        chart.dot(at, bin.share, "s0", 4.0);
    }
    let bins: Vec<String> = figures
        .calibration
        .iter()
        .map(|bin| format!("{} against {}", short(bin.probability), short(bin.share)))
        .collect();
    chart.finish("Reliability diagram", &bins.join("; "))
}

/// An even choice of many points.
fn thinned(pairs: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    pairs.iter().copied().step_by(pairs.len().div_ceil(POINTS).max(1))
}

/// Predicted against true numbers.
pub(super) fn scatter(figures: &NumberFigures, label: &str) -> String {
    let all = around(figures.pairs.iter().flat_map(|(truth, predicted)| [*truth, *predicted]));
    let names = [format!("true {label}"), format!("predicted {label}")];
    let mut chart = Chart::new(SQUARE, all, all, [&names[0], &names[1]]);
    chart.line(&[(all.0, Some(all.0)), (all.1, Some(all.1))], "chance");
    thinned(&figures.pairs).for_each(|(truth, predicted)| chart.dot(truth, predicted, "s0", 3.0));
    let told = format!("{} images; on the diagonal the prediction is true.", figures.pairs.len());
    chart.finish(&format!("Predicted against true {label}"), &told)
}

/// Errors against the means of true and predicted numbers, with the limits of agreement.
pub(super) fn bland_altman(figures: &NumberFigures, label: &str) -> String {
    let points: Vec<(f64, f64)> =
        figures.pairs.iter().map(|(truth, value)| ((truth + value) / 2.0, value - truth)).collect();
    let lines: Vec<f64> = figures.limits.iter().flatten().map(|limit| limit.value).collect();
    let x = around(points.iter().map(|(x, _)| *x));
    let y = around(points.iter().map(|(_, y)| *y).chain(lines.iter().copied()).chain([0.0]));
    let names = [format!("mean of true and predicted {label}"), "predicted less true".to_owned()];
    let mut chart = Chart::new(WIDE, x, y, [&names[0], &names[1]]);
    let mut across = |value: f64, class: &str| {
        chart.line(&[(x.0, Some(value)), (x.1, Some(value))], class);
    };
    across(0.0, "chance");
    across(figures.bias.value, "bias");
    lines.iter().for_each(|limit| across(*limit, "limit"));
    thinned(&points).for_each(|(mean, error)| chart.dot(mean, error, "s0", 3.0));
    let limits: Vec<String> = lines.iter().map(|limit| short(*limit)).collect();
    let told = format!(
        "Bias {}; limits of agreement {}.",
        short(figures.bias.value),
        limits.join(" and ")
    );
    chart.finish("Bland–Altman plot", &told)
}

/// A distribution.
pub(super) fn histogram(found: &Histogram) -> String {
    let (first, width) = found.bins;
    let most = found.counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let x = (first, first + width * found.counts.len() as f64);
    let mut chart = Chart::new((380.0, 240.0), x, (0.0, most * 1.05), [&found.name, "images"]);
    for (bin, count) in found.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = first + width * bin as f64;
        chart.rect((from, 0.0), (from + width, *count as f64), "bar");
    }
    let median = found.quartiles[2];
    chart.line(&[(median, Some(0.0)), (median, Some(most * 1.05))], "bias");
    let quartiles = found.quartiles.map(short).join(", ");
    let told = format!("Smallest, quartiles and largest: {quartiles}.");
    chart.finish(&format!("Distribution of {}", found.name), &told)
}

/// A name, its value, and the interval of that.
type Bar = (String, f64, Option<(f64, f64)>);

/// Values with their intervals, one below the other.
pub(super) fn intervals(rows: &[Bar], name: &str, reference: Option<f64>) -> String {
    let all = rows.iter().flat_map(|(_, value, interval)| {
        let (lower, upper) = interval.unwrap_or((*value, *value));
        [*value, lower, upper]
    });
    let x = around(all.chain(reference));
    let height = 60.0 + 34.0 * rows.len() as f64;
    let top = rows.len() as f64;
    let mut chart = Chart::new((460.0, height), x, (0.0, top), [name, ""]);
    if let Some(at) = reference {
        chart.line(&[(at, Some(0.0)), (at, Some(top))], "chance");
    }
    let mut told = Vec::new();
    for (at, (who, value, interval)) in rows.iter().enumerate() {
        let y = top - at as f64 - 0.72;
        if let Some((lower, upper)) = interval {
            chart.line(&[(*lower, Some(y)), (*upper, Some(y))], "interval");
        }
        chart.dot(*value, y, "s0", 4.0);
        let middle = (x.0 + x.1) / 2.0;
        let anchor = if *value > middle { "end" } else { "start" };
        chart.text(*value, y + 0.28, who, anchor);
        told.push(format!("{who}: {}", short(*value)));
    }
    chart.finish(name, &told.join("; "))
}
