//! From stored bytes to `f32` in our order, with their range.

use super::Stats;
use super::header::{Datatype, Endianness, Header};

/// So many planes are put in place together: 16 `f32` fill a cache line of 64 bytes, so lines are
/// written as a whole.
pub(super) const PLANES: usize = 16;

/// Puts the planes in `raw`, up to [`PLANES`] of them and the first at `z`, where they belong in
/// `voxels`. Scaling happens in `f64`, as nibabel does it.
pub(super) fn place(header: &Header, raw: &[u8], z: usize, voxels: &mut [f32], range: &mut Range) {
    macro_rules! numbers {
        (|$bytes:ident| $number:expr) => {{
            let number = |$bytes| $number;
            let planes = raw.as_chunks().0;
            // Two simple passes over planes in the cache are faster than one that does both.
            range.take(planes, number);
            transpose(planes, z, header.shape, voxels, number);
        }};
        ($number:ty) => {{
            let (little, big) = (<$number>::from_le_bytes, <$number>::from_be_bytes);
            match (header.endianness, header.scaling) {
                (Endianness::Little, None) => numbers!(|b| little(b) as f32),
                (Endianness::Big, None) => numbers!(|b| big(b) as f32),
                (order, Some((slope, intercept))) => {
                    // nibabel adds nothing where the intercept is 0. Adding -0 does the same: unlike
                    // 0 it leaves a negative zero as it is.
                    let intercept = if intercept == 0.0 { -0.0 } else { intercept };
                    let is_little = order == Endianness::Little;
                    numbers!(|b| {
                        let stored = if is_little { little(b) } else { big(b) };
                        (stored as f64 * slope + intercept) as f32
                    })
                }
            }
        }};
    }
    match header.datatype {
        Datatype::U8 => numbers!(u8),
        Datatype::I8 => numbers!(i8),
        Datatype::I16 => numbers!(i16),
        Datatype::U16 => numbers!(u16),
        Datatype::I32 => numbers!(i32),
        Datatype::U32 => numbers!(u32),
        Datatype::I64 => numbers!(i64),
        Datatype::U64 => numbers!(u64),
        Datatype::F32 => numbers!(f32),
        Datatype::F64 => numbers!(f64),
    }
}

/// In `planes` x runs fastest; in `voxels` z does.
pub(super) fn transpose<T: Copy>(
    planes: &[T],
    z: usize,
    [nx, ny, nz]: [usize; 3],
    voxels: &mut [f32],
    number: impl Fn(T) -> f32,
) {
    let plane = nx * ny;
    let depth = planes.len() / plane;
    for y in 0..ny {
        for x in 0..nx {
            let from = y * nx + x;
            let to = &mut voxels[(x * ny + y) * nz + z..][..depth];
            // With its length known to the compiler, a full run is several times as fast.
            if let Ok(to) = <&mut [f32; PLANES]>::try_from(&mut *to) {
                for (k, to) in to.iter_mut().enumerate() {
                    *to = number(planes[k * plane + from]);
                }
            } else {
                for (k, to) in to.iter_mut().enumerate() {
                    *to = number(planes[k * plane + from]);
                }
            }
        }
    }
}

/// The range of voxels seen so far, in lanes that the compiler turns into vector instructions.
pub(super) struct Range {
    min: [f32; PLANES],
    max: [f32; PLANES],
    /// Zero times every voxel, added up: zero as long as all of them are finite.
    zero: [f32; PLANES],
}

impl Range {
    pub(super) const fn new() -> Self {
        Self { min: [f32::INFINITY; PLANES], max: [f32::NEG_INFINITY; PLANES], zero: [0.0; PLANES] }
    }

    fn run(&mut self, voxels: &[f32; PLANES]) {
        for (lane, voxel) in voxels.iter().enumerate() {
            // Not `f32::min`, whose care for NaN costs instructions and is not needed here.
            self.min[lane] = if *voxel < self.min[lane] { *voxel } else { self.min[lane] };
            self.max[lane] = if *voxel > self.max[lane] { *voxel } else { self.max[lane] };
            self.zero[lane] += *voxel * 0.0;
        }
    }

    pub(super) fn take<T: Copy>(&mut self, stored: &[T], number: impl Fn(T) -> f32) {
        let (runs, rest) = stored.as_chunks();
        for run in runs {
            self.run(&run.map(&number));
        }
        if let Some(first) = rest.first() {
            let mut run = [number(*first); PLANES];
            for (to, stored) in run.iter_mut().zip(rest) {
                *to = number(*stored);
            }
            self.run(&run);
        }
    }

    /// The range of `voxels`, all of which have been seen.
    pub(super) fn stats(&self, voxels: &[f32]) -> Stats {
        if self.zero.iter().all(|zero| *zero == 0.0) && !voxels.is_empty() {
            let min = self.min.iter().copied().fold(f32::INFINITY, f32::min);
            let max = self.max.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            return Stats { min, max, non_finite: 0 };
        }
        // Few images come here, so they pay with a second pass for the others' speed.
        let finite = || voxels.iter().copied().filter(|voxel| voxel.is_finite());
        Stats {
            min: finite().fold(f32::NAN, f32::min),
            max: finite().fold(f32::NAN, f32::max),
            non_finite: voxels.len() - finite().count(),
        }
    }
}
