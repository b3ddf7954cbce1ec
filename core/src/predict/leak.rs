//! Who of a group was there when the networks were trained.

use std::collections::BTreeSet;
use std::path::Path;

use super::opened::Opened;
use crate::data::participants::{Person, read_members};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, some};
use crate::train::start::{name_as_here, seen_before};
use crate::train::{Event, Session};

/// How many people a message names.
const SHOWN: usize = 8;

/// Of `people`, who trained or validated the experiment's networks, or those whose weights they began
/// with; `caps` is where the group's images are. Who only has the id of somebody of another cohort is
/// told in a warning.
///
/// # Errors
/// [`Code::Leakage`] naming them, unless that is `allowed`; [`Code::BadMaps`] for an experiment that
/// does not say whom it has seen.
pub(super) fn check(
    opened: &Opened,
    people: BTreeSet<Person>,
    caps: &Path,
    allowed: bool,
    session: &Session<'_>,
) -> Result<Vec<Person>> {
    let file = opened.root.join("groups/train+validation.tsv");
    if allowed && !file.is_file() {
        return Ok(Vec::new());
    }
    let table = Table::read(&file).map_err(|error| {
        error.help(
            "it tells whom the networks have seen; where that is known not to matter, allow leakage",
        )
    })?;
    let mut seen = read_members(&table)?;
    name_as_here(seen.iter_mut(), &opened.root, caps);
    let (leaked, namesakes) = seen_before(people, &seen);
    if !namesakes.is_empty() {
        let text = format!(
            "the networks have seen the same ids in other cohorts: {}; make sure that they are other \
             people",
            some(namesakes.iter(), SHOWN)
        );
        session.tell(Event::Warning { text });
    }
    if leaked.is_empty() {
        return Ok(leaked);
    }
    let names = some(leaked.iter(), SHOWN);
    if !allowed {
        let message = format!(
            "the networks were trained or chosen on {} of these participants: {names}",
            leaked.len()
        );
        return Err(Error::new(Code::Leakage, message)
            .at(Place::File(file))
            .help("leave them out of the table, or allow leakage, which is recorded"));
    }
    let text = format!("the networks have seen {} of the group: {names}", leaked.len());
    session.tell(Event::Warning { text });
    Ok(leaked)
}
