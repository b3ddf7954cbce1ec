//! Which image of a session is meant: a preprocessing, and the pattern its file names follow.

use serde::{Deserialize, Serialize};

use crate::error::did_you_mean;
use crate::{Code, Error, Place, Problems, Result};

mod glob;

pub use glob::Glob;

/// The template space of the linear pipelines.
pub(super) const TEMPLATE: &str = "MNI152NLin2009cSym";

/// The regions that Clinica's pet-linear divides the uptake by.
const SUVR_REGIONS: [&str; 4] = ["pons", "cerebellumPons", "pons2", "cerebellumPons2"];

/// What Clinica did to the images, which says what their files are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "preprocessing", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Preprocessing {
    /// T1-weighted images, registered linearly.
    T1Linear {
        /// Take the image with its full field of view instead of the cropped one.
        #[serde(default)]
        use_uncropped_image: bool,
    },
    /// FLAIR images, registered linearly.
    FlairLinear {
        /// Take the image with its full field of view instead of the cropped one.
        #[serde(default)]
        use_uncropped_image: bool,
    },
    /// PET images, registered linearly.
    PetLinear {
        /// The tracer as file names give it: `18FFDG`, `18FAV45`, ….
        tracer: String,
        /// The region that the uptake is divided by: `pons`, `cerebellumPons`, `pons2` or
        /// `cerebellumPons2`.
        suvr_reference_region: String,
        /// Take the image with its full field of view instead of the cropped one.
        #[serde(default)]
        use_uncropped_image: bool,
    },
    /// Any other images. Exactly one of the two options is given.
    Custom {
        /// How the file names end: `_desc-brain_T1w.nii.gz`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        custom_suffix: Option<String>,
        /// A pattern with `*`, `?`, `**` and `[…]`: for the file name, or, where it holds a `/`, for
        /// the path below the session's folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
}

impl Preprocessing {
    /// Whether the options make sense.
    pub fn check(&self) -> Result<()> {
        let mut problems = Problems::default();
        let mut refuse = |option: &str, code: Code, message: String| {
            problems.push(Error::new(code, message).at(Place::Option(option.to_owned())));
        };
        match self {
            Self::T1Linear { .. } | Self::FlairLinear { .. } => {}
            Self::PetLinear { tracer, suvr_reference_region: region, .. } => {
                let plain = tracer.chars().all(char::is_alphanumeric);
                if tracer.is_empty() || !plain {
                    let message = "a tracer as file names give it was expected, such as 18FFDG";
                    refuse("tracer", Code::BadOption, format!("{message}, not {tracer:?}"));
                }
                if !SUVR_REGIONS.iter().any(|known| known.eq_ignore_ascii_case(region)) {
                    let near = did_you_mean(region, SUVR_REGIONS);
                    let known = SUVR_REGIONS.join(", ");
                    refuse(
                        "suvr_reference_region",
                        Code::BadOption,
                        format!("one of {known} was expected, not {region:?}{near}"),
                    );
                }
            }
            Self::Custom { custom_suffix, pattern } => match (custom_suffix, pattern) {
                (Some(given), None) | (None, Some(given)) => {
                    let option = if pattern.is_some() { "pattern" } else { "custom_suffix" };
                    if given.is_empty() || given.starts_with('/') || given.ends_with('/') {
                        let message = "a file name or a path below the session was expected";
                        refuse(option, Code::BadOption, format!("{message}, not {given:?}"));
                    }
                }
                (None, None) => {
                    let message = "custom images need custom_suffix or pattern";
                    refuse("pattern", Code::MissingOption, message.to_owned());
                }
                (Some(_), Some(_)) => {
                    let message = "custom_suffix and pattern say the same: give one of them";
                    refuse("pattern", Code::BadOption, message.to_owned());
                }
            },
        }
        problems.into_result()
    }

    /// The pattern of the file's name or path, as ClinicaDL writes it.
    pub fn pattern(&self) -> String {
        let space = format!("space-{TEMPLATE}");
        let crop = if self.is_cropped() == Some(true) { "_desc-Crop" } else { "" };
        match self {
            Self::T1Linear { .. } => format!("*{space}{crop}_res-1x1x1_T1w.nii.gz"),
            Self::FlairLinear { .. } => format!("*{space}{crop}_res-1x1x1_flair.nii.gz"),
            Self::PetLinear { tracer, suvr_reference_region: region, .. } => format!(
                "pet_linear/*_trc-{tracer}_{space}{crop}_res-1x1x1_suvr-{region}_pet.nii.gz"
            ),
            Self::Custom { custom_suffix: Some(suffix), .. } => format!("*{suffix}"),
            Self::Custom { pattern, .. } => pattern.clone().unwrap_or_default(),
        }
    }

