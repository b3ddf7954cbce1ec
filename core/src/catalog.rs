//! The one door through which everything that can be extended comes in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result, did_you_mean};
use crate::layer::{self, Layer, LayerInfo};
use crate::metric::{self, Metric, MetricInfo};
use crate::network::NetworkSpec;
use crate::options::OptionSpec;
use crate::vote::{self, Vote, VoteInfo};

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// Part of this program.
    BuiltIn,
    /// A script.
    Script {
        /// The script's file, or a name such as `zoo/conv5_fc3` for an embedded one.
        file: PathBuf,
        /// The line of the registration, from 1.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => write!(f, "built in"),
            Self::Script { file, line } => write!(f, "{}:{line}", file.display()),
        }
    }
}

/// Something with a name and an origin.
pub trait Entry {
    /// The registered name.
    fn name(&self) -> &str;
    /// Where it comes from.
    fn origin(&self) -> &Origin;
}

/// The entries of one kind, in the order of their registration.
#[derive(Debug)]
pub struct Registry<E> {
    what: &'static str,
    entries: Vec<Arc<E>>,
}

impl<E: Entry> Registry<E> {
    fn new(what: &'static str) -> Self {
        Self { what, entries: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`Code::NameTaken`] if the name is malformed or taken; the message names both origins.
    pub fn register(&mut self, entry: E) -> Result<()> {
        let name = entry.name();
        let well_formed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || name.len() > 64 || !well_formed {
            return Err(Error::new(
                Code::NameTaken,
                format!("a {} cannot be called {name:?}", self.what),
            )
            .help("names are made of letters, digits and _, at most 64 of them"));
        }
        if let Some(other) = self.find(name) {
            return Err(Error::new(
                Code::NameTaken,
                format!(
                    "the {} {name:?} of {} is already registered: {}",
                    self.what,
                    entry.origin(),
                    other.origin()
                ),
            )
            .help("choose another name"));
        }
        self.entries.push(Arc::new(entry));
        Ok(())
    }

    /// The entry of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<E>> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// The entry of this name, or an error that suggests the nearest.
    ///
    /// # Errors
    /// [`Code::UnknownName`].
    pub fn get(&self, name: &str) -> Result<&Arc<E>> {
        self.find(name).ok_or_else(|| {
            let near = did_you_mean(name, self.names());
            let known: Vec<_> = self.names().collect();
            Error::new(Code::UnknownName, format!("there is no {} {name:?}{near}", self.what))
                .help(format!("known are: {}", known.join(", ")))
        })
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name())
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<E>> {
        self.entries.iter()
    }
}

/// A registered layer.
pub struct LayerEntry {
    /// Name, help, options and example.
    pub info: LayerInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The layer.
    pub layer: Box<dyn Layer>,
}

impl Entry for LayerEntry {
    fn name(&self) -> &str {
        &self.info.name
    }
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// What an architecture is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArchitectureRequest {
    /// Input shape without the batch axis.
    pub input: Vec<i64>,
    /// The number of outputs: classes, or 1 for a regression.
    pub outputs: i64,
    /// The options that were given.
    pub options: Map<String, Value>,
}

/// A recipe for networks.
pub trait Architecture: Send + Sync {
    /// The network for this request.
    ///
    /// # Errors
    /// Options that do not exist or do not fit, or whatever the recipe says.
    fn build(&self, request: &ArchitectureRequest) -> Result<NetworkSpec>;
}

/// A registered architecture.
pub struct ArchitectureEntry {
    /// The registered name.
    pub name: String,
    /// One line, where the author gave one.
    pub help: String,
    /// The options with their defaults.
    pub options: Vec<OptionSpec>,
    /// Where it comes from.
    pub origin: Origin,
    /// The recipe.
    pub architecture: Box<dyn Architecture>,
}

impl Entry for ArchitectureEntry {
    fn name(&self) -> &str {
        &self.name
    }
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// A registered metric.
pub struct MetricEntry {
    /// Name, help, formula and range.
    pub info: MetricInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The metric.
    pub metric: Box<dyn Metric>,
}

impl Entry for MetricEntry {
    fn name(&self) -> &str {
        &self.info.name
    }
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// A registered vote.
pub struct VoteEntry {
    /// Name, help and source.
    pub info: VoteInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The vote.
    pub vote: Box<dyn Vote>,
}

impl Entry for VoteEntry {
    fn name(&self) -> &str {
        &self.info.name
    }
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Everything that can be named in a script or configuration.
pub struct Catalog {
    /// The layers.
    pub layers: Registry<LayerEntry>,
    /// The architectures.
    pub architectures: Registry<ArchitectureEntry>,
    /// The metrics.
    pub metrics: Registry<MetricEntry>,
    /// The votes.
    pub votes: Registry<VoteEntry>,
}

impl Catalog {
    /// A catalog with everything that is built in.
    ///
    /// # Errors
    /// None, unless two built-in entries share a name, which a test excludes.
    pub fn built_in() -> Result<Self> {
        let mut catalog = Self {
            layers: Registry::new("layer"),
            architectures: Registry::new("architecture"),
            metrics: Registry::new("metric"),
            votes: Registry::new("vote"),
        };
        let origin = Origin::BuiltIn;
        for layer in layer::built_in() {
            let (info, origin) = (layer.info(), origin.clone());
            catalog.layers.register(LayerEntry { info, origin, layer })?;
        }
        for metric in metric::built_in() {
            let (info, origin) = (metric.info(), origin.clone());
            catalog.metrics.register(MetricEntry { info, origin, metric })?;
        }
        for vote in vote::built_in() {
            let (info, origin) = (vote.info(), origin.clone());
            catalog.votes.register(VoteEntry { info, origin, vote })?;
        }
        Ok(catalog)
    }
}
