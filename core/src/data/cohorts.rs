//! The cohorts of a run: one CAPS, or several that a table names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::caps::{Caps, Found, MaskOptions, One, TensorOf};
use super::images::space::elsewhere;
use super::participants::{SINGLE, Session};
use super::pattern::Preprocessing;
use crate::error::did_you_mean;
use crate::files;
use crate::volume;
use crate::{Code, Error, Place, Problems, Result};

mod alike;
mod table;

pub(crate) use table::{Line, is_table, read as read_table};

/// The CAPS of each cohort.
#[derive(Debug)]
pub struct Cohorts {
    /// In the order of the table.
    members: Vec<(String, Caps)>,
    several: bool,
}

impl Cohorts {
    /// Opens a CAPS, or where `path` ends in `.tsv` the CAPSs of a table with the columns `cohort`
    /// and `path`; relative paths in it count from the folder of the table.
    ///
    /// # Errors
    /// What is wrong with the table, and with every folder in it.
    pub fn open(path: &Path) -> Result<Self> {
        if !is_table(path) {
            let members = vec![(SINGLE.to_owned(), Caps::open(path)?)];
            return Ok(Self { members, several: false });
        }
        let mut problems = Problems::default();
        let mut members = Vec::new();
        for line in read_table(path)? {
            let caps = Caps::open(&line.path).map_err(|error| line.told("the CAPS", &error));
            members.extend(problems.take(caps).map(|caps| (line.cohort, caps)));
        }
        problems.into_result()?;
        Ok(Self { members, several: true })
    }

    /// Whether a table names them, even if it has one line.
    pub fn several(&self) -> bool {
        self.several
    }

    /// Their names, in the order of the table; [`SINGLE`] where there is none.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// The CAPS of a cohort.
    ///
    /// # Errors
    /// [`Code::UnknownName`] for a cohort that is not there.
    pub fn caps(&self, cohort: &str) -> Result<&Caps> {
        let found = self.members.iter().find(|(name, _)| name == cohort);
        found.map(|(_, caps)| caps).ok_or_else(|| self.unknown(cohort))
    }

    /// That there is no such cohort.
    pub(crate) fn unknown(&self, cohort: &str) -> Error {
        let names: Vec<&str> = self.names().collect();
        let near = did_you_mean(cohort, names.iter().copied());
        let message = format!("no CAPS is given for cohort {cohort:?}{near}");
        Error::new(Code::UnknownName, message)
            .help(format!("there are those of: {}", names.join(", ")))
    }

    /// Whether two cohorts have one CAPS, so that the same id means the same person.
    pub(crate) fn share(&self, one: &str, other: &str) -> bool {
        let root = |name| self.caps(name).ok()?.root().canonicalize().ok();
        one == other || root(one).is_some_and(|folder| root(other) == Some(folder))
    }

    /// `/data/caps`, or `north: /data/north, south: /data/south`.
    pub(crate) fn describe(&self) -> Result<String> {
        let one = |(name, caps): &(String, Caps)| {
            let root = files::absolute(caps.root())?;
            Ok(match self.several {
                false => root.display().to_string(),
                true => format!("{name}: {}", root.display()),
            })
        };
        Ok(self.members.iter().map(one).collect::<Result<Vec<_>>>()?.join(", "))
    }

    /// The image of each session, in the CAPS of its cohort; see [`Caps::find`].
    ///
    /// # Errors
    /// All sessions without an image, or with several.
    pub fn find(&self, sessions: &[Session], preprocessing: &Preprocessing) -> Result<Found> {
        let mut files: Vec<Option<PathBuf>> = vec![None; sessions.len()];
        let (mut problems, mut warnings) = (Problems::default(), Vec::new());
        for (cohort, places, own) in by_cohort(sessions) {
            let found = self.caps(cohort).and_then(|caps| caps.find(&own, preprocessing));
            let Some(found) = problems.take(found) else { continue };
            warnings.extend(found.warnings);
            for (place, file) in places.into_iter().zip(found.files) {
                files[place] = Some(file);
            }
        }
        problems.into_result()?;
        Ok(Found { files: files.into_iter().flatten().collect(), warnings })
    }

    /// As [`Caps::find_each`], in the CAPS of each session's cohort.
    ///
    /// # Errors
    /// A preprocessing that makes no sense; cohorts that are not there.
    pub(crate) fn find_each(
        &self,
        sessions: &[Session],
        preprocessing: &Preprocessing,
    ) -> Result<Vec<Result<One>>> {
        let mut found: BTreeMap<usize, Result<One>> = BTreeMap::new();
        let mut problems = Problems::default();
        for (cohort, places, own) in by_cohort(sessions) {
            let each = self.caps(cohort).and_then(|caps| caps.find_each(&own, preprocessing));
            found.extend(places.into_iter().zip(problems.take(each).into_iter().flatten()));
        }
        problems.into_result()?;
        Ok(found.into_values().collect())
    }

