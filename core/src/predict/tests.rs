//! Predictions for groups.
