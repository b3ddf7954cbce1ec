//! What a network begins with: weights of another one, and which of its layers stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::config::Config;
use super::prepare::Existing;
use crate::data::cohorts::{is_table, read_table};
use crate::data::participants::{Person, SINGLE, Session};
use crate::data::split::Split;
use crate::error::{Code, Error, Place, Result, some};
use crate::experiment::read;
use crate::network::{Freeze, Network, Plan};
use crate::transfer::folder::Folder;
use crate::transfer::{Choice, Source, Transfer, fit, learned_before};

/// How many people a message names.
const SHOWN: usize = 8;

/// Weights for a split's networks.
pub(super) struct Opened {
    /// None where every network has a state of its own to go on from.
    source: Option<(Source, Choice)>,
    /// Participants whom the weights were learned from and the split validates on; none unless that
    /// is allowed.
    leaked: Vec<Person>,
    namesakes: Vec<Person>,
}

/// The beginning of a split's networks.
pub(crate) struct Start {
    taken: Option<Taken>,
    leaked: Vec<Person>,
    namesakes: Vec<Person>,
    freeze: Option<Freeze>,
}

/// Weights that come from elsewhere.
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
    pub(super) transfer: Transfer,
    /// The weights that were read to see whether they fit, until the network they are for begins;
    /// those for others of several networks are read when these begin.
    read: Mutex<Option<Source>>,
}

/// Opens the weights that the options name for a split, if they name any. They are not needed any
/// more where the split of an `existing` experiment goes on from states of its own.
///
/// # Errors
/// A source that cannot be read, or that changed since the split was begun; [`Code::Leakage`] where
/// it was learned from somebody whom the split validates on.
pub(super) fn open(
    split: &Split,
    config: &Config,
    existing: Option<&Existing>,
) -> Result<Option<Opened>> {
    if !config.train.has("transfer") {
        return Ok(None);
    }
    let here = |error: Error| error.at(Place::Option("transfer".into()));
    let Some(existing) = existing else {
        return opened(split, config).map(Some).map_err(here);
    };
    if existing.begun.contains(&split.index) {
        let learned = learned_before(&Folder::open(&config.output)?, split.index)?;
        let (leaked, namesakes) = seen_before(validated(split), &learned);
        return Ok(Some(Opened { source: None, leaked, namesakes }));
    }
    let path = Path::new(config.train.text("transfer")?);
    let help = || format!("split {} still begins with these weights: bring them back", split.index);
    if !path.exists() {
        let error = Error::new(Code::FileNotFound, "the weights to begin with are gone");
        return Err(error.at(Place::File(path.into())).help(help()));
    }
    let opened = opened(split, config).map_err(here)?;
    let then = Folder::open(&config.output)?.begun_with(split.index)?;
    let now = opened.source.as_ref().map(|(source, _)| source.blake3.as_str());
    if then.is_some_and(|then| Some(then.as_str()) != now) {
        let error = Error::new(Code::BadMaps, "the weights are not those that training began with");
        return Err(error.at(Place::File(path.into())).help(help()));
    }
    Ok(Some(opened))
}

fn opened(split: &Split, config: &Config) -> Result<Opened> {
    let number = |name| -> Result<Option<usize>> {
        Ok(if config.train.has(name) { Some(config.train.int(name)? as usize) } else { None })
    };
    let path = Path::new(config.train.text("transfer")?);
    let mut wanted = number("transfer_split")?;
    // An experiment with one split serves all; others give each split its own.
    if wanted.is_none() && path.is_dir() && Folder::of_weights(path)?.splits()?.len() > 1 {
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
    let mut source = source.map_err(|error| error.help(help))?;
    check_choice(&source, &choice)?;
    let sessions = source.sessions.iter_mut().chain(&mut source.learned);
    name_as_here(sessions, &source.path, Path::new(config.data.text("caps")?));
    let (leaked, namesakes) = seen_before(validated(split), &source.learned);
    if !config.train.flag("allow_leakage")? {
        check_leakage(split, &source, &leaked)?;
    }
    Ok(Opened { source: Some((source, choice)), leaked, namesakes })
}

/// A file holds the weights of one network, and so may an experiment: there is nothing to choose.
fn check_choice(source: &Source, choice: &Choice) -> Result<()> {
    let chosen = [
        ("transfer_split", choice.split.is_some()),
        ("transfer_metric", choice.metric != Choice::default().metric),
        ("transfer_network", choice.network.is_some()),
    ];
    let of_file = source.split.is_none();
    if !of_file && source.network.is_none() && choice.network.is_some() {
        let message = format!("{} has one network: there is no choice", source.path.display());
        return Err(Error::new(Code::BadOption, message)
            .at(Place::Option("transfer_network".into()))
            .help("leave transfer_network out"));
    }
    let Some((option, _)) = chosen.into_iter().find(|(_, given)| of_file && *given) else {
        return Ok(());
    };
    let message = format!("{} is one file of weights: there is no choice", source.path.display());
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option(option.into()))
        .help(format!("leave {option} out, or name the experiment folder in place of the file")))
}

