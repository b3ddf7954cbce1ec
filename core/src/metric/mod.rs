//! How good predictions are, and the bootstrap intervals of that.
//!
//! What a metric is computed from is its [`Measure`]. Of a classification it is the [`Confusion`] of
//! true and predicted classes, or the probabilities; metrics of plugins and scripts see all [`Rows`].
//! With two classes the one with code 0 is the positive class, as in ClinicaDL. With more, each class
//! is taken against the rest and the metric is the mean over the classes, except for those that have a
//! definition for many classes (accuracy, BA, MCC, Brier, ECE). Of a regression it is the true and the
//! predicted numbers; of a reconstruction it is computed for each image, and the mean is reported.
//!
//! Without rows no metric has a value. With one, with rows of one class only, or with constant
//! predictions, the file of each metric says what it gives.
//!
//! A ratio whose denominator is zero has no value. What is reported then depends on the metric
//! ([`MetricInfo::undefined`]): the shares and MCC are 0, as in scikit-learn with
//! `zero_division=0`; MK and the likelihood ratios stay undefined, where ClinicaDL writes a number.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use tch::Tensor;

use crate::error::Result;
use crate::task::Task;

mod accuracy;
mod balanced_accuracy;
mod bootstrap;
mod brier;
mod confusion;
mod curve;
mod ece;
mod f1;
mod lncc;
mod lr_minus;
mod lr_plus;
mod mae;
mod mcc;
mod mk;
mod npv;
mod ppv;
mod pr_auc;
mod psnr;
mod r2_score;
mod rmse;
mod roc_auc;
mod sensitivity;
mod specificity;
pub(crate) mod ssim;
#[cfg(test)]
mod tests;

pub use bootstrap::{Interval, RESAMPLES, bootstrap, bootstrap_rows, bootstrap_weighed};
pub(crate) use bootstrap::{interval, resampled};
pub use confusion::{Confusion, OneVsRest};

/// Every built-in metric, in the order of ClinicaDL's tables, with what it is computed from: one
/// measure for each task that has a metric of this name.
pub fn built_in() -> Vec<(MetricInfo, Vec<Measure>)> {
    let classes = of_classes().into_iter().map(Measure::Classes);
    let scores = of_scores().into_iter().map(Measure::Scores);
    let numbers = of_numbers().into_iter().map(Measure::Numbers);
    let images = of_images().into_iter().map(Measure::Images);
    let mut metrics: Vec<(MetricInfo, Vec<Measure>)> = Vec::new();
    for measure in classes.chain(scores).chain(numbers).chain(images) {
        let Some(info) = measure.info() else { continue };
        match metrics.iter_mut().find(|(other, _)| other.name == info.name) {
            Some((_, measures)) => measures.push(measure),
            None => metrics.push((info, vec![measure])),
        }
    }
    metrics
}

fn of_classes() -> Vec<Box<dyn Metric>> {
    vec![
        Box::new(balanced_accuracy::BalancedAccuracy),
        Box::new(accuracy::Accuracy),
        Box::new(f1::F1),
        Box::new(sensitivity::Sensitivity),
        Box::new(specificity::Specificity),
        Box::new(ppv::Ppv),
        Box::new(npv::Npv),
        Box::new(mcc::Mcc),
        Box::new(mk::Mk),
        Box::new(lr_plus::LrPlus),
        Box::new(lr_minus::LrMinus),
    ]
}

fn of_scores() -> Vec<Box<dyn ScoreMetric>> {
    vec![
        Box::new(roc_auc::RocAuc),
        Box::new(pr_auc::PrAuc),
        Box::new(brier::Brier),
        Box::new(ece::Ece),
    ]
}

fn of_numbers() -> Vec<Box<dyn NumberMetric>> {
    vec![
        Box::new(r2_score::R2Score),
        Box::new(mae::MeanAbsoluteError),
        Box::new(rmse::RootMeanSquaredError),
    ]
}

