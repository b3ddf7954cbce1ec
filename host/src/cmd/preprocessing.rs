//! The options that say which images are meant.

use neurhai_core::data::pattern::Preprocessing;
use neurhai_core::{Code, Error, Result};

/// Which images are meant.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Options {
    /// The pipeline that made the images
    #[arg(long, value_name = "PIPELINE",
          value_parser = ["t1-linear", "flair-linear", "pet-linear", "custom"])]
    preprocessing: Option<String>,

    /// Take the images that were not cropped
    #[arg(long)]
    use_uncropped_image: bool,

    /// For pet-linear: the tracer, such as 18FFDG
    #[arg(long, value_name = "TRACER")]
    tracer: Option<String>,

    /// For pet-linear: the reference region, such as cerebellumPons2
    #[arg(long, value_name = "REGION")]
    suvr_reference_region: Option<String>,

    /// For custom images: how their names end, such as _desc-brain_T1w.nii.gz
    #[arg(long, value_name = "SUFFIX")]
    custom_suffix: Option<String>,

    /// For custom images, instead: a pattern for the path below the session
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
}

impl Options {
    /// The options that were given, and whether each is one of images that `kind` made.
    fn given(&self, kind: Option<&str>) -> Vec<(&'static str, bool)> {
        let linear = kind.is_some_and(|kind| kind != "custom");
        let (pet, custom) = (kind == Some("pet-linear"), kind == Some("custom"));
        let all = [
            ("--preprocessing", self.preprocessing.is_some(), true),
            ("--use-uncropped-image", self.use_uncropped_image, linear),
            ("--tracer", self.tracer.is_some(), pet),
            ("--suvr-reference-region", self.suvr_reference_region.is_some(), pet),
            ("--custom-suffix", self.custom_suffix.is_some(), custom),
            ("--pattern", self.pattern.is_some(), custom),
        ];
        let given = all.into_iter().filter(|(_, given, _)| *given);
        given.map(|(name, _, fits)| (name, fits)).collect()
    }

    /// The first that was given, if any.
    pub(super) fn first(&self) -> Option<&'static str> {
        self.given(None).first().map(|(name, _)| *name)
    }

    /// What they mean; nothing where none is given.
    ///
    /// # Errors
    /// Options of the images of another pipeline, and what is missing or wrong with them.
    pub(super) fn asked(&self) -> Result<Option<Preprocessing>> {
        self.of(None)
    }

    /// What they mean, t1-linear where they do not say it.
    ///
    /// # Errors
    /// As [`Options::asked`].
    pub(super) fn or_t1_linear(&self) -> Result<Preprocessing> {
        let asked = self.of(Some("t1-linear"))?;
        Ok(asked.unwrap_or(Preprocessing::T1Linear { use_uncropped_image: false }))
    }

    fn of(&self, default: Option<&str>) -> Result<Option<Preprocessing>> {
        let custom = self.custom_suffix.is_some() || self.pattern.is_some();
        let kind = self.preprocessing.as_deref().or(custom.then_some("custom")).or(default);
        if let Some((option, _)) = self.given(kind).into_iter().find(|(_, fits)| !fits) {
            let message = match kind {
                Some(kind) => format!("{option} says nothing of images of {kind}"),
                None => format!("{option} needs --preprocessing"),
            };
            let help = "--use-uncropped-image is for the linear pipelines, --tracer and \
                        --suvr-reference-region for pet-linear, --custom-suffix and --pattern for custom";
            return Err(Error::new(Code::BadOption, message).help(help));
        }
        let use_uncropped_image = self.use_uncropped_image;
        let (custom_suffix, pattern) = (self.custom_suffix.clone(), self.pattern.clone());
        let needed = |value: &Option<String>, name: &str| {
            value.clone().ok_or_else(|| {
                Error::new(Code::MissingOption, format!("pet-linear needs --{name}"))
            })
        };
        let asked = match kind {
            None => return Ok(None),
            Some("t1-linear") => Preprocessing::T1Linear { use_uncropped_image },
            Some("flair-linear") => Preprocessing::FlairLinear { use_uncropped_image },
            Some("pet-linear") => Preprocessing::PetLinear {
                tracer: needed(&self.tracer, "tracer")?,
                suvr_reference_region: needed(
                    &self.suvr_reference_region,
                    "suvr-reference-region",
                )?,
                use_uncropped_image,
            },
            Some(_) => Preprocessing::Custom { custom_suffix, pattern },
        };
        asked.check()?;
        Ok(Some(asked))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn read(words: &str) -> Options {
        let words = ["host"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).unwrap().options
    }

    #[track_caller]
    fn check(words: &str, expected: std::result::Result<Option<&str>, &str>) {
        let asked = read(words).asked();
        match (asked, expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(found.map(|found| found.pattern()).as_deref(), expected, "{words}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{words}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn options_that_say_nothing_of_the_images_are_refused() {
        check("", Ok(None));
        check(
            "--preprocessing flair-linear --use-uncropped-image",
            Ok(Some("*space-MNI152NLin2009cSym_res-1x1x1_flair.nii.gz")),
        );
        check("--custom-suffix _x.nii", Ok(Some("*_x.nii")));
        check("--pattern a/*.nii", Ok(Some("a/*.nii")));
        check("--tracer 18FFDG", Err("--tracer needs --preprocessing"));
        check("--use-uncropped-image", Err("--use-uncropped-image needs --preprocessing"));
        check(
            "--preprocessing t1-linear --custom-suffix _x.nii",
            Err("--custom-suffix says nothing of images of t1-linear"),
        );
        check("--preprocessing flair-linear --tracer x", Err("--tracer says nothing"));
        check(
            "--custom-suffix _x.nii --use-uncropped-image",
            Err("--use-uncropped-image says nothing of images of custom"),
        );
        check("--preprocessing pet-linear --tracer 18FFDG", Err("needs --suvr-reference-region"));
        check("--preprocessing custom", Err("custom images need custom_suffix or pattern"));
        let uncropped = read("--use-uncropped-image").or_t1_linear().unwrap();
        assert_eq!(uncropped, Preprocessing::T1Linear { use_uncropped_image: true });
        assert!(read("--tracer x").or_t1_linear().is_err());
        assert_eq!(read("--tracer x").first(), Some("--tracer"));
    }
}
