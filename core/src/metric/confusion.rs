//! How often each class was taken for each.

use crate::error::{Code, Error, Result};

/// Counts of rows by true and predicted class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    n_classes: usize,
    /// Row by row: `counts[truth * n_classes + predicted]`.
    counts: Vec<u64>,
}

impl Confusion {
    /// Counts pairs of true and predicted class codes, which are `0..n_classes`.
    ///
    /// # Errors
    /// Fewer than two classes, lists of unequal length, or a code that is not a class.
    pub fn new(truth: &[usize], predicted: &[usize], n_classes: usize) -> Result<Self> {
        if n_classes < 2 {
            let message = format!("expected two classes or more, found {n_classes}");
            return Err(Error::new(Code::BadClasses, message));
        }
        if truth.len() != predicted.len() {
            let message = format!(
                "expected as many predictions as true classes, found {} and {}",
                predicted.len(),
                truth.len()
            );
            return Err(Error::new(Code::Internal, message));
        }
        let mut counts = vec![0; n_classes * n_classes];
        for (row, (&t, &p)) in truth.iter().zip(predicted).enumerate() {
            for (code, what) in [(t, "true"), (p, "predicted")] {
                if code >= n_classes {
                    let message = format!(
                        "expected class codes below {n_classes}, found the {what} class {code} \
                         at index {row}"
                    );
                    return Err(Error::new(Code::BadClasses, message));
                }
            }
            counts[t * n_classes + p] += 1;
        }
        Ok(Self { n_classes, counts })
    }

    /// The number of classes, whether they occur or not.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// How many rows of class `truth` were predicted as `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.n_classes + predicted]
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many rows were predicted right.
    pub fn correct(&self) -> u64 {
        (0..self.n_classes).map(|class| self.count(class, class)).sum()
    }

    /// How many rows are of this class.
    pub fn of_class(&self, class: usize) -> u64 {
        (0..self.n_classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// How many rows were predicted as this class.
    pub fn predicted_as(&self, class: usize) -> u64 {
        (0..self.n_classes).map(|truth| self.count(truth, class)).sum()
    }

    /// The counts with `class` as the positive class and all others as the negative one.
    pub fn one_vs_rest(&self, class: usize) -> OneVsRest {
        let true_positive = self.count(class, class);
        let false_negative = self.of_class(class) - true_positive;
        let false_positive = self.predicted_as(class) - true_positive;
        let true_negative = self.rows() - true_positive - false_negative - false_positive;
        OneVsRest { true_positive, false_positive, false_negative, true_negative }
    }

    /// The same for rows that count as often as `counts` says; the codes are those that it was made of.
    pub(crate) fn of_counts(&self, truth: &[usize], predicted: &[usize], counts: &[u32]) -> Self {
        let mut cells = vec![0; self.counts.len()];
        for ((truth, predicted), times) in truth.iter().zip(predicted).zip(counts) {
            cells[truth * self.n_classes + predicted] += u64::from(*times);
        }
        Self { n_classes: self.n_classes, counts: cells }
    }

    /// The cells, to draw new ones.
    pub(super) fn cells(&self) -> &[u64] {
        &self.counts
    }

    /// The cells, to put new ones in.
    pub(super) fn cells_mut(&mut self) -> &mut [u64] {
        &mut self.counts
    }
}

/// Counts of one class, the positive one, against all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneVsRest {
    /// TP: of the class, and predicted so.
    pub true_positive: u64,
    /// FP: of another class, but predicted as this one.
    pub false_positive: u64,
    /// FN: of the class, but predicted as another.
    pub false_negative: u64,
    /// TN: of another class, and predicted as another, not necessarily the right one.
    pub true_negative: u64,
}

impl OneVsRest {
    /// TP + FN: rows of the class.
    pub fn positive(&self) -> u64 {
        self.true_positive + self.false_negative
    }

    /// TN + FP: rows of other classes.
    pub fn negative(&self) -> u64 {
        self.true_negative + self.false_positive
    }

    /// TP + FP: rows predicted as the class.
    pub fn predicted_positive(&self) -> u64 {
        self.true_positive + self.false_positive
    }

    /// TN + FN: rows predicted as another class.
    pub fn predicted_negative(&self) -> u64 {
        self.true_negative + self.false_negative
    }
}
