use tch::Kind as Number;

use super::short::*;
use crate::error::{Code, Error, Place};
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
                      ∂ score / ∂ map over all spatial axes; enlarged linearly, corners aligned"
                .into(),
            source: "Selvaraju et al. 2017, https://doi.org/10.1109/ICCV.2017.74 (whose maps are the \
                     sum over the channels, negative values set to 0)"
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

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let Samples { x, targets, .. } = samples;
        let path = &layer(&subject.network.plan, options)?.path;
        let (seen, gradient, scores) = subject.gradient_at(path, x, targets)?;
        let (seen, gradient) = (seen.f_to_kind(Number::Float)?, gradient.f_to_kind(Number::Float)?);
        let spatial: Vec<i64> = (2..seen.dim() as i64).collect();
        let weights = gradient.f_mean_dim(&spatial[..], true, None::<Number>)?;
        let mut maps = seen.f_mul(&weights)?.f_mean_dim(&[1i64][..], true, None::<Number>)?;
        if options.flag("relu")? {
            maps = maps.f_relu()?;
        }
        let size = &x.size()[2..];
        let maps = match size.len() {
            2 => maps.f_upsample_bilinear2d(size, true, None, None)?,
            _ => maps.f_upsample_trilinear3d(size, true, None, None, None)?,
        };
        Ok(Attribution { maps, scores, baseline_scores: None })
    }
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
