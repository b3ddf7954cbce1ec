use super::short::*;

/// Every sample once, in any order.
pub(super) struct Shuffled;

impl Rule for Shuffled {
    fn info(&self) -> SamplerInfo {
        SamplerInfo {
            name: "random".into(),
            help: "Every sample once, in an order that is another one in each epoch.".into(),
            source: "https://en.wikipedia.org/wiki/Fisher%E2%80%93Yates_shuffle".into(),
            options: vec![],
        }
    }

    fn groups(&self, items: &[Item<'_>], _: &Options) -> Result<Vec<Vec<usize>>> {
        Ok(vec![(0..items.len()).collect()])
    }

    fn order(&self, groups: &[Vec<usize>], _: usize, random: &mut Random) -> Vec<usize> {
        let mut order = groups.concat();
        random.shuffle(&mut order);
        order
    }
}
