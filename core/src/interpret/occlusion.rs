use tch::{Kind as Number, no_grad_guard};

use super::short::*;
use crate::error::{Code, Error, Place};
use crate::network::{Plan, channels_last};
use crate::shape::show;

/// What is lost where a window is covered.
pub(super) struct Occlusion;

impl Rule for Occlusion {
    fn info(&self) -> MethodInfo {
        let sizes = || Kind::Sizes { min: 1 };
        MethodInfo {
            name: "occlusion".into(),
            help:
                "How much the score falls where a window is covered. Needs no gradients; a forward \
                   pass for every window."
                    .into(),
            formula:
                "mean over the windows that cover the voxel of score(image) − score(image with \
                      the window filled)"
                    .into(),
            source: "Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901".into(),
            options: vec![
                OptionSpec::absent(
                    "size",
                    sizes(),
                    "an eighth of each axis, rounded up",
                    "voxels of the window, for all axes or for each",
                ),
                OptionSpec::absent(
                    "stride",
                    sizes(),
                    "size",
                    "voxels from one window to the next; windows at the far side are cut off",
                ),
                OptionSpec::new(
                    "fill",
                    Kind::Float { min: -f64::from(f32::MAX), max: f64::from(f32::MAX) },
                    0.0,
                    "what covered voxels become, in the intensities that the network sees",
                ),
            ],
        }
    }

    fn check(&self, plan: &Plan, options: &Options) -> Result<()> {
        windows(&plan.input[1..], options).map(drop)
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let _no_grad = no_grad_guard();
        let (fill, size) = (options.float("fill")?, samples.x.size());
        let windows = windows(&size[2..], options)?;
        let mut scores = Vec::new();
        let mut maps = Vec::new();
        for (i, target) in samples.targets.iter().enumerate() {
            let x = samples.x.f_narrow(0, i as i64, 1)?;
            let score = subject.scores(&x, &[*target])?[0];
            let mut changed = Vec::new();
            let mut covered = Cover::new(&size[2..], &x)?;
            for window in &windows {
                // Where nothing changes, nothing is lost.
                let same = window.of(&x)?.f_eq(fill)?.f_all()?.f_int64_value(&[])? == 1;
                match same {
                    true => covered.add(window, 0.0)?,
                    false => changed.push(window),
                }
            }
            for windows in changed.chunks(samples.batch_size.max(1)) {
                let mut copies = vec![1; size.len()];
                copies[0] = windows.len() as i64;
                let filled = channels_last(&x.f_repeat(&copies[..])?)?;
                for (copy, window) in windows.iter().enumerate() {
                    let _ = window.of(&filled.f_narrow(0, copy as i64, 1)?)?.f_fill_(fill)?;
                }
                let found = subject.scores(&filled, &vec![*target; windows.len()])?;
                for (window, found) in windows.iter().zip(found) {
                    covered.add(window, score - found)?;
                }
            }
            maps.push(covered.mean()?);
            scores.push(score);
        }
        Ok(Attribution { maps: Tensor::f_cat(&maps, 0)?, scores, baseline_scores: None })
    }
}

/// A block of voxels: where it starts and how long it is, for each spatial axis.
struct Window(Vec<(i64, i64)>);

impl Window {
    /// The window in a tensor `[batch, channel, …]`, of which it is a view.
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        let mut view = x.shallow_clone();
        for (axis, (start, length)) in (2..).zip(&self.0) {
            view = view.f_narrow(axis, *start, *length)?;
        }
        Ok(view)
    }
}

/// The windows of an image of this size, the last axis counting fastest; together they cover it.
fn windows(image: &[i64], options: &Options) -> Result<Vec<Window>> {
    let refuse = |option: &str, message: String, help: &str| {
        Err(Error::new(Code::BadOption, message).at(Place::Option(option.into())).help(help))
    };
    let size = match options.has("size") {
        true => options.sizes("size", image.len())?,
        false => image.iter().map(|length| (length + 7) / 8).collect(),
    };
    if size.iter().zip(image).any(|(size, length)| size > length) {
        let (size, image) = (show(&size), show(image));
        let message = format!("a window of {size} does not fit into an image of {image}");
        return refuse("size", message, "choose a smaller one");
    }
    let stride = match options.has("stride") {
        true => options.sizes("stride", image.len())?,
        false => size.clone(),
    };
    if stride.iter().zip(&size).any(|(stride, size)| stride > size) {
        let (size, stride) = (show(&size), show(&stride));
        let message = format!("windows of {size} leave gaps with a stride of {stride}");
        return refuse("stride", message, "choose a stride of at most the size");
    }
    let mut windows = vec![Window(Vec::new())];
    for axis in 0..image.len() {
        let (length, size, stride) = (image[axis], size[axis], stride[axis]);
        let count = (length - size + stride - 1) / stride + 1;
        let places = (0..count).map(|i| (i * stride, size.min(length - i * stride)));
        let places: Vec<(i64, i64)> = places.collect();
        let longer = |window: &Window| {
            let before = window.0.clone();
            let with =
                move |place: &(i64, i64)| Window(before.iter().copied().chain([*place]).collect());
            places.iter().map(with).collect::<Vec<_>>()
        };
        windows = windows.iter().flat_map(longer).collect();
    }
    Ok(windows)
}

/// The sum and the number of what windows say about each voxel.
struct Cover {
    sum: Tensor,
    count: Tensor,
}

impl Cover {
    fn new(size: &[i64], like: &Tensor) -> Result<Self> {
        let mut shape = vec![1, 1];
        shape.extend(size);
        let zeros = || Tensor::f_zeros(&shape, (Number::Double, like.device()));
        Ok(Self { sum: zeros()?, count: zeros()? })
    }

    fn add(&mut self, window: &Window, value: f64) -> Result<()> {
        let _ = window.of(&self.sum)?.f_add_scalar_(value)?;
        let _ = window.of(&self.count)?.f_add_scalar_(1.0)?;
        Ok(())
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.sum.f_div(&self.count)?.f_to_kind(Number::Float)?)
    }
}
