//! Reading and checking splits: those of a folder, or of a folder for each cohort.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::side::{Listed, Side};
use super::{Classes, Selection, Split, SplitFolder, SplitOptions, Target, all_of, classes};
use crate::data::cohorts::{Line, is_table, read_table};
use crate::data::participants::{Person, SINGLE};
use crate::error::some;
use crate::{Code, Error, Place, Problems, Result};

/// The column that `diagnoses` of a table of cohorts are looked up in, as in ClinicaDL.
pub(super) const DIAGNOSIS: &str = "diagnosis";

/// The split tables of a run.
#[derive(Debug, Clone)]
pub struct Splits {
    file: PathBuf,
    members: Vec<Member>,
}

/// The split tables of a cohort.
#[derive(Debug, Clone)]
struct Member {
    folder: SplitFolder,
    /// Its line, where a table names the cohorts.
    line: Option<Line>,
}

impl Splits {
    /// Looks which splits the folder `path` holds, or where it ends in `.tsv` the folders of a table
    /// with the columns `cohort`, `path` and, where wanted, `diagnoses`: those that are used of the
    /// cohort, with commas between them; relative paths in it count from the folder of the table.
    ///
    /// # Errors
    /// What is wrong with the table, and with every folder in it; [`Code::BadSplit`] where one cohort
    /// has a single split and another has folds.
    pub fn open(path: &Path) -> Result<Self> {
        if !is_table(path) {
            let members = vec![Member { folder: SplitFolder::open(path)?, line: None }];
            return Ok(Self { file: path.into(), members });
        }
        let mut problems = Problems::default();
        let mut members: Vec<Member> = Vec::new();
        for line in read_table(path)? {
            let folder =
                SplitFolder::open(&line.path).map_err(|error| line.told("the splits", &error));
            let Some(folder) = problems.take(folder) else { continue };
            if let Some(first) = members.first()
                && first.folder.single() != folder.single()
            {
                let word = |single| if single { "a single split" } else { "folds" };
                let message = format!(
                    "cohort {:?} has {}, but cohort {:?} {}",
                    first.cohort(),
                    word(first.folder.single()),
                    line.cohort,
                    word(folder.single())
                );
                let error = Error::new(Code::BadSplit, message).at(line.place.clone());
                problems.push(error.help("split all cohorts in the same way"));
            }
            members.push(Member { folder, line: Some(line) });
        }
        problems.into_result()?;
        Ok(Self { file: path.into(), members })
    }

    /// The numbers of the splits that any cohort has, rising.
    pub fn indices(&self) -> Vec<usize> {
        let all = self.members.iter().flat_map(|member| member.folder.indices());
        Vec::from_iter(all.collect::<BTreeSet<usize>>())
    }

    /// Whether there is a single split, which is no fold.
    pub fn single(&self) -> bool {
        self.members.iter().all(|member| member.folder.single())
    }

    fn several(&self) -> bool {
        self.members.iter().any(|member| member.line.is_some())
    }

    /// Reads and checks one split, telling everything that is wrong with it.
    ///
    /// # Errors
    /// Tables that are missing or malformed, classes that are missing or do not allow the task,
    /// [`Code::Leakage`], an empty side.
    pub fn read(&self, index: usize, options: &SplitOptions) -> Result<Split> {
        let mut problems = Problems::default();
        let Some([mut train, mut validation]) = problems.take(self.sides(index, options)) else {
            return Err(all_of(problems));
        };
        if let Some(Selection { column, values }) = &options.select {
            problems.take(classes::check_wanted([&train, &validation], column, values));
            train.keep(column, values)?;
            validation.keep(column, values)?;
        }
        let classes = match &options.target {
            Target::Class { column, classes: wanted } => {
                let mut known = true;
                if let Some(wanted) = wanted {
                    let sides = [&train, &validation];
                    let found = classes::check_wanted(sides, column, wanted);
                    let found = found.map_err(|error| match self.diagnoses() {
                        Some(help) => error.help(help),
                        None => error,
                    });
                    known = problems.take(found).is_some();
                    train.keep(column, wanted)?;
                    validation.keep(column, wanted)?;
                }
                let classes = known.then(|| Classes::of(&train, &validation, column));
                classes.and_then(|classes| problems.take(classes))
            }
            _ => None,
        };
        for side in [&train, &validation] {
            let help = "both sides of a split need at least one session";
            problems.take(side.check_not_empty().map_err(|error| error.help(help)));
        }
        let warnings = self.absent(index, &train, &validation);
        let mut leaked = Vec::new();
        for (train, validation) in train.tables.iter().zip(&validation.tables) {
            let shared: Vec<Person> =
                train.people().intersection(&validation.people()).cloned().collect();
            if !shared.is_empty() && !options.allow_leakage {
                problems.push(leakage(&shared, train, validation));
            }
            leaked.extend(shared);
        }
        let rows = |side: &Side| side.rows(&options.target, classes.as_ref());
        let (train_rows, validation_rows) =
            (problems.take(rows(&train)), problems.take(rows(&validation)));
        match (train_rows, validation_rows) {
            (Some(train_rows), Some(validation_rows)) if problems.is_empty() => Ok(Split {
                index,
                train: train_rows,
                validation: validation_rows,
                classes,
                train_file: train.file,
                validation_file: validation.file,
                tables: ([&train.tables, &validation.tables].into_iter().flatten())
                    .map(|listed| listed.table.file().to_path_buf())
                    .collect(),
                leaked,
                warnings,
            }),
            _ => Err(all_of(problems)),
        }
    }

