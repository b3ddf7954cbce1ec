//! The masks of regions of interest.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Caps;
use crate::data::pattern::{Glob, Preprocessing, TEMPLATE};
use crate::error::did_you_mean;
use crate::{Code, Error, Place, Problems, Result};

/// Which masks are meant, where the preprocessing does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskOptions {
    /// The template that the masks are drawn on; by default that of the linear pipelines. Custom
    /// images have no default.
    pub roi_custom_template: Option<String>,
    /// What the names of the masks hold before the region; by default `res-1x1x1` for the linear
    /// pipelines, and anything for custom images.
    pub roi_custom_mask_pattern: Option<String>,
}

impl Caps {
    /// The mask of each region, in their order. All regions without one are told at once.
    pub fn find_masks(
        &self,
        regions: &[String],
        preprocessing: &Preprocessing,
        options: &MaskOptions,
    ) -> Result<Vec<PathBuf>> {
        let linear = preprocessing.is_cropped().is_some();
        // ClinicaDL writes "" for an option that was not given.
        let given = |option: &Option<String>| option.clone().filter(|text| !text.is_empty());
        let template = given(&options.roi_custom_template)
            .or(linear.then(|| TEMPLATE.to_owned()))
            .ok_or_else(|| {
                Error::new(Code::MissingOption, "regions of custom images need their template")
                    .at(Place::Option("roi_custom_template".to_owned()))
            })?;
        let pattern = given(&options.roi_custom_mask_pattern)
            .unwrap_or_else(|| if linear { "res-1x1x1".to_owned() } else { String::new() });
        let search = Search { caps: self, template, pattern, cropped: preprocessing.is_cropped() };
        let masks = search.masks()?;
        let mut problems = Problems::default();
        let found: Vec<_> =
            regions.iter().filter_map(|region| problems.take(search.one(region, &masks))).collect();
        problems.into_result()?;
        Ok(found)
    }
}

struct Search<'a> {
    caps: &'a Caps,
    template: String,
    pattern: String,
    cropped: Option<bool>,
}

impl Search<'_> {
    fn folder(&self) -> PathBuf {
        self.caps.root().join("masks").join(format!("tpl-{}", self.template))
    }

    /// The names of all masks of the template, sorted.
    fn masks(&self) -> Result<Vec<String>> {
        let folder = self.folder();
        let entries = fs::read_dir(&folder).map_err(|error| {
            let masks = self.caps.root().join("masks");
            let templates = super::listing::folders(&masks, "tpl-").unwrap_or_default();
            let error = Error::new(Code::BadMask, "the folder of the masks cannot be listed")
                .at(Place::File(folder.clone()))
                .because(error);
            if templates.is_empty() {
                error.help("put the masks there, named tpl-…_roi-…_mask.nii.gz")
            } else {
                error.help(format!("the folders there are {}", templates.join(", ")))
            }
        })?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| region(name).is_some()).collect();
        names.sort();
        Ok(names)
    }

    fn one(&self, wanted: &str, masks: &[String]) -> Result<PathBuf> {
        let glob = Glob::new(&format!("*{}*", self.pattern));
        let of_region = |name: &&String| region(name).is_some_and(|(_, region)| region == wanted);
        let fits = |name: &&String| {
            let cropped = name.contains("_desc-Crop_");
            let front = region(name).map_or("", |(front, _)| front);
            glob.matches(front) && self.cropped.is_none_or(|needed| needed == cropped)
        };
        // Several may be left; as in ClinicaDL the alphabetically first is meant.
        let any: Vec<_> = masks.iter().filter(of_region).collect();
        if let Some(mask) = any.iter().copied().find(fits) {
            return Ok(self.folder().join(mask));
        }
        let crop = match self.cropped {
            Some(true) => " with _desc-Crop_",
            Some(false) => " without _desc-Crop_",
            None => "",
        };
        let looked = format!("*{}*_roi-{wanted}_mask.nii*{crop}", self.pattern);
        let error = |found: String| {
            Error::new(Code::BadMask, format!("no mask {looked}; {found}"))
                .at(Place::File(self.folder()))
        };
        if let [first, ..] = any.as_slice() {
            let help =
                "draw the mask on the grid of the images, or choose use_uncropped_image to fit";
            return Err(error(format!("the region has {first}")).help(help));
        }
        let mut regions: Vec<_> =
            masks.iter().filter(fits).filter_map(|name| Some(region(name)?.1)).collect();
        regions.sort_unstable();
        regions.dedup();
        let near = did_you_mean(wanted, regions.iter().copied());
        Err(error(match regions.as_slice() {
            [] => "there is none of another region either".to_owned(),
            _ => format!("the regions there are {}{near}", regions.join(", ")),
        }))
    }
}

/// Splits a mask's name around `_roi-`: what is before, and the region.
pub(super) fn region(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_suffix("_mask.nii.gz").or_else(|| name.strip_suffix("_mask.nii"))?;
    stem.rsplit_once("_roi-").filter(|(_, region)| !region.is_empty())
}
