//! What a script or configuration says about the data.

use serde_json::json;

use super::part::MODES;
use crate::options::{Kind, OptionSpec};

fn choice(words: &[&str]) -> Kind {
    Kind::Choice { of: words.iter().map(|word| (*word).to_owned()).collect() }
}

/// The options of `data`.
pub fn specs() -> Vec<OptionSpec> {
    let size = Kind::Sizes { min: 1 };
    vec![
        OptionSpec::required("caps", Kind::Text, "the CAPS folder, or a .tsv of cohorts"),
        OptionSpec::new(
            "preprocessing",
            choice(&["t1-linear", "pet-linear", "flair-linear", "custom"]),
            "t1-linear",
            "the pipeline that made the images",
        ),
        OptionSpec::new(
            "use_uncropped_image",
            Kind::Bool,
            false,
            "take the image that was not cropped",
        ),
        OptionSpec::absent("tracer", Kind::Text, "needed for pet-linear", "the tracer: 18FFDG"),
        OptionSpec::absent(
            "suvr_reference_region",
            Kind::Text,
            "needed for pet-linear",
            "the reference region: cerebellumPons2",
        ),
        OptionSpec::absent(
            "custom_suffix",
            Kind::Text,
            "needed for custom, unless pattern is given",
            "how the file names of custom images end: _desc-brain_T1w.nii.gz",
        ),
        OptionSpec::absent(
            "pattern",
            Kind::Text,
            "custom_suffix decides",
            "instead: a pattern with *, ?, ** and […] for the path below the session",
        ),
        OptionSpec::new("mode", choice(&MODES), "image", "what a network sees of an image"),
        OptionSpec::new("patch_size", size.clone(), 50, "voxels per axis of a patch"),
        OptionSpec::new("stride_size", size, 50, "voxels from one patch to the next"),
        OptionSpec::new(
            "slice_direction",
            choice(&["sagittal", "coronal", "axial"]),
            "sagittal",
            "the axis that slices cut across: the file's first, second or third",
        ),
        OptionSpec::new(
            "slice_mode",
            choice(&["rgb", "single"]),
            "rgb",
            "three equal channels, or one",
        ),
        OptionSpec::new(
            "discarded_slices",
            Kind::Ints,
            json!([0, 0]),
            "slices left out at the low and the high end",
        ),
        OptionSpec::new("roi_list", Kind::Texts, json!([]), "names of the regions"),
        OptionSpec::new("uncropped_roi", Kind::Bool, false, "keep the whole image around a region"),
        OptionSpec::new("roi_custom_template", Kind::Text, "", "the masks' template, for custom"),
        OptionSpec::new(
            "roi_custom_mask_pattern",
            Kind::Text,
            "",
            "part of the masks' names, for custom",
        ),
        OptionSpec::new(
            "use_tensors",
            Kind::Bool,
            false,
            "read images and parts from tensors, where host prepare or ClinicaDL wrote them of the \
             images and masks that are there",
        ),
        OptionSpec::new(
            "normalize",
            Kind::Bool,
            true,
            "scale every part to 0…1 by its own smallest and largest voxel",
        ),
        OptionSpec::new(
            "nan",
            choice(&["error", "replace"]),
            "error",
            "NaN and infinite voxels: refuse the image, or take NaN as 0 and ±∞ as the extremes",
        ),
        OptionSpec::absent(
            "cache_mb",
            Kind::Int { min: 0, max: 1 << 30 },
            "a quarter of the memory that is free",
            "megabytes of decoded images kept in memory",
        ),
        OptionSpec::new(
            "cache",
            Kind::Folder,
            false,
            "keep decoded images on disk, for later runs and others at the same time: true for the \
             user's cache folder, or a folder",
        ),
        OptionSpec::new(
            "cache_gb",
            Kind::Float { min: 0.0, max: 1e6 },
            50.0,
            "gigabytes that the cache holds at most; what was used longest ago goes first",
        ),
    ]
}
