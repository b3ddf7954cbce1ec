use super::short::*;

/// Every class as often as any other.
pub(super) struct Weighted;

impl Rule for Weighted {
    fn info(&self) -> SamplerInfo {
        SamplerInfo {
            name: "weighted".into(),
            help: "As many draws with replacement as there are samples, every class (or bin of numbers) \
                   equally likely."
                .into(),
            source: "weight = 1 / (samples of the class or bin); \
                     https://clinicadl.readthedocs.io/en/latest/Train/Details/"
                .into(),
            options: vec![bins()],
        }
    }

    fn check(&self, task: Task, options: &Options) -> Result<()> {
        has_labels("weighted", task, options)
    }

    fn groups(&self, items: &[Item<'_>], options: &Options) -> Result<Vec<Vec<usize>>> {
        by_label(items, options)
    }

    fn order(&self, groups: &[Vec<usize>], _: usize, random: &mut Random) -> Vec<usize> {
        evenly(groups, random)
    }
}
