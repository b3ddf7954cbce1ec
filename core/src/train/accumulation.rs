//! Which batches of an epoch make one weight update together.

/// The batches of one weight update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Samples in all of them.
    pub(super) samples: usize,
    /// The last of them, after which weights are updated.
    pub(super) last: usize,
}

impl Window {
    /// The window that `batch` is in, where the batches of the epoch have these `sizes`: from a multiple
    /// of `steps` on so many batches, or those that the epoch has left. Every batch is in one and the
    /// last one ends with the epoch, so that no gradient is left over, and no epoch is without an
    /// update, however large `steps` is.
    pub(super) fn of(batch: usize, sizes: &[usize], steps: usize) -> Self {
        let first = batch / steps * steps;
        let end = sizes.len().min(first.saturating_add(steps));
        Self { samples: sizes[first..end].iter().sum(), last: end - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every size of a set, of batches and of windows up to some: each sample counts in one update, and
    /// there are ⌈⌈n / batch size⌉ / steps⌉ of them, one at least.
    #[test]
    fn every_epoch_has_an_update_and_every_sample_is_in_one() {
        for samples in 1..=23usize {
            for batch_size in 1..=25 {
                for steps in (1..=25).chain([usize::MAX]) {
                    let full = vec![batch_size; samples / batch_size];
                    let rest = Some(samples % batch_size).filter(|rest| *rest > 0);
                    let sizes: Vec<usize> = full.into_iter().chain(rest).collect();
                    let (mut updates, mut counted, mut waiting) = (0, 0, 0);
                    for (i, size) in sizes.iter().enumerate() {
                        let window = Window::of(i, &sizes, steps);
                        waiting += size;
                        if window.last == i {
                            assert_eq!(window.samples, waiting);
                            counted += waiting;
                            (updates, waiting) = (updates + 1, 0);
                        }
                    }
                    assert_eq!((counted, waiting), (samples, 0));
                    assert_eq!(updates, samples.div_ceil(batch_size).div_ceil(steps));
                    assert!(updates >= 1);
                }
            }
        }
    }
}
