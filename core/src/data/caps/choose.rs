//! Which of several matching files is meant.

/// The outcome for one session.
#[derive(Debug, PartialEq)]
pub(super) enum Choice<'a> {
    None,
    One(&'a str),
    /// The file of the highest run, and the others.
    LastRun(&'a str, Vec<&'a str>),
    Several(Vec<&'a str>),
}

/// Chooses the highest run where the files differ by nothing else.
pub(super) fn choose(files: Vec<&str>) -> Choice<'_> {
    match files.as_slice() {
        [] => return Choice::None,
        [one] => return Choice::One(one),
        _ => {}
    }
    let Some(mut runs) = files.iter().map(|file| split_run(file)).collect::<Option<Vec<_>>>()
    else {
        return Choice::Several(files);
    };
    runs.sort_by_key(|run| run.number);
    let rest = runs[0].rest;
    let doubtful = runs.windows(2).any(|pair| pair[0].number == pair[1].number);
    if doubtful || runs.iter().any(|run| run.rest != rest) {
        return Choice::Several(files);
    }
    let mut files: Vec<_> = runs.iter().map(|run| run.file).collect();
    match files.pop() {
        Some(last) => Choice::LastRun(last, files),
        None => Choice::None,
    }
}

struct Run<'a> {
    file: &'a str,
    number: u64,
    /// The path around the run's digits.
    rest: (&'a str, &'a str),
}

/// Takes the `run-<n>` out of a file's name.
fn split_run(file: &str) -> Option<Run<'_>> {
    let name = file.rfind('/').map_or(0, |slash| slash + 1);
    let start = name + file[name..].find("_run-")? + "_run-".len();
    let digits =
        file[start..].find(|mark: char| !mark.is_ascii_digit()).unwrap_or(file.len() - start);
    let number = file[start..start + digits].parse().ok()?;
    Some(Run { file, number, rest: (&file[..start], &file[start + digits..]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_run_is_taken_where_nothing_else_differs() {
        assert_eq!(choose(vec![]), Choice::None);
        assert_eq!(choose(vec!["a"]), Choice::One("a"));
        assert_eq!(
            choose(vec!["x/s_run-10_T1w.nii", "x/s_run-2_T1w.nii", "x/s_run-9_T1w.nii"]),
            Choice::LastRun("x/s_run-10_T1w.nii", vec!["x/s_run-2_T1w.nii", "x/s_run-9_T1w.nii"])
        );
    }

    #[test]
    fn other_differences_are_for_the_user_to_decide() {
        for files in [
            vec!["x/s_run-1_T1w.nii", "y/s_run-2_T1w.nii"],
            vec!["s_T1w.nii", "s_run-2_T1w.nii"],
            vec!["s_run-1_T1w.nii", "s_run-2_T2w.nii"],
            vec!["s_run-01_T1w.nii", "s_run-1_T1w.nii"],
            vec!["s_run-_T1w.nii", "s_run-1_T1w.nii"],
        ] {
            assert_eq!(choose(files.clone()), Choice::Several(files));
        }
    }
}
