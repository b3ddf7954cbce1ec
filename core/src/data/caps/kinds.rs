//! Which kinds of images a CAPS holds.

use std::collections::BTreeSet;

use super::listing::Listing;
use super::{Caps, Kind};
use crate::Result;
use crate::data::participants::Session;
use crate::data::pattern::{Glob, Preprocessing};

impl Caps {
    /// The preprocessings of Clinica, with every tracer and reference region, of which any of these
    /// sessions has an image.
    pub(crate) fn kinds(&self, sessions: &[Session]) -> Vec<Preprocessing> {
        let listings = self.list(sessions, Kind::Images);
        let files = listings.iter().flat_map(|listing| match &**listing {
            Listing::Files { files, .. } => files.as_slice(),
            _ => &[],
        });
        let files: Vec<&str> = files.map(String::as_str).collect();
        let mut pet: BTreeSet<(String, String)> = BTreeSet::new();
        pet.extend(files.iter().filter(|file| file.starts_with("pet_linear/")).filter_map(
            |file| {
                let entity = |key: &str| file.split('_').find_map(|part| part.strip_prefix(key));
                Some((entity("trc-")?.to_owned(), entity("suvr-")?.to_owned()))
            },
        ));
        let both = |of: &dyn Fn(bool) -> Preprocessing| [of(false), of(true)];
        let mut kinds =
            Vec::from(both(&|use_uncropped_image| Preprocessing::T1Linear { use_uncropped_image }));
        kinds.extend(both(&|use_uncropped_image| Preprocessing::FlairLinear {
            use_uncropped_image,
        }));
        for (tracer, region) in pet {
            kinds.extend(both(&|use_uncropped_image| Preprocessing::PetLinear {
                tracer: tracer.clone(),
                suvr_reference_region: region.clone(),
                use_uncropped_image,
            }));
        }
        kinds.retain(|kind| {
            let pattern = kind.pattern();
            let plain = pattern.strip_suffix(".gz").unwrap_or(&pattern);
            let globs = [Glob::new(&pattern), Glob::new(plain)];
            let there = files.iter().any(|file| globs.iter().any(|glob| glob.matches(file)));
            there && kind.check().is_ok()
        });
        kinds
    }

    /// As [`Caps::sessions`], of a cohort.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn sessions_of(&self, cohort: &str) -> Result<Vec<Session>> {
        let mut sessions = self.sessions()?;
        sessions.iter_mut().for_each(|session| cohort.clone_into(&mut session.cohort));
        Ok(sessions)
    }
}
