//! Logistic regression with an L2 penalty, by Newton's method. The steps are found by conjugate
//! gradients, so no matrix is stored and thousands of features are no problem.

use neurhai_plugin::Result;

/// Coefficients per class, then intercepts. Two classes share one row, which speaks for the second.
#[derive(Debug, Clone)]
pub(crate) struct Logistic {
    inputs: usize,
    classes: usize,
    numbers: Vec<f64>,
}

impl Logistic {
    fn rows(classes: usize) -> usize {
        if classes == 2 { 1 } else { classes }
    }

    /// A model out of what [`Logistic::into_numbers`] gave, unless their number does not fit.
    pub(crate) fn from_numbers(numbers: &[f64], inputs: usize, classes: usize) -> Option<Self> {
        let fits = numbers.len() == Self::rows(classes) * (inputs + 1);
        fits.then(|| Self { inputs, classes, numbers: numbers.to_vec() })
    }

    pub(crate) fn into_numbers(self) -> Vec<f64> {
        self.numbers
    }

    /// The probability of each class.
    pub(crate) fn probabilities(&self, features: &[f64], out: &mut [f64]) {
        linear(&self.numbers, self.inputs, features, out);
        softmax(out, self.classes);
    }

    /// The model with the least loss on `features`, `[row, input]`.
    pub(crate) fn fit(
        features: &[f64],
        inputs: usize,
        truth: &[usize],
        classes: usize,
        l2: f64,
    ) -> Result<Self> {
        let problem = Problem { features, inputs, truth, classes, l2 };
        let numbers = problem.minimise()?;
        Ok(Self { inputs, classes, numbers })
    }
}

/// One linear function per row of coefficients.
fn linear(numbers: &[f64], inputs: usize, features: &[f64], out: &mut [f64]) {
    let (coefficients, intercepts) = numbers.split_at(numbers.len() / (inputs + 1) * inputs);
    for ((out, row), intercept) in
        out.iter_mut().zip(coefficients.chunks_exact(inputs)).zip(intercepts)
    {
        *out = intercept + dot(row, features);
    }
}

/// Probabilities from linear functions. With two classes the only one stands in `out[0]`.
fn softmax(out: &mut [f64], classes: usize) {
    if classes == 2 {
        let z = out[0];
        (out[0], out[1]) = (1.0 / (1.0 + z.exp()), 1.0 / (1.0 + (-z).exp()));
        return;
    }
    let largest = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    out.iter_mut().for_each(|z| *z = (*z - largest).exp());
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|z| *z /= sum);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// a + factor · b
fn step(a: &[f64], factor: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + factor * b).collect()
}

struct Problem<'a> {
    features: &'a [f64],
    inputs: usize,
    truth: &'a [usize],
    classes: usize,
    l2: f64,
}

