//! What the files of an interpretation are called.

use crate::data::images::Images;
use crate::error::{Code, Error, Result};

/// What the names of an image's files begin with, in a folder of its cohort where there are several.
///
/// # Errors
/// [`Code::BadValue`] for a cohort whose name cannot be that of a folder.
pub(super) fn stem(images: &Images, image: usize) -> Result<String> {
    let visit = images.session(image);
    let stem = format!("{}_{}_image", visit.participant, visit.session);
    if !images.several_cohorts() {
        return Ok(stem);
    }
    let cohort = &visit.cohort;
    if cohort.contains(['/', '\\', '\0']) || [".", ".."].contains(&cohort.as_str()) {
        let message = format!("the cohort {cohort:?} cannot have a folder of its name");
        let error = Error::new(Code::BadValue, message).at(visit.place(None));
        return Err(error.help("give it a name without slashes in the tables of cohorts"));
    }
    Ok(format!("{cohort}/{stem}"))
}

/// What the mean of a class is called: by its code, where its name would not do.
pub(super) fn mean(classes: &[String], class: usize) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '+');
    match classes.get(class) {
        // A file's name has at most 255 bytes.
        Some(name) if (1..=100).contains(&name.len()) && name.chars().all(fits) => {
            format!("mean_{name}")
        }
        _ => format!("mean_class-{class}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_whose_names_are_no_files_go_by_their_codes() {
        let classes = ["CN", "é+1", "a/b", "", &"a".repeat(101), "a.b"].map(String::from);
        let names: Vec<String> = (0..7).map(|class| mean(&classes, class)).collect();
        assert_eq!(names[..2], ["mean_CN", "mean_é+1"]);
        let codes: Vec<String> = (2..7).map(|class| format!("mean_class-{class}")).collect();
        assert_eq!(names[2..], codes);
    }
}
