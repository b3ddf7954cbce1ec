use super::short::*;

/// Falls when the validation loss no longer does.
pub(super) struct Plateau;

impl Rule for Plateau {
    fn info(&self) -> ScheduleInfo {
        ScheduleInfo {
            name: "ReduceLROnPlateau".into(),
            help: "Multiplies the learning rate by factor when the validation loss has not become \
                   better for more than patience epochs; ClinicaDL's adaptive_learning_rate."
                .into(),
            source: "https://docs.pytorch.org/docs/stable/generated/\
                     torch.optim.lr_scheduler.ReduceLROnPlateau.html"
                .into(),
            options: vec![
                OptionSpec::new("factor", share(), 0.1, "what it is multiplied by"),
                OptionSpec::new("patience", epochs(0), 10, "epochs without a better loss to wait"),
                OptionSpec::new("threshold", positive(), 1e-4, "how much better a better loss is"),
                OptionSpec::new(
                    "threshold_mode",
                    Kind::Choice { of: vec!["rel".into(), "abs".into()] },
                    "rel",
                    "better is below best · (1 − threshold), or best − threshold",
                ),
                OptionSpec::new("cooldown", epochs(0), 0, "epochs after a fall that do not count"),
                OptionSpec::new("min_lr", positive(), 0.0, "the smallest learning rate"),
                OptionSpec::new("eps", positive(), 1e-8, "a fall by no more than this is left out"),
            ],
        }
    }

    fn rate(&self, base: f64, at: Standing<'_>, options: &Options) -> Result<f64> {
        let (factor, threshold) = (options.float("factor")?, options.float("threshold")?);
        let (patience, cooldown) = (options.int("patience")?, options.int("cooldown")?);
        let (least, eps) = (options.float("min_lr")?, options.float("eps")?);
        let relative = options.text("threshold_mode")? == "rel";
        let (mut rate, mut best, mut bad, mut cooling) = (base, f64::INFINITY, 0, 0);
        for loss in at.losses {
            let bar = if relative { best * (1.0 - threshold) } else { best - threshold };
            if *loss < bar {
                (best, bad) = (*loss, 0);
            } else {
                bad += 1;
            }
            if cooling > 0 {
                (cooling, bad) = (cooling - 1, 0);
            }
            if bad > patience {
                let lower = (rate * factor).max(least);
                rate = if rate - lower > eps { lower } else { rate };
                (cooling, bad) = (cooldown, 0);
            }
        }
        Ok(rate)
    }
}
