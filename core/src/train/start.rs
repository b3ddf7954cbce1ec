//! What a network begins with: weights of another one, and which of its layers stay as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::config::Config;
use crate::data::participants::Session;
use crate::data::split::Split;
use crate::error::{Code, Error, Place, Result};
use crate::network::{Freeze, Network, Plan};
use crate::transfer::folder::Folder;
use crate::transfer::{Choice, Source, Transfer, fit};

/// Weights for a split's networks.
pub(super) struct Opened {
    source: Source,
    choice: Choice,
    /// Participants whom the weights were learned from and the split validates on; none unless that
    /// is allowed.
    leaked: Vec<String>,
}

/// The beginning of a split's networks.
pub(crate) struct Start {
    taken: Option<Taken>,
    freeze: Option<Freeze>,
}

/// Weights that come from elsewhere, read when a network begins.
pub(crate) struct Taken {
    /// Which of the models of an experiment; of several networks each takes that of its number.
    pub(super) choice: Choice,
    pub(super) path: PathBuf,
    pub(super) file: PathBuf,
    pub(super) blake3: String,
    pub(super) epoch: Option<i64>,
    pub(super) architecture: Option<String>,
    pub(super) sessions: Vec<Session>,
    pub(super) learned: Vec<Session>,
    leaked: Vec<String>,
    pub(super) transfer: Transfer,
}

/// Opens the weights that the options name for a split, if they name any.
///
/// # Errors
/// A source that cannot be read; [`Code::Leakage`] where it was learned from somebody whom the split
/// validates on.
pub(super) fn open(split: &Split, config: &Config) -> Result<Option<Opened>> {
    if !config.train.has("transfer") {
        return Ok(None);
    }
    let here = |error: Error| error.at(Place::Option("transfer".into()));
    opened(split, config).map(Some).map_err(here)
}

fn opened(split: &Split, config: &Config) -> Result<Opened> {
    let number = |name| -> Result<Option<usize>> {
        Ok(if config.train.has(name) { Some(config.train.int(name)? as usize) } else { None })
    };
    let path = Path::new(config.train.text("transfer")?);
    let mut wanted = number("transfer_split")?;
    // An experiment with one split serves all; others give each split its own.
    if wanted.is_none() && path.is_dir() && Folder::open(path)?.splits()?.len() > 1 {
        wanted = Some(split.index);
    }
    let choice = Choice {
        split: wanted,
        metric: config.train.text("transfer_metric")?.to_owned(),
        network: number("transfer_network")?,
    };
    let help =
        "transfer_split, transfer_metric and transfer_network say which of its models to take";
    // Networks of one experiment are alike, so the first of several stands for all.
    let network = choice.network.or(config.multi_network.then_some(0));
    let source = Source::open(path, &Choice { network, ..choice.clone() });
    let source = source.map_err(|error| error.help(help))?;
    check_choice(&source, &choice)?;
    let leaked = check_leakage(split, &source, config.train.flag("allow_leakage")?)?;
    Ok(Opened { source, choice, leaked })
}

/// A file holds the weights of one network: there is nothing to choose.
fn check_choice(source: &Source, choice: &Choice) -> Result<()> {
    let chosen = [
        ("transfer_split", choice.split.is_some()),
        ("transfer_metric", choice.metric != Choice::default().metric),
        ("transfer_network", choice.network.is_some()),
    ];
    let of_file = source.split.is_none();
    let Some((option, _)) = chosen.into_iter().find(|(_, given)| of_file && *given) else {
        return Ok(());
    };
    let message = format!("{} is one file of weights: there is no choice", source.path.display());
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option(option.into()))
        .help(format!("leave {option} out, or name the experiment folder in place of the file")))
}

