//! The report of an experiment.

use neurhai_core::Result;
use neurhai_core::report::{Curves, Report, Shown, place};
use serde::Serialize;
use serde_json::{Value, json};

use super::group::{self, sheet};
use super::svg::short;
use super::{Table, base64, charts, clip, interval, render};

/// A page is smaller than this.
const LIMIT: usize = 5_000_000;

/// How much of everything a page holds: less where it would be too large.
struct Budget {
    /// Bytes of pictures.
    pictures: usize,
    /// Groups and networks that are shown.
    groups: usize,
    curves: usize,
    /// Bytes of the script, and of the network's layers.
    text: usize,
}

const BUDGETS: [Budget; 3] = [
    Budget { pictures: 2_700_000, groups: 200, curves: 200, text: 200_000 },
    Budget { pictures: 900_000, groups: 60, curves: 60, text: 50_000 },
    Budget { pictures: 0, groups: 20, curves: 20, text: 20_000 },
];

/// The whole page of a report; what was left out to keep it small is told in it, and given back.
///
/// # Errors
/// A defect of the template.
pub fn report(report: &Report) -> Result<(String, Option<String>)> {
    let mut page = page(report, &BUDGETS[0])?;
    for budget in &BUDGETS[1..] {
        if page.0.len() < LIMIT {
            return Ok(page);
        }
        page = self::page(report, budget)?;
    }
    let (page, left_out) = page;
    let told = (page.len() >= LIMIT).then(|| {
        format!("Nothing more can be left out, and the page has {} MB.", page.len() / 1_000_000)
    });
    let told: Vec<String> = left_out.into_iter().chain(told).collect();
    Ok((page, (!told.is_empty()).then(|| told.join(" "))))
}

/// Pictures that are put into a page, as long as there is room.
pub(super) struct Pictures {
    left: usize,
    left_out: usize,
}

/// A picture in a page.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    caption: String,
    data: String,
}

impl Pictures {
    /// Those of the pictures that there is room for: all of them, or none.
    pub(super) fn take(&mut self, pictures: &[Shown]) -> Vec<Picture> {
        let bytes: usize = pictures.iter().map(|picture| picture.png.len()).sum();
        if bytes > self.left {
            self.left_out += pictures.len();
            return Vec::new();
        }
        self.left -= bytes;
        let picture = |shown: &Shown| Picture {
            caption: shown.caption.clone(),
            data: format!("data:image/png;base64,{}", base64::encode(&shown.png)),
        };
        pictures.iter().map(picture).collect()
    }
}

