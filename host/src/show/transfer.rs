//! What goes where in a transfer.

use neurhai_core::shape::{Shape, elements, show};
use neurhai_core::transfer::{Line, Named, Transfer, Verdict};

use super::{columns, grouped};

/// The table of a transfer: a line per layer for what is taken, a line per part for what is not, and
/// a line per tensor for what does not fit; at the end the counts.
pub fn transfer_table(transfer: &Transfer) -> String {
    let mut runs: Vec<(Key<'_>, Vec<&Line>)> = Vec::new();
    for line in &transfer.lines {
        match runs.last_mut() {
            Some((key, lines)) if *key == Key::of(line) => lines.push(line),
            _ => runs.push((Key::of(line), vec![line])),
        }
    }
    let mut rows = vec![["source", "target", "shape", ""].map(String::from).to_vec()];
    rows.extend(runs.iter().map(|(key, lines)| row(key, lines)));
    format!("{}{}", columns(&rows, usize::MAX), totals(transfer))
}

/// What lines have in common that are shown as one.
#[derive(PartialEq, Eq)]
struct Key<'a> {
    source: Option<&'a str>,
    target: Option<&'a str>,
    verdict: &'a Verdict,
}

impl<'a> Key<'a> {
    fn of(line: &'a Line) -> Self {
        let name = |named: &'a Option<Named>| {
            let name = named.as_ref()?.name.as_str();
            Some(match &line.verdict {
                Verdict::Matched => name.rsplit_once('.').map_or(name, |(layer, _)| layer),
                Verdict::Skipped | Verdict::Fresh => name.split('.').next().unwrap_or(name),
                Verdict::Mismatched(_) => name,
            })
        };
        Self { source: name(&line.source), target: name(&line.target), verdict: &line.verdict }
    }
}

fn row(key: &Key<'_>, lines: &[&Line]) -> Vec<String> {
    let named = |line: &&'_ Line| line.target.clone().or_else(|| line.source.clone());
    let all: Vec<Named> = lines.iter().filter_map(named).collect();
    let shape = match key.verdict {
        Verdict::Matched => {
            // Single numbers only count, and vectors of a batch norm are all alike.
            let mut shapes: Vec<Shape> = all.iter().map(|one| one.shape.clone()).collect();
            shapes.retain(|shape| !shape.is_empty() || all.len() == 1);
            shapes.dedup();
            shapes.iter().map(|shape| show(shape)).collect::<Vec<_>>().join(", ")
        }
        Verdict::Skipped | Verdict::Fresh => match &all[..] {
            [one] => show(&one.shape),
            _ => format!("{} tensors", all.len()),
        },
        Verdict::Mismatched(_) => String::new(),
    };
    let verdict = match key.verdict {
        Verdict::Matched => "matched".to_owned(),
        Verdict::Skipped => "skipped".to_owned(),
        Verdict::Fresh => "as drawn".to_owned(),
        Verdict::Mismatched(why) => format!("does not fit: {why}"),
    };
    let cell = |name: Option<&str>| name.unwrap_or("-").to_owned();
    vec![cell(key.source), cell(key.target), shape, verdict]
}

fn totals(transfer: &Transfer) -> String {
    let (mut taken, mut skipped, mut drawn) = ((0, 0), (0, 0), (0, 0));
    for line in &transfer.lines {
        let (count, named) = match line.verdict {
            Verdict::Matched => (&mut taken, &line.target),
            Verdict::Skipped => (&mut skipped, &line.source),
            Verdict::Fresh | Verdict::Mismatched(_) => (&mut drawn, &line.target),
        };
        let values = named.as_ref().and_then(|named| elements(&named.shape)).unwrap_or(0);
        *count = (count.0 + 1, count.1 + values as u64);
    }
    let words = |(tensors, values): (usize, u64), what: &str| match tensors {
        1 => format!("1 tensor {what} ({})", numbers(values)),
        _ => format!("{tensors} tensors {what} ({})", numbers(values)),
    };
    let parts = [(taken, "taken"), (drawn, "as drawn"), (skipped, "of the source skipped")];
    let parts = parts.into_iter().filter(|((tensors, _), _)| *tensors > 0);
    parts.map(|(count, what)| words(count, what)).collect::<Vec<_>>().join(", ")
}

fn numbers(values: u64) -> String {
    match values {
        1 => "1 number".into(),
        _ => format!("{} numbers", grouped(values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, shape: &[i64]) -> Option<Named> {
        (!name.is_empty()).then(|| Named { name: name.into(), shape: shape.to_vec() })
    }

    #[test]
    fn layers_that_match_and_parts_that_do_not_take_a_line_each() {
        let mut lines = Vec::new();
        let mut add = |source: &str, target: &str, shape: &[i64], verdict: Verdict| {
            let (source, target) = (named(source, shape), named(target, shape));
            lines.push(Line { source, target, verdict });
        };
        let pair = |name: &str| [format!("encoder.{name}"), format!("convolutions.{name}")];
        for (name, shape) in [
            ("0.weight", &[8, 1, 3, 3, 3][..]),
            ("0.bias", &[8]),
            ("1.weight", &[8]),
            ("1.running_mean", &[8]),
            ("1.num_batches_tracked", &[]),
        ] {
            let [source, target] = pair(name);
            add(&source, &target, shape, Verdict::Matched);
        }
        let why = Verdict::Mismatched("16 there, 8 here".into());
        add("encoder.4.bias", "convolutions.4.bias", &[8], why);
        add("", "fc.2.weight", &[2, 64], Verdict::Fresh);
        add("", "fc.2.bias", &[2], Verdict::Fresh);
        add("decoder.0.weight", "", &[8, 1, 3, 3, 3], Verdict::Skipped);
        let expected = "\
source          target               shape         
encoder.0       convolutions.0       8×1×3×3×3, 8  matched
encoder.1       convolutions.1       8             matched
encoder.4.bias  convolutions.4.bias                does not fit: 16 there, 8 here
-               fc                   2 tensors     as drawn
decoder         -                    8×1×3×3×3     skipped
5 tensors taken (241 numbers), 3 tensors as drawn (138 numbers), 1 tensor of the source skipped (216 numbers)";
        let found = transfer_table(&Transfer { lines });
        let trim = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trim(&found), trim(expected), "\n{found}");
    }
}
