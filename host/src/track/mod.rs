//! Mirrors of a run on a tracking server. The records on the disk are what counts: a server that is
//! slow, wrong or gone costs a warning, and is sent everything later by `host track push`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use neurhai_core::Result;

mod live;
mod mlflow;
mod params;

pub(crate) use live::{begin, finish, told};

/// A server, and where on it runs go: `mlflow:http://host:5000#experiment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: String,
    experiment: String,
}

/// Where runs go unless another experiment is named.
const EXPERIMENT: &str = "neurhai";

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong =
            || "a tracking server is written as mlflow:http://HOST:PORT#EXPERIMENT".to_owned();
        let rest = text.strip_prefix("mlflow:").ok_or_else(wrong)?;
        let (url, experiment) = rest.split_once('#').unwrap_or((rest, EXPERIMENT));
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let plain = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
        match host {
            Some(host) if plain(host) && !host.contains(' ') && plain(experiment) => Ok(Self {
                url: url.trim_end_matches('/').to_owned(),
                experiment: experiment.to_owned(),
            }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mlflow:{}#{}", self.url, self.experiment)
    }
}

/// The option of commands that train.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A tracking server that is told how training goes: mlflow:http://HOST:PORT, and after a # the
    /// experiment [neurhai]
    #[arg(long, value_name = "SERVER", env = "NEURHAI_TRACK")]
    pub(crate) track: Option<Target>,
}

/// What was sent of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The split.
    pub(crate) split: usize,
    /// Values that the server did not have.
    pub(crate) values: usize,
    /// The page that shows them.
    pub(crate) page: String,
}

/// Sends what the server does not have of an experiment; `running` where training goes on.
///
/// # Errors
/// What is wrong with the folder; [`Code::Tracking`](neurhai_core::Code::Tracking) for a server that does
/// not answer, or refuses.
pub(crate) fn push(maps: &Path, target: &Target, running: bool) -> Result<Vec<Sent>> {
    mlflow::push(maps, target, running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_with_what_they_speak() {
        let target: Target = "mlflow:http://a:5000/#my study".parse().unwrap();
        assert_eq!((&*target.url, &*target.experiment), ("http://a:5000", "my study"));
        assert_eq!(target.to_string().parse(), Ok(target));
        let target: Target = "mlflow:https://a/mlflow".parse().unwrap();
        assert_eq!((&*target.url, &*target.experiment), ("https://a/mlflow", "neurhai"));
        for wrong in [
            "http://a:5000",
            "mlflow:a:5000",
            "mlflow:http://",
            "mlflow:http://a b",
            "mlflow:http://a#",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
