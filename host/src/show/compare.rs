//! Two experiments side by side.

use neurhai_core::compare::{Comparison, Course, Given, Image, Score};

use super::{columns, value_text};

/// More lines of a kind are counted, not shown.
const SHOWN: usize = 20;

/// What differs, and the verdict.
pub fn comparison(found: &Comparison) -> String {
    let mut sections = Vec::new();
    let mut section = |title: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let more = rows.len().saturating_sub(SHOWN);
            let rows: Vec<Vec<String>> = rows.into_iter().take(SHOWN).collect();
            let table = columns(&rows, rows[0].len());
            let lines: Vec<String> =
                table.lines().map(|line| format!("  {}", line.trim_end())).collect();
            let rest = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            sections.push(format!("{title}\n{}{rest}", lines.join("\n")));
        }
    };
    section("options that differ", found.options.iter().map(given).collect());
    section("versions and machines that differ", found.environment.iter().map(given).collect());
    let files = found.files.iter().map(|file| vec![file.display().to_string()]);
    section("files that differ", files.collect());
    section("images that differ", found.images.iter().map(image).collect());
    let known = found.courses.iter().filter(|course| course.epochs != (0, 0));
    section("training", known.map(course).collect());
    section("scores that differ", found.scores.iter().map(score).collect());
    let results = found.results.iter().map(|file| vec![file.display().to_string()]);
    section("results that differ", results.collect());
    let alone = found.alone.iter().map(|one| {
        let which = if one.first { "only in the first" } else { "only in the second" };
        vec![one.folder.display().to_string(), which.to_owned()]
    });
    section("asked after training", alone.collect());
    let told = found.courses.iter().all(|course| course.epochs.0.min(course.epochs.1) > 0);
    let verdict = match (found.same(), told) {
        (true, true) => "both did the same in every epoch, and have the same results",
        (true, false) => "both have the same results; how they came to them they do not tell",
        (false, _) => "they are not the same",
    };
    sections.push(verdict.to_owned());
    sections.join("\n\n")
}

fn given(given: &Given) -> Vec<String> {
    vec![given.name.clone(), value_text(&given.a), value_text(&given.b)]
}

fn image(image: &Image) -> Vec<String> {
    let what = match (&image.a, &image.b) {
        (Some(_), Some(_)) => "is another file",
        (Some(_), None) => "only in the first",
        _ => "only in the second",
    };
    let cohort = image.cohort.as_ref().map(|cohort| format!(" of cohort {cohort}"));
    let participant = format!("{}{}", image.participant, cohort.unwrap_or_default());
    vec![participant, image.session.clone(), what.into()]
}

/// What a column of fingerprints says in words.
fn meaning(column: &str) -> &str {
    match column {
        "weights_before" => "the weights it begins with",
        "order" => "the order of samples",
        "augmentation" => "the augmentation",
        "weights_after" => "the weights it ends with",
        other => other,
    }
}

fn course(course: &Course) -> Vec<String> {
    let network = course.network.as_ref();
    let network = network.map_or_else(String::new, |number| format!(", network {number}"));
    let (a, b) = course.epochs;
    let what = match &course.parting {
        // People count epochs from 1.
        Some(parting) => {
            let what: Vec<&str> = parting.what.iter().map(|column| meaning(column)).collect();
            format!("they part in epoch {}: {}", parting.epoch + 1, what.join(", "))
        }
        None if a == b => format!("the same in all {a} epochs"),
        None if a.min(b) == 0 => "only one of the two tells what its epochs did".into(),
        None => format!("the same in {} epochs; one has {a}, the other {b}", a.min(b)),
    };
    vec![format!("split {}{network}", course.split), what]
}

fn score(score: &Score) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |v| format!("{v:.6}"));
    let Score { split, best_by, group, level, metric, a, b } = score;
    vec![
        format!("split {split}, best {best_by}"),
        group.clone(),
        format!("per {level}"),
        metric.clone(),
        number(*a),
        number(*b),
    ]
}

#[cfg(test)]
mod tests {
    use neurhai_core::compare::{Alone, Parting};
    use serde_json::Value;

    use super::*;

    fn nothing() -> Comparison {
        let course = Course { split: 0, network: None, epochs: (3, 3), parting: None };
        Comparison {
            options: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            images: Vec::new(),
            courses: vec![course],
            scores: Vec::new(),
            results: Vec::new(),
            alone: Vec::new(),
        }
    }

    #[test]
    fn the_verdict_says_what_is_known() {
        let mut found = nothing();
        assert_eq!(
            comparison(&found),
            "training\n  split 0  the same in all 3 epochs\n\n\
             both did the same in every epoch, and have the same results"
        );
        found.courses[0].epochs = (0, 0);
        assert_eq!(
            comparison(&found),
            "both have the same results; how they came to them they do not tell"
        );
    }

    #[test]
    fn what_differs_is_told_from_the_options_to_the_scores() {
        let mut found = nothing();
        found.options.push(Given { name: "seed".into(), a: 1.into(), b: Value::Null });
        let what = vec!["order".into(), "weights_after".into()];
        found.courses[0].parting = Some(Parting { epoch: 1, what });
        found.courses[0].network = Some("4".into());
        found.scores = vec![
            Score {
                split: 0,
                best_by: "loss".into(),
                group: "validation".into(),
                level: "image".into(),
                metric: "BA".into(),
                a: Some(0.75),
                b: None,
            };
            22
        ];
        found.alone.push(Alone { folder: "groups/test".into(), first: true });
        let text = comparison(&found);
        for part in [
            "asked after training\n  groups/test  only in the first\n",
            "options that differ\n  seed  1  –\n",
            "  split 0, network 4  they part in epoch 2: the order of samples, the weights it ends with\n",
            "  split 0, best loss  validation  per image  BA  0.750000  –\n",
            "\n  and 2 more\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(text.ends_with("\nthey are not the same"));
    }
}
