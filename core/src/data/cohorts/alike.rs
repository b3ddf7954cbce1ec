//! Whether cohorts hold images of one kind, by the names of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{Code, Error, Place, Problems, Result};

/// Parts of a name that tell the preprocessing: BIDS entities, and those of Clinica's derivatives.
const ENTITIES: [(&str, &str); 7] = [
    ("trc", "the tracer"),
    ("suvr", "the reference region"),
    ("space", "the space"),
    ("res", "the resolution"),
    ("desc", "the description"),
    ("segm", "the tissue"),
    ("modulated", "the modulation"),
];

/// Suffixes that tell the modality: those of the BIDS specification (its schema's
/// objects/suffixes.yaml) that networks are trained on, and those of Clinica's diffusion maps.
const MODALITIES: [&str; 28] = [
    "T1w",
    "T2w",
    "T1rho",
    "T1map",
    "T2map",
    "T2starw",
    "T2starmap",
    "R1map",
    "R2starmap",
    "FLAIR",
    "FLASH",
    "PD",
    "PDw",
    "PDmap",
    "PDT2",
    "inplaneT1",
    "inplaneT2",
    "UNIT1",
    "angio",
    "MTRmap",
    "Chimap",
    "dwi",
    "bold",
    "asl",
    "cbv",
    "pet",
    "FA",
    "MD",
];

/// What a file name says about the kind of its image, by what is said: `("the space", "MNI152…")`.
fn kinds(file: &Path) -> BTreeMap<&'static str, String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let mut kinds = BTreeMap::new();
    for token in stem.split('_') {
        let entity = token.split_once('-').and_then(|(key, value)| {
            let (_, what) = ENTITIES.into_iter().find(|(known, _)| *known == key)?;
            Some((what, value.to_lowercase()))
        });
        let modality = MODALITIES.iter().any(|known| known.eq_ignore_ascii_case(token));
        // `T1w` stands in the middle of the names of what was derived from one; the last one counts.
        kinds.extend(entity.or_else(|| modality.then(|| ("the modality", token.to_lowercase()))));
    }
    kinds
}

/// Refuses cohorts whose names say different things. What the names of one do not say is not held
/// against it.
///
/// # Errors
/// [`Code::MixedImages`], a problem for each cohort that differs from the first one that says it.
pub(super) fn check(cohorts: &[(&str, Vec<&Path>)]) -> Result<()> {
    type Said<'a> = (&'a str, BTreeSet<String>, &'a Path);
    let mut problems = Problems::default();
    let mut first: BTreeMap<&str, Said<'_>> = BTreeMap::new();
    for (cohort, files) in cohorts {
        let mut said: BTreeMap<&str, Said<'_>> = BTreeMap::new();
        for file in files {
            for (what, value) in kinds(file) {
                let entry = said.entry(what).or_insert_with(|| (*cohort, BTreeSet::new(), *file));
                // The file that is shown is one of those that are unlike the first cohort's.
                if first.get(what).is_some_and(|(_, values, _)| !values.contains(&value)) {
                    entry.2 = *file;
                }
                entry.1.insert(value);
            }
        }
        for (what, here) in said {
            let Some((other, values, _)) = first.get(what) else {
                first.insert(what, here);
                continue;
            };
            if *values != here.1 {
                let list = |set: &BTreeSet<String>| Vec::from_iter(set.iter().cloned()).join(", ");
                let message = format!(
                    "the cohorts {other:?} and {cohort:?} hold images of different kinds: {what} is \
                     {} in the one, {} in the other",
                    list(values),
                    list(&here.1)
                );
                problems.push(
                    Error::new(Code::MixedImages, message).at(Place::File(here.2.into())).help(
                        "make the pattern of caps() more precise, or preprocess the cohorts alike",
                    ),
                );
            }
        }
    }
    problems.into_result()
}
