//! One seed, derived, never shared.
//!
//! Every random choice draws from its own ChaCha stream, keyed by the run's seed, a purpose and
//! numbers such as epoch and item. So a result depends neither on how many threads worked nor on
//! what was drawn before, and an interrupted run draws the same values when it goes on.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers, the same on every machine for the same key.
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of `purpose` for these `keys` (epoch, item, …) under the run's `seed`.
    pub fn new(seed: u64, purpose: &str, keys: &[u64]) -> Self {
        Self(ChaCha8Rng::from_seed(*hash(seed, purpose, keys).as_bytes()))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform over `0..n`, without bias (Lemire 2019, <https://doi.org/10.1145/3230636>).
    ///
    /// `n` is at least 1.
    pub fn below(&mut self, n: u64) -> u64 {
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Uniform over `[0, 1)`, with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * 2f64.powi(-53)
    }

    /// Uniform over `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Standard normal (Box and Muller 1958, <https://doi.org/10.1214/aoms/1177706645>).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Fills `values` with numbers uniform over `[-bound, bound)`, 24 random bits each.
    pub fn fill_uniform(&mut self, values: &mut [f32], bound: f64) {
        let scale = (bound * 2f64.powi(-23)) as f32;
        for pair in values.chunks_mut(2) {
            let bits = self.bits();
            for (value, half) in pair.iter_mut().zip([bits as u32, (bits >> 32) as u32]) {
                *value = ((half >> 8) as i32 - (1 << 23)) as f32 * scale;
            }
        }
    }
}

/// A seed derived like a stream, for a generator that is not ours (libtorch's) or for what derives
/// further. It is below 2⁶³, as libtorch takes signed ones.
pub fn derived_seed(seed: u64, purpose: &str, keys: &[u64]) -> u64 {
    let hash = hash(seed, purpose, keys);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 1
}

fn hash(seed: u64, purpose: &str, keys: &[u64]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for key in keys {
        hasher.update(&key.to_le_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_every_part_of_its_key() {
        let first = |seed, purpose, keys: &[u64]| Random::new(seed, purpose, keys).bits();
        let base = first(1, "order", &[2, 3]);
        assert_eq!(base, first(1, "order", &[2, 3]));
        for other in [
            first(2, "order", &[2, 3]),
            first(1, "init", &[2, 3]),
            first(1, "order", &[3, 2]),
            first(1, "order", &[2]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut random = Random::new(0, "moments", &[]);
        let n = 100_000;
        let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        let mut uniform = vec![0f32; n as usize];
        random.fill_uniform(&mut uniform, 0.5);
        assert!(uniform.iter().all(|x| (-0.5..0.5).contains(x)));
        let variance = uniform.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / f64::from(n);
        assert!((variance - 1.0 / 12.0).abs() < 0.002, "{variance}");
    }

    #[test]
    fn a_shuffle_reaches_every_order_equally_often() {
        let mut counts = std::collections::BTreeMap::new();
        for i in 0..6000 {
            let mut items = [0, 1, 2];
            Random::new(7, "shuffle", &[i]).shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|n| (850..1150).contains(n)), "{counts:?}");
    }
}
