//! What tensors on disk were cut from, and whether that is what is there now.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::is_tensor;
use crate::error::{Error, Result};
use crate::files;
use crate::volume::read_note;

/// What a tensor was cut from. Its file says so where this program wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The name of the image's file, without its suffix.
    pub(crate) image: String,
    /// The BLAKE3 hash of that file.
    pub(crate) image_blake3: String,
    /// The BLAKE3 hash of the mask's file, of a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mask_blake3: Option<String>,
    /// Whether NaN and infinite voxels were replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) replaced: bool,
}

impl Origin {
    /// Of a whole image, or a part of one, in a file with this hash.
    pub(crate) fn new(image: &Path, image_blake3: String, replaced: bool) -> Self {
        Self { image: stem(image), image_blake3, mask_blake3: None, replaced }
    }

    /// What the file of a tensor says, if it says it.
    pub(crate) fn read(tensor: &Path) -> Option<Self> {
        serde_json::from_str(&read_note(tensor).ok()??).ok()
    }
}

/// The name of the file of an image, or of a tensor of one, without its suffix.
pub(crate) fn stem(image: &Path) -> String {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    if is_tensor(image) {
        return name.rsplit_once('.').map_or(&*name, |(stem, _)| stem).to_owned();
    }
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    stem.strip_suffix(".nii").unwrap_or(stem).to_owned()
}

/// What a tensor is to be cut from.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The image and the mask as they are now.
    pub(crate) origin: Origin,
    /// When either was changed last: that is all there is to compare where a tensor says nothing.
    pub(crate) changed: SystemTime,
}

/// A tensor that is there, compared with what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Cut from what is there now.
    Current,
    /// Not whole, or cut from something that was there before.
    Outdated,
    /// Cut from an image of this name, whose tensors have the same names.
    OfAnother(String),
}

impl Wanted {
    /// The same of a region, by the mask's hash and when that was changed.
    pub(crate) fn within(&self, mask: &(String, SystemTime)) -> Self {
        let mut wanted = self.clone();
        wanted.origin.mask_blake3 = Some(mask.0.clone());
        wanted.changed = wanted.changed.max(mask.1);
        wanted
    }

    /// How the tensor in `file`, of so many numbers at least, compares; nothing where there is no file.
    pub(crate) fn compare(&self, file: &Path, numbers: usize) -> Option<State> {
        let about = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
        if about.len() < 4 * numbers as u64 {
            return Some(State::Outdated);
        }
        let current = |is: bool| if is { State::Current } else { State::Outdated };
        Some(match read_note(file).map(|note| note.map(|note| serde_json::from_str(&note))) {
            Ok(None) => current(about.modified().is_ok_and(|written| written >= self.changed)),
            Ok(Some(Ok(Origin { image, image_blake3, mask_blake3, replaced }))) => {
                let own = &self.origin;
                match image == own.image {
                    // What was found without any is the same where some would be replaced.
                    true => current(
                        image_blake3 == own.image_blake3
                            && mask_blake3 == own.mask_blake3
                            && (own.replaced || !replaced),
                    ),
                    false => State::OfAnother(image),
                }
            }
            Ok(Some(Err(_))) | Err(_) => State::Outdated,
        })
    }
}

/// The hash of a mask's file, and when that was changed last.
///
/// # Errors
/// What the disk says.
pub(crate) fn mask(file: &Path) -> Result<(String, SystemTime)> {
    Ok((files::hash(file, "read the mask")?, changed(file)?))
}

/// When a file was changed last.
///
/// # Errors
/// What the disk says.
pub(crate) fn changed(file: &Path) -> Result<SystemTime> {
    let asked = file.metadata().and_then(|about| about.modified());
    asked.map_err(|error| Error::io(file, "look at the file", &error))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::volume::{write_pt, write_pt_with, write_safetensors};

    #[test]
    fn a_tensor_is_current_while_its_image_its_mask_and_its_bytes_are_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("part.pt");
        let image = Path::new("x/sub-A_T1w.nii.gz");
        let origin = |hash: &str, replaced| Origin::new(image, hash.into(), replaced);
        let now = SystemTime::now();
        let wanted = |hash: &str| Wanted { origin: origin(hash, false), changed: now };
        let write = |origin: &Origin| {
            let note = serde_json::to_string(origin).unwrap();
            write_pt_with(&file, &[1.0; 8], &[1, 2, 2, 2], Some(&note)).unwrap();
        };
        assert_eq!(wanted("a").compare(&file, 8), None);
        write(&origin("a", false));
        assert_eq!(wanted("a").compare(&file, 8), Some(State::Current));
        // Whatever the times say.
        let later = Wanted { changed: now + Duration::from_secs(900), ..wanted("a") };
        assert_eq!(later.compare(&file, 8), Some(State::Current));
        assert_eq!(wanted("b").compare(&file, 8), Some(State::Outdated));
        assert_eq!(wanted("a").compare(&file, 9999), Some(State::Outdated));
        let region = |hash: &str| wanted("a").within(&(hash.into(), now));
        assert_eq!(region("m").compare(&file, 8), Some(State::Outdated));
        write(&region("m").origin);
        assert_eq!(region("m").compare(&file, 8), Some(State::Current));
        assert_eq!(region("n").compare(&file, 8), Some(State::Outdated));
        let renamed = Path::new("sub-A_T1w.nii");
        let renamed = Wanted { origin: Origin::new(renamed, "a".into(), false), ..region("m") };
        assert_eq!(renamed.within(&("m".into(), now)).compare(&file, 8), Some(State::Current));
        let other = Path::new("sub-A_desc-Crop_T1w.nii.gz");
        let other = Wanted { origin: Origin::new(other, "a".into(), false), ..wanted("a") };
        assert_eq!(other.compare(&file, 8), Some(State::OfAnother("sub-A_T1w".into())));

        // Voxels that were replaced are an error where they are to be one; the reverse does no harm.
        write(&origin("a", true));
        assert_eq!(wanted("a").compare(&file, 8), Some(State::Outdated));
        let replace = Wanted { origin: origin("a", true), changed: now };
        assert_eq!(replace.compare(&file, 8), Some(State::Current));
        write(&origin("a", false));
        assert_eq!(replace.compare(&file, 8), Some(State::Current));

        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(wanted("a").compare(&file, 8), Some(State::Outdated));
        let safe = folder.path().join("part.safetensors");
        let note = serde_json::to_string(&origin("a", false)).unwrap();
        write_safetensors(&safe, &[1.0; 8], &[8], &note).unwrap();
        assert_eq!(wanted("a").compare(&safe, 8), Some(State::Current));
        write_safetensors(&safe, &[1.0; 8], &[8], "something else").unwrap();
        assert_eq!(wanted("a").compare(&safe, 8), Some(State::Outdated));
    }

    #[test]
    fn where_a_tensor_says_nothing_its_age_decides() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("part.pt");
        write_pt(&file, &[1.0; 8], &[8]).unwrap();
        let at = changed(&file).unwrap();
        let origin = Origin::new(Path::new("a.nii"), "a".into(), false);
        let state = |changed| Wanted { origin: origin.clone(), changed }.compare(&file, 8);
        assert_eq!(state(at), Some(State::Current));
        assert_eq!(state(at + Duration::from_secs(1)), Some(State::Outdated));
    }
}