/// Who was learned from before must not be validated on now: gives those for whom that is allowed.
fn check_leakage(split: &Split, source: &Source, allowed: bool) -> Result<Vec<String>> {
    const SHOWN: usize = 8;
    let learned: BTreeSet<&str> = source.learned.iter().map(|s| s.participant.as_str()).collect();
    let validated: BTreeSet<&str> =
        split.validation.iter().map(|row| row.session.participant.as_str()).collect();
    let shared: Vec<String> = learned.intersection(&validated).map(|p| (*p).to_owned()).collect();
    if allowed || shared.is_empty() {
        return Ok(shared);
    }
    let mut names = shared[..shared.len().min(SHOWN)].join(", ");
    if shared.len() > SHOWN {
        names += &format!(" and {} more", shared.len() - SHOWN);
    }
    let message = format!(
        "the weights were learned from participants whom split {} validates on: {names}",
        split.index
    );
    Err(Error::new(Code::Leakage, message)
        .at(Place::File(source.path.clone()))
        .help("transfer between experiments on the same splits, or set allow_leakage: true"))
}

impl Start {
    /// Fits the weights that were opened, and finds the layers to freeze.
    ///
    /// # Errors
    /// Weights that do not fit; layers that do not exist.
    pub(super) fn of(opened: Option<Opened>, config: &Config, plan: &Plan) -> Result<Self> {
        let strict = config.train.flag("transfer_strict")?;
        let taken = opened.map(|opened| Taken::of(opened, plan, strict)).transpose();
        let taken = taken.map_err(|error| error.at(Place::Option("transfer".into())))?;
        let freeze = match (config.train.has("freeze"), config.train.has("freeze_all_but")) {
            (true, _) => Some(Freeze::Layers(config.train.texts("freeze")?)),
            (_, true) => Some(Freeze::AllButLast(config.train.int("freeze_all_but")? as usize)),
            _ => None,
        };
        if let Some(freeze) = &freeze {
            freeze.layers(plan)?;
        }
        Ok(Self { taken, freeze })
    }

    /// A network with fresh weights, those that are transferred in place of some, and frozen layers.
    ///
    /// # Errors
    /// What libtorch says.
    pub(super) fn network(
        &self,
        plan: Plan,
        (number, seed): (Option<usize>, u64),
        device: tch::Device,
    ) -> Result<Network> {
        let mut network = Network::new(plan, seed, device)?;
        if let Some(Taken { choice, path, transfer, .. }) = &self.taken {
            let choice = Choice { network: choice.network.or(number), ..choice.clone() };
            network.take(transfer, &Source::open(path, &choice)?)?;
        }
        if let Some(freeze) = &self.freeze {
            network.freeze(freeze)?;
        }
        Ok(network)
    }

    /// The names of the parameters that are not frozen.
    pub(super) fn learning<'p>(&self, plan: &'p Plan) -> Result<Vec<&'p str>> {
        let frozen = self.freeze.as_ref().map(|freeze| freeze.layers(plan)).transpose()?;
        let frozen = frozen.unwrap_or_default();
        let stays = |name: &str| {
            name.rsplit_once('.').is_some_and(|(layer, _)| frozen.iter().any(|path| path == layer))
        };
        let params = plan.params.iter().filter(|param| param.trainable() && !stays(&param.name));
        Ok(params.map(|param| param.name.as_str()).collect())
    }

    pub(super) fn taken(&self) -> Option<&Taken> {
        self.taken.as_ref()
    }

    /// Participants whom the weights were learned from and the split validates on.
    pub(super) fn leaked(&self) -> &[String] {
        self.taken.as_ref().map_or(&[], |taken| &taken.leaked)
    }

    /// What cannot be checked of weights that come without their experiment.
    pub(super) fn warning(&self) -> Option<String> {
        let taken = self.taken.as_ref().filter(|taken| taken.choice.split.is_none())?;
        Some(format!(
            "{} does not tell whom its weights were learned from: nobody of them should be in \
             validation",
            taken.path.display()
        ))
    }
}

impl Taken {
    fn of(opened: Opened, plan: &Plan, strict: bool) -> Result<Self> {
        let Opened { source, choice, leaked } = opened;
        let transfer = fit(&source, plan, strict)?;
        let Source { path, file, blake3, epoch, architecture, sessions, learned, split, .. } =
            source;
        let choice = Choice { split, ..choice };
        Ok(Self {
            choice,
            path,
            file,
            blake3,
            epoch,
            architecture,
            sessions,
            learned,
            leaked,
            transfer,
        })
    }
}
