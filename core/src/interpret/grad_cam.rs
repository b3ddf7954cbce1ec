use tch::Kind as Number;

use super::short::*;
use crate::error::{Code, Error, Place};
use crate::layer::Grid;
use crate::network::{LayerRow, Plan};
use crate::shape::show;

/// Which regions of a convolution's maps speak for the score.
pub(super) struct GradCam;

impl Rule for GradCam {
    fn info(&self) -> MethodInfo {
        MethodInfo {
            name: "grad_cam".into(),
            help: "Where the maps of a layer of the convolutions speak for the score; coarse, and only \
                   for networks with such a part."
                .into(),
            formula: "mean over the channels of weight · map, where a channel's weight is the mean of \
                      ∂ score / ∂ map over all spatial axes; linear between the centres of the cells, \
                      and beyond the outer ones as there"
                .into(),
            source: "Selvaraju et al. 2017, https://doi.org/10.1109/ICCV.2017.74 (whose maps are the \
                     sum over the channels, negative values set to 0); where a cell's centre lies: Araujo \
                     et al. 2019, https://doi.org/10.23915/distill.00021 (ClinicaDL aligns the corners \
                     of map and image instead, which draws the map up to half a cell and more off)"
                .into(),
            options: vec![
                OptionSpec::absent(
                    "level",
                    Kind::Int { min: 1, max: i64::from(i32::MAX) },
                    "after the last one",
                    "after how many layers of the part convolutions the maps are taken",
                ),
                OptionSpec::new("relu", Kind::Bool, false, "negative values become 0, as in the paper"),
            ],
        }
    }

    fn check(&self, plan: &Plan, options: &Options) -> Result<()> {
        layer(plan, options).map(drop)
    }

    fn signed(&self, options: &Options) -> Result<bool> {
        Ok(!options.flag("relu")?)
    }

    fn caution(&self, plan: &Plan, options: &Options) -> Result<Option<String>> {
        let row = layer(plan, options)?;
        Ok(plan.grid(&row.path).is_none().then(|| {
            format!(
                "where the cells of {} look is not known, as a layer before it does not say: the \
                 corners of its maps are put on those of the image, which may be up to half a cell and \
                 more off",
                row.path
            )
        }))
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let (cells, scores) = cells(subject, samples, options)?;
        let size = &samples.x.size()[2..];
        let plan = &subject.network.plan;
        let grid = plan.grid(&layer(plan, options)?.path);
        let grid = grid.unwrap_or_else(|| corners(&cells.size()[2..], size));
        Ok(Attribution { maps: enlarged(&cells, &grid, size)?, scores, baseline_scores: None })
    }
}

/// The maps before they are enlarged, `[batch, 1, …]`, and the score of each sample.
pub(super) fn cells(
    subject: &Subject<'_>,
    samples: &Samples<'_>,
    options: &Options,
) -> Result<(Tensor, Vec<f64>)> {
    let path = &layer(&subject.network.plan, options)?.path;
    let (seen, gradient, scores) = subject.gradient_at(path, samples.x, samples.targets)?;
    let (seen, gradient) = (seen.f_to_kind(Number::Float)?, gradient.f_to_kind(Number::Float)?);
    let spatial: Vec<i64> = (2..seen.dim() as i64).collect();
    let weights = gradient.f_mean_dim(&spatial[..], true, None::<Number>)?;
    let maps = seen.f_mul(&weights)?.f_mean_dim(&[1i64][..], true, None::<Number>)?;
    Ok((if options.flag("relu")? { maps.f_relu()? } else { maps }, scores))
}

/// The grid of maps whose first and last cells lie on the first and last voxels of an image.
pub(super) fn corners(cells: &[i64], size: &[i64]) -> Grid {
    let stride = |(cells, size): (&i64, &i64)| match *cells {
        1 => 1.0,
        cells => (size - 1) as f64 / (cells - 1) as f64,
    };
    let stride = cells.iter().zip(size).map(stride).collect();
    Grid { start: vec![0.0; cells.len()], stride }
}

/// Maps `[batch, 1, …]` of cells on this grid, for each voxel of images of this size: linear between the
/// centres of the cells, the outer ones' values beyond.
pub(super) fn enlarged(cells: &Tensor, grid: &Grid, size: &[i64]) -> Result<Tensor> {
    let mut maps = cells.shallow_clone();
    for (axis, size) in size.iter().enumerate() {
        let (start, stride) = (grid.start[axis], grid.stride[axis]);
        let last = (maps.size()[axis + 2] - 1) as f64;
        let place = |voxel: i64| ((voxel as f64 - start) / stride).clamp(0.0, last);
        let places: Vec<f64> = (0..*size).map(place).collect();
        let below: Vec<i64> = places.iter().map(|place| place.floor() as i64).collect();
        let above: Vec<i64> = below.iter().map(|cell| (cell + 1).min(last as i64)).collect();
        let share = places.iter().zip(&below).map(|(place, cell)| (place - *cell as f64) as f32);
        let share: Vec<f32> = share.collect();
        let mut view = vec![1; cells.dim()];
        view[axis + 2] = *size;
        let of = |cells: &[i64]| -> Result<Tensor> {
            let cells = Tensor::f_from_slice(cells)?.f_to_device(maps.device())?;
            Ok(maps.f_index_select(axis as i64 + 2, &cells)?)
        };
        let (low, high) = (of(&below)?, of(&above)?);
        let share = Tensor::f_from_slice(&share)?.f_view(&view[..])?.f_to_device(maps.device())?;
        maps = low.f_add(&high.f_sub(&low)?.f_mul(&share)?)?;
    }
    Ok(maps)
}

/// The layer whose maps are taken.
fn layer<'p>(plan: &'p Plan, options: &Options) -> Result<&'p LayerRow> {
    let refuse = |message: String, help: String| {
        Err(Error::new(Code::BadOption, message).at(Place::Option("level".into())).help(help))
    };
    let of_part = |row: &&LayerRow| row.depth == 0 && row.path.starts_with("convolutions.");
    let rows: Vec<&LayerRow> = plan.rows.iter().filter(of_part).collect();
    let Some(last) = rows.last() else {
        let parts: Vec<&str> = plan.spec.parts.iter().map(|part| part.name.as_str()).collect();
        return refuse(
            "grad_cam needs a part called convolutions, which this network does not have".into(),
            format!("its parts are {}; take another method", parts.join(", ")),
        );
    };
    let row = match options.has("level") {
        false => last,
        true => match rows.get(options.int("level")? as usize - 1) {
            Some(row) => row,
            None => {
                return refuse(
                    format!("the part convolutions has {} layers", rows.len()),
                    "choose a level up to that number".into(),
                );
            }
        },
    };
    if row.output.len() == plan.input.len() {
        return Ok(row);
    }
    refuse(
        format!("{} gives {}, which has no place in the image", row.path, show(&row.output)),
        "choose a level before it, as host inspect shows the layers".into(),
    )
}
