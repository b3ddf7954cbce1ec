//! Work that is spread over libtorch's threads as a whole, instead of operation by operation.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use tch::TchError;

use crate::check;

unsafe extern "C" {
    fn neurhai_torch_on_threads(
        n: i64,
        work: unsafe extern "C" fn(*const c_void),
        data: *const c_void,
    ) -> c_int;
}

/// Why work ended early.
enum Ending<E> {
    Failed(E),
    Panicked(Box<dyn Any + Send>),
}

struct Job<T, E, F> {
    left: Mutex<std::vec::IntoIter<T>>,
    work: F,
    ending: Mutex<Option<Ending<E>>>,
}

/// Does `work` on every item, in no certain order, on as many threads as libtorch computes with. All
/// operations on an item run on the thread that took it.
///
/// Operations that autograd would record are none of its: its switches are those of the calling thread
/// alone.
///
/// # Errors
/// The first that `work` gives, after which no further item is begun.
///
/// # Panics
/// Where `work` does, on the calling thread.
pub fn in_parallel<T, E, F>(items: Vec<T>, work: F) -> Result<(), E>
where
    T: Send,
    E: Send + From<TchError>,
    F: Fn(T) -> Result<(), E> + Sync,
{
    let threads = items.len().min(tch::get_num_threads().max(1) as usize) as i64;
    let job = Job { left: Mutex::new(items.into_iter()), work, ending: Mutex::new(None) };
    // SAFETY: `run` is the function for this type of job, and `job` outlives the call, which returns
    // when all threads have. What threads share is behind locks, or `Sync`.
    check(unsafe { neurhai_torch_on_threads(threads, run::<T, E, F>, (&raw const job).cast()) })?;
    match job.ending.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some(Ending::Failed(error)) => Err(error),
        Some(Ending::Panicked(panic)) => resume_unwind(panic),
    }
}

/// Takes items as long as there are.
///
/// # Safety
/// `job` must point to a `Job<T, E, F>` that outlives the call.
unsafe extern "C" fn run<T, E, F>(job: *const c_void)
where
    T: Send,
    E: Send,
    F: Fn(T) -> Result<(), E> + Sync,
{
    // SAFETY: as the caller promises.
    let job = unsafe { &*job.cast::<Job<T, E, F>>() };
    // No panic may cross the C++ frames.
    let done = catch_unwind(AssertUnwindSafe(|| {
        loop {
            let item = job.left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(item) = item else { return Ok(()) };
            (job.work)(item)?;
        }
    }));
    let ending = match done {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Ending::Failed(error),
        Err(panic) => Ending::Panicked(panic),
    };
    job.ending.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(ending);
    // Nobody begins another.
    let mut left = job.left.lock().unwrap_or_else(PoisonError::into_inner);
    let rest: Vec<T> = left.by_ref().collect();
    drop(left);
    drop(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_item_is_taken_once_until_one_fails() {
        let sum = AtomicUsize::new(0);
        let add = |n: usize| -> Result<(), TchError> {
            sum.fetch_add(n, Ordering::Relaxed);
            Ok(())
        };
        in_parallel((1..=100).collect(), add).unwrap();
        assert_eq!(sum.into_inner(), 5050);
        in_parallel(Vec::<usize>::new(), |_| Err(TchError::Shape("none".into()))).unwrap();

        let refuse = |n: usize| match n {
            7 => Err(TchError::Shape("seven".into())),
            _ => Ok(()),
        };
        let error = in_parallel((0..20).collect(), refuse).unwrap_err();
        assert!(error.to_string().contains("seven"), "{error}");
    }

    #[test]
    fn a_panic_comes_back_to_the_caller() {
        let panics = || in_parallel(vec![1], |_| -> Result<(), TchError> { panic!("on a thread") });
        let panic = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"on a thread"));
    }
}
