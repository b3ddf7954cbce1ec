use super::short::*;
use crate::error::{Code, Error, Place};

/// Every cohort as often as any other.
pub(super) struct Cohorts;

impl Rule for Cohorts {
    fn info(&self) -> SamplerInfo {
        SamplerInfo {
            name: "cohorts".into(),
            help:
                "As many draws with replacement as there are samples, every cohort equally likely."
                    .into(),
            source: "weight = 1 / (samples of the cohort)".into(),
            options: vec![],
        }
    }

    fn groups(&self, items: &[Item<'_>], _: &Options) -> Result<Vec<Vec<usize>>> {
        let groups = together(items.iter().map(|item| item.cohort));
        if groups.len() > 1 {
            return Ok(groups);
        }
        let cohort = items.first().map_or("", |item| item.cohort);
        let message =
            format!("all training images are of one cohort, {cohort:?}: there are none to balance");
        Err(Error::new(Code::BadOption, message)
            .at(Place::Option("sampler".into()))
            .help("leave sampler out, or train on the images of several cohorts"))
    }

    fn order(&self, groups: &[Vec<usize>], _: usize, random: &mut Random) -> Vec<usize> {
        evenly(groups, random)
    }
}
