//! Tensors of regions whose names do not say of which image they are.

use std::path::PathBuf;

use serde_json::Value;

use super::Caps;
use crate::data::pattern::Preprocessing;
use crate::error::Result;
use crate::files;

impl Caps {
    /// A JSON of tensors of regions that have the names of those that `regions` describes, the keys of
    /// one such JSON, but were cut from other images: ClinicaDL's names of them hold neither the tracer
    /// and the reference region nor whether the image was cropped.
    ///
    /// # Errors
    /// A folder or a file that cannot be read.
    pub(crate) fn namesakes(
        &self,
        preprocessing: &Preprocessing,
        regions: &Value,
    ) -> Result<Option<PathBuf>> {
        let folder = self.root().join("tensor_extraction");
        if !folder.is_dir() {
            return Ok(None);
        }
        let kind = preprocessing.tensor_folder().replace('_', "-");
        let pattern = preprocessing.pattern();
        for name in files::entries(&folder)?.into_iter().filter(|name| name.ends_with(".json")) {
            let file = folder.join(name);
            let bytes = files::read(&file, "read how tensors were cut")?;
            // What is no JSON of tensors says nothing of any.
            let Ok(there) = serde_json::from_slice::<Value>(&bytes) else { continue };
            let other = there["file_type"]["pattern"].as_str();
            let alike = there["mode"] == "roi"
                && there["prepare_dl"] == true
                && there["preprocessing"] == kind
                && there["uncropped_roi"] == regions["uncropped_roi"]
                && share(&there["roi_list"], &regions["roi_list"]);
            if alike && other.is_some_and(|o| o != pattern && suffix(o) == suffix(&pattern)) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}

fn share(one: &Value, other: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let other = list(other);
    list(one).iter().any(|name| other.contains(name))
}

/// What the names of tensors end in, which the pattern of the images says: `T1w`.
fn suffix(pattern: &str) -> &str {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let name = name.strip_suffix(".nii").unwrap_or(name);
    name.rsplit('_').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(there: Value, regions: Value, expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["subjects", "tensor_extraction"] {
            std::fs::create_dir(folder.path().join(inner)).unwrap();
        }
        let file = folder.path().join("tensor_extraction/first.json");
        std::fs::write(&file, there.to_string()).unwrap();
        std::fs::write(folder.path().join("tensor_extraction/other.json"), "{").unwrap();
        let caps = Caps::open(folder.path()).unwrap();
        let uncropped = Preprocessing::T1Linear { use_uncropped_image: true };
        let found = caps.namesakes(&uncropped, &regions).unwrap();
        assert_eq!(found, expected.then_some(file));
    }

    #[test]
    fn regions_of_other_images_with_the_same_names_are_found() {
        let cropped = Preprocessing::T1Linear { use_uncropped_image: false };
        let there = |change: Value| {
            let mut there = json!({
                "preprocessing": "t1-linear", "mode": "roi", "prepare_dl": true,
                "roi_list": ["left", "right"], "uncropped_roi": false,
                "file_type": { "pattern": cropped.pattern() },
            });
            for (key, value) in change.as_object().unwrap() {
                there[key] = value.clone();
            }
            there
        };
        let regions = json!({ "roi_list": ["right"], "uncropped_roi": false });
        check(there(json!({})), regions.clone(), true);
        let own = Preprocessing::T1Linear { use_uncropped_image: true };
        for harmless in [
            json!({ "file_type": { "pattern": own.pattern() } }),
            json!({ "mode": "patch" }),
            json!({ "prepare_dl": false }),
            json!({ "preprocessing": "pet-linear" }),
            json!({ "uncropped_roi": true }),
            json!({ "roi_list": ["left"] }),
            json!({ "file_type": { "pattern": "*_flair.nii.gz" } }),
        ] {
            check(there(harmless), regions.clone(), false);
        }
    }
}
