use super::short::*;

/// Falls along half a cosine.
pub(super) struct Cosine;

impl Rule for Cosine {
    fn info(&self) -> ScheduleInfo {
        ScheduleInfo {
            name: "CosineAnnealingLR".into(),
            help: "Falls from the learning rate to eta_min along half a cosine, epoch by epoch; beyond \
                   T_max it rises again."
                .into(),
            source: "Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983".into(),
            options: vec![
                OptionSpec::absent(
                    "T_max",
                    epochs(1),
                    "all epochs after the warm-up",
                    "epochs until it is at eta_min",
                ),
                OptionSpec::new("eta_min", positive(), 0.0, "the smallest learning rate"),
            ],
        }
    }

    fn rate(&self, base: f64, at: Standing<'_>, options: &Options) -> Result<f64> {
        let whole = match options.has("T_max") {
            true => options.int("T_max")? as f64,
            false => at.epochs.max(1) as f64,
        };
        Ok(wave(base, options.float("eta_min")?, at.epoch as f64 / whole))
    }

    fn spreads(&self, options: &Options) -> bool {
        !options.has("T_max")
    }
}
