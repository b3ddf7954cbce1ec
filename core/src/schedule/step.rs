use super::short::*;

/// Falls by a factor every few epochs.
pub(super) struct Step;

impl Rule for Step {
    fn info(&self) -> ScheduleInfo {
        ScheduleInfo {
            name: "StepLR".into(),
            help: "Multiplies the learning rate by gamma every step_size epochs.".into(),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html"
                .into(),
            options: vec![
                OptionSpec::required("step_size", epochs(1), "epochs from one fall to the next"),
                OptionSpec::new("gamma", positive(), 0.1, "what it is multiplied by"),
            ],
        }
    }

    fn rate(&self, base: f64, at: Standing<'_>, options: &Options) -> Result<f64> {
        let falls = at.epoch / options.int("step_size")? as usize;
        Ok(base * options.float("gamma")?.powf(falls as f64))
    }
}
