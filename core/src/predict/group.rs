//! A group of people whose images networks are asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::leak;
use super::members::find;
use super::opened::Opened;
use crate::data::cohorts::Cohorts;
use crate::data::loader::Source;
use crate::data::participants::{Key, Person, Session as Visit};
use crate::data::split::{Label, Row, Selection};
use crate::error::{Place, Result};
use crate::files;
use crate::maps::{make_folder, pretty, write_inputs, write_sessions};
use crate::train::cohorts::{check_images, hashed};
use crate::train::inputs::check_inputs;
use crate::train::sides::places;
use crate::train::{Event, Session};

/// The groups of training, which have a list of sessions for each split.
pub(crate) const TRAINING: [&str; 2] = ["train", "validation"];

/// What is said about a group; of one that the experiment has already, nothing need be.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupOptions {
    /// The CAPS, or the `.tsv` of several; by default that of the experiment.
    pub(crate) caps: Option<PathBuf>,
    /// The table of its sessions, or of a table for each cohort.
    pub(crate) participants: Option<PathBuf>,
    /// The column that says what is true; by default that of the experiment, where the table has it.
    pub(crate) label: Option<String>,
    /// Whether what is true is not to be known.
    pub(crate) no_labels: bool,
    /// The classes wanted; sessions of others are left out.
    pub(crate) classes: Option<Vec<String>>,
    /// The sessions wanted.
    pub(crate) select: Option<Selection>,
    /// Whether people whom the networks have seen may be in it.
    pub(crate) allow_leakage: bool,
    /// Whether a group of this name may be replaced.
    pub(crate) overwrite: bool,
}

impl GroupOptions {
    /// The first option that says who is in the group, or what is true of them.
    pub(super) fn defining(&self) -> Option<&'static str> {
        let given = [
            ("participants", self.participants.is_some()),
            ("label", self.label.is_some()),
            ("labels", self.no_labels),
            ("classes", self.classes.is_some()),
            ("select", self.select.is_some()),
        ];
        given.into_iter().find_map(|(name, given)| given.then_some(name))
    }
}

/// Where a group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is one of [`TRAINING`].
    Training,
    /// The experiment has it already.
    Known,
    /// It is new, or takes the place of another one.
    New,
}

/// People, their images, and where it is known what is true of them.
pub(crate) struct DataGroup {
    pub(crate) name: String,
    pub(crate) standing: Standing,
    /// The column that says what is true; none where that is not known.
    pub(crate) label: Option<String>,
    pub(crate) cohorts: Cohorts,
    pub(crate) source: Source,
    /// Who of them trained or validated the networks.
    pub(crate) leaked: Vec<Person>,
    /// The images of a split's group; those of a group that is the same for all are under none.
    members: BTreeMap<Option<usize>, Vec<(usize, Label)>>,
    /// What its maps.json says.
    definition: Value,
    /// The tables that it was read from.
    tables: Vec<PathBuf>,
    classes: Vec<String>,
}

