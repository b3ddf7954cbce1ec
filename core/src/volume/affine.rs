//! From voxel indices to the world: the three ways a NIfTI header says it, and back.

use super::bad;
use crate::Result;

/// Voxel indices `[x, y, z, 1]` to millimetres `[right, anterior, superior, 1]`, by rows.
pub type Affine = [[f64; 4]; 4];

/// The distance of neighbouring voxels along each axis.
pub fn spacing_mm(affine: &Affine) -> [f64; 3] {
    [0, 1, 2].map(|axis| (0..3).map(|row| affine[row][axis].powi(2)).sum::<f64>().sqrt())
}

/// For each axis of an image the world's axis (0 right, 1 anterior, 2 superior) that it runs along, and
/// whether towards it, as in nibabel's `aff2axcodes`: a world axis belongs to the voxel axis that is
/// nearest to it, and to one only; none for an axis that has no direction of its own.
pub(crate) fn axes(affine: &Affine) -> [Option<(usize, bool)>; 3] {
    let spacing = spacing_mm(affine);
    let mut found = [None; 3];
    let mut free = [true; 3];
    let mut pairs: Vec<(usize, usize)> = (0..9).map(|i| (i / 3, i % 3)).collect();
    let along = |(axis, row): &(usize, usize)| affine[*row][*axis] / spacing[*axis];
    pairs.retain(|pair| along(pair).abs() > 1e-6);
    pairs.sort_by(|a, b| along(b).abs().total_cmp(&along(a).abs()));
    for pair @ (axis, row) in pairs {
        if found[axis].is_none() && free[row] {
            found[axis] = Some((row, along(&pair) > 0.0));
            free[row] = false;
        }
    }
    found
}

/// Where the axes of an image lead, a letter each: `RAS` is right, anterior, superior; `?` is one that
/// has no direction of its own. An oblique axis has the letter that is nearest.
pub fn orientation(affine: &Affine) -> String {
    let letter = |axis: Option<(usize, bool)>| match axis {
        Some((row, high)) => [['L', 'R'], ['P', 'A'], ['I', 'S']][row][usize::from(high)],
        None => '?',
    };
    axes(affine).into_iter().map(letter).collect()
}

/// The fields of a header that place the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    pub(super) quaternion: [f64; 3],
    pub(super) offset: [f64; 3],
    pub(super) rows: [[f64; 4]; 3],
    /// `[qfac, spacing…]`, the first four of `pixdim`.
    pub(super) pixdim: [f64; 4],
    /// How far below 0 the fourth part of the quaternion, squared, may come out by rounding.
    pub(super) tolerance: f64,
}

impl Placement {
    /// The affine nibabel chooses: the sform if it has a code, else the qform if it has one, else
    /// the centre of the image as origin.
    pub(super) fn affine(&self, dimensions: &[usize]) -> Result<Affine> {
        let affine = if known(self.sform_code) {
            let [x, y, z] = self.rows;
            [x, y, z, [0.0, 0.0, 0.0, 1.0]]
        } else if known(self.qform_code) {
            self.qform()?
        } else {
            self.base(dimensions)
        };
        if affine.as_flattened().iter().all(|value| value.is_finite()) {
            Ok(affine)
        } else {
            Err(bad("the header places the image with numbers that are not finite")
                .help("write the file again with a valid affine, for example with nibabel"))
        }
    }

    /// Spacing as nibabel repairs it: 0 stands for 1, and signs do not count.
    fn spacing(&self) -> [f64; 3] {
        [1, 2, 3].map(|axis| if self.pixdim[axis] == 0.0 { 1.0 } else { self.pixdim[axis].abs() })
    }

    /// The code of the form that the affine is taken from; 0 where neither has one.
    pub(super) fn space(&self) -> i32 {
        let forms = [self.sform_code, self.qform_code];
        forms.into_iter().find(|code| known(*code)).unwrap_or(0)
    }

