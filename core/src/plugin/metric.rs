use neurhai_abi as abi;

use super::handle::Handle;
use super::info::Info;
use super::stage::{Staging, needed};
use crate::catalog::MetricEntry;
use crate::error::Result;
use crate::metric::{Measure, MetricInfo, RowMetric, Rows};

/// A metric of a plugin.
struct OfPlugin {
    value: abi::MetricFn,
    handle: Handle,
}

impl RowMetric for OfPlugin {
    fn value(&self, rows: &Rows<'_>) -> Result<Option<f64>> {
        let function = self.value;
        let codes = |codes: &[usize]| codes.iter().map(|code| *code as f64).collect::<Vec<f64>>();
        let (truth, predicted) = (codes(rows.truth), codes(rows.predicted));
        let lent = abi::Rows {
            struct_size: size_of::<abi::Rows>() as u32,
            reserved: 0,
            rows: truth.len(),
            outputs: rows.classes,
            truth: truth.as_ptr(),
            predicted: predicted.as_ptr(),
            scores: rows.scores.as_ptr(),
        };
        let mut value = f64::NAN;
        self.handle.call(|data, error| {
            // SAFETY: the columns have the sizes that `lent` says, and live until the function
            // returns.
            unsafe { function(data, &lent, &mut value, error) }
        })?;
        Ok(Some(value).filter(|value| !value.is_nan()))
    }
}

pub(super) fn stage(
    raw: abi::Metric,
    staging: &Staging,
    name: String,
    help: String,
    mut info: Info,
) -> Result<MetricEntry> {
    let value = needed(raw.value, "value")?;
    let (formula, source) = (info.text("formula")?, info.text("source")?);
    let (direction, range) = (info.direction()?, info.range()?);
    info.finish(&["formula", "source", "direction", "range"])?;
    let handle = Handle::new(&staging.about, format!("metric {name:?}"), &raw.item);
    let info = MetricInfo { name, help, formula, source, direction, range, undefined: None };
    let measures = vec![Measure::Rows(Box::new(OfPlugin { value, handle }))];
    Ok(MetricEntry { info, origin: staging.origin(), measures })
}
