//! Shapes and how they are written.

/// Sizes per axis: `[channel, depth, height, width]`, with or without the batch axis in front.
pub type Shape = Vec<i64>;

/// `1×169×208×179`.
pub fn show(shape: &[i64]) -> String {
    if shape.is_empty() {
        return "(a single number)".into();
    }
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join("×")
}

/// The number of elements, or `None` where it does not fit 64 bits or a size is negative.
pub fn elements(shape: &[i64]) -> Option<i64> {
    shape.iter().try_fold(
        1i64,
        |product, size| {
            if *size < 0 { None } else { product.checked_mul(*size) }
        },
    )
}

/// Reads `1x169x208x179` (`×` and `,` are taken too).
pub fn parse(text: &str) -> Option<Shape> {
    let shape: Option<Shape> = text
        .split(['x', 'X', '×', ',', '@'])
        .map(|size| size.trim().parse().ok().filter(|size| *size > 0))
        .collect();
    shape.filter(|shape| !shape.is_empty())
}
