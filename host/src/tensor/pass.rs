//! The forward pass that a script's function takes part in: what dropout and new tensors follow.

use std::cell::RefCell;

use neurhai_core::Result;
use neurhai_core::random::derived_seed;

/// A forward pass, for the time of one call.
pub(crate) struct Pass {
    /// The seed of its random choices, in training.
    seed: Option<u64>,
    /// A tensor of the pass: new tensors go where it lies.
    anchor: tch::Tensor,
    draws: u64,
    multiply_adds: u64,
}

impl Pass {
    pub(crate) fn new(seed: Option<u64>, x: &tch::Tensor) -> Self {
        Self { seed, anchor: x.shallow_clone(), draws: 0, multiply_adds: 0 }
    }
}

thread_local! {
    static PASS: RefCell<Option<Pass>> = const { RefCell::new(None) };
}

/// The most numbers of a tensor: `alone`, or in a pass what no memory holds, as maps in training are
/// as large as they are, and while shapes are found out nothing is held at all.
pub(super) fn most(alone: i64) -> i64 {
    let in_pass = PASS.with_borrow(Option::is_some);
    if in_pass { 1 << 40 } else { alone }
}

/// Runs a script's function as part of a forward pass.
pub(crate) fn within<T>(pass: Pass, run: impl FnOnce() -> T) -> T {
    let outer = PASS.replace(Some(pass));
    let result = run();
    PASS.set(outer);
    result
}

/// As [`within`], with the multiplications and additions that were counted.
pub(crate) fn counted<T>(pass: Pass, run: impl FnOnce() -> T) -> (T, u64) {
    within(pass, || {
        let result = run();
        (result, PASS.with_borrow(|pass| pass.as_ref().map_or(0, |pass| pass.multiply_adds)))
    })
}

/// Counts `values` times `terms` multiplications and additions.
pub(super) fn costs(values: usize, terms: i64) {
    PASS.with_borrow_mut(|pass| {
        if let Some(pass) = pass {
            let cost = (values as u64).saturating_mul(terms.unsigned_abs());
            pass.multiply_adds = pass.multiply_adds.saturating_add(cost);
        }
    });
}

/// A seed for the next random choice; nothing where values should stay as they are.
pub(super) fn draw() -> Option<u64> {
    PASS.with_borrow_mut(|pass| {
        let pass = pass.as_mut()?;
        pass.draws += 1;
        Some(derived_seed(pass.seed?, "script", &[pass.draws]))
    })
}

/// Whether layers behave as in training.
pub(super) fn training() -> bool {
    PASS.with_borrow(|pass| pass.as_ref().is_some_and(|pass| pass.seed.is_some()))
}

/// The tensor where the pass computes.
pub(super) fn place(tensor: tch::Tensor) -> Result<tch::Tensor> {
    PASS.with_borrow(|pass| match pass {
        Some(Pass { anchor, .. }) if anchor.device() != tch::Device::Cpu => {
            let like = anchor.f_detach()?.f_flatten(0, -1)?.f_narrow(0, 0, 0)?;
            Ok(tensor.f_to_other(&like.f_to_kind(tensor.kind())?, false, false)?)
        }
        _ => Ok(tensor),
    })
}
