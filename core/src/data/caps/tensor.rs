//! What ClinicaDL calls the tensors it cuts from images.

use std::path::{Path, PathBuf};

use super::{Caps, TENSORS};
use crate::data::participants::Session;
use crate::data::pattern::Preprocessing;
use crate::{Code, Error, Place, Result};

/// How files that hold a tensor end, in the order in which they are looked for: what ClinicaDL reads
/// too comes first.
pub(crate) const TENSOR_FILES: [&str; 2] = ["pt", "safetensors"];

/// Whether a file holds a tensor, by its name.
pub(crate) fn is_tensor(file: &Path) -> bool {
    TENSOR_FILES.iter().any(|kind| file.extension().is_some_and(|own| own == *kind))
}

/// Which part of an image a tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorOf<'a> {
    /// All of it.
    Image,
    /// A patch, by its index.
    Patch {
        /// The length of the patch's edges.
        size: usize,
        /// The distance between neighbours.
        stride: usize,
        /// Its number; the last axis runs fastest.
        index: usize,
    },
    /// A slice, by its index in the whole image.
    Slice {
        /// The axis it stands on: 0 sagittal, 1 coronal, 2 axial.
        axis: usize,
        /// Whether it is repeated to three channels.
        rgb: bool,
        /// Its number along the axis, whether or not the first ones were discarded.
        index: usize,
    },
    /// A region of interest.
    Roi {
        /// The file of its mask.
        mask: &'a Path,
        /// Whether the tensor keeps the size of the image.
        uncropped: bool,
    },
}

impl TensorOf<'_> {
    fn folder(&self) -> &'static str {
        match self {
            Self::Image => "image_based",
            Self::Patch { .. } => "patch_based",
            Self::Slice { .. } => "slice_based",
            Self::Roi { .. } => "roi_based",
        }
    }
}

impl Caps {
    /// Where ClinicaDL puts a tensor of a session's image, whose file is called `image`.
    pub fn tensor_path(
        &self,
        session: &Session,
        preprocessing: &Preprocessing,
        image: &str,
        part: TensorOf<'_>,
    ) -> Result<PathBuf> {
        let folder = self.folder(session).join(TENSORS).join(part.folder());
        Ok(folder.join(preprocessing.tensor_folder()).join(tensor_name(image, part)?))
    }
}

/// What ClinicaDL calls a tensor of the image called `image`.
pub fn tensor_name(image: &str, part: TensorOf<'_>) -> Result<String> {
    let stem = image.strip_suffix(".gz").unwrap_or(image);
    let stem = stem.strip_suffix(".nii").unwrap_or(stem);
    let (front, suffix) = stem.rsplit_once('_').unwrap_or((stem, "image"));
    Ok(match part {
        TensorOf::Image => format!("{stem}.pt"),
        TensorOf::Patch { size, stride, index } => {
            format!("{front}_patchsize-{size}_stride-{stride}_patch-{index}_{suffix}.pt")
        }
        TensorOf::Slice { axis, rgb, index } => {
            let axis = ["sag", "cor", "axi"].get(axis).ok_or_else(|| {
                Error::new(Code::BadOption, format!("an axis is 0, 1 or 2, not {axis}"))
                    .at(Place::Option("slice_direction".to_owned()))
            })?;
            let channel = if rgb { "rgb" } else { "single" };
            format!("{front}_axis-{axis}_channel-{channel}_slice-{index}_{suffix}.pt")
        }
        TensorOf::Roi { mask, uncropped } => {
            let tokens: Vec<_> = stem.split('_').collect();
            let ids = if tokens.get(2) == Some(&"T1w") { 3 } else { 2 };
            let ids = tokens[..ids.min(tokens.len())].join("_");
            format!("{ids}_{}_{suffix}.pt", descriptor(mask, uncropped)?)
        }
    })
}

