//! What a network begins with: weights of another one, and which of its layers stay as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::config::Config;
use crate::data::participants::Session;
use crate::data::split::Split;
use crate::error::{Code, Error, Place, Result};
use crate::network::{Freeze, Network, Plan};
use crate::transfer::{Choice, Source, Transfer, fit};

/// The beginning of a split's networks.
pub(crate) struct Start {
    taken: Option<Taken>,
    freeze: Option<Freeze>,
}

/// Weights that come from elsewhere. They are read when a network begins.
pub(crate) struct Taken {
    choice: Choice,
    pub(super) path: PathBuf,
    pub(super) file: PathBuf,
    pub(super) blake3: String,
    pub(super) architecture: Option<String>,
    pub(super) sessions: Vec<Session>,
    pub(super) transfer: Transfer,
}

impl Taken {
    pub(super) fn choice(&self) -> &Choice {
        &self.choice
    }
}

impl Start {
    /// Opens and fits what the options name, for a split.
    ///
    /// # Errors
    /// A source that cannot be read or does not fit; [`Code::Leakage`] where it has learned from
    /// somebody whom the split validates on.
    pub(super) fn of(split: &mut Split, config: &Config, plan: &Plan) -> Result<Self> {
        let freeze = match (config.train.has("freeze"), config.train.has("freeze_all_but")) {
            (true, true) => {
                let message = "either name the layers to freeze or how many are not to be";
                return Err(Error::new(Code::BadOption, message).at(Place::Option("freeze".into())));
            }
            (true, false) => Some(Freeze::Layers(config.train.texts("freeze")?)),
            (false, true) => Some(Freeze::AllButLast(config.train.int("freeze_all_but")? as usize)),
            (false, false) => None,
        };
        let here = |error: Error| error.at(Place::Option("transfer".into()));
        let taken = match config.train.has("transfer") {
            true => Some(taken(split, config, plan).map_err(here)?),
            false => None,
        };
        Ok(Self { taken, freeze })
    }

    /// A network with fresh weights, those that are transferred in place of some, and frozen layers.
    ///
    /// # Errors
    /// Layers to freeze that do not exist; what libtorch says.
    pub(super) fn network(
        &self,
        plan: Plan,
        (number, seed): (Option<usize>, u64),
        device: tch::Device,
    ) -> Result<Network> {
        let mut network = Network::new(plan, seed, device)?;
        if let Some(Taken { choice, path, transfer, .. }) = &self.taken {
            // Each network begins with that of its number, or all with the only one.
            let choice = Choice { network: choice.network.or(number), ..choice.clone() };
            network.take(transfer, &Source::open(path, &choice)?)?;
        }
        if let Some(freeze) = &self.freeze {
            let option = match freeze {
                Freeze::Layers(_) => "freeze",
                Freeze::AllButLast(_) => "freeze_all_but",
            };
            let here = |error: Error| error.at(Place::Option(option.into()));
            network.freeze(freeze).map_err(here)?;
        }
        Ok(network)
    }

    pub(super) fn taken(&self) -> Option<&Taken> {
        self.taken.as_ref()
    }

    pub(super) fn transfer(&self) -> Option<&Transfer> {
        self.taken.as_ref().map(|taken| &taken.transfer)
    }
}

fn taken(split: &mut Split, config: &Config, plan: &Plan) -> Result<Taken> {
    let number = |name| -> Result<Option<usize>> {
        Ok(if config.train.has(name) { Some(config.train.int(name)? as usize) } else { None })
    };
    let path = Path::new(config.train.text("transfer")?);
    let metric = config.train.text("transfer_metric")?.to_owned();
    let network = number("transfer_network")?;
    let asked = number("transfer_split")?;
    let first = network.or(config.multi_network.then_some(0));
    let open =
        |split| Source::open(path, &Choice { split, metric: metric.clone(), network: first });
    let source = match asked {
        Some(_) => open(asked)?,
        // An experiment with one split may serve all; others give each split its own.
        None => open(None).or_else(|_| open(Some(split.index)))?,
    };
    let transfer = fit(&source, plan, config.train.flag("transfer_strict")?)?;
    check_leakage(split, &source, config.train.flag("allow_leakage")?)?;
    let Source { path, file, blake3, architecture, sessions, split, .. } = source;
    let choice = Choice { split, metric, network };
    Ok(Taken { choice, path, file, blake3, architecture, sessions, transfer })
}

/// Who was learned from before must not be validated on now.
fn check_leakage(split: &mut Split, source: &Source, allowed: bool) -> Result<()> {
    const SHOWN: usize = 8;
    let learned: BTreeSet<&str> = source.learned.iter().map(|s| s.participant.as_str()).collect();
    let validated: BTreeSet<&str> =
        split.validation.iter().map(|row| row.session.participant.as_str()).collect();
    let shared: Vec<String> = learned.intersection(&validated).map(|p| (*p).to_owned()).collect();
    if shared.is_empty() {
        return Ok(());
    }
    if allowed {
        split
            .leaked
            .extend(shared.into_iter().filter(|p| !split.leaked.contains(p)).collect::<Vec<_>>());
        return Ok(());
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