    fn qform(&self) -> Result<Affine> {
        let [b, c, d] = self.quaternion;
        let rest = 1.0 - (b * b + c * c + d * d);
        if rest <= -self.tolerance {
            return Err(bad("the quaternion of the header's qform is longer than 1")
                .help("write the file again with a valid affine, for example with nibabel"));
        }
        // A rest this near 0 is rounding of a half turn.
        let a = if rest < self.tolerance { 0.0 } else { rest.sqrt() };
        // Any qfac but -1 counts as 1: old files leave 0 there.
        let qfac = if self.pixdim[0] == -1.0 { -1.0 } else { 1.0 };
        let spacing = self.spacing();
        let scale = [spacing[0], spacing[1], spacing[2] * qfac];
        let rotation = rotation(a, self.quaternion);
        let row = |i: usize| {
            let [x, y, z] = rotation[i];
            [x * scale[0], y * scale[1], z * scale[2], self.offset[i]]
        };
        Ok([row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]])
    }

    /// Without any form nibabel takes the first axis to run from right to left, as ANALYZE did.
    fn base(&self, dimensions: &[usize]) -> Affine {
        let mut affine = [[0.0; 4]; 4];
        let spacing = self.spacing();
        for (axis, row) in affine.iter_mut().take(3).enumerate() {
            let Some(length) = dimensions.get(axis) else {
                row[axis] = 1.0;
                continue;
            };
            row[axis] = if axis == 0 { -spacing[axis] } else { spacing[axis] };
            row[3] = -((*length as f64 - 1.0) / 2.0) * row[axis];
        }
        affine[3][3] = 1.0;
        affine
    }

    /// The fields for a NIfTI-1 file, whose numbers are `f32`.
    ///
    /// Both forms are filled, because readers differ in which they trust. A sheared affine is no
    /// rotation with spacing, so the qform would contradict it: then only the sform is set.
    pub(super) fn for_writing(affine: &Affine) -> Result<Self> {
        let spacing = spacing_mm(affine);
        let finite = affine.as_flattened().iter().all(|value| value.is_finite());
        if !finite || spacing.contains(&0.0) {
            return Err(bad("the image's affine is singular or not finite")
                .help("every axis needs a direction and a spacing in the affine"));
        }
        let single = |value: f64| f64::from(value as f32);
        let mut direction = [[0.0; 3]; 3];
        for (row, to) in direction.iter_mut().enumerate() {
            *to = [0, 1, 2].map(|axis| affine[row][axis] / spacing[axis]);
        }
        let qfac = if determinant(&direction) < 0.0 { -1.0 } else { 1.0 };
        for row in &mut direction {
            row[2] *= qfac;
        }
        let mut placement = Self {
            qform_code: SCANNER,
            sform_code: SCANNER,
            quaternion: quaternion(&direction).map(single),
            offset: [0, 1, 2].map(|row| single(affine[row][3])),
            rows: [0, 1, 2].map(|row| affine[row].map(single)),
            pixdim: [qfac, single(spacing[0]), single(spacing[1]), single(spacing[2])],
            tolerance: ROUNDING_F32,
        };
        // Near half turns a quaternion of `f32` is off by up to 1e-3.
        let near = |a: f64, b: f64, spacing: f64| (a - b).abs() < 2e-3 * spacing;
        let same = placement.qform().is_ok_and(|again| {
            (0..3).all(|row| {
                (0..3).all(|axis| near(again[row][axis], affine[row][axis], spacing[axis]))
            })
        });
        if !same {
            placement.qform_code = 0;
            placement.quaternion = [0.0; 3];
        }
        Ok(placement)
    }
}

/// Three roundings of an `f32`, as nibabel allows for the quaternion.
pub(super) const ROUNDING_F32: f64 = 3.0 * f32::EPSILON as f64;
/// The same for the `f64` of NIfTI-2.
pub(super) const ROUNDING_F64: f64 = 3.0 * f64::EPSILON;

pub(super) const SCANNER: i32 = 1;

/// nibabel takes codes outside the standard for "unknown".
fn known(code: i32) -> bool {
    (1..=5).contains(&code)
}

fn rotation(a: f64, [b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
    // Dividing by the length makes a rotation of a quaternion that rounding left a little off.
    let length = a * a + b * b + c * c + d * d;
    let s = 2.0 / length;
    [
        [1.0 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
        [s * (b * c + a * d), 1.0 - s * (b * b + d * d), s * (c * d - a * b)],
        [s * (b * d - a * c), s * (c * d + a * b), 1.0 - s * (b * b + c * c)],
    ]
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
}

/// The last three parts of the unit quaternion of a rotation, the first being positive.
fn quaternion(r: &[[f64; 3]; 3]) -> [f64; 3] {
    let squares = [
        1.0 + r[0][0] + r[1][1] + r[2][2],
        1.0 + r[0][0] - r[1][1] - r[2][2],
        1.0 - r[0][0] + r[1][1] - r[2][2],
        1.0 - r[0][0] - r[1][1] + r[2][2],
    ];
    // The largest part is computed first, and the others from it, to divide by no small number.
    let largest = (0..4).fold(0, |best, i| if squares[i] > squares[best] { i } else { best });
    let half = squares[largest].max(f64::MIN_POSITIVE).sqrt();
    let q = half / 2.0;
    let (yz, zx, xy) = (r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]);
    let (yz_sum, zx_sum, xy_sum) = (r[2][1] + r[1][2], r[0][2] + r[2][0], r[1][0] + r[0][1]);
    let over = |value: f64| value / (2.0 * half);
    let [a, b, c, d] = match largest {
        0 => [q, over(yz), over(zx), over(xy)],
        1 => [over(yz), q, over(xy_sum), over(zx_sum)],
        2 => [over(zx), over(xy_sum), q, over(yz_sum)],
        _ => [over(xy), over(zx_sum), over(yz_sum), q],
    };
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    [b * sign, c * sign, d * sign]
}
