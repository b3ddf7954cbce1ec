use std::ops::Range;

use tch::{Device, no_grad_guard};

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
        Windows::new(&plan.input[1..], options).map(drop)
    }

    fn passes(&self, size: &[i64], options: &Options) -> Result<u64> {
        Ok(Windows::new(size, options)?.count() + 1)
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution> {
        let _no_grad = no_grad_guard();
        let (fill, size) = (options.float("fill")?, samples.x.size());
        let windows = Windows::new(&size[2..], options)?;
        let (each, all) = (windows.count(), windows.count() * samples.targets.len() as u64);
        let (mut scores, mut maps) = (Vec::new(), Vec::new());
        for (i, target) in samples.targets.iter().enumerate() {
            let x = samples.x.f_narrow(0, i as i64, 1)?;
            let score = subject.scores(&x, &[*target])?[0];
            let hidden = hidden(&x, samples.inside.map(|inside| &inside[i][..]), fill)?;
            let changes = changes(&x, &hidden)?;
            let mut covered = Cover::new(&size[2..]);
            let mut waiting = Vec::new();
            for number in 0..each {
                let window = windows.at(number);
                // Where nothing changes, nothing is lost.
                match window.any_row(&size[2..], |row| changes[row].contains(&true)) {
                    true => waiting.push(window),
                    false => covered.add(&window, 0.0),
                }
                if waiting.len() < samples.batch_size.max(1) && number + 1 < each {
                    continue;
                }
                if !waiting.is_empty() {
                    let found = without(subject, &x, &hidden, &waiting, *target)?;
                    for (window, found) in waiting.drain(..).zip(found) {
                        covered.add(&window, score - found);
                    }
                }
                samples.goes_on(i as u64 * each + number + 1, all)?;
            }
            maps.push(covered.mean()?);
            scores.push(score);
        }
        Ok(Attribution { maps: Tensor::f_cat(&maps, 0)?, scores, baseline_scores: None })
    }
}

/// The sample `x`, `[1, channel, …]`, all of it covered: voxels that do not count stay.
fn hidden(x: &Tensor, inside: Option<&[bool]>, fill: f64) -> Result<Tensor> {
    let filled = x.f_full_like(fill)?;
    let Some(inside) = inside else { return Ok(filled) };
    let mut size = x.size();
    size[1] = 1;
    let inside = Tensor::f_from_slice(inside)?.f_view(&size[..])?.f_to_device(x.device())?;
    Ok(filled.f_where_self(&inside, x)?)
}

/// The scores of the sample `x` with each of these windows covered.
fn without(
    subject: &Subject<'_>,
    x: &Tensor,
    hidden: &Tensor,
    windows: &[Window],
    target: usize,
) -> Result<Vec<f64>> {
    let mut copies = vec![1; x.dim()];
    copies[0] = windows.len() as i64;
    let filled = channels_last(&x.f_repeat(&copies[..])?)?;
    for (copy, window) in windows.iter().enumerate() {
        let mut place = window.of(&filled.f_narrow(0, copy as i64, 1)?)?;
        place.f_copy_(&window.of(hidden)?)?;
    }
    subject.scores(&filled, &vec![target; windows.len()])
}

/// In which voxels, the last axis fastest, a sample and what is covered of it differ.
fn changes(x: &Tensor, hidden: &Tensor) -> Result<Vec<bool>> {
    let changed = x.f_ne_tensor(hidden)?.f_any_dim(1, false)?.f_to_device(Device::Cpu)?;
    let mut of = vec![false; changed.numel()];
    changed.f_contiguous()?.f_copy_data(&mut of, changed.numel())?;
    Ok(of)
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

    /// Whether `is` holds for one of the window's rows along the last axis, by their places in an image
    /// of this size; it is asked until it does.
    fn any_row(&self, size: &[i64], mut is: impl FnMut(Range<usize>) -> bool) -> bool {
        fn any(
            window: &[(i64, i64)],
            size: &[i64],
            before: i64,
            is: &mut dyn FnMut(Range<usize>) -> bool,
        ) -> bool {
            let [(start, length), inner @ ..] = window else { return false };
            let first = before * size[0] + start;
            match inner {
                [] => is(first as usize..(first + length) as usize),
                _ => (first..first + length).any(|at| any(inner, &size[1..], at, is)),
            }
        }
        any(&self.0, size, 0, &mut is)
    }
}

/// The windows of an image, which together cover it; the last axis counts fastest.
struct Windows {
    /// Where they start and how long they are, for each axis.
    axes: Vec<Vec<(i64, i64)>>,
}

impl Windows {
    fn new(image: &[i64], options: &Options) -> Result<Self> {
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
        let places = |axis: usize| {
            let (length, size, stride) = (image[axis], size[axis], stride[axis]);
            let count = (length - size + stride - 1) / stride + 1;
            (0..count).map(|i| (i * stride, size.min(length - i * stride))).collect()
        };
        Ok(Self { axes: (0..image.len()).map(places).collect() })
    }

    fn count(&self) -> u64 {
        self.axes.iter().map(|places| places.len() as u64).product()
    }

    fn at(&self, number: u64) -> Window {
        let mut rest = number;
        let mut window = vec![(0, 0); self.axes.len()];
        for (place, places) in window.iter_mut().zip(&self.axes).rev() {
            *place = places[(rest % places.len() as u64) as usize];
            rest /= places.len() as u64;
        }
        Window(window)
    }
}

/// The sum and the number of what windows say about each voxel.
struct Cover {
    size: Vec<i64>,
    sum: Vec<f64>,
    count: Vec<u32>,
}

impl Cover {
    fn new(size: &[i64]) -> Self {
        let voxels = size.iter().product::<i64>() as usize;
        Self { size: size.to_vec(), sum: vec![0.0; voxels], count: vec![0; voxels] }
    }

    fn add(&mut self, window: &Window, value: f64) {
        let Self { size, sum, count } = self;
        window.any_row(size, |row| {
            sum[row.clone()].iter_mut().for_each(|sum| *sum += value);
            count[row].iter_mut().for_each(|count| *count += 1);
            false
        });
    }

    /// `[1, 1, …]`.
    fn mean(&self) -> Result<Tensor> {
        let mean = |(sum, count): (&f64, &u32)| (sum / f64::from(*count)) as f32;
        let mean: Vec<f32> = self.sum.iter().zip(&self.count).map(mean).collect();
        let shape = [&[1, 1], &self.size[..]].concat();
        Ok(Tensor::f_from_slice(&mean)?.f_view(&shape[..])?)
    }
}