/// `tpl-T_desc-Crop_res-1x1x1_roi-R_mask.nii.gz` gives `space-T_desc-CropRoi_res-1x1x1_roi-R`.
fn descriptor(mask: &Path, uncropped: bool) -> Result<String> {
    let parse = || {
        let name = mask.file_name()?.to_str()?;
        let (middle, region) = super::mask::region(name)?;
        Some((middle.strip_prefix("tpl-")?.split('_'), region))
    };
    let (mut tokens, region) = parse().ok_or_else(|| {
        Error::new(Code::BadMask, "a mask's name was expected to be tpl-…_roi-…_mask.nii.gz")
            .at(Place::File(mask.into()))
    })?;
    let template = tokens.next().unwrap_or_default();
    let mut tokens: Vec<_> = tokens.collect();
    let length = tokens.len();
    tokens.retain(|token| *token != "desc-Crop");
    if !uncropped {
        tokens.insert(0, "desc-CropRoi");
    } else if tokens.len() < length {
        tokens.insert(0, "desc-CropImage");
    }
    let tokens: String = tokens.iter().map(|token| format!("_{token}")).collect();
    Ok(format!("space-{template}{tokens}_roi-{region}"))
}

/// The pattern of the tensors of whole images in files of this kind, from that of the images.
pub(super) fn pattern(images: &str, kind: &str) -> String {
    let name = images.rsplit('/').next().unwrap_or(images);
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    format!("{}.{kind}", stem.strip_suffix(".nii").unwrap_or(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "sub-A_ses-M0_space-X_desc-Crop_res-1x1x1_T1w.nii.gz";

    #[track_caller]
    fn check(image: &str, part: TensorOf<'_>, expected: &str) {
        assert_eq!(tensor_name(image, part).unwrap(), expected);
    }

    #[test]
    fn names_are_those_that_clinicadl_gives() {
        check(IMAGE, TensorOf::Image, "sub-A_ses-M0_space-X_desc-Crop_res-1x1x1_T1w.pt");
        check(
            IMAGE,
            TensorOf::Patch { size: 32, stride: 16, index: 7 },
            "sub-A_ses-M0_space-X_desc-Crop_res-1x1x1_patchsize-32_stride-16_patch-7_T1w.pt",
        );
        check(
            IMAGE,
            TensorOf::Slice { axis: 2, rgb: true, index: 30 },
            "sub-A_ses-M0_space-X_desc-Crop_res-1x1x1_axis-axi_channel-rgb_slice-30_T1w.pt",
        );
        check(
            "sub-A_ses-M0_flair.nii",
            TensorOf::Slice { axis: 0, rgb: false, index: 0 },
            "sub-A_ses-M0_axis-sag_channel-single_slice-0_flair.pt",
        );
    }

    #[test]
    fn the_name_of_a_region_says_how_it_was_cut() {
        let cropped = Path::new("masks/tpl-X_desc-Crop_res-1x1x1_roi-leftBox_mask.nii.gz");
        let full = Path::new("tpl-X_res-1x1x1_roi-leftBox_mask.nii");
        for (mask, uncropped, expected) in [
            (cropped, false, "sub-A_ses-M0_space-X_desc-CropRoi_res-1x1x1_roi-leftBox_T1w.pt"),
            (cropped, true, "sub-A_ses-M0_space-X_desc-CropImage_res-1x1x1_roi-leftBox_T1w.pt"),
            (full, false, "sub-A_ses-M0_space-X_desc-CropRoi_res-1x1x1_roi-leftBox_T1w.pt"),
            (full, true, "sub-A_ses-M0_space-X_res-1x1x1_roi-leftBox_T1w.pt"),
        ] {
            check(IMAGE, TensorOf::Roi { mask, uncropped }, expected);
        }
        let bare = TensorOf::Roi { mask: Path::new("tpl-X_roi-R_mask.nii.gz"), uncropped: true };
        check("sub-A_ses-M0_T1w_space-X_T1w.nii.gz", bare, "sub-A_ses-M0_T1w_space-X_roi-R_T1w.pt");
    }

    #[test]
    fn what_cannot_be_named_is_an_error() {
        let mask = Path::new("hippocampus.nii.gz");
        let error = tensor_name(IMAGE, TensorOf::Roi { mask, uncropped: true }).unwrap_err();
        assert_eq!(error.code(), Code::BadMask);
        let error = tensor_name(IMAGE, TensorOf::Slice { axis: 3, rgb: true, index: 0 });
        assert_eq!(error.unwrap_err().code(), Code::BadOption);
    }
}
