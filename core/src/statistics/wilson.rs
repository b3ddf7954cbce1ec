use super::Z;

/// The score interval of a share of `part` in `whole`; nothing of nothing (Wilson 1927,
/// <https://doi.org/10.1080/01621459.1927.10502953>).
pub fn wilson(part: u64, whole: u64) -> Option<(f64, f64)> {
    if whole == 0 || part > whole {
        return None;
    }
    let (n, share) = (whole as f64, part as f64 / whole as f64);
    let (square, scale) = (Z * Z, 1.0 + Z * Z / n);
    let middle = (share + square / (2.0 * n)) / scale;
    let half = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / scale;
    // At 0 and 1 the bound is exact, but for rounding.
    let lower = if part == 0 { 0.0 } else { middle - half };
    let upper = if part == whole { 1.0 } else { middle + half };
    Some((lower, upper))
}