    /// Reads and checks several splits; all of them must have the same classes.
    ///
    /// # Errors
    /// As [`Splits::read`], and classes that differ.
    pub fn read_all(&self, indices: &[usize], options: &SplitOptions) -> Result<Vec<Split>> {
        let mut problems = Problems::default();
        let mut splits = Vec::with_capacity(indices.len());
        for index in indices {
            splits.extend(problems.take(self.read(*index, options)));
        }
        problems.into_result()?;
        classes::check_same(&splits)?;
        Ok(splits)
    }

    /// The training and the validation side, of each cohort the diagnoses that are used of it.
    fn sides(&self, index: usize, options: &SplitOptions) -> Result<[Side; 2]> {
        let mut problems = Problems::default();
        let mut sides = [Vec::new(), Vec::new()];
        for member in &self.members {
            let Some(both) = problems.take(self.member(member, index, options)) else { continue };
            for (side, listed) in sides.iter_mut().zip(both) {
                side.push(listed);
            }
        }
        problems.into_result()?;
        let several = self.several();
        Ok(sides.map(|tables: Vec<Listed>| {
            let file = match &tables[..] {
                [only] if !several => only.table.file().to_owned(),
                _ => self.file.clone(),
            };
            Side { file, tables }
        }))
    }

    fn member(&self, member: &Member, index: usize, options: &SplitOptions) -> Result<[Listed; 2]> {
        self.check_there(member, index)?;
        let (train, validation) = member.folder.files(index, options)?;
        let diagnoses = member.line.as_ref().and_then(|line| line.diagnoses.as_ref());
        let mut problems = Problems::default();
        let [train, validation] = [train, validation].map(|file| {
            let column = diagnoses.map(|_| DIAGNOSIS);
            problems.take(Listed::read(&file, member.cohort(), options, column))
        });
        let (Some(mut train), Some(mut validation)) = (train, validation) else {
            return Err(all_of(problems));
        };
        if let (Some(diagnoses), Some(line)) = (diagnoses, &member.line) {
            let mut counts = train.counts(DIAGNOSIS)?;
            for (name, n) in validation.counts(DIAGNOSIS)? {
                *counts.entry(name).or_default() += n;
            }
            classes::check_values(counts, DIAGNOSIS, diagnoses, &line.place)?;
            train.keep(DIAGNOSIS, diagnoses)?;
            validation.keep(DIAGNOSIS, diagnoses)?;
        }
        Ok([train, validation])
    }

    /// Every cohort must have the split that is asked for.
    fn check_there(&self, member: &Member, index: usize) -> Result<()> {
        let Some(line) = member.line.as_ref().filter(|_| !member.folder.holds(index)) else {
            return Ok(());
        };
        let list =
            |indices: &[usize]| indices.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let message = format!(
            "cohort {:?} has no split {index}; there are {}",
            line.cohort,
            list(&member.folder.indices())
        );
        let in_all = |index: &usize| self.members.iter().all(|m| m.folder.holds(*index));
        let shared: Vec<usize> = self.indices().into_iter().filter(in_all).collect();
        Err(Error::new(Code::BadSplit, message).at(line.place.clone()).help(match &shared[..] {
            [] => "split all cohorts in the same way".into(),
            shared => format!("all cohorts have these: split: [{}]", list(shared)),
        }))
    }

    /// Cohorts that give nothing to one side or both.
    fn absent(&self, index: usize, train: &Side, validation: &Side) -> Vec<String> {
        let tables = train.tables.iter().zip(&validation.tables);
        let members = self.members.iter().filter(|member| member.line.is_some()).zip(tables);
        let warning = |(member, (train, validation)): (&Member, (&Listed, &Listed))| {
            let cohort = member.cohort();
            match (train.kept.is_empty(), validation.kept.is_empty()) {
                (true, true) => Some(format!(
                    "cohort {cohort:?} is left out of split {index}: none of its sessions has what \
                     is asked for"
                )),
                (true, false) => {
                    Some(format!("cohort {cohort:?} gives nobody to train on in split {index}"))
                }
                (false, true) => {
                    Some(format!("cohort {cohort:?} gives nobody to validate on in split {index}"))
                }
                (false, false) => None,
            }
        };
        members.filter_map(warning).collect()
    }

    /// Which diagnoses are used of which cohort, where that is limited.
    fn diagnoses(&self) -> Option<String> {
        let of_line = |line: &Line| {
            let names = line.diagnoses.as_ref().map(|names| names.join(", "));
            format!("{} of cohort {:?}", names.as_deref().unwrap_or("all"), line.cohort)
        };
        let lines: Vec<&Line> =
            self.members.iter().filter_map(|member| member.line.as_ref()).collect();
        lines.iter().any(|line| line.diagnoses.is_some()).then(|| {
            let list: Vec<String> = lines.into_iter().map(of_line).collect();
            format!("the diagnoses that are used: {}", list.join("; "))
        })
    }
}

impl Member {
    fn cohort(&self) -> &str {
        self.line.as_ref().map_or(SINGLE, |line| &line.cohort)
    }
}

/// The error of participants on both sides of a cohort's split.
fn leakage(leaked: &[Person], train: &Listed, validation: &Listed) -> Error {
    const SHOWN: usize = 8;
    let names = leaked.iter().map(|person| {
        let rows = (train.row(person), validation.row(person));
        format!("{person} (row {} of train, {} of validation)", rows.0, rows.1)
    });
    let message = format!("on both sides of the split: {}", some(names, SHOWN));
    Error::new(Code::Leakage, message)
        .at(Place::File(validation.table.file().into()))
        .help("split by participant: all sessions of one belong to one side")
}
