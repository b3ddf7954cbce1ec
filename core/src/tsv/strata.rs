//! Participants by what they are in the columns that a division is stratified by.

use std::collections::BTreeMap;

use super::frame::Frame;
use crate::error::Result;
use crate::quota::drawn_quotas;
use crate::random::Random;

/// Participants with the same values in all columns.
pub(super) struct Stratum<'f> {
    /// Their values, column by column.
    pub(super) values: Vec<&'f str>,
    /// Their places among the participants.
    pub(super) members: Vec<usize>,
}

/// All strata. Those that share the value of the first column lie together, within them those that
/// share that of the second, and so on.
pub(super) struct Strata<'f>(Vec<Stratum<'f>>);

impl<'f> Strata<'f> {
    /// The strata in some columns; the values of a column are in the order in which they first occur.
    ///
    /// # Errors
    /// [`Code::MissingColumn`](crate::Code::MissingColumn).
    pub(super) fn of(frame: &'f Frame, columns: &[String]) -> Result<Self> {
        let rows = frame.strata(columns)?;
        let mut known: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); columns.len()];
        let mut strata: BTreeMap<Vec<usize>, Stratum<'f>> = BTreeMap::new();
        for (participant, values) in rows.into_iter().enumerate() {
            let place = |(known, value): (&mut BTreeMap<&'f str, usize>, &&'f str)| {
                let next = known.len();
                *known.entry(value).or_insert(next)
            };
            let places: Vec<usize> = known.iter_mut().zip(&values).map(place).collect();
            let new = || Stratum { values, members: Vec::new() };
            strata.entry(places).or_insert_with(new).members.push(participant);
        }
        Ok(Self(strata.into_values().collect()))
    }

    /// Draws `wanted` participants, and gives them and the others, both rising. Each value of the first
    /// column gives its share, of which each value of the second gives its own, and so on (largest
    /// remainders, equal ones drawn): so the first column is in proportion even where there are more
    /// strata than places.
    pub(super) fn draw(
        &self,
        wanted: usize,
        quotas: &mut Random,
        members: &mut Random,
    ) -> (Vec<usize>, Vec<usize>) {
        let (mut drawn, mut others) = (Vec::new(), Vec::new());
        allot(&self.0, 0, wanted, quotas, &mut |stratum, quota| {
            let mut own = stratum.members.clone();
            members.shuffle(&mut own);
            drawn.extend_from_slice(&own[..quota]);
            others.extend_from_slice(&own[quota..]);
        });
        drawn.sort_unstable();
        others.sort_unstable();
        (drawn, others)
    }

    /// Deals all participants to `folds` parts like cards, each part rising: value after value of the
    /// first column, within it those of the second in an order that is drawn, and so on.
    pub(super) fn deal(&self, folds: usize, random: &mut Random) -> Vec<Vec<usize>> {
        let mut parts = vec![Vec::new(); folds];
        let mut dealt = 0;
        for group in self.0.chunk_by(|one, other| one.values.first() == other.values.first()) {
            for stratum in in_drawn_order(group, 1, random) {
                let mut counts = vec![0; folds];
                (dealt..dealt + stratum.members.len()).for_each(|card| counts[card % folds] += 1);
                dealt += stratum.members.len();
                let mut members = stratum.members.clone();
                random.shuffle(&mut members);
                let mut members = members.into_iter();
                for (part, count) in parts.iter_mut().zip(counts) {
                    part.extend(members.by_ref().take(count));
                }
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        parts
    }
}

/// The strata that share a value in `column`, value after value.
fn by_value<'a, 'f>(strata: &'a [Stratum<'f>], column: usize) -> Vec<&'a [Stratum<'f>]> {
    strata.chunk_by(|one, other| one.values.get(column) == other.values.get(column)).collect()
}

