use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, to_json, uniform};
use super::resample::{Point, resample, sizes};
use super::{Transform, TransformInfo};
use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Moves voxels by a field that cubic B-splines span between control points: voxel x comes from
/// x + Σ β³((x − x_c) / h) · d_c.
pub(super) struct Elastic;

/// The displacements d_c of the control points that are not locked, in voxels: all axes of the first
/// point, of the next one, …, the last spatial axis fastest.
#[derive(Serialize, Deserialize)]
struct Drawn {
    displacements: Vec<f64>,
}

/// How far the splines reach beyond the outer voxels' centres, in voxels: half a voxel, and what ITK
/// adds (2⁻³).
const MARGIN: f64 = 0.625;

impl Transform for Elastic {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Elastic".into(),
            help: "Bends the image by cubic B-splines between control points that are moved."
                .into(),
            source: "https://doi.org/10.1109/42.796284, as in TorchIO's RandomElasticDeformation"
                .into(),
            options: vec![
                OptionSpec::new(
                    "num_control_points",
                    Kind::Int { min: 4, max: 50 },
                    7,
                    "along each axis, the outermost of which lie beyond the image",
                ),
                OptionSpec::new(
                    "max_displacement",
                    Kind::Float { min: 0.0, max: 1000.0 },
                    7.5,
                    "largest shift of a point along each axis, in voxels; over half their distance it folds",
                ),
                OptionSpec::new(
                    "locked_borders",
                    Kind::Int { min: 0, max: 2 },
                    2,
                    "outer layers of control points that stay; 2 keep the image's border",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let (axes, largest) = (shape.len() - 1, options.float("max_displacement")?);
        let grid = Grid::new(options)?;
        if grid.free() == 0 {
            let message = format!("of {} control points none is left to move", grid.points);
            return Err(Error::new(Code::BadOption, message)
                .at(Place::Option("num_control_points".into()))
                .help("take 5 or more, or lock fewer borders"));
        }
        let count = grid.free().pow(axes as u32) * axes;
        let mut random = Random::new(seed, "elastic", &[]);
        to_json(&Drawn { displacements: uniform(&mut random, [-largest, largest], count) })
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { displacements } = from_json(drawn)?;
        let (axes, grid) = (shape.len() - 1, Grid::new(options)?);
        counted(&displacements, grid.free().pow(axes as u32) * axes, "displacements")?;
        let spread = grid.spread(&displacements, axes);
        let splines = sizes(shape).map(|size| splines(size, grid.points));
        let points = grid.points;
        let mut line = vec![[0.0; 3]; points];
        Ok(resample(&voxels, shape, |i, j, row| {
            let ((x, of_x), (y, of_y)) = (splines[0][i], splines[1][j]);
            for (c, sum) in line.iter_mut().enumerate() {
                *sum = [0.0; 3];
                for (a, wx) in of_x.iter().enumerate() {
                    for (b, wy) in of_y.iter().enumerate() {
                        let point = spread[((x + a) * points + y + b) * points + c];
                        add(sum, point, wx * wy);
                    }
                }
            }
            for (k, origin) in row.iter_mut().enumerate() {
                let (z, of_z) = splines[2][k];
                *origin = [i as f64, j as f64, k as f64];
                for (c, wz) in of_z.iter().enumerate() {
                    add(origin, line[z + c], *wz);
                }
            }
        }))
    }
}

fn add(sum: &mut Point, point: Point, weight: f64) {
    sum.iter_mut().zip(point).for_each(|(sum, value)| *sum += weight * value);
}

/// Control points along each axis.
struct Grid {
    points: usize,
    locked: usize,
}

impl Grid {
    fn new(options: &Options) -> Result<Self> {
        let points = options.int("num_control_points")? as usize;
        Ok(Self { points, locked: options.int("locked_borders")? as usize })
    }

    /// Along each axis, those that move.
    fn free(&self) -> usize {
        self.points.saturating_sub(2 * self.locked)
    }

    /// The displacements of all points; a slice is displaced alike at all depths, and not in depth.
    fn spread(&self, displacements: &[f64], axes: usize) -> Vec<Point> {
        let (points, free) = (self.points, self.free());
        let inner = |at: usize| at.checked_sub(self.locked).filter(|at| *at < free);
        let mut spread = vec![[0.0; 3]; points.pow(3)];
        for (at, point) in spread.iter_mut().enumerate() {
            let place = [at / points / points, at / points % points, at % points];
            let inside: Option<Vec<usize>> = place[..axes].iter().map(|at| inner(*at)).collect();
            let Some(inside) = inside else { continue };
            let first = inside.iter().fold(0, |sum, at| sum * free + at) * axes;
            point[..axes].copy_from_slice(&displacements[first..first + axes]);
        }
        spread
    }
}

/// For each voxel of an axis the first of the four control points that move it, and their shares.
fn splines(size: usize, points: usize) -> Vec<(usize, [f64; 4])> {
    let distance = (size as f64 - 1.0 + 2.0 * MARGIN) / (points - 3) as f64;
    let spline = |at: usize| {
        let place = (at as f64 + MARGIN) / distance;
        let first = (place as usize).min(points - 4);
        let t = place - first as f64;
        let shares = [
            (1.0 - t).powi(3),
            3.0 * t.powi(3) - 6.0 * t.powi(2) + 4.0,
            -3.0 * t.powi(3) + 3.0 * t.powi(2) + 3.0 * t + 1.0,
            t.powi(3),
        ];
        (first, shares.map(|share| share / 6.0))
    };
    (0..size).map(spline).collect()
}
