//! A CAPS: the folder that Clinica's pipelines write images to, one folder per session.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::participants::{SINGLE, Session, advice_on_id, same_id};
use super::pattern::{Glob, Preprocessing};
use crate::{Code, Error, Problem, Problems, Result};

mod choose;
mod kinds;
mod listing;
mod mask;
mod namesakes;
mod open;
mod origin;
mod tensor;

use choose::{Choice, choose};
use listing::{Listing, TENSORS, list};
pub use mask::MaskOptions;
pub(crate) use origin::{Origin, State, Wanted, changed, mask as mask_origin, stem};
pub(crate) use tensor::{TENSOR_FILES, is_tensor};
pub use tensor::{TensorOf, tensor_name};

/// Nearest ids are only searched for so many sessions: where most are missing one cause explains
/// them all, and comparing every id with every other takes minutes.
const ADVISED: usize = 16;

const ABSENT: &str = "check the id, or leave the session out of the table";

/// An opened CAPS. It lists the folder of a session once, however often images are asked for.
#[derive(Debug)]
pub struct Caps {
    root: PathBuf,
    index: Mutex<BTreeMap<Key, Arc<Listing>>>,
    participants: OnceLock<Vec<String>>,
}

/// A participant and a session, and whether their tensors are meant or their images.
type Key = (String, String, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Images,
    Tensors(&'static str),
}

/// The files that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// One file per session, in the order of the sessions.
    pub files: Vec<PathBuf>,
    /// Choices that were made, to be told: where an image has several runs the last is taken.
    pub warnings: Vec<Problem>,
}

/// A file, with a warning where it was chosen among runs.
pub(crate) type One = (PathBuf, Option<Problem>);

/// All files, or all that is wrong.
fn gather(each: Vec<Result<One>>) -> Result<Found> {
    let mut problems = Problems::default();
    let mut found = Found { files: Vec::with_capacity(each.len()), warnings: Vec::new() };
    for (file, warning) in each.into_iter().filter_map(|one| problems.take(one)) {
        found.files.push(file);
        found.warnings.extend(warning);
    }
    problems.into_result()?;
    Ok(found)
}

impl Caps {
    /// Opens a CAPS, or says what the folder is instead. One without participants may be opened.
    pub fn open(root: &Path) -> Result<Self> {
        open::check(root)?;
        let (index, participants) = (Mutex::default(), OnceLock::new());
        Ok(Self { root: root.into(), index, participants })
    }

    /// The folder given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All sessions of all participants, sorted.
    pub fn sessions(&self) -> Result<Vec<Session>> {
        let subjects = self.root.join("subjects");
        let mut sessions = Vec::new();
        for participant in listing::folders(&subjects, "sub-")? {
            for session in listing::folders(&subjects.join(&participant), "ses-")? {
                let (cohort, participant) = (SINGLE.to_owned(), participant.clone());
                sessions.push(Session { cohort, participant, session, row: 0 });
            }
        }
        Ok(sessions)
    }

    /// The image of each session. All sessions without one, or with several, are told at once.
    pub fn find(&self, sessions: &[Session], preprocessing: &Preprocessing) -> Result<Found> {
        gather(self.find_each(sessions, preprocessing)?)
    }

    /// For each session its image, with a warning where it was chosen, or why there is none.
    ///
    /// # Errors
    /// A preprocessing that makes no sense.
    pub(crate) fn find_each(
        &self,
        sessions: &[Session],
        preprocessing: &Preprocessing,
    ) -> Result<Vec<Result<One>>> {
        let pattern = preprocessing.pattern();
        // ClinicaDL finds compressed images only, so these come first where there are both.
        let plain = pattern.strip_suffix(".nii.gz").map(|stem| format!("{stem}.nii"));
        let patterns: Vec<String> = [Some(pattern), plain].into_iter().flatten().collect();
        self.find_kind(sessions, preprocessing, &patterns, Kind::Images)
    }