impl DataGroup {
    /// Opens the group `name`: one of training, in these `splits`; one that the experiment has; or a
    /// new one, which is not written until [`DataGroup::write`].
    ///
    /// # Errors
    /// A name that cannot be one; [`Code::GroupInUse`] where something is said about a group that is
    /// there, unless it is to be replaced; what is wrong with the tables and images, all at once;
    /// [`Code::Leakage`] naming whom the networks have seen, unless that is allowed.
    pub(crate) fn open(
        opened: &Opened,
        name: &str,
        options: &GroupOptions,
        splits: &[usize],
        session: &Session<'_>,
    ) -> Result<Self> {
        let found = find(opened, name, options, splits)?;
        let cohorts = cohorts(&found.caps, found.standing)?;
        let visits: BTreeMap<Key, Visit> = (found.rows.values().flatten())
            .map(|row| (row.session.key(), row.session.clone()))
            .collect();
        let people: BTreeSet<Person> = visits.values().map(Visit::person).collect();
        let (sessions, participants) = (visits.len(), people.len());
        let leaked = match found.standing {
            Standing::Training => Vec::new(),
            _ => leak::check(opened, people, &found.caps, found.allow_leakage, session)?,
        };
        check_images(visits.values(), &cohorts)?;
        let source = opened.source(&cohorts, visits.into_values().collect(), session)?;
        if found.inputs.is_file() {
            let (what, help) = match found.standing {
                Standing::Training => ("training", "bring the image back"),
                _ => ("the group", "bring the image back, or replace the group: overwrite"),
            };
            check_inputs(&source.images, &found.inputs, what, help)?;
        } else if found.standing != Standing::New && options.caps.is_some() {
            let text = "the experiment does not say which images the group began with: make sure that \
                        this CAPS holds the same";
            session.tell(Event::Warning { text: text.into() });
        }
        let images = places(&source.images);
        let place = |row: Row| Some((*images.get(&row.session.key())?, row.label));
        let members = (found.rows.into_iter())
            .map(|(split, rows)| (split, rows.into_iter().filter_map(place).collect()))
            .collect();
        let group = Self {
            name: name.into(),
            standing: found.standing,
            definition: definition(&found.caps, &cohorts, options, &found.label, &leaked)?,
            tables: options.participants.iter().cloned().collect(),
            label: found.label,
            cohorts,
            source,
            leaked,
            members,
            classes: opened.classes.clone(),
        };
        session.tell(Event::Group {
            group: name.into(),
            sessions,
            participants,
            label: group.label.clone(),
            left_out: found.left_out,
        });
        Ok(group)
    }

    /// The images of the group, in the order of its table, with what is true of each; of a group of
    /// training those of the split.
    pub(crate) fn members(&self, split: usize) -> &[(usize, Label)] {
        let found = self.members.get(&Some(split)).or_else(|| self.members.get(&None));
        found.map_or(&[], Vec::as_slice)
    }

    /// Writes what the group is into `folder`, its folder below `groups/`: `data.tsv` with its
    /// sessions, `maps.json` with what was asked for, and `inputs.tsv` with the hashes of all that
    /// was read.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        make_folder(folder)?;
        let columns: Vec<&str> = ["cohort"].into_iter().chain(self.label.as_deref()).collect();
        let rows = self.members.values().flatten().map(|(image, label)| {
            let visit = self.source.images.session(*image);
            let label = match label {
                Label::Class(class) => self.classes.get(*class).cloned(),
                Label::Number(number) => Some(number.to_string()),
                Label::None => None,
            };
            (visit, [visit.cohort.clone()].into_iter().chain(label).collect())
        });
        write_sessions(&folder.join("data.tsv"), &columns, rows)?;
        let hashes = self.source.images.hashes()?;
        let masks = self.source.parts.masks().into_iter().map(Path::to_path_buf);
        let tensors = self.source.tensors.iter().flatten().cloned();
        let others = hashed(self.tables.iter().cloned().chain(masks).chain(tensors))?;
        write_inputs(&folder.join("inputs.tsv"), &self.source.images, &hashes, &others)?;
        let text = pretty(&self.definition);
        files::write_atomic(&folder.join("maps.json"), |out| out.write_all(text.as_bytes()))
    }
}

fn cohorts(caps: &Path, standing: Standing) -> Result<Cohorts> {
    Cohorts::open(caps).map_err(|error| {
        let error = error.at(Place::Option("caps".into()));
        match standing {
            Standing::New => error,
            Standing::Training | Standing::Known => {
                error.help("name where the images are now with caps")
            }
        }
    })
}

/// What a group's maps.json says: ClinicaDL's two keys, and what else was asked for.
fn definition(
    caps: &Path,
    cohorts: &Cohorts,
    options: &GroupOptions,
    label: &Option<String>,
    leaked: &[Person],
) -> Result<Value> {
    let participants = options.participants.as_deref().map(files::absolute).transpose()?;
    let select = options.select.as_ref().map(|select| json!({ &select.column: select.values }));
    Ok(json!({
        "caps_directory": files::absolute(caps)?,
        "multi_cohort": cohorts.several(),
        "neurhai": {
            "participants": participants,
            "label": label,
            "classes": options.classes,
            "select": select,
            "allow_leakage": options.allow_leakage,
            "leaked": leaked.iter().map(Person::to_string).collect::<Vec<_>>(),
        },
    }))
}