fn page(report: &Report, budget: &Budget) -> Result<(String, Option<String>)> {
    let mut pictures = Pictures { left: budget.pictures, left_out: 0 };
    let weights: Vec<Value> = report
        .weights
        .iter()
        .map(|one| {
            let captions: Vec<&str> = one.pictures.iter().map(|p| p.caption.as_str()).collect();
            json!({
                "split": one.split,
                "selection_metric": one.selection_metric,
                "table": sheet(&one.table),
                "pictures": pictures.take(&one.pictures),
                "captions": captions.join(", "),
                "limit": one.limit.map(|limit| short(f64::from(limit))),
                "missing": one.missing,
            })
        })
        .collect();
    let label = report.label.as_deref().unwrap_or("value");
    let mut ordered: Vec<&neurhai_core::report::Group> = report.groups.iter().collect();
    // What nobody chose a model by comes first, and what it learned from last.
    let rank = |group: &str| match group {
        "train" => 2,
        "validation" => 1,
        _ => 0,
    };
    ordered.sort_by_key(|group| rank(&group.whose.group));
    let mut groups: Vec<group::Shown> = ordered
        .iter()
        .take(budget.groups)
        .map(|one| group::shown(one, label, &mut pictures))
        .collect();
    let read_first = ordered.iter().take_while(|group| rank(&group.whose.group) < 2).count().min(2);
    groups.iter_mut().take(read_first).for_each(|group| group.open = true);
    let attributions: Vec<Value> = report
        .attributions
        .iter()
        .map(|one| {
            let about = match one.about.is_null() {
                true => None,
                false => serde_json::to_string_pretty(&one.about).ok(),
            };
            // One by one: a folder may have a picture for each of many people.
            let shown: Vec<Picture> = one
                .pictures
                .iter()
                .flat_map(|one| pictures.take(std::slice::from_ref(one)))
                .collect();
            json!({
                "folder": one.folder.display().to_string(),
                "name": one.name,
                "about": about.map(|text| clip(&text, budget.text)),
                "pictures": shown,
            })
        })
        .collect();
    let curves: Vec<Value> = report.curves.iter().take(budget.curves).map(curves).collect();
    let (differing, usual): (Vec<_>, Vec<_>) =
        report.options.iter().partition(|option| option.differs);
    let mut left_out = Vec::new();
    for (n, what) in [
        (pictures.left_out, "pictures"),
        (ordered.len().saturating_sub(budget.groups), "groups"),
        (report.curves.len().saturating_sub(budget.curves), "learning curves"),
    ] {
        if n > 0 {
            left_out.push(format!("{n} {what}"));
        }
    }
    let left_out = (!left_out.is_empty()).then(|| {
        format!(
            "To keep the page under {} MB, {} are left out.",
            LIMIT / 1_000_000,
            left_out.join(" and ")
        )
    });
    let cohorts = report.flow.iter().any(|step| !step.cohorts.is_empty());
    let made = format!("Written by Neurhai {}.", env!("CARGO_PKG_VERSION"));
    let context = json!({
        "r": report,
        "headline": headline(report, &ordered),
        "cohorts": cohorts,
        "by_class": report.flow.iter().any(|step| !step.classes.is_empty()),
        "curves": curves,
        "shown_curves": 6,
        "groups": groups,
        "weights": weights,
        "attributions": attributions,
        "differing": differing,
        "usual": usual,
        "network": clip(&report.network, budget.text),
        "script": report.script.as_ref().map(|text| clip(text, budget.text)),
        "made": made,
        "left_out": left_out,
    });
    Ok((render("report.html", include_str!("report.html"), &context)?, left_out))
}

fn curves(network: &Curves) -> Value {
    let mut title = format!("Split {}", network.split);
    if let Some(number) = network.network {
        title += &format!(", network {number}");
    }
    let curves: Vec<Value> = network
        .curves
        .iter()
        .map(|curve| {
            let title = format!("{}: {}", title, curve.metric);
            let cell = |value: &Option<f64>| value.map_or_else(|| "–".into(), short);
            let rows = curve.epochs.iter().zip(curve.train.iter().zip(&curve.validation));
            let all = rows.map(|(epoch, (train, validation))| {
                let epoch = match epoch.fract() == 0.0 {
                    true => epoch.to_string(),
                    false => short(*epoch),
                };
                vec![epoch, cell(train), cell(validation)]
            });
            let step = curve.epochs.len().div_ceil(100).max(1);
            let table =
                Table::new(["epoch", "training", "validation"], all.step_by(step).collect());
            json!({ "svg": charts::curve(curve, &title), "table": table })
        })
        .collect();
    json!({ "title": title, "curves": curves })
}

#[derive(Debug, Serialize)]
struct Headline {
    metrics: Vec<String>,
    rows: Vec<Row>,
    how: String,
    chart: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    /// What must be known of the group before its numbers are.
    leaked: Option<String>,
    selection_metric: String,
    place: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Default, Serialize)]
struct Cell {
    value: Option<String>,
    note: Option<String>,
}

