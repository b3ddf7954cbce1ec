//! Who is in a study.

use std::path::Path;

use neurhai_core::tsv::{ANALYSIS_COLUMNS, Analysis, Labels};

use super::columns;

/// What each step left, and the sessions of each diagnosis.
pub fn labelled(labels: &Labels, output: &Path) -> String {
    let mut rows = vec![["", "sessions", "participants"].map(String::from).to_vec()];
    rows.extend(labels.steps.iter().map(|step| {
        vec![step.left.clone(), step.sessions.to_string(), step.participants.to_string()]
    }));
    let counts = labels.diagnoses.iter().map(|(diagnosis, n)| format!("{diagnosis} {n}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    format!("{}written to {}: {counts}", columns(&rows, 1), output.display())
}

/// A column for each diagnosis.
pub fn analysed(analysis: &Analysis, output: &Path) -> String {
    let names = analysis.groups.iter().map(|(name, _)| name.clone());
    let mut rows = vec![[String::new()].into_iter().chain(names).collect::<Vec<_>>()];
    for (i, column) in ANALYSIS_COLUMNS.iter().enumerate() {
        let value = |values: &[Option<f64>]| match values[i] {
            None => "–".to_owned(),
            Some(value) if value.fract() == 0.0 => value.to_string(),
            Some(value) => format!("{value:.2}"),
        };
        let cells = analysis.groups.iter().map(|(_, values)| value(values));
        rows.push([(*column).to_owned()].into_iter().chain(cells).collect());
    }
    format!("{}written to {}", columns(&rows, 1), output.display())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neurhai_core::tsv::Step;

    use super::*;

    #[test]
    fn each_step_has_a_line() {
        let step = |left: &str, sessions| Step { left: left.into(), sessions, participants: 7 };
        let labels = Labels {
            steps: vec![step("in the table", 15), step("with t1w", 9)],
            diagnoses: BTreeMap::from([("AD".into(), 5), ("CN".into(), 4)]),
            notes: Vec::new(),
        };
        let expected = "              sessions  participants
in the table        15             7
with t1w             9             7
written to labels.tsv: AD 5, CN 4";
        assert_eq!(labelled(&labels, Path::new("labels.tsv")), expected);
    }

    #[test]
    fn each_diagnosis_has_a_column() {
        let mut values = vec![None; ANALYSIS_COLUMNS.len()];
        (values[0], values[1]) = (Some(4.0), Some(72.375));
        let text = analysed(
            &Analysis { groups: vec![("AD".into(), values)], notes: Vec::new() },
            Path::new("a.tsv"),
        );
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words[..7], ["AD", "n_subjects", "4", "mean_age", "72.38", "std_age", "–"]);
    }
}