    /// The tensor that ClinicaDL or [`prepare`](crate::prepare) wrote of each session's whole image,
    /// which serves where the image itself is gone.
    pub fn find_tensors(
        &self,
        sessions: &[Session],
        preprocessing: &Preprocessing,
    ) -> Result<Found> {
        let pattern = preprocessing.pattern();
        let patterns = TENSOR_FILES.map(|kind| tensor::pattern(&pattern, kind));
        let kind = Kind::Tensors(preprocessing.tensor_folder());
        gather(self.find_kind(sessions, preprocessing, &patterns, kind)?)
    }

    /// The file of each session by the first of `patterns` that any of its files match.
    fn find_kind(
        &self,
        sessions: &[Session],
        preprocessing: &Preprocessing,
        patterns: &[String],
        kind: Kind,
    ) -> Result<Vec<Result<One>>> {
        preprocessing.check()?;
        let globs = patterns.iter().map(|pattern| Glob::new(pattern)).collect();
        let pattern = patterns.first().map_or("", String::as_str);
        let search = Search { caps: self, preprocessing, pattern, globs, kind };
        let mut advised = 0;
        let listed = sessions.iter().zip(self.list(sessions, kind));
        let one = |(session, listing): (&Session, Arc<Listing>)| {
            let found = search.one(session, &listing, advised < ADVISED);
            advised += usize::from(found.is_err());
            found
        };
        Ok(listed.map(one).collect())
    }

    /// The folder of a session.
    fn folder(&self, session: &Session) -> PathBuf {
        self.root.join("subjects").join(&session.participant).join(&session.session)
    }

    /// What is in the folders of these sessions, in their order; new ones are listed by threads,
    /// because a network file system takes its time for each.
    fn list(&self, sessions: &[Session], kind: Kind) -> Vec<Arc<Listing>> {
        let key = |s: &Session| (s.participant.clone(), s.session.clone(), kind);
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: BTreeMap<Key, Option<Listing>> = BTreeMap::new();
        missing
            .extend(sessions.iter().map(key).filter(|k| !index.contains_key(k)).map(|k| (k, None)));
        let mut missing: Vec<_> = missing.into_iter().collect();
        let work = |chunk: &mut [(Key, Option<Listing>)]| {
            for ((participant, session, kind), listing) in chunk {
                *listing = Some(list(&self.root, participant, session, *kind));
            }
        };
        let per_thread = missing.len().div_ceil(listing::THREADS).max(16);
        if missing.len() <= per_thread {
            work(&mut missing);
        } else {
            std::thread::scope(|scope| {
                for chunk in missing.chunks_mut(per_thread) {
                    scope.spawn(|| work(chunk));
                }
            });
        }
        let listed = missing.into_iter().filter_map(|(k, listing)| Some((k, Arc::new(listing?))));
        index.extend(listed);
        sessions.iter().filter_map(|session| index.get(&key(session)).cloned()).collect()
    }

    fn participants(&self) -> &[String] {
        let list = || listing::folders(&self.root.join("subjects"), "sub-").unwrap_or_default();
        self.participants.get_or_init(list)
    }
}

/// What is asked for of every session.
struct Search<'a> {
    caps: &'a Caps,
    preprocessing: &'a Preprocessing,
    pattern: &'a str,
    globs: Vec<Glob>,
    kind: Kind,
}

