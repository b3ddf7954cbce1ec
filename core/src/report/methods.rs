//! A paragraph for a paper, of nothing but what the experiment folder tells.

use serde_json::Value;

use super::{Report, Source};
use crate::metric::RESAMPLES;
use crate::task::Task;

/// The paragraph.
pub(super) fn methods(source: &Source<'_>, report: &Report) -> String {
    let sentences = [
        data(source, report),
        cut(source),
        split(source, report),
        network(source, report),
        training(source),
        evaluation(source, report),
        software(source, report),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn number(source: &Source<'_>, name: &str) -> Option<f64> {
    source.configuration.get(name).and_then(Value::as_f64)
}

fn data(source: &Source<'_>, report: &Report) -> Option<String> {
    let people = &report.demographics;
    if people.images == 0 {
        return None;
    }
    let mut text = format!("{} images of {} participants", people.images, people.people);
    if let Some((mean, deviation, low, high, n)) = people.age {
        let of = if n == people.images { String::new() } else { format!(", known for {n} images") };
        text += &format!(" (age {mean:.1} ± {deviation:.1} years, range {low:.1}–{high:.1}{of}");
        let sexes: Vec<String> = people.sex.iter().map(|(sex, n)| format!("{n} {sex}")).collect();
        text +=
            &if sexes.is_empty() { ")".into() } else { format!("; sex: {})", sexes.join(", ")) };
    }
    let cohorts = report.flow.iter().find(|step| step.step.starts_with("selected"));
    if let Some(step) = cohorts.filter(|step| !step.cohorts.is_empty()) {
        let all: Vec<String> =
            step.cohorts.iter().map(|(cohort, n)| format!("{cohort}: {n}")).collect();
        text += &format!(" of {} cohorts ({} images)", all.len(), all.join(", "));
    }
    text += " were used";
    let preprocessing = source.data("preprocessing").and_then(Value::as_str);
    text += &match preprocessing {
        Some("custom") | None => String::new(),
        Some(name) => format!(", preprocessed with Clinica's {name} pipeline"),
    };
    Some(match (source.task, &source.label) {
        (Task::Classification, Some(label)) => {
            format!("{text}. The classes {} of {label} were told apart.", source.classes.join(", "))
        }
        (Task::Regression, Some(label)) => format!("{text}. {label} was predicted."),
        _ => format!("{text}. The images themselves were reconstructed."),
    })
}

fn cut(source: &Source<'_>) -> Option<String> {
    let list =
        |name: &str| source.data(name).map(|value| value.to_string().replace(['[', ']', '"'], ""));
    let whole = match source.data("mode").and_then(Value::as_str)? {
        "image" => "Networks saw whole images".to_owned(),
        "patch" => format!(
            "Images were cut into patches of {} voxels per axis, {} apart",
            list("patch_size")?,
            list("stride_size")?
        ),
        "slice" => format!("Images were cut into {} slices", list("slice_direction")?),
        _ => format!("Networks saw the regions {}", list("roi_list")?.replace(',', ", ")),
    };
    let scaled = source.data("normalize") == Some(&Value::Bool(true));
    let scaled =
        if scaled { ", each scaled to 0–1 by its own smallest and largest value" } else { "" };
    Some(format!("{whole}{scaled}."))
}

fn split(source: &Source<'_>, report: &Report) -> Option<String> {
    let count = |side: &str| -> Vec<usize> {
        let of = |split: &usize| {
            let name = format!("{side}, split {split}");
            report.flow.iter().find(|step| step.step == name).map(|step| step.images)
        };
        report.finished.iter().filter_map(of).collect()
    };
    let range = |counts: &[usize]| -> Option<String> {
        let (low, high) = (counts.iter().min()?, counts.iter().max()?);
        Some(if low == high { low.to_string() } else { format!("{low}–{high}") })
    };
    let (train, validation) = (count("train"), count("validation"));
    let sizes = format!("{} images for training and {}", range(&train)?, range(&validation)?);
    let apart = match report.shared_people {
        0 => "No participant was on both sides of a split",
        _ => "Some participants were on both sides of a split",
    };
    let how = match (validation.len(), source.maps.get("validation").and_then(Value::as_str)) {
        (1, _) => format!("One split was used, with {sizes} for validation"),
        (n, Some("KFoldSplit")) if report.folds => {
            format!("{n} splits of a k-fold division were used, each with {sizes} for validation")
        }
        (n, _) => format!("{n} splits were used, each with {sizes} for validation"),
    };
    let finished = match report.finished.len() {
        n if n == report.planned => String::new(),
        1 => format!(" 1 of {} planned splits is finished.", report.planned),
        n => format!(" {n} of {} planned splits are finished.", report.planned),
    };
    Some(format!("{how}. {apart}.{finished}"))
}

fn network(source: &Source<'_>, report: &Report) -> Option<String> {
    let architecture = source.maps.get("architecture").and_then(Value::as_str)?;
    let several = source.maps.get("multi_network") == Some(&Value::Bool(true));
    let what = if several { "A network for each part, each a " } else { "The network was a " };
    let parameters =
        report.parameters.map_or_else(String::new, |n| format!(" with {n} parameters"));
    let start = match source.text("transfer") {
        Some(from) => format!(", which began with the weights of {from}"),
        None => String::new(),
    };
    Some(match several {
        true => format!("{what}{architecture}{parameters}, was trained{start}."),
        false => format!("{what}{architecture}{parameters}{start}."),
    })
}

fn training(source: &Source<'_>) -> Option<String> {
    let loss = source.maps.get("loss").and_then(Value::as_str)?;
    let mut text = format!(
        "It was trained with the loss {loss} and the optimiser {} (learning rate {}, weight decay {}), in batches of {}",
        source.text("optimizer")?,
        number(source, "learning_rate")?,
        number(source, "weight_decay")?,
        number(source, "batch_size")?,
    );
    match number(source, "accumulation_steps") {
        Some(steps) if steps > 1.0 => text += &format!(" accumulated over {steps}"),
        _ => {}
    }
    text += &format!(" for at most {} epochs", number(source, "epochs")?);
    match number(source, "patience") {
        Some(patience) if patience > 0.0 => {
            let tolerance = number(source, "tolerance").unwrap_or(0.0);
            let by = match tolerance > 0.0 {
                true => format!(" by more than {} %", 100.0 * tolerance),
                false => String::new(),
            };
            text += &format!(
                ", or until the validation loss had not improved{by} for {patience} epochs"
            );
        }
        _ => {}
    }
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|step| Some(step.get("name")?.as_str()?.to_owned())).collect()
    };
    let steps = source.configuration.get("augmentation").map(names).unwrap_or_default();
    if !steps.is_empty() {
        text += &format!(". Training images were augmented: {}", steps.join(", "));
    }
    let metrics = source.selection_metrics.join(" and by ");
    Some(format!(
        "{text}. The weights of the epoch that was best in validation by {metrics} were kept."
    ))
}