/// Hands out `wanted` among strata that share their values before `column`.
fn allot<'f>(
    strata: &[Stratum<'f>],
    column: usize,
    wanted: usize,
    random: &mut Random,
    give: &mut dyn FnMut(&Stratum<'f>, usize),
) {
    if let [stratum] = strata {
        return give(stratum, wanted);
    }
    let groups = by_value(strata, column);
    let size = |group: &&[Stratum<'_>]| group.iter().map(|one| one.members.len()).sum();
    let sizes: Vec<usize> = groups.iter().map(size).collect();
    for (group, quota) in groups.into_iter().zip(drawn_quotas(&sizes, wanted, random)) {
        allot(group, column + 1, quota, random, give);
    }
}

/// Strata that share their values before `column`, their groups by its values in an order that is
/// drawn, and so on within these.
fn in_drawn_order<'a, 'f>(
    strata: &'a [Stratum<'f>],
    column: usize,
    random: &mut Random,
) -> Vec<&'a Stratum<'f>> {
    if let [stratum] = strata {
        return vec![stratum];
    }
    let mut groups = by_value(strata, column);
    random.shuffle(&mut groups);
    groups.into_iter().flat_map(|group| in_drawn_order(group, column + 1, random)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strata(sizes: &[(&[&'static str], usize)]) -> Strata<'static> {
        let mut next = 0;
        let stratum = |(values, size): &(&[&'static str], usize)| {
            next += size;
            Stratum { values: values.to_vec(), members: (next - size..next).collect() }
        };
        Strata(sizes.iter().map(stratum).collect())
    }

    /// How many of the participants before `end` are among these.
    fn before(end: usize, members: &[usize]) -> usize {
        members.iter().filter(|one| **one < end).count()
    }

    /// The class counts of `StratifiedKFold(k)`'s test folds, scikit-learn 1.9.1, for labels that are
    /// sorted: `[np.bincount(y[test], minlength=n) for _, test in StratifiedKFold(k).split(y, y)]`.
    #[test]
    fn parts_are_dealt_as_scikit_learn_does() {
        let random = &mut Random::new(0, "test", &[]);
        let parts = strata(&[(&["a"], 7), (&["b"], 5)]).deal(3, random);
        let counts = |part: &Vec<usize>| [before(7, part), part.len() - before(7, part)];
        assert_eq!(parts.iter().map(counts).collect::<Vec<_>>(), [[3, 1], [2, 2], [2, 2]]);
        let parts = strata(&[(&["a"], 10), (&["b"], 4), (&["c"], 9)]).deal(5, random);
        let counts = |part: &Vec<usize>| {
            let ends = [0, 10, 14, 23].map(|end| before(end, part));
            [ends[1] - ends[0], ends[2] - ends[1], ends[3] - ends[2]]
        };
        let expected = [[2, 1, 2], [2, 1, 2], [2, 1, 2], [2, 1, 1], [2, 0, 2]];
        assert_eq!(parts.iter().map(counts).collect::<Vec<_>>(), expected);
    }

    /// Two diagnoses at twenty sites, one participant of each at each.
    #[test]
    fn the_first_column_is_in_proportion_where_strata_are_single_participants() {
        const SITES: [&str; 20] = [
            "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13",
            "14", "15", "16", "17", "18", "19",
        ];
        let stratum = |i: usize| Stratum {
            values: vec![["AD", "CN"][i / 20], SITES[i % 20]],
            members: vec![i],
        };
        let strata = Strata((0..40).map(stratum).collect());
        let draw = |seed| {
            let random = |purpose| Random::new(seed, purpose, &[]);
            strata.draw(8, &mut random("quotas"), &mut random("members")).0
        };
        let deal = |seed| strata.deal(4, &mut Random::new(seed, "parts", &[]));
        for seed in 0..20 {
            let drawn = draw(seed);
            assert_eq!((drawn.len(), before(20, &drawn)), (8, 4));
            for part in deal(seed) {
                assert_eq!((part.len(), before(20, &part)), (10, 5));
            }
        }
        assert_ne!(draw(0), draw(1));
        assert_ne!(deal(0), deal(1));
    }

    #[test]
    fn each_column_is_in_proportion_within_the_one_before() {
        let strata = strata(&[
            (&["AD", "F"], 12),
            (&["AD", "M"], 8),
            (&["CN", "F"], 10),
            (&["CN", "M"], 30),
        ]);
        let random = &mut Random::new(0, "test", &[]);
        let (drawn, others) = strata.draw(15, &mut Random::new(1, "test", &[]), random);
        let ends = [12, 20, 30, 60].map(|end| before(end, &drawn));
        // 5 AD: 3 and 2; 10 CN: 2.5 and 7.5, of which one is rounded up.
        assert_eq!((ends[0], ends[1], ends[3]), (3, 5, 15));
        assert!([7, 8].contains(&ends[2]));
        assert_eq!(others.len(), 45);
    }
}