impl Search<'_> {
    /// The file of one session.
    fn one(&self, session: &Session, listing: &Listing, advise: bool) -> Result<One> {
        let (files, dangling) = match listing {
            Listing::Files { files, dangling } => (files, dangling),
            Listing::NoParticipant => return Err(self.no_participant(session, advise)),
            Listing::NoSession => return Err(self.no_session(session)),
            Listing::Failed(error) => return Err(error.clone().at(session.place(None))),
        };
        let folder = self.caps.folder(session);
        let folder = match self.kind {
            Kind::Images => folder,
            Kind::Tensors(below) => folder.join(TENSORS).join("image_based").join(below),
        };
        match choose(self.matching(files)) {
            Choice::One(file) => Ok((folder.join(file), None)),
            Choice::LastRun(file, others) => {
                let warning = Problem {
                    code: Code::ImageAmbiguous,
                    message: format!(
                        "the last of several runs is taken, not {}",
                        others.join(", ")
                    ),
                    place: Some(session.place(Some(folder.join(file)))),
                    help: Some("move surplus runs away, or ask for one with a pattern".to_owned()),
                    cause: None,
                };
                Ok((folder.join(file), Some(warning)))
            }
            Choice::Several(files) => Err(Error::new(
                Code::ImageAmbiguous,
                format!("several files match {}: {}", self.pattern, files.join(", ")),
            )
            .at(session.place(Some(folder)))
            .help("make the pattern more precise, or move the surplus files away")),
            Choice::None => match self.matching(dangling).first() {
                Some(file) => Err(Error::new(
                    Code::ImageMissing,
                    "the file is a link to one that is not there",
                )
                .at(session.place(Some(folder.join(file))))
                .help("fetch its content, for example with `datalad get`")),
                None => Err(self.no_match(session, folder, files)),
            },
        }
    }

    fn matching<'a>(&self, files: &'a [String]) -> Vec<&'a str> {
        let by =
            |glob: &Glob| files.iter().map(String::as_str).filter(|f| glob.matches(f)).collect();
        self.globs.iter().map(by).find(|found: &Vec<_>| !found.is_empty()).unwrap_or_default()
    }

    fn no_participant(&self, session: &Session, advise: bool) -> Error {
        let known = if advise { self.caps.participants() } else { &[] };
        let advice = advice_on_id(&session.participant, known.iter().map(String::as_str));
        Error::new(Code::ImageMissing, "the participant has no folder in subjects/")
            .at(session.place(Some(self.caps.root.join("subjects"))))
            .help(advice.unwrap_or_else(|| ABSENT.to_owned()))
    }

    fn no_session(&self, session: &Session) -> Error {
        let participant = self.caps.root.join("subjects").join(&session.participant);
        let known = listing::folders(&participant, "ses-").unwrap_or_default();
        let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        // All of them are named, so only another way of writing the same id needs a word.
        let known = known.iter().map(String::as_str);
        let same = same_id(&session.session, known).and_then(|id| advice_on_id(id, [id]));
        Error::new(Code::ImageMissing, format!("the session has no folder; there are {there}"))
            .at(session.place(Some(participant)))
            .help(same.unwrap_or_else(|| ABSENT.to_owned()))
    }

    fn no_match(&self, session: &Session, folder: PathBuf, files: &[String]) -> Error {
        const SHOWN: usize = 4;
        let (code, kinds, endings) = match self.kind {
            Kind::Images => (Code::ImageMissing, "images", [".nii.gz", ".nii"].as_slice()),
            Kind::Tensors(_) => (Code::BadTensor, "tensors", [".pt", ".safetensors"].as_slice()),
        };
        let of_kind = |file: &&str| endings.iter().any(|ending| file.ends_with(ending));
        let there: Vec<_> = files.iter().map(String::as_str).filter(of_kind).collect();
        let listed = match there.len() {
            0 => format!("there are no {kinds}"),
            n if n <= SHOWN => format!("the {kinds} there are {}", there.join(", ")),
            n => format!("there are {n} {kinds}, such as {}", there[..SHOWN].join(", ")),
        };
        let error = Error::new(code, format!("no file matches {}; {listed}", self.pattern))
            .at(session.place(Some(folder)));
        let other = self.preprocessing.other_crop().filter(|other| {
            let glob = Glob::new(&other.pattern());
            there.iter().any(|file| glob.matches(file))
        });
        error.help(match (other, self.kind, self.preprocessing.pipeline()) {
            (Some(other), ..) => {
                let uncropped = other.is_cropped() == Some(false);
                format!("it is there with use_uncropped_image: {uncropped}")
            }
            (None, Kind::Tensors(_), _) => "keep the image itself beside its tensors".to_owned(),
            (None, _, Some(name)) => format!("check that {name} of Clinica ran for this session"),
            (None, _, None) => "check the pattern against the names of the images".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
