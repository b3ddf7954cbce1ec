//! The images that a data set is made of.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::bad_option;
use crate::data::caps::Caps;
use crate::data::participants::{Session, read_sessions};
use crate::data::pattern::Preprocessing;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files::check_unused;
use crate::guard::guarded;
use crate::tsv::by_participant;
use crate::volume::{self, Header};

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// The CAPS.
    pub caps: PathBuf,
    /// Which of its images.
    #[serde(flatten)]
    pub preprocessing: Preprocessing,
    /// A table of the sessions to take; all of the CAPS without one.
    pub table: Option<PathBuf>,
}

/// Which sessions of a source are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All.
    All,
    /// The first of each participant.
    Baseline,
    /// The very first.
    One,
}

/// An image of a source, whose header was read.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) session: Session,
    pub(super) file: PathBuf,
    pub(super) header: Header,
    /// Age and sex, as far as the table of participants says.
    pub(super) age: Option<String>,
    pub(super) sex: Option<String>,
    /// Its path below the folder of the session.
    below: PathBuf,
}

impl Source {
    /// The images, by their headers.
    ///
    /// # Errors
    /// Everything that is wrong with the CAPS, the table and the images' headers.
    pub(super) fn images(&self, taken: Taken) -> Result<Vec<Image>> {
        let caps = Caps::open(&self.caps)?;
        let table = self.table.as_deref().map(Table::read).transpose()?;
        let mut sessions = match &table {
            Some(table) => read_sessions(table, &[])?,
            None => caps.sessions()?,
        };
        // Rows of the table, in which age and sex are.
        let mut rows: Vec<usize> = (0..sessions.len()).collect();
        match taken {
            Taken::All => {}
            Taken::Baseline => {
                rows = by_participant(&sessions).iter().map(|own| own[0]).collect();
                sessions = rows.iter().map(|row| sessions[*row].clone()).collect();
            }
            Taken::One => sessions.truncate(1),
        }
        if sessions.is_empty() {
            let file = self.table.as_ref().unwrap_or(&self.caps);
            return Err(Error::new(Code::EmptySelection, "there is no session to take")
                .at(Place::File(file.clone())));
        }
        let files = caps.find(&sessions, &self.preprocessing)?.files;
        let cell = |row: usize, names: &[&str]| {
            let table = table.as_ref()?;
            let column = names.iter().find_map(|name| table.find_column(name))?;
            table.text(row, column).map(str::to_owned)
        };
        let headers: Vec<Result<Header>> =
            files.par_iter().map(|file| guarded(|| volume::read_header(file))).collect();
        let mut problems = Problems::default();
        let mut images = Vec::with_capacity(files.len());
        for (((session, file), header), row) in
            sessions.into_iter().zip(files).zip(headers).zip(rows)
        {
            let place = session.place(Some(file.clone()));
            let header = header.map_err(|error| error.placed(|_| Some(place.clone())));
            let Some(header) = problems.take(header) else { continue };
            let folder =
                self.caps.join("subjects").join(&session.participant).join(&session.session);
            let below = file.strip_prefix(&folder).unwrap_or(&file).to_path_buf();
            let (age, sex) = (cell(row, &["age_bl", "age"]), cell(row, &["sex"]));
            images.push(Image { session, file, header, age, sex, below });
        }
        problems.into_result()?;
        Ok(images)
    }
}

impl Image {
    /// The voxels.
    ///
    /// # Errors
    /// The image cannot be read, or holds a voxel that is no finite number.
    pub(super) fn read(&self) -> Result<Vec<f32>> {
        let place = || Some(self.session.place(Some(self.file.clone())));
        let volume =
            guarded(|| volume::read(&self.file)).map_err(|error| error.placed(|_| place()))?;
        if volume.stats.non_finite == 0 {
            return Ok(volume.voxels.to_vec());
        }
        let message = format!("{} voxels are NaN or infinite", volume.stats.non_finite);
        Err(Error::new(Code::ImageNotFinite, message)
            .placed(|_| place())
            .help("repeat its preprocessing, or leave the session out"))
    }

