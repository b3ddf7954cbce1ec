//! One head: what is drawn by chance, and the image that follows from it.

use super::{Person, PhantomOptions};
use crate::random::Random;

/// Everything about a head that is drawn. Lengths are in half image sizes, from the middle; the axes
/// run right, forward and up.
#[derive(Debug)]
pub(super) struct Anatomy {
    /// Painted one over the other.
    shapes: Vec<Ellipsoid>,
    /// The rows of the head's rotation.
    rotation: [[f64; 3]; 3],
    shift: [f64; 3],
    scale: [f64; 3],
    /// The waves whose sum folds the cortex.
    folds: Vec<Wave>,
    /// The coefficients of the logarithm of the receive field.
    bias: [f64; 9],
    gain: f64,
    noise: Random,
}

#[derive(Debug)]
struct Ellipsoid {
    center: [f64; 3],
    radii: [f64; 3],
    /// Sine and cosine of its turn around the axis that points up.
    turn: (f64, f64),
    value: f64,
    /// How deep the folds cut into its surface, as a part of its radius.
    folded: f64,
}

#[derive(Debug)]
struct Wave {
    number: [f64; 3],
    phase: f64,
}

impl Anatomy {
    /// Draws the head of `person`.
    pub(super) fn draw(person: &Person, seed: u64) -> Self {
        let mut random = Random::new(seed, "phantom", &[person.number]);
        let r = &mut random;
        let angles = [0; 3].map(|_| r.uniform(-0.12, 0.12));
        let shift = [0; 3].map(|_| r.uniform(-0.03, 0.03));
        let size = if person.sex == "M" { 1.0 } else { 0.96 };
        let scale = [0; 3].map(|_| size * r.uniform(0.95, 1.03));
        let folds = (0..6).map(|_| Wave::draw(r)).collect();
        let bias = [0; 9].map(|_| 0.04 * r.normal());
        let gain = r.uniform(0.8, 1.25);
        let shapes = shapes(person, r);
        let noise = Random::new(seed, "phantom noise", &[person.number]);
        let rotation = rotation(angles);
        Self { shapes, rotation, shift, scale, folds, bias, gain, noise }
    }

    /// The image, in whole numbers around 1000 as scanners give them, which also compress well.
    pub(super) fn render(mut self, options: &PhantomOptions) -> Vec<f32> {
        let size = options.image_size;
        let mut image = self.anatomy(size);
        blur(&mut image, size, options.smoothing_voxels);
        let mut values = image.into_iter();
        each_place(size, |place| {
            let signal = values.next().unwrap_or_default() * self.gain * self.field(place);
            // Scanners give magnitudes, so the noise is Rician.
            let real = signal + options.noise_sigma * self.noise.normal();
            let imaginary = options.noise_sigma * self.noise.normal();
            (1000.0 * real.hypot(imaginary)).round() as f32
        })
    }

    /// The tissue at each voxel, before anything a scanner does to it.
    fn anatomy(&self, size: [usize; 3]) -> Vec<f64> {
        let half = size.map(|length| length as f64 / 2.0);
        let voxels_per_unit = half.iter().sum::<f64>() / 3.0;
        each_place(size, |place| {
            // The rotation turns voxels, whose axes are equally long, not halves of the image.
            let moved = [0, 1, 2].map(|axis| (place[axis] - self.shift[axis]) * half[axis]);
            let turned = self.rotation.map(|row| dot(row, moved));
            let place = [0, 1, 2].map(|axis| turned[axis] / (half[axis] * self.scale[axis]));
            let wave = self.folds.iter().map(|wave| wave.at(place)).sum::<f64>();
            let fold = wave / self.folds.len() as f64;
            self.shapes.iter().fold(0.0, |value, shape| {
                value + (shape.value - value) * shape.share(place, fold, voxels_per_unit)
            })
        })
    }

    /// How strongly the receiving coil hears this place.
    fn field(&self, [x, y, z]: [f64; 3]) -> f64 {
        let terms = [x, y, z, x * y, x * z, y * z, x * x, y * y, z * z];
        terms.iter().zip(self.bias).map(|(term, factor)| term * factor).sum::<f64>().exp()
    }
}