/// Gives sessions of the experiment in `maps` the names that their cohorts have in `caps`, where both
/// take them from one CAPS: who is called otherwise is the same person.
pub(crate) fn name_as_here<'s>(
    sessions: impl Iterator<Item = &'s mut Session>,
    maps: &Path,
    caps: &Path,
) {
    let here = roots(caps);
    let record = read(&maps.join("maps.json")).unwrap_or_default();
    let there = record.get("caps_directory").and_then(serde_json::Value::as_str);
    // Where that table is gone, the names are all there is to go by.
    let there = there.map(|caps| roots(Path::new(caps))).unwrap_or_default();
    let own = |(name, root): (String, PathBuf)| {
        let (own, _) = here.iter().find(|(_, own)| *own == root)?;
        Some((name, own))
    };
    let names: BTreeMap<String, &String> = there.into_iter().filter_map(own).collect();
    for visit in sessions {
        if let Some(own) = names.get(&visit.cohort) {
            visit.cohort.clone_from(own);
        }
    }
}

/// Where the cohorts of a table have their CAPS; none where that cannot be told.
fn roots(caps: &Path) -> Vec<(String, PathBuf)> {
    let lines = if is_table(caps) { read_table(caps).unwrap_or_default() } else { Vec::new() };
    lines
        .into_iter()
        .filter_map(|line| Some((line.cohort, line.path.canonicalize().ok()?)))
        .collect()
}

fn validated(split: &Split) -> BTreeSet<Person> {
    split.validation.iter().map(|row| row.session.person()).collect()
}

/// Of `judged`, who was learned from before, and whose id was in another cohort. An experiment on one
/// CAPS does not say which cohort that is, so it may be any.
pub(crate) fn seen_before(
    judged: BTreeSet<Person>,
    before: &[Session],
) -> (Vec<Person>, Vec<Person>) {
    let mut learned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for visit in before {
        learned.entry(&visit.participant).or_default().insert(&visit.cohort);
    }
    let known = judged.into_iter().filter(|one| learned.contains_key(&*one.participant));
    known.partition(|one| {
        let cohorts = &learned[&*one.participant];
        one.cohort == SINGLE || cohorts.contains(SINGLE) || cohorts.contains(&*one.cohort)
    })
}

/// Who was learned from before must not be validated on now.
fn check_leakage(split: &Split, source: &Source, leaked: &[Person]) -> Result<()> {
    if leaked.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the weights were learned from participants whom split {} validates on: {}",
        split.index,
        some(leaked.iter(), SHOWN)
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
        let (source, leaked, namesakes) = match opened {
            Some(Opened { source, leaked, namesakes }) => (source, leaked, namesakes),
            None => (None, Vec::new(), Vec::new()),
        };
        let taken = source.map(|(source, choice)| Taken::of(source, choice, plan, strict));
        let taken = taken.transpose().map_err(|e| e.at(Place::Option("transfer".into())))?;
        let freeze = match (config.train.has("freeze"), config.train.has("freeze_all_but")) {
            (true, _) => Some(Freeze::Layers(config.train.texts("freeze")?)),
            (_, true) => Some(Freeze::AllButLast(config.train.int("freeze_all_but")? as usize)),
            _ => None,
        };
        if let Some(freeze) = &freeze {
            freeze.layers(plan)?;
        }
        Ok(Self { taken, leaked, namesakes, freeze })
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
        if let Some(taken) = &self.taken {
            taken.give(&mut network, number)?;
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
    pub(super) fn leaked(&self) -> &[Person] {
        &self.leaked
    }

    /// Who may or may not be somebody whom the weights were learned from.
    pub(super) fn namesakes_warning(&self) -> Option<String> {
        let taken = self.taken.as_ref().filter(|_| !self.namesakes.is_empty())?;
        Some(format!(
            "{} was learned from the same ids in other cohorts: {}; make sure that they are other \
             people",
            taken.path.display(),
            some(self.namesakes.iter(), SHOWN)
        ))
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
    fn of(source: Source, choice: Choice, plan: &Plan, strict: bool) -> Result<Self> {
        let transfer = fit(&source, plan, strict)?;
        let choice = Choice { split: source.split, ..choice };
        Ok(Self {
            choice,
            path: source.path.clone(),
            file: source.file.clone(),
            blake3: source.blake3.clone(),
            epoch: source.epoch,
            architecture: source.architecture.clone(),
            sessions: source.sessions.clone(),
            learned: source.learned.clone(),
            transfer,
            read: Mutex::new(Some(source)),
        })
    }

    /// Gives a network its weights; `number` is its own, of several.
    fn give(&self, network: &mut Network, number: Option<usize>) -> Result<()> {
        let choice = Choice { network: self.choice.network.or(number), ..self.choice.clone() };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |source: &Source| source.network.is_none() || source.network == choice.network;
        match read.as_ref().filter(|source| fits(source)) {
            Some(source) => network.take(&self.transfer, source)?,
            None => {
                drop(read);
                return network.take(&self.transfer, &Source::open(&self.path, &choice)?);
            }
        }
        // One of several networks leaves them to the others.
        if number.is_none() {
            *read = None;
        }
        Ok(())
    }
}
