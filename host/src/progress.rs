//! What a run tells while it goes: one bar per epoch on a terminal, and a line per finished epoch.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use neurhai_core::train::Event;

use crate::output;
use crate::show::{duration, figure, transfer_table};

/// Shows the events of a run.
pub struct Progress {
    bars: bool,
    /// Nothing but warnings.
    quiet: bool,
    write: Box<dyn Fn(&str) + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    bar: ProgressBar,
    device: String,
    epoch: String,
    /// Batches in the epoch, their losses so far, and how many those are.
    steps: u64,
    loss: f64,
    losses: u64,
    /// Seconds of this split's finished epochs, and how many those are.
    seconds: f64,
    finished: usize,
}

impl Progress {
    /// Bars and lines on standard error; only lines where it is no terminal.
    pub fn new() -> Self {
        Self::with(output::terminal(), Box::new(output::note))
    }

    fn with(bars: bool, write: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        let state = State {
            bar: ProgressBar::hidden(),
            device: String::new(),
            epoch: String::new(),
            steps: 0,
            loss: 0.0,
            losses: 0,
            seconds: 0.0,
            finished: 0,
        };
        Self { bars, quiet: output::manner().quiet, write, state: Mutex::new(state) }
    }

    /// Shows one event.
    pub fn show(&self, event: &Event) {
        if self.quiet && !matches!(event, Event::Warning { .. }) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match event {
            Event::Device { name } => state.device.clone_from(name),
            Event::Checking { done, images } => {
                if state.bar.length() != Some(*images as u64) {
                    self.start(state, "checking images", *images);
                }
                state.bar.set_position(*done as u64);
                if done == images {
                    state.bar.finish_and_clear();
                    state.bar = ProgressBar::hidden();
                }
            }
            Event::Data { images, shape: [x, y, z], mode, parts } => {
                let parts = match parts {
                    1 => format!("one {mode} each"),
                    n => format!("{n} {mode} parts each"),
                };
                let device = &state.device;
                self.line(state, &format!("{images} images of {x}×{y}×{z}, {parts}, on {device}"));
            }
            Event::Opened { .. } => {}
            Event::Group { group, sessions, participants, label, left_out } => {
                let label = match label {
                    Some(label) => format!("labels in the column {label:?}"),
                    None => "without labels".into(),
                };
                let mut line = format!(
                    "group {group}: {sessions} images of {participants} participants, {label}"
                );
                if *left_out > 0 {
                    line += &format!("; {left_out} sessions of its table are left out");
                }
                self.line(state, &line);
            }
            Event::Replacing { paths } => {
                self.line(state, "once the new results are complete, they replace");
                for path in paths {
                    self.line(state, &format!("  {}", path.display()));
                }
            }
            Event::Predicting { split, selection_metric } => {
                state.epoch = format!("split {split}, best by {selection_metric}");
            }
            Event::Warning { text } => self.line(state, &format!("warning: {text}")),
            Event::SplitStarted { split, images: (train, validation), classes, cohorts } => {
                (state.seconds, state.finished) = (0.0, 0);
                let list = |all: &[(String, usize, usize)]| {
                    let counts = all.iter().map(|(name, t, v)| format!("{name} {t} + {v}"));
                    counts.collect::<Vec<_>>().join(", ")
                };
                let mut counts = match &classes[..] {
                    [] => format!("{train} + {validation}"),
                    classes => list(classes),
                };
                if !cohorts.is_empty() {
                    counts += &format!(" ({})", list(cohorts));
                }
                self.line(
                    state,
                    &format!("split {split}: {counts} images for training + validation"),
                );
            }
            Event::Transferred { split, from, transfer } => {
                let from = from.display();
                self.line(state, &format!("split {split} begins with weights of {from}"));
                self.line(state, transfer_table(transfer).trim_end());
            }
            Event::Resumed { split, epoch, batch } => {
                let batches =
                    if *batch > 0 { format!(" and {batch} batches") } else { String::new() };
                self.line(state, &format!("split {split} goes on after {epoch} epochs{batches}"));
            }
            Event::NetworkTrained { trained, networks, .. } => {
                if state.bar.length() != Some(*networks as u64) {
                    self.start(state, "networks trained", *networks);
                }
                state.bar.set_position(*trained as u64);
                if trained == networks {
                    state.bar.finish_and_clear();
                    state.bar = ProgressBar::hidden();
                    self.line(state, &format!("{networks} networks trained, one for each part"));
                }
            }
            Event::Sweeping { done, updates, ended } => {
                if state.bar.length() != Some(*updates as u64) {
                    self.start(state, "trying learning rates", *updates);
                }
                state.bar.set_position(*done as u64);
                if *ended || done == updates {
                    state.bar.finish_and_clear();
                    state.bar = ProgressBar::hidden();
                }
            }
            Event::EpochStarted { epoch, epochs, steps } => {
                state.epoch = format!("epoch {}/{epochs}", epoch + 1);
                (state.steps, state.loss, state.losses) = (*steps as u64, 0.0, 0);
                let label = state.epoch.clone();
                self.start(state, &label, *steps);
            }
            Event::Step { step, loss } => {
                state.loss += loss;
                state.losses += 1;
                let mean = state.loss / state.losses as f64;
                // An evaluation within the epoch took the bar.
                if state.bar.length() != Some(state.steps) {
                    let label = state.epoch.clone();
                    self.start(state, &label, state.steps as usize);
                }
                // The bar's own estimate begins with nonsense.
                let left = state.bar.elapsed().as_secs_f64() / *step as f64
                    * state.steps.saturating_sub(*step as u64) as f64;
                state.bar.set_message(format!("loss {}, {} left", figure(mean, 4), duration(left)));
                state.bar.set_position(*step as u64);
            }
            Event::Evaluating { group, done, samples } => {
                let label = format!("{}, evaluating {group}", state.epoch);
                if state.bar.prefix() != label {
                    self.start(state, &label, *samples);
                }
                state.bar.set_position(*done as u64);
                if done == samples {
                    state.bar.finish_and_clear();
                }
            }
            Event::Interpreting { group, done, passes } => {
                let label = format!("{}, interpreting {group}", state.epoch);
                if state.bar.prefix() != label {
                    self.start(state, &label, *passes as usize);
                }
                state.bar.set_position(*done);
                if done == passes {
                    state.bar.finish_and_clear();
                    state.bar = ProgressBar::hidden();
                }
            }
            Event::EpochEnded { epoch, epochs, .. } => {
                let line = state.epoch_ended(event);
                self.line(state, &line);
                if epoch + 1 == *epochs {
                    state.bar = ProgressBar::hidden();
                }
            }
            Event::EarlyStop { epoch, patience } => self.line(
                state,
                &format!(
                    "stopped after epoch {}: no better validation loss for {patience} epochs",
                    epoch + 1
                ),
            ),
            Event::Finished { maps } => self.line(state, &format!("written to {}", maps.display())),
        }
    }

