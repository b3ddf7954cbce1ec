//! The same work on many items, by threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What `work` gives for each of `0..count`, in that order, whatever the number of threads; `progress`
/// is told how many are done.
pub(crate) fn each<T: Send>(
    count: usize,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    each_until(count, threads, &|| false, progress, |index| Some(work(index)))
}

/// The same until `stop` says so: what `work` finished by then, in the order of the items.
pub(crate) fn each_until<T: Send>(
    count: usize,
    threads: usize,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(usize) -> Option<T> + Sync,
) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(0));
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                while !stop() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let Some(result) = work(index) else { continue };
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                    // Told under the lock, so that the number only rises.
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    *done += 1;
                    progress(*done);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_threads() {
        for threads in [0, 1, 3, 40] {
            let told = Mutex::new(Vec::new());
            let squares = each(17, threads, &|done| told.lock().unwrap().push(done), |i| i * i);
            assert_eq!(squares, (0..17).map(|i| i * i).collect::<Vec<_>>());
            assert_eq!(told.into_inner().unwrap(), (1..=17).collect::<Vec<_>>());
        }
        assert!(each(0, 4, &|_| (), |i| i).is_empty());
    }

    #[test]
    fn what_is_finished_when_it_is_to_stop_is_given() {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let work = |i: usize| {
            stop.store(i == 3, Ordering::Relaxed);
            (i != 3).then_some(i)
        };
        let found = each_until(17, 1, &|| stop.load(Ordering::Relaxed), &|_| (), work);
        assert_eq!(found, [0, 1, 2]);
    }
}
