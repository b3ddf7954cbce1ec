//! From stored bytes to `f32` in our order, a few planes at a time.

use super::header::{Datatype, Endianness, Header};
use super::Stats;

/// So many planes are put in place together: 16 `f32` are the 64 bytes of a cache line, which is
/// then written once as a whole.
pub(super) const PLANES: usize = 16;

/// The numbers in `raw`, scaled. As nibabel does it, scaling happens in `f64`.
pub(super) fn decode(header: &Header, raw: &[u8], to: &mut [f32]) {
    macro_rules! decode {
        ($number:ty) => {
            match (header.endianness, header.scaling) {
                (Endianness::Little, None) => each(raw, to, |b| <$number>::from_le_bytes(b) as f32),
                (Endianness::Big, None) => each(raw, to, |b| <$number>::from_be_bytes(b) as f32),
                (Endianness::Little, Some((slope, intercept))) => {
                    // Adding -0 instead of 0 leaves a negative zero as it is, like nibabel, which adds nothing.
                    let intercept = if intercept == 0.0 { -0.0 } else { intercept };
                    each(raw, to, |b| (<$number>::from_le_bytes(b) as f64 * slope + intercept) as f32)
                }
                (Endianness::Big, Some((slope, intercept))) => {
                    let intercept = if intercept == 0.0 { -0.0 } else { intercept };
                    each(raw, to, |b| (<$number>::from_be_bytes(b) as f64 * slope + intercept) as f32)
                }
            }
        };
    }
    match header.datatype {
        Datatype::U8 => decode!(u8),
        Datatype::I8 => decode!(i8),
        Datatype::I16 => decode!(i16),
        Datatype::U16 => decode!(u16),
        Datatype::I32 => decode!(i32),
        Datatype::U32 => decode!(u32),
        Datatype::I64 => decode!(i64),
        Datatype::U64 => decode!(u64),
        Datatype::F32 => decode!(f32),
        Datatype::F64 => decode!(f64),
    }
}

fn each<const N: usize>(raw: &[u8], to: &mut [f32], number: impl Fn([u8; N]) -> f32) {
    for (bytes, to) in raw.as_chunks().0.iter().zip(to) {
        *to = number(*bytes);
    }
}

/// The range of voxels seen so far, in lanes that the compiler turns into vector instructions.
#[derive(Debug)]
pub(super) struct Range {
    min: [f32; LANES],
    max: [f32; LANES],
    non_finite: usize,
}

const LANES: usize = 16;

impl Default for Range {
    fn default() -> Self {
        Self { min: [f32::INFINITY; LANES], max: [f32::NEG_INFINITY; LANES], non_finite: 0 }
    }
}

impl Range {
    pub(super) fn take(&mut self, voxels: &[f32]) {
        // The counts per lane are 32 bits wide like the voxels, so they are emptied now and then.
        for block in voxels.chunks(1 << 20) {
            let mut odd = [0_u32; LANES];
            let (chunks, rest) = block.as_chunks::<LANES>();
            let mut last = [0.0; LANES];
            for chunk in chunks {
                self.lanes(chunk, &mut odd);
            }
            if let Some(first) = rest.first() {
                // A repeated voxel changes no range, and is counted below only if it is not finite.
                last.fill(if first.is_finite() { *first } else { f32::NAN });
                last[..rest.len()].copy_from_slice(rest);
                self.lanes(&last, &mut odd);
                if !first.is_finite() {
                    self.non_finite -= LANES - rest.len();
                }
            }
            self.non_finite += odd.iter().map(|n| *n as usize).sum::<usize>();
        }
    }

    fn lanes(&mut self, voxels: &[f32; LANES], odd: &mut [u32; LANES]) {
        for lane in 0..LANES {
            let voxel = voxels[lane];
            let finite = voxel.abs() <= f32::MAX;
            let low = if finite { voxel } else { f32::INFINITY };
            let high = if finite { voxel } else { f32::NEG_INFINITY };
            self.min[lane] = if low < self.min[lane] { low } else { self.min[lane] };
            self.max[lane] = if high > self.max[lane] { high } else { self.max[lane] };
            odd[lane] += u32::from(!finite);
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let min = self.min.iter().copied().fold(f32::INFINITY, f32::min);
        let max = self.max.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if min > max {
            return Stats { min: f32::NAN, max: f32::NAN, non_finite: self.non_finite };
        }
        Stats { min, max, non_finite: self.non_finite }
    }
}

/// Puts `planes`, up to [`PLANES`] of them and the first at `z`, where they belong in `voxels`.
///
/// In a plane x runs fastest; in `voxels` z does.
pub(super) fn place(planes: &[f32], z: usize, [nx, ny, nz]: [usize; 3], voxels: &mut [f32]) {
    let plane = nx * ny;
    let depth = planes.len() / plane;
    // Few columns at a time keep the rows that are written within reach of the page cache.
    for start in (0..nx).step_by(COLUMNS) {
        let end = nx.min(start + COLUMNS);
        for y in 0..ny {
            let mut tile = [[0.0; PLANES]; COLUMNS];
            for k in 0..depth {
                let row = &planes[k * plane + y * nx..][..nx];
                for (column, voxel) in tile.iter_mut().zip(&row[start..end]) {
                    column[k] = *voxel;
                }
            }
            for (x, column) in (start..end).zip(&tile) {
                voxels[(x * ny + y) * nz + z..][..depth].copy_from_slice(&column[..depth]);
            }
        }
    }
}

const COLUMNS: usize = 16;
