//! What is to be written as tensors, and what was.

use neurhai_core::prepare::{Plan, Prepared};

use super::{bytes, grouped};

/// `40 images of 8 parts: 12 are finished, 224 files to write (34.1 MB of 120 GB that are free)`
pub fn planned(plan: &Plan) -> String {
    let images = match plan.parts {
        1 => format!("{} images", plan.images),
        parts => format!("{} images of {parts} parts", plan.images),
    };
    if plan.files == 0 {
        return format!("{images}: all are finished, nothing to write");
    }
    let finished = match plan.finished {
        0 => String::new(),
        finished => format!("{finished} are finished, "),
    };
    let free =
        plan.free.map_or_else(String::new, |free| format!(" of {} that are free", bytes(free)));
    let outdated = match plan.outdated {
        0 => String::new(),
        files => format!(
            "; {} of them are there, but not whole or of another image or mask",
            grouped(files as u64)
        ),
    };
    let files = grouped(plan.files as u64);
    format!("{images}: {finished}{files} files to write ({}{free}){outdated}", bytes(plan.bytes))
}

/// What was written, and where it is said how.
pub fn prepared(prepared: &Prepared) -> String {
    let files = grouped(prepared.plan.files as u64);
    format!("{files} files written, described in {}", prepared.json.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_to_do_is_told_in_a_line() {
        let plan = Plan {
            images: 40,
            parts: 8,
            finished: 12,
            files: 1224,
            outdated: 3,
            bytes: 161_000_000,
            free: Some(120_000_000_000),
        };
        assert_eq!(
            planned(&plan),
            "40 images of 8 parts: 12 are finished, 1 224 files to write (161 MB of 120 GB that are \
             free); 3 of them are there, but not whole or of another image or mask"
        );
        let whole = Plan { parts: 1, finished: 0, outdated: 0, free: None, ..plan };
        assert_eq!(planned(&whole), "40 images: 1 224 files to write (161 MB)");
        let done = Plan { files: 0, ..plan };
        assert_eq!(planned(&done), "40 images of 8 parts: all are finished, nothing to write");
    }
}