    /// The tensor of a session's whole image, where there is one; see [`Caps::find_tensors`].
    pub fn find_tensor(&self, session: &Session, preprocessing: &Preprocessing) -> Option<PathBuf> {
        let caps = self.caps(&session.cohort).ok()?;
        let found = caps.find_tensors(std::slice::from_ref(session), preprocessing).ok()?;
        found.files.into_iter().next()
    }

    /// Where ClinicaDL puts a tensor of a session's image; see [`Caps::tensor_path`].
    ///
    /// # Errors
    /// As [`Caps::tensor_path`].
    pub fn tensor_path(
        &self,
        session: &Session,
        preprocessing: &Preprocessing,
        image: &str,
        part: TensorOf<'_>,
    ) -> Result<PathBuf> {
        self.caps(&session.cohort)?.tensor_path(session, preprocessing, image, part)
    }

    /// The mask of each region, which lies in the CAPS of every cohort in `used` and must be the same
    /// in all of them; see [`Caps::find_masks`].
    ///
    /// # Errors
    /// [`Code::BadMask`] for regions without a mask, and for masks that differ between cohorts.
    pub fn find_masks(
        &self,
        used: &BTreeSet<&str>,
        regions: &[String],
        preprocessing: &Preprocessing,
        options: &MaskOptions,
    ) -> Result<Vec<PathBuf>> {
        let mut problems = Problems::default();
        let mut found: Vec<(&str, Vec<PathBuf>)> = Vec::new();
        for (name, caps) in self.members.iter().filter(|(name, _)| used.contains(name.as_str())) {
            let masks = problems.take(caps.find_masks(regions, preprocessing, options));
            found.extend(masks.map(|masks| (name.as_str(), masks)));
        }
        problems.into_result()?;
        let Some(((first, masks), others)) = found.split_first() else { return Ok(Vec::new()) };
        let mut problems = Problems::default();
        for (other, theirs) in others {
            for (region, (mask, their)) in regions.iter().zip(masks.iter().zip(theirs)) {
                problems.take(same_mask(region, (first, mask), (other, their)));
            }
        }
        problems.into_result()?;
        Ok(masks.clone())
    }

    /// Refuses images of different kinds, by their names; see [`alike::check`].
    ///
    /// # Errors
    /// [`Code::MixedImages`], naming the cohorts.
    pub(crate) fn check_alike(&self, files: &[(Session, PathBuf)]) -> Result<()> {
        let of_cohort = |cohort: &str| -> Vec<&Path> {
            let own = files.iter().filter(|(session, _)| session.cohort == cohort);
            own.map(|(_, file)| file.as_path()).collect()
        };
        let by_cohort: Vec<(&str, Vec<&Path>)> =
            self.names().map(|cohort| (cohort, of_cohort(cohort))).collect();
        alike::check(&by_cohort)
    }
}

/// The sessions of each cohort, with their places among all.
fn by_cohort(sessions: &[Session]) -> Vec<(&str, Vec<usize>, Vec<Session>)> {
    let cohorts: BTreeSet<&str> = sessions.iter().map(|s| s.cohort.as_str()).collect();
    let own = |cohort| {
        let of_cohort = |(_, session): &(usize, &Session)| session.cohort == cohort;
        let own = sessions.iter().enumerate().filter(of_cohort);
        let (places, own) = own.map(|(i, session)| (i, session.clone())).unzip();
        (cohort, places, own)
    };
    cohorts.into_iter().map(own).collect()
}

/// A region is cut from all images alike, so two cohorts must mean the same voxels by it.
fn same_mask(region: &str, first: (&str, &Path), other: (&str, &Path)) -> Result<()> {
    let (mask, their) = (volume::read(first.1)?, volume::read(other.1)?);
    let differs = match mask.shape == their.shape {
        true => {
            let n = mask.voxels.iter().zip(&their.voxels).filter(|(one, two)| one != two).count();
            match n {
                0 => elsewhere(mask.shape, &their.affine, &mask.affine)
                    .map(|_| "they lie in different places".to_owned()),
                n => Some(format!("they differ in {n} voxels")),
            }
        }
        false => {
            let show = |s: [usize; 3]| format!("{}×{}×{}", s[0], s[1], s[2]);
            Some(format!("they have {} and {} voxels", show(mask.shape), show(their.shape)))
        }
    };
    let Some(differs) = differs else { return Ok(()) };
    let message = format!(
        "the cohorts {:?} and {:?} have different masks of {region:?}: {differs}",
        first.0, other.0
    );
    Err(Error::new(Code::BadMask, message)
        .at(Place::File(other.1.into()))
        .help("put the same mask into the CAPS of every cohort"))
}

#[cfg(test)]
mod tests;