fn of_images() -> Vec<Box<dyn ImageMetric>> {
    vec![
        Box::new(mae::MeanAbsoluteError),
        Box::new(rmse::RootMeanSquaredError),
        Box::new(psnr::Psnr),
        Box::new(ssim::Ssim),
        Box::new(lncc::Lncc),
    ]
}

/// What a person reads about a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricInfo {
    /// The registered name, which is the column's name in tables.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula, for one class: TP, FP, FN and TN count that class against the rest.
    pub formula: String,
    /// Paper, DOI or page of the formula.
    pub source: String,
    /// Which values are better.
    pub direction: Direction,
    /// The lowest and highest possible value.
    pub range: (f64, f64),
    /// What is reported where a denominator is zero; `None` if nothing is.
    pub undefined: Option<f64>,
}

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// As for accuracy.
    Higher,
    /// As for a loss.
    Lower,
}

impl Direction {
    /// Whether `new` is strictly better than `old`; NaN never is.
    pub fn is_better(self, new: f64, old: f64) -> bool {
        match self {
            Self::Higher => new > old,
            Self::Lower => new < old,
        }
    }
}

/// A measure of how well predicted classes agree with the true ones.
pub trait Metric: Send + Sync {
    /// Name, help, formula and range.
    fn info(&self) -> MetricInfo;

    /// The metric of one class against the rest, or `None` where a denominator is zero.
    fn one_class(&self, counts: &OneVsRest) -> Option<f64>;

    /// The metric of all classes, where `undefined` stands in for a class that has no value.
    ///
    /// By default the value of class 0 if there are two classes, otherwise the mean.
    fn all_classes(&self, confusion: &Confusion, undefined: Option<f64>) -> Option<f64> {
        let value = |class| self.one_class(&confusion.one_vs_rest(class)).or(undefined);
        match confusion.n_classes() {
            2 => value(0),
            n => (0..n).map(value).sum::<Option<f64>>().map(|sum| sum / n as f64),
        }
    }

    /// The value to report; without rows there is none.
    fn value(&self, confusion: &Confusion) -> Option<f64> {
        let undefined = self.info().undefined;
        (confusion.rows() > 0).then(|| self.all_classes(confusion, undefined)).flatten()
    }

    /// The value to report for one class against the rest; without rows there is none.
    fn value_of_class(&self, confusion: &Confusion, class: usize) -> Option<f64> {
        let value = self.one_class(&confusion.one_vs_rest(class)).or(self.info().undefined);
        value.filter(|_| confusion.rows() > 0)
    }
}

/// The predictions for a set.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The number of classes.
    pub classes: usize,
    /// The true class code of each row.
    pub truth: &'a [usize],
    /// The predicted class code of each row.
    pub predicted: &'a [usize],
    /// The probabilities `[row, class]`, the last fastest.
    pub scores: &'a [f64],
}

/// A measure of how good predictions are, probabilities included.
pub trait RowMetric: Send + Sync {
    /// The value, or `None` where it is not defined; there is at least one row.
    ///
    /// # Errors
    /// What makes it impossible to compute.
    fn value(&self, rows: &Rows<'_>) -> Result<Option<f64>>;
}

/// The value of a metric where row i counts as often as the i-th number says.
pub type Weighed<'a> = Box<dyn Fn(&[u32]) -> Option<f64> + Send + Sync + 'a>;

/// A measure of how good probabilities are.
pub trait ScoreMetric: Send + Sync {
    /// Name, help, formula and range.
    fn info(&self) -> MetricInfo;

    /// The metric over these rows, made ready for many resamples of them.
    fn weighed<'a>(&self, rows: &Rows<'a>) -> Weighed<'a>;
}

/// A measure of how near predicted numbers come to the true ones.
pub trait NumberMetric: Send + Sync {
    /// Name, help, formula and range.
    fn info(&self) -> MetricInfo;

    /// The metric over these rows, made ready for many resamples of them.
    fn weighed<'a>(&self, truth: &'a [f64], predicted: &'a [f64]) -> Weighed<'a>;
}

