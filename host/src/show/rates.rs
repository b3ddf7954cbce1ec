//! Learning rates that were tried, and what they did to the loss.

use neurhai_core::train::FoundRates;

use super::{columns, figure};

/// Lines of a table at most, beside those that are marked.
const LINES: usize = 20;

/// A line for every few learning rates, and for the steepest fall and the least loss; then what
/// follows from them.
pub fn found_rates(found: &FoundRates) -> String {
    let FoundRates { points, diverged, minimum, steepest, suggestion, .. } = found;
    let every = points.len().div_ceil(LINES).max(1);
    let mut table = vec![["learning rate", "loss", "smoothed", ""].map(String::from).to_vec()];
    for (i, point) in points.iter().enumerate() {
        let marks = [(minimum, "least"), (steepest, "steepest")];
        let marks = marks.into_iter().filter(|(rate, _)| **rate == Some(point.rate));
        let mark = marks.map(|(_, mark)| mark).collect::<Vec<_>>().join(", ");
        if i % every == 0 || i + 1 == points.len() || !mark.is_empty() {
            let [loss, smoothed] = [point.loss, point.smoothed].map(|loss| figure(loss, 4));
            table.push(vec![format!("{:.2e}", point.rate), loss, smoothed, mark]);
        }
    }
    // The words at the end begin below each other.
    let mut out = columns(&table, 0);
    let last = points.last().map(|point| point.rate);
    let end = match (last, minimum) {
        (Some(last), _) if *diverged => format!("the loss diverged at {last:.1e}"),
        (last, Some(minimum)) if last == Some(*minimum) => {
            "the loss still fell at the end: try larger learning rates, too".into()
        }
        _ => "the loss did not diverge".into(),
    };
    out += &end;
    out += &match suggestion {
        Some(rate) => format!(
            "\nlearning_rate: {rate:.1e}, a tenth of the one at which the smoothed loss is least: \
             there it no longer falls"
        ),
        None => format!("\nno learning rate can be suggested: {}", no_rate(found)),
    };
    out
}

/// Why no learning rate is suggested.
pub fn no_rate(found: &FoundRates) -> &'static str {
    match (found.minimum, found.fall) {
        (None, _) => "the loss never fell",
        (_, None) => "the loss fell after too few updates to tell that from chance",
        _ => "the loss fell by no more than chance",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neurhai_core::train::RatePoint;

    #[test]
    fn rates_are_shown_with_what_they_are() {
        let point = |rate, loss| RatePoint { rate, loss, smoothed: loss };
        let found = FoundRates {
            points: vec![point(1e-3, 1.0), point(1e-2, 0.75), point(0.1, 0.5), point(1.0, 8.0)],
            diverged: true,
            minimum: Some(0.1),
            steepest: Some(1e-2),
            fall: Some(9.0),
            suggestion: Some(1e-2),
        };
        assert_eq!(
            found_rates(&found),
            "learning rate    loss  smoothed\n\
             \x20     1.00e-3  1.0000    1.0000\n\
             \x20     1.00e-2  0.7500    0.7500  steepest\n\
             \x20     1.00e-1  0.5000    0.5000     least\n\
             \x20      1.00e0  8.0000    8.0000\n\
             the loss diverged at 1.0e0\n\
             learning_rate: 1.0e-2, a tenth of the one at which the smoothed loss is least: \
             there it no longer falls"
        );
    }

    #[test]
    fn long_sweeps_are_shown_in_short() {
        let point = |i: usize| RatePoint { rate: i as f64, loss: 1.0, smoothed: 1.0 };
        let mut found = FoundRates {
            points: (0..100).map(point).collect(),
            diverged: false,
            minimum: None,
            steepest: None,
            fall: None,
            suggestion: None,
        };
        let text = found_rates(&found);
        assert_eq!(text.lines().count(), 1 + 21 + 2, "{text}");
        assert!(text.ends_with("the loss never fell"), "{text}");
        found.minimum = Some(50.0);
        assert!(found_rates(&found).ends_with("too few updates to tell that from chance"));
        found.fall = Some(1.0);
        assert!(found_rates(&found).ends_with("the loss fell by no more than chance"));
    }
}
