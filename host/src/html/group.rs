//! The results of one group: its tables and figures.

use neurhai_core::report::{Case, ClassFigures, Estimate, Group, NumberFigures, PICTURED, place};
use serde::Serialize;

use super::report::Pictures;
use super::svg::short;
use super::{Table, charts, interval};

/// A group, as the template shows it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    title: String,
    pub(super) open: bool,
    levels: Vec<Level>,
    scores: Vec<Row>,
    figures: Vec<Figure>,
    cohorts: Option<Table>,
    networks: Option<Table>,
    worst_title: &'static str,
    worst_how: &'static str,
    worst: Vec<Worst>,
    pictures_missing: bool,
    nothing_wrong: bool,
}

#[derive(Debug, Serialize)]
struct Level {
    level: String,
    rows: Option<usize>,
}

/// A metric at each level.
#[derive(Debug, Serialize)]
struct Row {
    metric: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Default, Serialize)]
struct Cell {
    value: String,
    interval: Option<String>,
}

#[derive(Debug, Serialize)]
struct Figure {
    svg: String,
    how: String,
    note: String,
    keys: Vec<Key>,
    table: Option<Table>,
}

#[derive(Debug, Serialize)]
struct Key {
    class: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Worst {
    #[serde(flatten)]
    case: Case,
    degree: String,
    pictures: Vec<super::report::Picture>,
}

pub(super) fn title(group: &Group) -> String {
    let whose = &group.whose;
    format!("{}, {}, best {}", whose.group, place(whose), whose.selection_metric)
}

/// What the page shows of a group; `label` is what a regression predicts.
pub(super) fn shown(group: &Group, label: &str, pictures: &mut Pictures) -> Shown {
    let levels = (group.levels.iter())
        .map(|level| Level { level: level.level.clone(), rows: level.rows })
        .collect();
    let mut figures = Vec::new();
    if let Some(found) = &group.classes {
        figures.extend(of_classes(found, group));
    }
    if let Some(found) = &group.numbers {
        figures.extend(of_numbers(found, label));
    }
    figures.extend(group.errors.iter().map(|found| Figure {
        svg: charts::histogram(found),
        how: format!("How {} is spread over the images; the line is the median.", found.name),
        note: "A tail on the bad side is worth looking at image by image.".into(),
        keys: Vec::new(),
        table: Some(Table::new(
            ["smallest", "25 %", "median", "75 %", "largest"],
            vec![found.quartiles.map(short).to_vec()],
        )),
    }));
    let worst: Vec<Worst> = group
        .worst
        .iter()
        .map(|case| Worst {
            degree: short(case.degree),
            pictures: pictures.take(&case.pictures),
            case: Case { pictures: Vec::new(), ..case.clone() },
        })
        .collect();
    let (worst_title, worst_how) = match (&group.classes, &group.numbers) {
        (Some(_), _) => (
            "Surest mistakes",
            "Images of the wrong class, the surest first. Look for artefacts, wrong labels, and what \
             they have in common.",
        ),
        (_, Some(_)) => (
            "Largest errors",
            "Images whose number was furthest off. Look for artefacts, wrong labels, and what they \
             have in common.",
        ),
        _ => (
            "Worst reconstructions",
            "Images that the network gives back worst, the worst first. Look for artefacts and \
             unusual anatomy. Slices are of the image that was given; what the network made of it, \
             host predict writes with --save-nifti.",
        ),
    };
    Shown {
        title: title(group),
        open: false,
        levels,
        scores: scores(group),
        figures,
        cohorts: group.cohorts.as_ref().map(sheet),
        networks: group.networks.as_ref().map(sheet),
        worst_title,
        worst_how,
        pictures_missing: group.worst.iter().take(PICTURED).any(|case| case.pictures.is_empty()),
        nothing_wrong: worst.is_empty() && group.whose.group != "train" && group.classes.is_some(),
        worst,
    }
}

/// All metrics, in the order in which levels have them.
fn scores(group: &Group) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (at, level) in group.levels.iter().enumerate() {
        for score in &level.scores {
            let known = rows.iter().position(|row| row.metric == score.metric);
            let row = known.unwrap_or_else(|| {
                let cells = group.levels.iter().map(|_| Cell::default()).collect();
                rows.push(Row { metric: score.metric.clone(), cells });
                rows.len() - 1
            });
            rows[row].cells[at] = Cell {
                value: score.value.map_or_else(|| "–".into(), short),
                interval: score.interval.map(interval),
            };
        }
    }
    rows
}

/// The most rows of a table within a page.
const ROWS: usize = 400;

pub(super) fn sheet(sheet: &neurhai_core::report::Sheet) -> Table {
    let rows = sheet.rows.iter().take(ROWS).cloned().collect();
    Table { columns: sheet.columns.clone(), rows }
}

