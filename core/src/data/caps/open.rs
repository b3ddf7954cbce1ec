//! Whether a folder is a CAPS, and what it is instead.

use std::fs;
use std::path::Path;

use crate::error::some;
use crate::{Code, Error, Place, Result};

/// Names in a message, at most.
const SHOWN: usize = 6;

/// Refuses a folder that is no CAPS, saying what it looks like and which folder may be meant.
pub(super) fn check(root: &Path) -> Result<()> {
    let io = |error: std::io::Error| Error::io(root, "open the CAPS", &error);
    let refuse = |message: String, help: String| {
        Err(Error::new(Code::BadCaps, message).at(Place::File(root.into())).help(help))
    };
    if !fs::metadata(root).map_err(io)?.is_dir() {
        return refuse(
            "a CAPS folder was expected, this is a file".to_owned(),
            "give the folder that holds subjects/".to_owned(),
        );
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let strays: Vec<_> = names.iter().filter(|name| name.starts_with("sub-")).cloned().collect();
    let subjects = root.join("subjects");
    match (subjects.is_dir(), strays.is_empty()) {
        (true, true) => fs::read_dir(&subjects)
            .map(|_| ())
            .map_err(|error| Error::io(&subjects, "list the participants of the CAPS", &error)),
        (true, false) => refuse(
            format!(
                "participants lie beside subjects/ instead of in it: {}",
                some(strays.iter(), SHOWN)
            ),
            "move them into subjects/, or away if they do not belong here".to_owned(),
        ),
        (false, false) => {
            let absolute = std::path::absolute(root).unwrap_or_else(|_| root.into());
            if let (Some("subjects"), Some(parent)) =
                (absolute.file_name().and_then(|name| name.to_str()), absolute.parent())
            {
                return refuse(
                    "this is the subjects/ folder inside a CAPS".to_owned(),
                    format!("give {}", parent.display()),
                );
            }
            refuse(
                format!(
                    "this looks like a BIDS folder: {} lie in it directly, and there is no subjects/",
                    some(strays.iter(), SHOWN)
                ),
                "give the CAPS that Clinica wrote from it; if this is one, move its participants \
                 into subjects/"
                    .to_owned(),
            )
        }
        (false, true) => {
            let found =
                if names.is_empty() { "nothing".to_owned() } else { some(names.iter(), SHOWN) };
            refuse(format!("there is no folder subjects/; found {found}"), advice(root, &names))
        }
    }
}

/// The folder that may be meant: one inside, or one above.
fn advice(root: &Path, names: &[String]) -> String {
    let absolute = std::path::absolute(root).unwrap_or_else(|_| root.into());
    let inside = names.iter().map(|name| absolute.join(name));
    let above = absolute.ancestors().skip(1).map(Path::to_path_buf);
    match inside.chain(above).find(|folder| folder.join("subjects").is_dir()) {
        Some(caps) => format!("give {}", caps.display()),
        None => "a CAPS holds subjects/sub-X/ses-Y/, as Clinica's pipelines write it".to_owned(),
    }
}