    /// Writes the voxels of an image made of this one, with the header of this one.
    pub(super) fn write(&self, voxels: &[f32], path: &Path) -> Result<()> {
        volume::write_like(path, voxels, &self.file, &self.header)
    }

    /// The path of an image made of this one, below the folder of its session: the same, but for the
    /// ids in its name.
    pub(super) fn renamed(&self, participant: &str, session: &str) -> PathBuf {
        let name = self.name();
        let own = format!("{}_{}_", self.session.participant, self.session.session);
        let rest = match name.strip_prefix(&own) {
            Some(rest) => rest.to_owned(),
            // ClinicaDL takes what follows the second underscore.
            None => name.splitn(3, '_').nth(2).unwrap_or(&name).to_owned(),
        };
        self.below.with_file_name(format!("{participant}_{session}_{rest}"))
    }

    /// The file's name.
    pub(super) fn name(&self) -> String {
        self.below.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The path below the folder of its session, with another file name.
    pub(super) fn beside(&self, name: String) -> PathBuf {
        self.below.with_file_name(name)
    }
}

/// The first `wanted` images, or all.
///
/// # Errors
/// [`Code::BadOption`] where there are fewer.
pub(super) fn first(
    mut images: Vec<Image>,
    option: &str,
    wanted: Option<usize>,
) -> Result<Vec<Image>> {
    let wanted = wanted.unwrap_or(images.len());
    if wanted == 0 || wanted > images.len() {
        let there = images.len();
        let message =
            format!("1 to {there} were expected, for so many participants are there, not {wanted}");
        return Err(bad_option(option, message));
    }
    images.truncate(wanted);
    Ok(images)
}

/// The grid that all images share, where a mask is laid over them.
///
/// # Errors
/// [`Code::ImageShape`] for all images on another grid than the first.
pub(super) fn same_grid(images: &[Image]) -> Result<&Header> {
    let first = &images[0].header;
    let mut problems = Problems::default();
    for image in images {
        let header = &image.header;
        let pairs = first.affine.as_flattened().iter().zip(header.affine.as_flattened());
        let near = pairs.clone().all(|(a, b)| (a - b).abs() <= GRID_TOLERANCE_MM);
        if first.shape == header.shape && near {
            continue;
        }
        let message = match first.shape == header.shape {
            true => "its voxels lie elsewhere than those of the first image".to_owned(),
            false => format!("it has {:?} voxels, the first image {:?}", header.shape, first.shape),
        };
        let error = Error::new(Code::ImageShape, message)
            .placed(|_| Some(image.session.place(Some(image.file.clone()))))
            .help("a mask is laid over images on one grid: register them alike, or leave some out");
        problems.push(error);
    }
    problems.into_result()?;
    Ok(first)
}

/// Affines in files are rounded.
const GRID_TOLERANCE_MM: f64 = 1e-3;

/// Whether the output can be written, asked before anything is read. It may not lie among the subjects
/// of the CAPS it is made of.
///
/// # Errors
/// [`Code::OutputInUse`].
pub(super) fn check_output(output: &Path, caps: &Path) -> Result<()> {
    check_unused(output)?;
    let whole = std::path::absolute(output)
        .map_err(|error| Error::io(output, "look into the output folder", &error))?;
    let there = whole.ancestors().find_map(|path| path.canonicalize().ok());
    let subjects = caps.join("subjects").canonicalize();
    match (there, subjects) {
        (Some(there), Ok(subjects)) if there.starts_with(&subjects) => {
            let message = "the output lies among the subjects of the source";
            Err(Error::new(Code::OutputInUse, message)
                .at(Place::File(output.into()))
                .help("choose a folder outside of the CAPS"))
        }
        _ => Ok(()),
    }
}