fn of_classes(found: &ClassFigures, group: &Group) -> Vec<Figure> {
    let mut columns = vec!["true".to_owned()];
    columns.extend(found.classes.iter().map(|class| format!("as {class}")));
    columns.extend(["right", "95 % interval"].map(str::to_owned));
    let rows = found.classes.iter().zip(&found.counts).zip(&found.recall);
    let rows = rows.map(|((class, counts), recall)| {
        let mut row = vec![class.clone()];
        row.extend(counts.iter().map(u64::to_string));
        let (share, bounds) = recall.map_or_else(Default::default, |(share, bounds)| {
            (format!("{:.1} %", share * 100.0), interval(bounds))
        });
        row.extend([share, bounds]);
        row
    });
    let mut figures = vec![Figure {
        svg: charts::confusion(found),
        how: "Each row is a true class, each column what it was taken for; the diagonal is right."
            .into(),
        note: "Shares are of the row.".into(),
        keys: Vec::new(),
        table: Some(Table { columns, rows: rows.collect() }),
    }];
    if found.roc.iter().any(|curve| !curve.points.is_empty()) {
        let several = found.roc.len() > 1;
        let key = |(at, curve): (usize, &neurhai_core::report::Roc)| {
            let area = curve.area.map_or_else(|| "–".into(), short);
            let bounds = match (curve.area, curve.interval) {
                (_, Some(bounds)) => format!(" ({})", interval(bounds)),
                (Some(_), None) => " (–)".into(),
                (None, None) => String::new(),
            };
            let rest = if several { " against the rest" } else { "" };
            let text = format!("{}{rest}: area {area}{bounds}", curve.class);
            Key { class: format!("s{}", at % 6), text }
        };
        figures.push(Figure {
            svg: charts::roc(&found.roc),
            how:
                "The nearer the curve comes to the upper left corner, the better the probabilities \
                  rank the images; the diagonal is chance."
                    .into(),
            note: match found.roc.iter().any(|curve| curve.area == Some(1.0)) {
                true => "Areas with DeLong's 95 % interval; a perfect ranking has none.".into(),
                false => "Areas with DeLong's 95 % interval.".into(),
            },
            keys: found.roc.iter().enumerate().map(key).collect(),
            table: Some(Table::new(
                ["class", "images of it", "others", "area", "95 % interval"],
                found
                    .roc
                    .iter()
                    .map(|curve| {
                        vec![
                            curve.class.clone(),
                            curve.images.0.to_string(),
                            curve.images.1.to_string(),
                            curve.area.map_or_else(|| "–".into(), short),
                            curve.interval.map_or_else(|| "–".into(), interval),
                        ]
                    })
                    .collect(),
            )),
        });
    }
    let score = |name: &str, value: Option<f64>| {
        let scores = group.levels.first().map_or(&[][..], |level| &level.scores);
        let known = scores.iter().find(|score| score.metric == name);
        let bounds = known.and_then(|score| score.interval).map(|b| format!(" ({})", interval(b)));
        value.map(|value| format!("{name} {}{}", short(value), bounds.unwrap_or_default()))
    };
    let notes: Vec<String> =
        [score("Brier", found.brier), score("ECE", found.ece)].into_iter().flatten().collect();
    figures.push(Figure {
        svg: charts::calibration(found),
        how: "On the diagonal, probabilities mean what they say; below it they are too high. Vertical \
              lines are Wilson's 95 % intervals."
            .into(),
        note: format!("{} (lower is better).", notes.join(", ")),
        keys: Vec::new(),
        table: Some(Table::new(
            ["mean probability", "share", "95 % interval", "images"],
            found
                .calibration
                .iter()
                .map(|bin| {
                    let cells = [short(bin.probability), short(bin.share), interval(bin.interval)];
                    cells.into_iter().chain([bin.images.to_string()]).collect()
                })
                .collect(),
        )),
    });
    figures
}

fn of_numbers(found: &NumberFigures, label: &str) -> Vec<Figure> {
    let estimate = |name: &str, one: &Estimate| {
        let bounds = one.interval.map_or_else(|| "–".into(), interval);
        vec![name.to_owned(), short(one.value), bounds]
    };
    let mut rows = vec![estimate("bias", &found.bias)];
    if let Some([lower, upper]) = &found.limits {
        rows.extend([estimate("lower limit", lower), estimate("upper limit", upper)]);
    }
    let trend = found.error_with_truth.map_or_else(String::new, |r| {
        format!("The error's correlation with the true {label} is {}.", short(r))
    });
    let quartiles = Table::new(
        ["smallest", "25 %", "median", "75 %", "largest"],
        vec![found.errors.quartiles.map(short).to_vec()],
    );
    vec![
        Figure {
            svg: charts::scatter(found, label),
            how: "Each point is an image; on the diagonal its prediction is true. A cloud flatter than \
                  the diagonal is pulled towards the mean: low values come out too high and high ones \
                  too low."
                .into(),
            note: trend,
            keys: Vec::new(),
            table: None,
        },
        Figure {
            svg: charts::bland_altman(found, label),
            how: "Bland and Altman's plot: 95 % of errors are expected between the dashed limits; the \
                  solid line is the bias. A slope means that the error depends on the value."
                .into(),
            note: String::new(),
            keys: Vec::new(),
            table: Some(Table::new(["", "value", "95 % interval"], rows)),
        },
        Figure {
            svg: charts::histogram(&found.errors),
            how: "How the errors are spread; the line is the median. Errors about 0 that fall off alike \
                  on both sides are what one hopes for."
                .into(),
            note: String::new(),
            keys: Vec::new(),
            table: Some(quartiles),
        },
    ]
}
