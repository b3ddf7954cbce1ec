//! Shares in whole numbers.

use crate::random::Random;

/// What each of several groups gives in proportion to its size, `wanted` in all and at most as many as
/// there are. What is left after rounding down goes to the largest remainders, the first of equal ones
/// (Hamilton's method, <https://en.wikipedia.org/wiki/Quota_method>).
pub(crate) fn quotas(sizes: &[usize], wanted: usize) -> Vec<usize> {
    in_order(sizes, wanted, (0..sizes.len()).collect())
}

/// As [`quotas`], but which of equal remainders goes first is drawn.
pub(crate) fn drawn_quotas(sizes: &[usize], wanted: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    random.shuffle(&mut order);
    in_order(sizes, wanted, order)
}

fn in_order(sizes: &[usize], wanted: usize, mut order: Vec<usize>) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    let mut quotas: Vec<usize> = sizes.iter().map(|size| size * wanted / all).collect();
    order.sort_by_key(|i| std::cmp::Reverse(sizes[*i] * wanted % all));
    let left = wanted - quotas.iter().sum::<usize>();
    order.iter().take(left).for_each(|i| quotas[*i] += 1);
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_proportional_and_add_up() {
        assert_eq!(quotas(&[20, 20], 8), [4, 4]);
        assert_eq!(quotas(&[50, 30, 20], 10), [5, 3, 2]);
        // 3.33 of each: one is left, and the first of equal remainders has it.
        assert_eq!(quotas(&[10, 10, 10], 10), [4, 3, 3]);
        assert_eq!(quotas(&[1, 99], 10), [0, 10]);
        assert_eq!(quotas(&[97, 3], 10), [10, 0]);
    }

    #[test]
    fn equal_remainders_are_drawn_and_larger_ones_go_first() {
        let mut counts = [0; 3];
        for seed in 0..300 {
            let random = &mut Random::new(seed, "ties", &[]);
            let drawn = drawn_quotas(&[10, 10, 10], 10, random);
            assert_eq!(drawn.iter().sum::<usize>(), 10);
            counts[drawn.iter().position(|quota| *quota == 4).unwrap()] += 1;
            assert_eq!(drawn_quotas(&[97, 3], 10, random), [10, 0]);
        }
        assert!(counts.iter().all(|count| (70..130).contains(count)), "{counts:?}");
    }
}