/// What the first screen says: every group but the one that was learned from.
fn headline(report: &Report, groups: &[&neurhai_core::report::Group]) -> Option<Headline> {
    let first = report.task.headline();
    let usual: &[&str] = match report.task {
        neurhai_core::Task::Classification => &["BA", "ROC_AUC", "accuracy"],
        neurhai_core::Task::Regression => &["MAE", "RMSE", "R2_score"],
        neurhai_core::Task::Reconstruction => &["SSIM", "PSNR", "MAE"],
    };
    let shown: Vec<&neurhai_core::report::Group> = groups
        .iter()
        .copied()
        .filter(|group| group.whose.group != "train" && !group.levels.is_empty())
        .collect();
    let known = |name: &str| {
        shown.iter().any(|group| group.levels[0].scores.iter().any(|score| score.metric == name))
    };
    let mut metrics: Vec<String> =
        usual.iter().map(|name| (*name).to_owned()).filter(|name| known(name)).collect();
    for name in &report.selection_metrics {
        if !metrics.contains(name) && name != "loss" && known(name) {
            metrics.push(name.clone());
        }
    }
    let (mut rows, mut bars) = (Vec::<Row>::new(), Vec::new());
    for group in &shown {
        let (whose, level) = (&group.whose, &group.levels[0]);
        let score = |name: &str| level.scores.iter().find(|score| score.metric == name);
        if let Some((value, score)) = score(first).and_then(|score| Some((score.value?, score))) {
            bars.push((group::title(group), value, score.interval));
        }
        let over = |name: &str| {
            report.over_splits.iter().find(|row| {
                row.group == whose.group
                    && row.selection_metric == whose.selection_metric
                    && row.level == level.level
                    && row.cohort.is_none()
                    && row.metric == name
                    && row.splits.len() > 1
            })
        };
        let people = report.leaked.iter().find(|(leaked, _)| *leaked == whose.group);
        let leaked = people
            .map(|(_, people)| format!("leakage: {people} of its people had been learned from"));
        let row = |place: String, cells: Vec<Cell>| Row {
            group: whose.group.clone(),
            leaked: leaked.clone(),
            selection_metric: whose.selection_metric.clone(),
            place,
            cells,
        };
        let alone = || {
            let cell = |name: &String| {
                let found = score(name);
                let value = found.and_then(|score| score.value).map(short);
                Cell { value, note: found.and_then(|score| score.interval).map(interval) }
            };
            row(place(whose), metrics.iter().map(cell).collect())
        };
        let splits = metrics.iter().filter_map(|name| Some(over(name)?.splits.len())).max();
        let Some(n) = splits.filter(|_| whose.split.is_some()) else {
            rows.push(alone());
            continue;
        };
        let cell = |name: &String| {
            let Some(row) = over(name) else { return Cell::default() };
            let value = row.mean.map(|mean| match row.standard_deviation {
                Some(deviation) => format!("{} ± {}", short(mean), short(deviation)),
                None => short(mean),
            });
            Cell { value, note: row.interval.map(interval) }
        };
        let mean = row(format!("{n} splits, mean ± sd"), metrics.iter().map(cell).collect());
        // A line for all splits together stands once.
        let same = |row: &Row| {
            [&row.group, &row.selection_metric, &row.place]
                == [&mean.group, &mean.selection_metric, &mean.place]
        };
        if !rows.iter().any(same) {
            rows.push(mean);
        }
        // Such a mean has no interval over people: the ensemble has one, or otherwise each network.
        let ensemble = |other: &&neurhai_core::report::Group| {
            let other = &other.whose;
            (&other.group, &other.selection_metric, other.split)
                == (&whose.group, &whose.selection_metric, None)
        };
        if whose.group != "validation" && !shown.iter().any(ensemble) {
            rows.push(alone());
        }
    }
    if rows.is_empty() || metrics.is_empty() {
        return None;
    }
    let mean_of = |validation: bool| {
        rows.iter().any(|row| {
            row.place.contains("splits, mean") && (row.group == "validation") == validation
        })
    };
    let mut how = "Below each value its 95 % interval: by the bootstrap over images".to_owned();
    if mean_of(true) {
        how += "; of a mean over splits of validation by Student's t, which takes splits for independent \
                though their training images overlap, so it is as a rule too narrow";
    }
    how += ".";
    if mean_of(false) {
        how += " Where networks of all splits predicted the same images, ± is between networks and says \
                nothing of other images; the intervals of the ensemble or of each network do.";
    }
    if rows.iter().any(|row| row.group == "validation") {
        how += " Validation chose which epoch is kept, so its scores are a little too good: only people \
                whom neither training nor choice has seen tell how well new ones would be judged.";
    }
    let reference =
        (first == "BA" && report.classes.len() > 1).then(|| 1.0 / report.classes.len() as f64);
    let chart = (bars.len() > 1 && bars.len() <= 24).then(|| {
        charts::intervals(&bars, &format!("{first}, per {}", shown[0].levels[0].level), reference)
    });
    Some(Headline { metrics, rows, how, chart })
}
