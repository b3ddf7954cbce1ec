//! What a run names in the catalog.

use std::sync::Arc;

use super::config::Config;
use super::objective::Objective;
use super::sampling;
use super::scores::judges;
use super::session::Session;
use super::updates::Updates;
use crate::catalog::{ArchitectureEntry, LossEntry, VoteEntry};
use crate::data::loader::Step;
use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};
use crate::sampler::Sampler;
use crate::task::Task;

/// The entries of the catalog that a run uses.
pub(super) struct Named {
    pub(super) architecture: Arc<ArchitectureEntry>,
    pub(super) objective: Objective,
    /// What is done to training images, in order.
    pub(super) augmentation: Arc<[Step]>,
    pub(super) sampler: Sampler,
    pub(super) updates: Updates,
}

impl Named {
    /// Finds everything that `config` names.
    ///
    /// # Errors
    /// Every name that is not registered and every option of theirs that does not fit, at once.
    pub(super) fn find(config: &Config, session: &Session<'_>) -> Result<Self> {
        let mut problems = Problems::default();
        let at = |name: &str| Place::Option(name.into());
        problems.take(check_metrics(config, session));
        problems.take(check_vote(config, session));
        let architecture = session.catalog.architectures.get(config.architecture()?);
        let architecture = problems
            .take(architecture.map(Arc::clone).map_err(|error| error.at(at("architecture"))));
        let objective = problems.take(objective(config, session));
        let augmentation = problems.take(augmentation(config, session));
        let sampler = problems.take(sampling::read(config));
        let updates = problems.take(Updates::read(config));
        problems.into_result()?;
        let of_steps = (augmentation, sampler, updates);
        match (architecture, objective, of_steps) {
            (Some(architecture), Some(objective), (Some(steps), Some(sampler), Some(updates))) => {
                Ok(Self { architecture, objective, augmentation: steps.into(), sampler, updates })
            }
            _ => Err(Error::new(Code::Internal, "a check failed without saying why")),
        }
    }
}

fn check_vote(config: &Config, session: &Session<'_>) -> Result<()> {
    let vote = session.catalog.votes.get(config.train.text("vote")?);
    let vote = vote.map_err(|error| error.at(Place::Option("vote".into())))?;
    let options = vote.options(config.train.map("vote_options")?);
    options.map_err(|error| error.within("vote_options"))?;
    // What votes learn from are the codes of classes.
    let on_numbers = |entry: &VoteEntry| entry.info.numbers && !entry.info.fits;
    if config.task == Task::Regression && !on_numbers(vote) {
        let names = session.catalog.votes.iter().filter(|entry| on_numbers(entry));
        let names: Vec<&str> = names.map(|entry| entry.info.name.as_str()).collect();
        let message =
            format!("the vote {:?} ({}) decides between classes", vote.info.name, vote.origin);
        return Err(Error::new(Code::BadOption, message)
            .at(Place::Option("vote".into()))
            .help(format!("for a regression there are: {}", names.join(", "))));
    }
    if config.task == Task::Regression && config.vote_weights()? != "uniform" {
        let message = "the parts of a regression have no accuracy to be weighed by";
        return Err(Error::new(Code::BadOption, message)
            .at(Place::Option("vote_weights".into()))
            .help("leave vote_weights out: all parts weigh the same"));
    }
    Ok(())
}

/// The loss that the options name.
///
/// # Errors
/// A loss that is not registered, does not fit the task or gets options that it does not have.
pub(crate) fn objective(config: &Config, session: &Session<'_>) -> Result<Objective> {
    let here = |error: Error| error.at(Place::Option("loss".into()));
    let loss = session.catalog.losses.get(config.loss()?).map_err(here)?;
    let trains =
        |loss: &LossEntry| loss.info.tasks.is_empty() || loss.info.tasks.contains(&config.task);
    if !trains(loss) {
        let names = session.catalog.losses.iter().filter(|loss| trains(loss));
        let names: Vec<&str> = names.map(|loss| loss.info.name.as_str()).collect();
        let message = format!("the loss {:?} cannot train a {}", loss.info.name, config.task);
        return Err(here(Error::new(Code::BadOption, message))
            .help(format!("there are: {}", names.join(", "))));
    }
    let options = loss.options(config.train.map("loss_options")?);
    let options = options.map_err(|error| error.within("loss_options"))?;
    Ok(Objective { loss: Arc::clone(loss), options, task: config.task, class_weights: Vec::new() })
}

fn augmentation(config: &Config, session: &Session<'_>) -> Result<Vec<Step>> {
    let mut problems = Problems::default();
    let mut steps = Vec::new();
    for (name, options) in config.train.named("augmentation")? {
        let step = session.catalog.transforms.get(&name).and_then(|entry| {
            let options = entry.options(&options).map_err(|error| error.within("augmentation"))?;
            Ok((Arc::clone(entry), options))
        });
        let here = |error: Error| error.at(Place::Option("augmentation".into()));
        steps.extend(problems.take(step.map_err(here)));
    }
    problems.into_result()?;
    Ok(steps)
}

fn check_metrics(config: &Config, session: &Session<'_>) -> Result<()> {
    let names = &config.selection_metrics;
    let judging = || judges(session.catalog, config.task).map(|entry| entry.info.name.as_str());
    let known = || judging().chain(["loss"]);
    let mut problems = Problems::default();
    for (i, name) in names.iter().enumerate() {
        let here =
            |code, message| Error::new(code, message).at(Place::Option("selection_metrics".into()));
        if !known().any(|metric| metric == name) {
            let near = did_you_mean(name, known());
            let all: Vec<_> = known().collect();
            let message = match session.catalog.metrics.find(name) {
                Some(_) => format!("the metric {name:?} does not judge a {}", config.task),
                None => format!("there is no metric {name:?}{near}"),
            };
            let help = format!("known are: {}", all.join(", "));
            problems.push(here(Code::UnknownName, message).help(help));
        } else if names[..i].contains(name) {
            let message = format!("the metric {name:?} is listed twice");
            problems.push(here(Code::BadOption, message).help("name each metric once"));
        }
    }
    if names.is_empty() {
        problems.push(
            Error::new(Code::MissingOption, "selection_metrics names no metric")
                .at(Place::Option("selection_metrics".into()))
                .help("leave it out to keep the best model by the loss"),
        );
    }
    problems.into_result()
}
