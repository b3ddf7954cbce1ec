//! Optimiser steps over all parameters in one kernel.

use std::ffi::{c_double, c_int};

use tch::TchError;

use crate::tensors::same_length;
use crate::{Handle, Result, Tensors, check};

unsafe extern "C" {
    fn neurhai_torch_fused_adam(
        params: *const Handle,
        grads: *const Handle,
        exp_avgs: *const Handle,
        exp_avg_sqs: *const Handle,
        max_exp_avg_sqs: *const Handle,
        n: usize,
        step: i64,
        lr: c_double,
        beta1: c_double,
        beta2: c_double,
        weight_decay: c_double,
        eps: c_double,
        decoupled: c_int,
    ) -> c_int;
    fn neurhai_torch_fused_sgd(
        params: *const Handle,
        grads: *const Handle,
        momentum_buffers: *const Handle,
        n: usize,
        first: c_int,
        lr: c_double,
        momentum: c_double,
        dampening: c_double,
        weight_decay: c_double,
        nesterov: c_int,
    ) -> c_int;
}

/// The numbers of a step of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay rates of the two moments.
    pub betas: (f64, f64),
    /// L2 penalty.
    pub weight_decay: f64,
    /// Whether the penalty shrinks the weights themselves (AdamW) instead of joining the gradient.
    pub decoupled: bool,
    /// Added to the denominator.
    pub eps: f64,
}

impl Adam {
    /// The `step`-th step, from 1; all but the gradients is changed in place. With `maxima`, AMSGrad.
    ///
    /// # Errors
    /// Lists that differ in length; what libtorch says, for example where shapes differ.
    pub fn step(
        self,
        step: i64,
        params: &Tensors,
        grads: &Tensors,
        moments: (&Tensors, &Tensors),
        maxima: Option<&Tensors>,
    ) -> Result<()> {
        same_length(params, &[grads, moments.0, moments.1, maxima.unwrap_or(grads)])?;
        if params.is_empty() {
            return Ok(());
        }
        let (p, g, m, v) =
            (params.handles(), grads.handles(), moments.0.handles(), moments.1.handles());
        let maxima = maxima.map(Tensors::handles);
        // SAFETY: the lists hold `n` valid handles each, which the borrowed lists keep alive, or none
        // where the pointer is null.
        check(unsafe {
            neurhai_torch_fused_adam(
                p.as_ptr(),
                g.as_ptr(),
                m.as_ptr(),
                v.as_ptr(),
                maxima.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
                p.len(),
                step,
                self.lr,
                self.betas.0,
                self.betas.1,
                self.weight_decay,
                self.eps,
                self.decoupled.into(),
            )
        })
    }
}

/// The numbers of a step of gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// What stays of the last direction.
    pub momentum: f64,
    /// What is taken off the gradient where it joins the last direction.
    pub dampening: f64,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
    /// Whether the gradient is taken where the momentum leads.
    pub nesterov: bool,
}

impl Sgd {
    /// A step; parameters and buffers are changed in place. With momentum it needs `buffers`, which the
    /// `first` step sets.
    ///
    /// # Errors
    /// Lists that differ in length; momentum without buffers; what libtorch says, for example where
    /// shapes differ.
    pub fn step(
        self,
        first: bool,
        params: &Tensors,
        grads: &Tensors,
        buffers: Option<&Tensors>,
    ) -> Result<()> {
        same_length(params, &[grads, buffers.unwrap_or(grads)])?;
        if self.momentum != 0.0 && buffers.is_none() {
            return Err(TchError::Shape("momentum needs buffers".into()));
        }
        if params.is_empty() {
            return Ok(());
        }
        let (p, g) = (params.handles(), grads.handles());
        let buffers = buffers.map(Tensors::handles);
        // SAFETY: as in `Adam::step`.
        check(unsafe {
            neurhai_torch_fused_sgd(
                p.as_ptr(),
                g.as_ptr(),
                buffers.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
                p.len(),
                first.into(),
                self.lr,
                self.momentum,
                self.dampening,
                self.weight_decay,
                self.nesterov.into(),
            )
        })
    }
}
