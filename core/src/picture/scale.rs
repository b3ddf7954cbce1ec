//! What colour a map's value has.

/// The colours of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Values of both signs: red above 0, blue below (ColorBrewer's RdBu).
    Diverging,
    /// Values from 0 upwards: matplotlib's plasma. Values below 0 are not shown.
    Sequential,
}

/// How a map is coloured: alike on both sides of 0, and less opaque the smaller a value is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The colours.
    pub colors: Colors,
    /// The magnitude with the strongest colour; larger ones look the same.
    pub limit: f32,
    /// Smaller magnitudes are not shown.
    pub threshold: f32,
}

/// How opaque the strongest colour is.
const OPACITY: f32 = 0.9;

impl Scale {
    /// A scale for these values: its limit is the 99.5 % quantile of the magnitudes that are not 0, so
    /// that a single voxel does not decide, and a twentieth of it is the threshold.
    pub fn of(colors: Colors, values: &[f32]) -> Self {
        let shown = |value: &f32| value.is_finite() && *value != 0.0;
        let limit = quantile(values.iter().copied().filter(shown).map(f32::abs).collect(), 0.995);
        let limit = limit.unwrap_or(1.0);
        Self { colors, limit, threshold: limit / 20.0 }
    }

    /// The red, green and blue of a value, and its opacity: 0.9 √(|value| / limit). What is no number
    /// is not shown.
    pub fn color(&self, value: f32) -> ([u8; 3], f32) {
        let magnitude = value.abs();
        let below = self.colors == Colors::Sequential && value < 0.0;
        // Not "less than", so that a NaN is not shown.
        let large = magnitude >= self.threshold && magnitude > 0.0 && self.limit > 0.0;
        if below || !large {
            return ([0; 3], 0.0);
        }
        let strength = (magnitude / self.limit).min(1.0);
        let color = match self.colors {
            Colors::Diverging => {
                // RdBu runs from red to blue.
                let signed = if value > 0.0 { strength } else { -strength };
                colorous::RED_BLUE.eval_continuous(f64::from(0.5 - signed / 2.0))
            }
            Colors::Sequential => colorous::PLASMA.eval_continuous(f64::from(strength)),
        };
        ([color.r, color.g, color.b], OPACITY * strength.sqrt())
    }
}

/// From black to white for an image: the 1 % and 99.5 % quantiles of its finite voxels.
pub fn window(voxels: &[f32]) -> [f32; 2] {
    let finite = || voxels.iter().copied().filter(|voxel| voxel.is_finite()).collect();
    [quantile(finite(), 0.01).unwrap_or(0.0), quantile(finite(), 0.995).unwrap_or(1.0)]
}

/// The value that this share of the values does not exceed; nothing where there are none.
fn quantile(mut values: Vec<f32>, share: f64) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let place = (share * last as f64).round() as usize;
    Some(*values.select_nth_unstable_by(place, f32::total_cmp).1)
}
