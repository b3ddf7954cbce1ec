//! Parameters in pieces that stay in a processor's cache from the first operation of a rule to its last:
//! on whole tensors every operation would read and write the main memory.

use tch::{Device, Tensor};

use crate::error::Result;

/// Numbers in a piece: six tensors of so many fit into the cache that a processor has for itself, and
/// calling an operation takes little beside its work.
const SIZE: usize = 1 << 15;

/// What is updated together: of each parameter itself, its gradient, and what is kept of it.
pub(super) type Rows = Vec<Vec<Tensor>>;

/// What of `rows` is best updated as it is, and the rest in pieces, each for a thread of its own: large
/// parameters are cut, small ones stay together. On other devices than the CPU nothing is cut, because
/// many small kernels would take longer than the memory.
///
/// # Errors
/// What libtorch says.
pub(super) fn cut(rows: Rows) -> Result<(Rows, Vec<Rows>)> {
    let flat =
        |row: &Vec<Tensor>| row.iter().all(|t| t.device() == Device::Cpu && t.is_contiguous());
    let (flat, whole): (Rows, Rows) = rows.into_iter().partition(flat);
    let (large, small): (Rows, Rows) =
        flat.into_iter().partition(|row| row.iter().any(|tensor| tensor.numel() > SIZE));
    let mut pieces = if small.is_empty() { Vec::new() } else { vec![small] };
    for row in large {
        let flat = row.iter().map(|tensor| tensor.f_view([-1]));
        let flat = flat.collect::<std::result::Result<Vec<Tensor>, _>>()?;
        let all = flat.iter().map(Tensor::numel).max().unwrap_or(0);
        for start in (0..all).step_by(SIZE) {
            let length = SIZE.min(all - start) as i64;
            let piece = flat.iter().map(|tensor| tensor.f_narrow(0, start as i64, length));
            pieces.push(vec![piece.collect::<std::result::Result<_, _>>()?]);
        }
    }
    Ok((whole, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn every_number_is_in_one_piece() {
        let size = SIZE as i64;
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let shapes = [vec![3], vec![2, size], vec![size + 1], vec![size]];
        let mut rows: Rows = shapes.iter().map(|s| vec![zeros(s), zeros(s), zeros(s)]).collect();
        let strided = zeros(&[size, 2]).transpose(0, 1);
        rows.push(vec![strided.shallow_clone(), strided]);
        let all: Vec<Tensor> = rows.iter().flatten().map(Tensor::shallow_clone).collect();
        let (whole, pieces) = cut(rows).unwrap();
        assert_eq!(whole.len(), 1);
        let sizes: Vec<Vec<usize>> =
            pieces.iter().map(|rows| rows.iter().map(|row| row[1].numel()).collect()).collect();
        assert_eq!(sizes, [vec![3, SIZE], vec![SIZE], vec![SIZE], vec![SIZE], vec![1]]);
        for tensor in pieces.iter().flatten().flatten() {
            let _ = tensor.shallow_clone().g_add_scalar_(1.0);
        }
        for tensor in &all[..12] {
            assert_eq!(*tensor, tensor.ones_like());
        }
    }
}
