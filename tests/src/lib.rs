//! Whole-system tests of Neurhai; see tests/.
