//! `metric`: how good predictions are.

use neurhai_core::catalog::MetricEntry;
use neurhai_core::metric::{Direction, Measure, MetricInfo, RowMetric, Rows};
use neurhai_core::options::{Kind, OptionSpec, Options};
use neurhai_core::{Code, Error, Place, Result};
use tch::Tensor;

use super::{Registration, Scripted};
use crate::runtime::with_script_stack;
use crate::sandbox::in_pass;
use crate::tensor::{self, value};
use crate::value::map_to_json;

struct ScriptMetric(Scripted);

impl RowMetric for ScriptMetric {
    fn value(&self, rows: &Rows<'_>) -> Result<Option<f64>> {
        let truth: Vec<i64> = rows.truth.iter().map(|code| *code as i64).collect();
        let run = || {
            let truth = Tensor::f_from_slice(&truth)?;
            let scores = Tensor::f_from_slice(rows.scores)?.f_view([-1, rows.classes as i64])?;
            in_pass(|| {
                self.0.call((value(truth), value(scores)), |found, _| {
                    let one = tensor::Tensor::of(&found).filter(|tensor| tensor.numel() == 1);
                    let number = match one {
                        Some(tensor) => tensor.f_sum(tch::Kind::Double)?.f_double_value(&[]).ok(),
                        None => found.as_float().ok(),
                    };
                    let number = number.or_else(|| found.as_int().ok().map(|whole| whole as f64));
                    match number {
                        Some(number) => Ok(Some(number)),
                        None if found.is_unit() => Ok(None),
                        None => {
                            Err(self.0.wrong("a number, or () where it is not defined", &found))
                        }
                    }
                })
            })
        };
        with_script_stack(run)?
    }
}

/// What a script says about a metric beside its name.
fn about() -> [OptionSpec; 5] {
    let directions = Kind::Choice { of: vec!["higher".into(), "lower".into()] };
    let anything = Kind::Float { min: f64::NEG_INFINITY, max: f64::INFINITY };
    [
        OptionSpec::required("direction", directions, "which values are better"),
        OptionSpec::absent("lowest", anything.clone(), "no bound", "the lowest possible value"),
        OptionSpec::absent("highest", anything, "no bound", "the highest possible value"),
        OptionSpec::new("formula", Kind::Text, "", "the formula"),
        OptionSpec::new("source", Kind::Text, "", "paper, DOI or page of the formula"),
    ]
}

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let about = Options::check(&about(), &map_to_json(&given.defaults)?, &given.owner())?;
    let bound = |name: &str, open: f64| match about.has(name) {
        true => about.float(name),
        false => Ok(open),
    };
    let range = (bound("lowest", f64::NEG_INFINITY)?, bound("highest", f64::INFINITY)?);
    if range.0 >= range.1 {
        let message = format!("{}: lowest must be below highest", given.owner());
        return Err(Error::new(Code::BadOption, message).at(Place::Option("lowest".into())));
    }
    let direction = match about.text("direction")? {
        "lower" => Direction::Lower,
        _ => Direction::Higher,
    };
    let info = MetricInfo {
        name: given.name.into(),
        help: given.help(),
        formula: about.text("formula")?.into(),
        source: about.text("source")?.into(),
        direction,
        range,
        undefined: None,
    };
    let measures = vec![Measure::Rows(Box::new(ScriptMetric(given.definition()?)))];
    let origin = given.origin();
    given.add(|catalog| &mut catalog.metrics, MetricEntry { info, origin, measures })
}
