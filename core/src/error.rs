//! What went wrong, said for the person at the script.
//!
//! An [`Error`] holds one or more [`Problem`]s: checks gather everything that is wrong before they
//! give up. A problem has a stable [`Code`], says what was expected and what was found, where, and
//! what to do.

use std::fmt;
use std::path::{Path, PathBuf};

mod code;

pub use code::Code;

/// The result of anything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where a problem lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file or folder.
    File(PathBuf),
    /// A line of a table; rows count from 1, and the header is row 1, as in a spreadsheet.
    Row {
        /// The table.
        file: PathBuf,
        /// The line in the file, from 1.
        row: usize,
        /// The column's name, where one is meant.
        column: Option<String>,
    },
    /// One session of one participant.
    Session {
        /// The cohort, where there are several.
        cohort: Option<String>,
        /// `sub-…`
        participant: String,
        /// `ses-…`
        session: String,
        /// The file concerned, where one was found.
        file: Option<PathBuf>,
    },
    /// A layer, by its path in the network: `convolutions.4`.
    Layer(String),
    /// An option of the configuration: `epochs`.
    Option(String),
    /// What gave an option from outside of the script: `--set epochs=3`, or a line of a file.
    Given(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Row { file, row, column: None } => write!(f, "{}, row {row}", file.display()),
            Self::Row { file, row, column: Some(column) } => {
                write!(f, "{}, row {row}, column {column:?}", file.display())
            }
            Self::Session { cohort, participant, session, file } => {
                write!(f, "{participant} {session}")?;
                if let Some(cohort) = cohort {
                    write!(f, " of cohort {cohort}")?;
                }
                file.as_ref().map_or(Ok(()), |file| write!(f, ": {}", file.display()))
            }
            Self::Layer(path) => write!(f, "layer {path}"),
            Self::Option(key) => write!(f, "option {key:?}"),
            Self::Given(by) => f.write_str(by),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code; `host explain CODE` tells more.
    pub code: Code,
    /// What was expected and what was found, without a full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
    /// The text of the library underneath, where there is one.
    pub cause: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.id(), self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n  at {place}")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, "\n  because: {}", cause.replace('\n', "\n    "))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// One or more problems; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    problems: Vec<Problem>,
}

impl Error {
    /// A single problem with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let problem =
            Problem { code, message: message.into(), place: None, help: None, cause: None };
        Self { problems: vec![problem] }
    }

    /// Reading, writing or listing `path` failed.
    pub fn io(path: &Path, what: &str, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Code::FileNotFound,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::DiskFull,
            _ => Code::FileAccess,
        };
        Self::new(code, format!("cannot {what}")).at(Place::File(path.into())).because(error)
    }

    /// Says where, unless a more precise place is known already.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        for problem in &mut self.problems {
            problem.place.get_or_insert_with(|| place.clone());
        }
        self
    }

    /// Says where by what was said before.
    #[must_use]
    pub(crate) fn placed(mut self, place: impl Fn(Option<Place>) -> Option<Place>) -> Self {
        for problem in &mut self.problems {
            problem.place = place(problem.place.take());
        }
        self
    }

    /// Says that the options it is about lie within the map that option `outer` holds.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        for problem in &mut self.problems {
            if let Some(Place::Option(key)) = &mut problem.place {
                *key = format!("{outer}.{key}");
            }
        }
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        for problem in &mut self.problems {
            problem.help.get_or_insert_with(|| help.clone());
        }
        self
    }

    /// Keeps the text of the error underneath.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        for problem in &mut self.problems {
            problem.cause.get_or_insert_with(|| cause.clone());
        }
        self
    }

    /// Says in the course of what it happened, below the text of the error underneath.
    #[must_use]
    pub(crate) fn amid(mut self, what: &str) -> Self {
        for problem in &mut self.problems {
            let cause = problem.cause.take().map_or_else(String::new, |cause| cause + "\n");
            problem.cause = Some(cause + what);
        }
        self
    }

    /// All problems, in the order they were found; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The code of the first problem.
    pub fn code(&self) -> Code {
        self.problems[0].code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    /// Translates what libtorch says: its first line becomes the cause, without the C++ stack.
    fn from(error: tch::TchError) -> Self {
        let text = error.to_string();
        let text = text.split("Exception raised from").next().unwrap_or_default().trim();
        let memory = ["out of memory", "can't allocate memory", "not enough memory"];
        if memory.iter().any(|words| text.contains(words)) {
            return Self::new(Code::OutOfMemory, "there is not enough memory for this step")
                .because(text)
                .help("lower batch_size and raise accumulation_steps, use patches, or a smaller network");
        }
        Self::new(Code::Torch, "libtorch refused an operation").because(text)
    }
}

/// Gathers problems, so that a check reports all of them at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds all problems of `error`.
    pub fn push(&mut self, error: Error) {
        self.0.extend(error.problems);
    }

    /// The value of a good result; a bad one is kept and gives `None`.
    pub fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` if nothing was wrong, otherwise everything that was.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error { problems: self.0 }) }
    }
}

/// The first of these names, `a, b, and 3 more`: a message must fit on a screen.
pub(crate) fn some<T: ToString>(names: impl ExactSizeIterator<Item = T>, shown: usize) -> String {
    let more = names.len().saturating_sub(shown);
    let mut names: Vec<String> = names.take(shown).map(|name| name.to_string()).collect();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// `; did you mean "conv"?` for a misspelt name, or nothing where no known name is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

/// The known name nearest to `given`, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .min()
        .filter(|(d, name)| *d <= (given.len().max(name.len()) / 3).clamp(1, 3))
        .map(|(_, name)| name)
}

/// Edit distance with transpositions of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["conv", "conv_transpose", "linear", "relu"];
        assert_eq!(nearest("conb", known), Some("conv"));
        assert_eq!(nearest("lienar", known), Some("linear"));
        assert_eq!(nearest("ReLU", known), Some("relu"));
        assert_eq!(nearest("wavelet", known), None);
    }

    #[test]
    fn the_first_place_given_is_kept_because_it_is_the_most_precise() {
        let error = Error::new(Code::ShapeMismatch, "x")
            .at(Place::Layer("fc.2".into()))
            .at(Place::Layer("fc".into()));
        assert_eq!(error.problems()[0].place, Some(Place::Layer("fc.2".into())));
    }

    #[test]
    fn codes_are_unique_and_explained() {
        let mut ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.resolution().len() > 40, "{} needs a resolution", code.id());
            assert_eq!(Code::find(code.id()), Some(*code));
        }
    }
}
