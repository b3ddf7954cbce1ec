//! Shares in whole numbers.

/// What each of several groups gives in proportion to its size, `wanted` in all and at most as many as
/// there are. What is left after rounding down goes to the largest remainders, the first of equal ones
/// (Hamilton's method, <https://en.wikipedia.org/wiki/Quota_method>).
pub(crate) fn quotas(sizes: &[usize], wanted: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    let mut quotas: Vec<usize> = sizes.iter().map(|size| size * wanted / all).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
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
}