fn evaluation(source: &Source<'_>, report: &Report) -> Option<String> {
    let image = source.data("mode").and_then(Value::as_str) == Some("image");
    let mut text = String::new();
    if !image && source.task != Task::Reconstruction {
        let weights = match source.text("vote_weights") {
            Some("uniform") => "",
            None if source.task == Task::Regression => "",
            _ => ", weighed by validation",
        };
        text = format!(
            "The predictions for the parts of an image were combined by the vote {:?}{weights}. ",
            source.text("vote").unwrap_or("soft")
        );
    }
    let intervals = report.groups.iter().any(|group| {
        group.levels.iter().any(|level| level.scores.iter().any(|score| score.interval.is_some()))
    });
    if intervals {
        text += &format!(
            "Intervals are 95 % percentile bootstrap intervals over images ({RESAMPLES} resamples); they \
             do not contain the variation from training again."
        );
    }
    let mut others: Vec<&str> = report.groups.iter().map(|one| one.whose.group.as_str()).collect();
    others.retain(|group| !["train", "validation"].contains(group));
    let leaked = report.leaked.iter().filter(|(group, _)| others.contains(&group.as_str()));
    let unseen = |group: &&str| !report.leaked.iter().any(|(leaked, _)| leaked == group);
    if others.is_empty() {
        text += " The models were chosen by the validation set on which they are reported; no other \
                 set was evaluated.";
    } else if !others.iter().any(unseen) {
        text += " The models were chosen by the validation set on which they are reported; no set of \
                 people whom they had not seen was evaluated.";
    }
    for (group, people) in leaked {
        text += &format!(
            " The models were trained or chosen on {people} of the people of the group {group}."
        );
    }
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn software(source: &Source<'_>, report: &Report) -> Option<String> {
    let of = |name: &str| {
        let found = report.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, version)| version.as_str())
    };
    let seed =
        number(source, "seed").map_or_else(String::new, |seed| format!(" The seed was {seed}."));
    let device = of("device").map_or_else(String::new, |device| format!(" on {device}"));
    match (of("neurhai"), of("libtorch"), device.contains("imported")) {
        (Some(own), Some(torch), false) => Some(format!(
            "Computations were done with Neurhai {own} and libtorch {torch}{device}.{seed}"
        )),
        _ => Some(format!("Training was done with ClinicaDL.{seed}")),
    }
}
