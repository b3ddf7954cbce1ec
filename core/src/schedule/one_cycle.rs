use super::short::*;

/// Rises and falls once.
pub(super) struct OneCycle;

impl Rule for OneCycle {
    fn info(&self) -> ScheduleInfo {
        ScheduleInfo {
            name: "OneCycleLR".into(),
            help: "Rises from learning_rate / div_factor to learning_rate and falls far below where it \
                   began, update by update, over all epochs; momentum and betas stay as they are."
                .into(),
            source: "Smith and Topin 2019, https://arxiv.org/abs/1708.07120".into(),
            options: vec![
                OptionSpec::new("pct_start", share(), 0.3, "the share of the updates in which it rises"),
                OptionSpec::new(
                    "anneal_strategy",
                    Kind::Choice { of: vec!["cos".into(), "linear".into()] },
                    "cos",
                    "along half a cosine or a straight line",
                ),
                OptionSpec::new(
                    "div_factor",
                    Kind::Float { min: 1.0, max: f64::MAX },
                    25.0,
                    "the largest learning rate over the first",
                ),
                OptionSpec::new(
                    "final_div_factor",
                    Kind::Float { min: 1.0, max: f64::MAX },
                    1e4,
                    "the first learning rate over the last",
                ),
                OptionSpec::new(
                    "three_phase",
                    Kind::Bool,
                    false,
                    "fall as long as it rose, and only then below where it began",
                ),
            ],
        }
    }

    fn rate(&self, base: f64, at: Standing<'_>, options: &Options) -> Result<f64> {
        let total = (at.epochs * at.updates_per_epoch) as f64;
        let now = (at.epoch * at.updates_per_epoch + at.update) as f64;
        let rise = options.float("pct_start")? * total;
        let first = base / options.float("div_factor")?;
        let last = first / options.float("final_div_factor")?;
        let (top, end) = (rise - 1.0, total - 1.0);
        let phases = match options.flag("three_phase")? {
            true => vec![(top, first, base), (2.0 * rise - 2.0, base, first), (end, first, last)],
            false => vec![(top, first, base), (end, base, last)],
        };
        let linear = options.text("anneal_strategy")? == "linear";
        let mut begin = 0.0;
        for (end, from, to) in phases {
            if now <= end {
                let part = if end > begin { (now - begin) / (end - begin) } else { 1.0 };
                return Ok(if linear { from + (to - from) * part } else { wave(from, to, part) });
            }
            begin = end;
        }
        Ok(last)
    }

    fn spreads(&self, _: &Options) -> bool {
        true
    }
}