impl Problem<'_> {
    /// Where the gradient is as good as zero.
    fn minimise(&self) -> Result<Vec<f64>> {
        let rows = Logistic::rows(self.classes);
        let mut at = vec![0.0; rows * (self.inputs + 1)];
        let small = 1e-10 * (1.0 + self.truth.len() as f64);
        for _ in 0..200 {
            let (probabilities, loss) = self.evaluate(&at);
            let gradient = self.gradient(&at, &probabilities);
            let norm = dot(&gradient, &gradient).sqrt();
            if norm <= small {
                return Ok(at);
            }
            let direction = self.newton_direction(&probabilities, &gradient);
            let slope = dot(&gradient, &direction);
            // Close to the end the loss changes by less than it can be computed to.
            let rounding = 1e-13 * (1.0 + loss.abs());
            let lower = (0..40).map(|halvings| 0.5_f64.powi(halvings)).find_map(|length| {
                let there = step(&at, length, &direction);
                (self.evaluate(&there).1 <= loss + 1e-4 * length * slope + rounding)
                    .then_some(there)
            });
            match lower {
                Some(there) => at = there,
                None => break,
            }
        }
        Err("the regression did not converge; a larger l2 helps".into())
    }

    /// Probabilities `[row, class]`, and the loss.
    fn evaluate(&self, at: &[f64]) -> (Vec<f64>, f64) {
        let mut all = vec![0.0; self.truth.len() * self.classes];
        let rows = self.features.chunks_exact(self.inputs).zip(all.chunks_exact_mut(self.classes));
        let mut loss = 0.0;
        for ((features, out), truth) in rows.zip(self.truth) {
            linear(at, self.inputs, features, out);
            loss -= match self.classes {
                2 => {
                    let z = if *truth == 1 { out[0] } else { -out[0] };
                    // ln(1 / (1 + e^-z)) without overflow.
                    z.min(0.0) - (-z.abs()).exp().ln_1p()
                }
                _ => {
                    let largest = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = out.iter().map(|z| (z - largest).exp()).sum();
                    out[*truth] - largest - sum.ln()
                }
            };
            softmax(out, self.classes);
        }
        let coefficients = &at[..at.len() / (self.inputs + 1) * self.inputs];
        (all, loss + 0.5 * self.l2 * dot(coefficients, coefficients))
    }

    /// Σ over the rows of (what `error` gives for each linear function) · (features, 1).
    fn accumulate(&self, penalty_of: &[f64], mut error: impl FnMut(usize, &mut [f64])) -> Vec<f64> {
        let rows = penalty_of.len() / (self.inputs + 1);
        let mut sum = vec![0.0; penalty_of.len()];
        let (coefficients, intercepts) = sum.split_at_mut(rows * self.inputs);
        coefficients.iter_mut().zip(penalty_of).for_each(|(sum, value)| *sum = self.l2 * value);
        let mut errors = vec![0.0; rows];
        for (row, features) in self.features.chunks_exact(self.inputs).enumerate() {
            error(row, &mut errors);
            for ((error, coefficients), intercept) in
                errors.iter().zip(coefficients.chunks_exact_mut(self.inputs)).zip(&mut *intercepts)
            {
                *intercept += error;
                coefficients.iter_mut().zip(features).for_each(|(sum, x)| *sum += error * x);
            }
        }
        sum
    }

    fn gradient(&self, at: &[f64], probabilities: &[f64]) -> Vec<f64> {
        // With two classes the only linear function is the second class's.
        let first = usize::from(self.classes == 2);
        self.accumulate(at, |row, errors| {
            let p = &probabilities[row * self.classes..];
            for (i, error) in errors.iter_mut().enumerate() {
                *error = p[first + i] - f64::from(u8::from(self.truth[row] == first + i));
            }
        })
    }

    /// The second derivative along `direction`.
    fn curvature(&self, probabilities: &[f64], direction: &[f64]) -> Vec<f64> {
        let mut change = vec![0.0; Logistic::rows(self.classes)];
        self.accumulate(direction, |row, errors| {
            let p = &probabilities[row * self.classes..][..self.classes];
            let features = &self.features[row * self.inputs..][..self.inputs];
            linear(direction, self.inputs, features, &mut change);
            if self.classes == 2 {
                errors[0] = p[0] * p[1] * change[0];
                return;
            }
            let mean = dot(p, &change);
            for (i, error) in errors.iter_mut().enumerate() {
                *error = p[i] * (change[i] - mean);
            }
        })
    }

    /// Solves curvature · direction = −gradient by conjugate gradients, the more exactly the closer
    /// the end is.
    fn newton_direction(&self, probabilities: &[f64], gradient: &[f64]) -> Vec<f64> {
        let mut direction = vec![0.0; gradient.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut search = residual.clone();
        let mut square = dot(&residual, &residual);
        let enough = square * square.sqrt().clamp(1e-8, 0.01);
        for _ in 0..2 * gradient.len().max(20) {
            let curved = self.curvature(probabilities, &search);
            let along = dot(&search, &curved);
            if square <= enough || along <= 0.0 {
                break;
            }
            let length = square / along;
            direction = step(&direction, length, &search);
            residual = step(&residual, -length, &curved);
            let next = dot(&residual, &residual);
            search = step(&residual, next / square, &search);
            square = next;
        }
        direction
    }
}
