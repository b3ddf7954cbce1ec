//! Several experiments together, on a terminal.

use neurhai_core::compare::{Family, RunScore, Together};
use neurhai_core::options::plain;
use serde_json::Value;

use super::columns;

/// A value of an option in words.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        value => plain(value),
    }
}

/// A p value with the digits that count.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

fn number(value: f64) -> String {
    format!("{value:.3}").replace('-', "−")
}

/// Scores and paired tests; of more than two experiments also the options that differ.
pub fn together(found: &Together) -> String {
    let mut sections = Vec::new();
    let mut section = |title: &str, rows: Vec<Vec<String>>| {
        if let Some(first) = rows.first() {
            let table = columns(&rows, first.len());
            let lines: Vec<String> =
                table.lines().map(|line| format!("  {}", line.trim_end())).collect();
            sections.push(format!("{title}\n{}", lines.join("\n")));
        }
    };
    let names: Vec<String> = found.runs.iter().map(|run| run.display().to_string()).collect();
    if names.len() > 2 {
        let head = [vec!["option".to_owned()], names.clone()].concat();
        let rows = found.options.iter().map(|one| {
            let values = one.values.iter().map(value_text);
            std::iter::once(one.name.clone()).chain(values).collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        if !rows.is_empty() {
            section("options that differ", [vec![head], rows].concat());
        }
    }
    let score = |score: &Option<RunScore>| match score {
        None => "–".into(),
        Some(RunScore { value, standard_deviation: Some(deviation), .. }) => {
            format!("{} ± {}", number(*value), number(*deviation))
        }
        Some(RunScore { value, interval: Some((lower, upper)), .. }) => {
            format!("{} ({} to {})", number(*value), number(*lower), number(*upper))
        }
        Some(RunScore { value, .. }) => number(*value),
    };
    if !found.scores.is_empty() {
        let head = ["group", "best by", "metric"].map(str::to_owned).to_vec();
        let rows = found.scores.iter().map(|row| {
            let place = [row.group.clone(), row.selection_metric.clone(), row.metric.clone()];
            place.into_iter().chain(row.runs.iter().map(score)).collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        section("scores", [vec![[head, names.clone()].concat()], rows].concat());
    }
    for family in &found.tests {
        let splits: Vec<String> = family.splits.iter().map(usize::to_string).collect();
        let place = match splits.is_empty() {
            true => "ensemble".to_owned(),
            false => format!("split {}", splits.join(", ")),
        };
        let title =
            format!("paired tests: {}, best {}, {place}", family.group, family.selection_metric);
        section(&title, tests(family, &names));
    }
    if !found.tests.is_empty() {
        sections.push(
            "a large p does not say that two are the same; McNemar, DeLong and permutation judge these \
             trained\nnetworks on such images, corrected t also asks what other training sets would give;\n\
             intervals beside permutation are by the bootstrap over people"
                .into(),
        );
    }
    sections.extend(found.notes.iter().map(|note| format!("note: {note}")));
    sections.join("\n\n")
}

fn tests(family: &Family, names: &[String]) -> Vec<Vec<String>> {
    let several = names.len() > 2;
    let mut head = ["difference of", "metric", "test", "on", "difference", "95 % interval", "p"]
        .map(str::to_owned)
        .to_vec();
    head.extend(several.then(|| "p, Holm".to_owned()));
    let rows = family.tests.iter().map(|test| {
        let on = match test.people {
            Some(_) => format!("{} images", test.n),
            None => format!("{} splits", test.n),
        };
        let bounds = test.interval.map(|(l, u)| format!("{} to {}", number(l), number(u)));
        let mut row = vec![
            format!("{} − {}", names[test.a], names[test.b]),
            test.metric.clone(),
            test.test.to_owned(),
            on,
            number(test.difference),
            bounds.unwrap_or_else(|| "–".into()),
            p_value(test.p),
        ];
        row.extend(several.then(|| p_value(test.p_holm)));
        row
    });
    std::iter::once(head).chain(rows).collect()
}