    /// A line of its own, above where bars are drawn.
    fn line(&self, state: &mut State, text: &str) {
        state.bar.finish_and_clear();
        (self.write)(text);
    }

    fn start(&self, state: &mut State, label: &str, length: usize) {
        state.bar.finish_and_clear();
        let bar = bar(label, length, self.bars);
        state.bar = bar;
    }
}

/// A bar on standard error, or none where nobody would see it.
pub(crate) fn bar(label: &str, length: usize, shown: bool) -> ProgressBar {
    let target = match shown {
        true => ProgressDrawTarget::stderr_with_hz(8),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(length as u64), target);
    let template = "{prefix} {bar:30} {pos}/{len}  {msg}";
    let style = ProgressStyle::with_template(template).map(|style| style.progress_chars("━╸─"));
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// `epoch  3/20  loss 0.4210 train, 0.5032 validation  BA 0.875  *loss  2.1 s, 36 s left`
    fn epoch_ended(&mut self, event: &Event) -> String {
        let Event::EpochEnded {
            epoch,
            epochs,
            train_loss,
            validation_loss,
            headline,
            best,
            seconds,
        } = event
        else {
            return String::new();
        };
        self.seconds += seconds;
        self.finished += 1;
        let left = self.seconds / self.finished as f64 * (epochs - epoch - 1) as f64;
        let width = epochs.to_string().len();
        let train =
            train_loss.map_or_else(String::new, |loss| format!("{} train, ", figure(loss, 4)));
        let mut line = format!(
            "epoch {:>width$}/{epochs}  loss {train}{} validation",
            epoch + 1,
            figure(*validation_loss, 4)
        );
        if let Some((metric, value)) = headline {
            line += &format!("  {metric} {}", figure(*value, 3));
        }
        // As wide without the best as with one, so that what follows stays in its column.
        let best: String = best.iter().map(|metric| format!(" *{metric}")).collect();
        line += &format!(" {best:<7}  {}", duration(*seconds));
        if left > 0.0 {
            line += &format!(", {} left", duration(left));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neurhai_core::transfer::{Line, Named, Transfer, Verdict};
    use std::sync::Arc;

    /// The lines that these events give.
    fn lines(events: &[Event]) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&lines);
        let write = Box::new(move |text: &str| keep.lock().unwrap().push(text.to_owned()));
        let progress = Progress::with(false, write);
        events.iter().for_each(|event| progress.show(event));
        lines.lock().unwrap().join("\n")
    }

    #[test]
    fn what_a_network_begins_with_is_told_before_it_learns() {
        let named = |name: &str| Some(Named { name: name.into(), shape: vec![2] });
        let line = Line {
            source: named("encoder.0.bias"),
            target: named("convolutions.0.bias"),
            verdict: Verdict::Matched,
        };
        let transfer = Transfer { lines: vec![line] };
        let found = lines(&[
            Event::SplitStarted { split: 1, images: (7, 3), classes: vec![], cohorts: vec![] },
            Event::Transferred { split: 1, from: "maps/ae/model.safetensors".into(), transfer },
        ]);
        assert_eq!(
            found,
            "split 1: 7 + 3 images for training + validation\n\
             split 1 begins with weights of maps/ae/model.safetensors\n\
             source     target          shape\n\
             encoder.0  convolutions.0  2      matched\n\
             1 tensor taken (2 numbers)"
        );
    }

    #[test]
    fn a_run_is_told_in_calm_lines() {
        let ended = |epoch, best: &[&str]| Event::EpochEnded {
            epoch,
            epochs: 10,
            train_loss: Some(0.5),
            validation_loss: 0.625,
            headline: Some(("BA".into(), 0.875)),
            best: best.iter().map(|metric| (*metric).to_owned()).collect(),
            seconds: 12.0,
        };
        let found = lines(&[
            Event::Device { name: "CPU (2 threads)".into() },
            Event::Checking { done: 1, images: 2 },
            Event::Checking { done: 2, images: 2 },
            Event::Data { images: 2, shape: [4, 5, 6], mode: "patch".into(), parts: 8 },
            Event::SplitStarted {
                split: 0,
                images: (7, 3),
                classes: vec![("AD".into(), 3, 1), ("CN".into(), 4, 2)],
                cohorts: vec![("north".into(), 4, 3), ("south".into(), 3, 0)],
            },
            Event::EpochStarted { epoch: 0, epochs: 10, steps: 2 },
            Event::Step { step: 1, loss: 0.7 },
            Event::Evaluating { group: "train".into(), done: 1, samples: 2 },
            Event::Step { step: 2, loss: 0.6 },
            ended(0, &["loss"]),
            ended(9, &[]),
            Event::EarlyStop { epoch: 4, patience: 3 },
            Event::Finished { maps: "maps/a".into() },
        ]);
        assert_eq!(
            found,
            "2 images of 4×5×6, 8 patch parts each, on CPU (2 threads)\n\
             split 0: AD 3 + 1, CN 4 + 2 (north 4 + 3, south 3 + 0) images for training + validation\n\
             epoch  1/10  loss 0.5000 train, 0.6250 validation  BA 0.875  *loss   12 s, 108 s left\n\
             epoch 10/10  loss 0.5000 train, 0.6250 validation  BA 0.875          12 s\n\
             stopped after epoch 5: no better validation loss for 3 epochs\n\
             written to maps/a"
        );
    }
}
