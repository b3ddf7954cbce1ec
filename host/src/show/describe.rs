//! Experiment folders as a person reads them.

use neurhai_core::records::{Described, Deviation, Difference, Item, SplitState, Verified};

use super::{bytes, columns, figure};

/// What an experiment is and how far, and everything in its folder with what it is.
pub fn described(found: &Described) -> String {
    let Described { maps, program, task, label, classes, architecture, mode, .. } = found;
    let mut title = format!("{}: ", maps.display());
    title += task.as_deref().unwrap_or("an experiment");
    if let Some(label) = label {
        title += &format!(" of {label}");
    }
    if !classes.is_empty() {
        title += &format!(" ({})", classes.join(", "));
    }
    if let Some(architecture) = architecture {
        title += &format!(" with {architecture}");
    }
    match mode.as_deref() {
        Some("image") => title += " on whole images",
        Some("slice") => title += " on slices",
        Some("roi") => title += " on regions",
        Some(mode) => title += &format!(" on {mode}es"),
        None => {}
    }
    title += &format!(", by {program}, {}", bytes(found.tree.bytes));
    let mut lines = vec![title];
    if found.writing {
        lines.push("a process is writing to it now".into());
    }
    lines.extend(found.splits.iter().flat_map(split));
    let stale = found.stale.iter();
    lines.extend(
        stale.map(|place| {
            format!("{}: by weights that training has replaced since", place.display())
        }),
    );
    let mut rows = Vec::new();
    add(&found.tree, 0, &mut rows);
    format!("{}\n\n{}", lines.join("\n"), columns(&rows, 2))
}

/// How far a split is, and its best models.
fn split(split: &SplitState) -> Vec<String> {
    let SplitState { split, state, epochs, of, stopped_early, best } = split;
    let state = match *state {
        "absent" => "not begun",
        "begun" => "unfinished",
        other => other,
    };
    let mut line = format!("split {split}: {state}");
    if let (Some(epochs), Some(of)) = (epochs, of) {
        line += &format!(", {epochs} of {of} epochs");
    }
    if *stopped_early {
        line += ", ended by early stopping";
    }
    let best = best.iter().map(|best| {
        // People count epochs from 1.
        let epoch = best.epoch.map_or_else(String::new, |epoch| format!(" epoch {}", epoch + 1));
        let score = best.score.map_or_else(|| "no score".into(), |score| figure(score, 4));
        format!("  best by {}:{epoch} {score} in validation", best.metric)
    });
    std::iter::once(line).chain(best).collect()
}

/// The lines of what is in a folder: the folders' own contents below them. Where several differ only in
/// their numbers, the first stands for all.
fn add(folder: &Item, depth: usize, rows: &mut Vec<Vec<String>>) {
    let mut items: Vec<&Item> = folder.items.iter().flatten().collect();
    // Files before folders, so that those of a folder are not read as those of the one above.
    items.sort_by_key(|item| item.items.is_some());
    let mut done: Vec<bool> = vec![false; items.len()];
    for i in 0..items.len() {
        if done[i] {
            continue;
        }
        let item = items[i];
        let alike: Vec<usize> = (i..items.len()).filter(|j| like(item, items[*j])).collect();
        let several = alike.len() > 1;
        if several {
            alike.iter().for_each(|j| done[*j] = true);
        }
        let slash = if item.items.is_some() { "/" } else { "" };
        let more = if several { format!(" and {} more", alike.len() - 1) } else { String::new() };
        let size: u64 =
            if several { alike.iter().map(|j| items[*j].bytes).sum() } else { item.bytes };
        rows.push(vec![
            format!("{}{}{slash}{more}", "  ".repeat(depth), item.name),
            item.meaning.unwrap_or("not a part of an experiment").to_owned(),
            bytes(size),
        ]);
        // What is in a folder that nobody knows is nothing to explain.
        if item.meaning.is_some() {
            add(item, depth + 1, rows);
        }
    }
}

/// Whether two differ in the numbers in their names alone, and hold the like.
fn like(a: &Item, b: &Item) -> bool {
    let plain = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let inner = match (&a.items, &b.items) {
        (None, None) => true,
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| like(a, b)),
        _ => false,
    };
    plain(&a.name) == plain(&b.name) && a.meaning == b.meaning && inner
}

/// The files that differ from the manifest, and what that says.
pub fn verified(found: &Verified) -> String {
    let line = |input: &str, Deviation { file, difference }: &Deviation| {
        let what = match difference {
            Difference::Changed => "changed",
            Difference::Missing => "missing",
            Difference::Added => "added",
        };
        vec![what.to_owned(), format!("{}{input}", file.display())]
    };
    let mut rows: Vec<_> = found.deviations.iter().map(|one| line("", one)).collect();
    rows.extend(found.input_deviations.iter().map(|one| line(" (was read)", one)));
    let count = |of: &[Deviation], what| of.iter().filter(|one| one.difference == what).count();
    let (changed, missing) = (Difference::Changed, Difference::Missing);
    let files = found.files - count(&found.deviations, changed) - count(&found.deviations, missing);
    let gone = count(&found.input_deviations, missing);
    let inputs = found.inputs - count(&found.input_deviations, changed) - gone;
    let gone = match gone {
        0 => String::new(),
        1 => "; 1 input is not where it was".to_owned(),
        gone => format!("; {gone} inputs are not where they were"),
    };
    format!(
        "{}{files} of {} files are as they were written, {inputs} of {} that were read are as they were{gone}",
        columns(&rows, 2),
        found.files,
        found.inputs
    )
}
