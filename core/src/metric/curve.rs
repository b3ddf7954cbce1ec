//! What is summed over the thresholds of a class's probability.

use super::{Rows, Weighed};

/// Rows of one probability of the class: how many are of it and how many are not, and the same for
/// the rows with a higher probability.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) positives: u64,
    pub(super) negatives: u64,
    pub(super) positives_above: u64,
    pub(super) negatives_above: u64,
}

/// The sum of `term` over the steps, divided by `whole` of the numbers of positives and negatives.
///
/// With two classes that of class 0, otherwise the mean over the classes that some rows are of and
/// some are not; `None` if there is none. The rows are sorted once.
pub(super) fn mean_of_classes<'a>(
    rows: &Rows<'_>,
    term: impl Fn(Step) -> f64 + Send + Sync + 'a,
    whole: impl Fn(u64, u64) -> f64 + Send + Sync + 'a,
) -> Weighed<'a> {
    let positive = if rows.classes == 2 { 0..1 } else { 0..rows.classes };
    let curves: Vec<Curve> = positive.map(|class| Curve::new(rows, class)).collect();
    Box::new(move |counts| {
        let of_classes = curves.iter().filter_map(|curve| curve.value(counts, &term, &whole));
        let (sum, classes) = of_classes.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
        (classes > 0).then(|| sum / f64::from(classes))
    })
}

/// The rows by falling probability of one class.
struct Curve(Vec<Place>);

/// A row's number and, in the two lowest bits, what it is.
#[derive(Clone, Copy)]
struct Place(usize);

impl Place {
    fn new(row: usize, of_class: bool, ends_step: bool) -> Self {
        Self(row << 2 | usize::from(ends_step) << 1 | usize::from(of_class))
    }

    fn row(self) -> usize {
        self.0 >> 2
    }

    /// 1 for a row of the class, 0 for others.
    fn of_class(self) -> usize {
        self.0 & 1
    }

    /// Whether the next row has a lower probability, or there is none.
    fn ends_step(self) -> bool {
        self.0 & 2 != 0
    }
}

impl Curve {
    fn new(rows: &Rows<'_>, class: usize) -> Self {
        let score = |row: usize| rows.scores[row * rows.classes + class];
        let mut order: Vec<usize> = (0..rows.truth.len()).collect();
        order.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        let places = order.iter().enumerate().map(|(at, row)| {
            let next = order.get(at + 1).map(|next| score(*next));
            Place::new(*row, rows.truth[*row] == class, next != Some(score(*row)))
        });
        Self(places.collect())
    }

    fn value(
        &self,
        counts: &[u32],
        term: impl Fn(Step) -> f64,
        whole: impl Fn(u64, u64) -> f64,
    ) -> Option<f64> {
        let (mut sum, mut above, mut here) = (0.0, [0; 2], [0; 2]);
        for place in &self.0 {
            here[place.of_class()] += u64::from(counts[place.row()]);
            if place.ends_step() {
                let ([negatives, positives], [negatives_above, positives_above]) = (here, above);
                sum += term(Step { positives, negatives, positives_above, negatives_above });
                above = [negatives_above + negatives, positives_above + positives];
                here = [0; 2];
            }
        }
        let [negatives, positives] = above;
        (positives > 0 && negatives > 0).then(|| sum / whole(positives, negatives))
    }
}