    /// The folder of its tensors below `deeplearning_prepare_data/<mode>_based`.
    pub fn tensor_folder(&self) -> &'static str {
        match self {
            Self::T1Linear { .. } => "t1_linear",
            Self::FlairLinear { .. } => "flair_linear",
            Self::PetLinear { .. } => "pet_linear",
            Self::Custom { .. } => "custom",
        }
    }

    /// Whether the images are cropped to the brain; unknown for custom ones.
    pub fn is_cropped(&self) -> Option<bool> {
        match self {
            Self::T1Linear { use_uncropped_image }
            | Self::FlairLinear { use_uncropped_image }
            | Self::PetLinear { use_uncropped_image, .. } => Some(!use_uncropped_image),
            Self::Custom { .. } => None,
        }
    }

    /// The same with cropped and uncropped images exchanged, where there are the two.
    pub(super) fn other_crop(&self) -> Option<Self> {
        let mut other = self.clone();
        match &mut other {
            Self::T1Linear { use_uncropped_image }
            | Self::FlairLinear { use_uncropped_image }
            | Self::PetLinear { use_uncropped_image, .. } => {
                *use_uncropped_image = !*use_uncropped_image;
            }
            Self::Custom { .. } => return None,
        }
        Some(other)
    }

    /// The pipeline of Clinica that makes these images, where one is known.
    pub(crate) fn pipeline(&self) -> Option<&'static str> {
        match self {
            Self::T1Linear { .. } => Some("t1-linear"),
            Self::FlairLinear { .. } => Some("flair-linear"),
            Self::PetLinear { .. } => Some("pet-linear"),
            Self::Custom { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let shown = match serde_json::from_str::<Preprocessing>(json) {
            Ok(preprocessing) => match preprocessing.check() {
                Ok(()) => preprocessing.pattern(),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn patterns_are_those_of_clinicadl() {
        check(
            r#"{"preprocessing": "t1-linear"}"#,
            "*space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz",
        );
        check(
            r#"{"preprocessing": "flair-linear", "use_uncropped_image": true}"#,
            "*space-MNI152NLin2009cSym_res-1x1x1_flair.nii.gz",
        );
        check(
            r#"{"preprocessing": "pet-linear", "tracer": "18FFDG", "suvr_reference_region": "pons2"}"#,
            "pet_linear/*_trc-18FFDG_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_suvr-pons2_pet.nii.gz",
        );
        check(
            r#"{"preprocessing": "custom", "custom_suffix": "_probability.nii.gz"}"#,
            "*_probability.nii.gz",
        );
        check(r#"{"preprocessing": "custom", "pattern": "anat/**/*.nii"}"#, "anat/**/*.nii");
    }

    #[test]
    fn wrong_options_are_named() {
        check(
            r#"{"preprocessing": "pet-linear", "tracer": "", "suvr_reference_region": "ponz"}"#,
            "E0104: a tracer as file names give it was expected, such as 18FFDG, not \"\"\n  \
             at option \"tracer\"\n\
             E0104: one of pons, cerebellumPons, pons2, cerebellumPons2 was expected, not \"ponz\"; \
             did you mean \"pons\"?\n  at option \"suvr_reference_region\"",
        );
        check(
            r#"{"preprocessing": "custom"}"#,
            "E0105: custom images need custom_suffix or pattern\n  at option \"pattern\"",
        );
        check(
            r#"{"preprocessing": "custom", "pattern": "/abs/*"}"#,
            "E0104: a file name or a path below the session was expected, not \"/abs/*\"\n  \
             at option \"pattern\"",
        );
        for json in [
            r#"{"preprocessing": "t1-linear", "tracer": "18FFDG"}"#,
            r#"{"preprocessing": "t1-liner"}"#,
            r#"{"preprocessing": "pet-linear"}"#,
        ] {
            assert!(serde_json::from_str::<Preprocessing>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for json in [
            r#"{"preprocessing":"t1-linear","use_uncropped_image":true}"#,
            r#"{"preprocessing":"custom","pattern":"*.nii"}"#,
        ] {
            let preprocessing: Preprocessing = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&preprocessing).unwrap(), json);
        }
    }
}