/// A measure of how near a reconstruction comes to the image; of a set it is the mean.
pub trait ImageMetric: Send + Sync {
    /// Name, help, formula and range.
    fn info(&self) -> MetricInfo;

    /// The metric of each sample.
    ///
    /// # Shapes
    /// `output` and `target` `[batch, channel, (depth,) height, width]` → one number per sample.
    ///
    /// # Errors
    /// What libtorch says.
    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>>;
}

/// The mean of values, one per row.
pub fn mean_of<'a>(values: impl Into<Cow<'a, [f64]>>) -> Weighed<'a> {
    let values = values.into();
    Box::new(move |counts| {
        let rows: u32 = counts.iter().sum();
        let sum: f64 = values.iter().zip(counts).map(|(value, n)| value * f64::from(*n)).sum();
        (rows > 0).then(|| sum / f64::from(rows))
    })
}

/// What a registered metric is computed from.
pub enum Measure {
    /// The confusion matrix.
    Classes(Box<dyn Metric>),
    /// The rows.
    Rows(Box<dyn RowMetric>),
    /// The probabilities.
    Scores(Box<dyn ScoreMetric>),
    /// True and predicted numbers.
    Numbers(Box<dyn NumberMetric>),
    /// Images and their reconstructions.
    Images(Box<dyn ImageMetric>),
}

impl Measure {
    /// The task whose results it judges.
    pub fn task(&self) -> Task {
        match self {
            Self::Classes(_) | Self::Rows(_) | Self::Scores(_) => Task::Classification,
            Self::Numbers(_) => Task::Regression,
            Self::Images(_) => Task::Reconstruction,
        }
    }

    fn info(&self) -> Option<MetricInfo> {
        match self {
            Self::Classes(metric) => Some(metric.info()),
            Self::Rows(_) => None,
            Self::Scores(metric) => Some(metric.info()),
            Self::Numbers(metric) => Some(metric.info()),
            Self::Images(metric) => Some(metric.info()),
        }
    }
}

/// What metric files write again and again.
mod short {
    pub(super) use tch::{Device, Kind, Tensor};

    pub(super) use super::curve::Step;
    pub(super) use super::{
        Confusion, Direction, ImageMetric, Metric, MetricInfo, NumberMetric, OneVsRest, Rows,
        ScoreMetric, Weighed, mean_of,
    };
    pub(super) use crate::error::Result;

    /// `part / whole`, which has no value if `whole` is zero.
    pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
        (whole > 0).then(|| part as f64 / whole as f64)
    }

    /// The voxels of each sample, `[batch, voxel]`.
    pub(super) fn voxels(images: &Tensor) -> Result<Tensor> {
        Ok(images.f_reshape([images.size()[0], -1])?)
    }

    /// The mean over the voxels of each sample, `[batch]`.
    pub(super) fn mean_of_voxels(images: &Tensor) -> Result<Tensor> {
        Ok(voxels(images)?.f_mean_dim([1i64].as_slice(), false, Kind::Float)?)
    }

    /// How many voxels are judged at a time: beyond that a batch costs memory and saves nothing.
    const CHUNK: i64 = 1 << 22;

    /// The values `[batch]` of `metric`, computed for a few samples at a time.
    pub(super) fn in_chunks(
        output: &Tensor,
        target: &Tensor,
        metric: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Vec<f64>> {
        let batch = output.size().first().copied().unwrap_or(0);
        let samples = (CHUNK * batch / (output.numel() as i64).max(1)).max(1);
        let mut values = Vec::with_capacity(batch as usize);
        for first in (0..batch).step_by(samples as usize) {
            let samples = samples.min(batch - first);
            let of_chunk =
                metric(&output.f_narrow(0, first, samples)?, &target.f_narrow(0, first, samples)?)?;
            let of_chunk = of_chunk.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
            values.extend(Vec::<f64>::try_from(of_chunk)?);
        }
        Ok(values)
    }
}