/// The head from the outside to the inside.
fn shapes(person: &Person, random: &mut Random) -> Vec<Ellipsoid> {
    let plain =
        |center, radii, value| Ellipsoid { center, radii, turn: (0.0, 1.0), value, folded: 0.0 };
    let (scalp, fluid, cortex, white) = (0.85, 0.12, 0.5, 0.78);
    let mut shapes = vec![
        plain([0.0; 3], [0.86, 0.92, 0.88], scalp),
        plain([0.0; 3], [0.77, 0.83, 0.79], fluid),
        Ellipsoid { folded: 0.08, ..plain([0.0; 3], [0.72, 0.78, 0.74], cortex) },
        Ellipsoid { folded: 0.24, ..plain([0.0; 3], [0.6, 0.67, 0.62], white) },
    ];
    let tissue = random.uniform(0.45, 0.58);
    shapes.push(plain([0.0, -0.06, -0.12], [0.15, 0.2, 0.14], tissue));
    let widened = 0.6 + 0.9 * (person.age - 55.0) / 35.0 + 0.04 * random.normal();
    for side in [-1.0, 1.0] {
        let turn = (-side * (0.39 + random.uniform(-0.15, 0.15))).sin_cos();
        let radii = [0.08 * widened, 0.3, 0.13 * widened];
        shapes.push(Ellipsoid { turn, ..plain([side * 0.16, 0.02, 0.14], radii, fluid) });
    }
    // Left large, right large, both, none: as many classes as there are names take part.
    let large = [[true, false], [false, true], [true, true], [false, false]][person.class];
    for (side, large) in [-1.0, 1.0].into_iter().zip(large) {
        let size = if large { random.uniform(1.15, 1.3) } else { random.uniform(0.66, 0.8) };
        let jitter = [0; 3].map(|_| random.uniform(-0.03, 0.03));
        let center = [side * 0.35 + jitter[0], -0.04 + jitter[1], -0.14 + jitter[2]];
        let value = random.uniform(0.14, 0.24);
        if side < 0.0 {
            shapes.push(plain(center, [0.15, 0.2, 0.16].map(|radius| radius * size), value));
        } else {
            // The right region is three ellipsoids in a row that touch.
            for step in [-1.0, 0.0, 1.0] {
                let [x, y, z] = center;
                let radii = [0.14, 0.12, 0.15].map(|radius| radius * size);
                shapes.push(plain([x, y + step * 0.12 * size, z], radii, value));
            }
        }
    }
    shapes
}

impl Ellipsoid {
    /// The share of the voxel at `place` that lies within, from its distance to the surface: edges
    /// come out as smooth as if each voxel had been sampled many times.
    fn share(&self, place: [f64; 3], fold: f64, voxels_per_unit: f64) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|axis| place[axis] - self.center[axis]);
        let (sin, cos) = self.turn;
        let [a, b, c] = self.radii;
        let (x, y, z) = ((cos * x + sin * y) / a, (cos * y - sin * x) / b, z / c);
        let radius = (x * x + y * y + z * z).sqrt();
        // Far from the surface the answer is plain; this also spares most of the work.
        if !(0.3..2.0).contains(&radius) {
            return if radius < 1.0 { 1.0 } else { 0.0 };
        }
        // How fast the radius grows with the way across the surface.
        let slope = ((x / a).powi(2) + (y / b).powi(2) + (z / c).powi(2)).sqrt() / radius;
        let outside = (radius * (1.0 + self.folded * fold) - 1.0) / slope;
        (0.5 - outside * voxels_per_unit).clamp(0.0, 1.0)
    }
}

impl Wave {
    fn draw(random: &mut Random) -> Self {
        let direction = [0; 3].map(|_| random.normal());
        let length = random.uniform(14.0, 22.0) / dot(direction, direction).sqrt().max(1e-9);
        let phase = random.uniform(0.0, std::f64::consts::TAU);
        Self { number: direction.map(|part| part * length), phase }
    }

    fn at(&self, place: [f64; 3]) -> f64 {
        (dot(self.number, place) + self.phase).sin()
    }
}

/// Calls `value` for the middle of each voxel, the last axis running fastest.
fn each_place<T>([nx, ny, nz]: [usize; 3], mut value: impl FnMut([f64; 3]) -> T) -> Vec<T> {
    let place = |i: usize, n: usize| (2 * i + 1) as f64 / n as f64 - 1.0;
    let mut values = Vec::with_capacity(nx * ny * nz);
    for x in 0..nx {
        for y in 0..ny {
            values.extend((0..nz).map(|z| value([place(x, nx), place(y, ny), place(z, nz)])));
        }
    }
    values
}

/// A Gaussian filter along each axis, with the border reflected.
fn blur(image: &mut [f64], size: [usize; 3], sigma: f64) {
    if sigma == 0.0 {
        return;
    }
    let reach = (4.0 * sigma).ceil() as isize;
    let weight = |i: isize| (-0.5 * (i as f64 / sigma).powi(2)).exp();
    let total: f64 = (-reach..=reach).map(weight).sum();
    let kernel: Vec<_> = (-reach..=reach).map(|i| (i, weight(i) / total)).collect();
    let strides = [size[1] * size[2], size[2], 1];
    for (length, stride) in size.into_iter().zip(strides) {
        let mut line = vec![0.0; length];
        let starts = (0..image.len()).filter(|at| at / stride % length == 0);
        for start in starts {
            for (i, value) in line.iter_mut().enumerate() {
                let taken = |(step, weight): &(isize, f64)| {
                    weight * image[start + reflected(i as isize + step, length) * stride]
                };
                *value = kernel.iter().map(taken).sum();
            }
            for (i, value) in line.iter().enumerate() {
                image[start + i * stride] = *value;
            }
        }
    }
}

/// The index in `0..length` that a mirror at each end shows at `i`.
fn reflected(i: isize, length: usize) -> usize {
    let length = length as isize;
    let i = i.rem_euclid(2 * length);
    (if i < length { i } else { 2 * length - 1 - i }) as usize
}

/// Turns around the three axes, one after the other.
fn rotation([a, b, c]: [f64; 3]) -> [[f64; 3]; 3] {
    let ((sa, ca), (sb, cb), (sc, cc)) = (a.sin_cos(), b.sin_cos(), c.sin_cos());
    [
        [cb * cc, sa * sb * cc - ca * sc, ca * sb * cc + sa * sc],
        [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - sa * cc],
        [-sb, sa * cb, ca * cb],
    ]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
