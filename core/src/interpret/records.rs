//! What is written of an interpretation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::canvas::Cover;
use super::means::Mean;
use super::names::{self, stem};
use super::options::Target;
use super::pictures::{self, Drawn};
use super::regions::Row;
use super::work::{Member, Work};
use crate::data::split::Label;
use crate::error::Result;
use crate::files;
use crate::maps::make_folder;
use crate::train::Event;
use crate::transfer::folder::Model;
use crate::volume::{self, Affine, spacing_mm};

/// The rows of an image in the table of regions, and its picture with the name of its file.
type Written = (Vec<Row>, Option<(String, Drawn)>);

/// What was said about a part of an image.
pub(super) struct Part {
    pub(super) part: usize,
    /// The output that is explained.
    pub(super) target: usize,
    pub(super) score: f64,
    /// The score of what stands for no information.
    pub(super) baseline: Option<f64>,
    /// Of the map's values.
    pub(super) sum: f64,
}

impl Part {
    /// What the map's values lack to be the difference of scores, where they should be.
    pub(super) fn gap(&self) -> Option<f64> {
        self.baseline.map(|baseline| self.sum - (self.score - baseline))
    }
}

/// What was found by the best networks of a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The split.
    pub split: usize,
    /// The metric that the networks are the best by.
    pub selection_metric: String,
    /// Images with a map.
    pub images: usize,
    /// Where the values of a map should sum up to a difference of scores: the largest gap, and that
    /// difference.
    pub completeness: Option<Completeness>,
    /// The mean over the images of the correlation with maps of random weights.
    pub randomised: Option<f64>,
}

/// How far the values of a map are from summing up to what they explain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Completeness {
    /// The largest gap of all parts.
    pub gap: f64,
    /// The difference of scores that its map explains.
    pub difference: f64,
}

/// Images that are compared, written and drawn at once: each takes several times its own memory.
pub(super) const AT_ONCE: usize = 4;

/// What is kept of the images so far.
pub(super) struct Records<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) split: usize,
    pub(super) metric: &'a str,
    pub(super) folder: &'a Path,
    cover: &'a Cover,
    /// The first image, and its affine.
    first: Option<(usize, Affine)>,
    /// Whether all images so far lie like the first.
    alike: bool,
    /// Of all, and of each class; its code is the key.
    means: BTreeMap<Option<usize>, Mean>,
    pub(super) parts: Vec<(Member, Vec<Part>)>,
    pub(super) regions: Vec<(usize, Vec<Row>)>,
    pub(super) similar: Vec<(usize, Option<f64>)>,
    pub(super) drawn: Vec<(String, Drawn)>,
}

impl<'a> Records<'a> {
    pub(super) fn new(
        work: &'a Work<'a>,
        (split, metric): (usize, &'a str),
        folder: &'a Path,
        cover: &'a Cover,
    ) -> Result<Self> {
        if work.asked.pictures {
            make_folder(&folder.join("pictures"))?;
        }
        Ok(Self {
            work,
            split,
            metric,
            folder,
            cover,
            first: None,
            alike: true,
            means: BTreeMap::new(),
            parts: Vec::new(),
            regions: Vec::new(),
            similar: Vec::new(),
            drawn: Vec::new(),
        })
    }

    /// Writes the maps of some images, and keeps what is written at the end.
    ///
    /// # Errors
    /// What the images and the disk say.
    pub(super) fn keep(
        &mut self,
        members: &[Member],
        maps: Vec<Vec<f32>>,
        parts: Vec<Vec<Part>>,
        similar: Vec<Option<f64>>,
    ) -> Result<()> {
        for (members, maps) in members.chunks(AT_ONCE).zip(maps.chunks(AT_ONCE)) {
            let written: Vec<_> =
                members.par_iter().zip(maps).map(|(member, map)| self.write(member, map)).collect();
            for ((member, map), written) in members.iter().zip(maps).zip(written) {
                let (regions, drawn) = written?;
                let image = self.work.group.source.images.get(member.image)?;
                let (_, first) = self.first.get_or_insert((member.image, image.affine));
                self.alike &= near(first, &image.affine);
                for key in self.means_of(member) {
                    let mean = self.means.entry(key).or_insert_with(|| Mean::new(map.len()));
                    mean.add(map, &image.voxels);
                }
                self.regions.push((member.image, regions));
                self.drawn.extend(drawn);
            }
        }
        self.parts.extend(members.iter().copied().zip(parts));
        self.similar.extend(members.iter().map(|member| member.image).zip(similar));
        Ok(())
    }

    /// The means that the map of an image is part of: maps that explain the same output alone have one.
    fn means_of(&self, member: &Member) -> Vec<Option<usize>> {
        match (self.work.target, member.label) {
            (Target::Predicted, _) => vec![Some(member.target)],
            (Target::Output(_), Label::Class(class)) => vec![None, Some(class)],
            (Target::Output(_), _) => vec![None],
        }
    }

    /// Writes the map of an image, and draws it.
    fn write(&self, member: &Member, map: &[f32]) -> Result<Written> {
        let images = &self.work.group.source.images;
        let (image, stem) = (images.get(member.image)?, stem(images, member.image)?);
        let file = self.file(&format!("{stem}_map.nii.gz"))?;
        let like = images.file(member.image);
        volume::write_as(&file, self.cover.shape(), map, &image.affine, like)?;
        let drawn = match self.work.asked.pictures {
            true => Some((stem.clone(), self.draw(&stem, &image.voxels, map, &image.affine)?)),
            false => None,
        };
        let regions = self.work.atlas.map_or_else(Vec::new, |atlas| atlas.rows(map, self.cover));
        Ok((regions, drawn))
    }

    fn draw(&self, stem: &str, anatomy: &[f32], map: &[f32], affine: &Affine) -> Result<Drawn> {
        let colors = self.work.asked.method.colors()?;
        let (png, drawn) = pictures::png(anatomy, map, self.cover.shape(), affine, colors)?;
        let file = self.file(&format!("pictures/{stem}.png"))?;
        files::write_atomic(&file, |out| out.write_all(&png))?;
        Ok(drawn)
    }

    /// A file of the interpretation, whose folder is there then.
    fn file(&self, name: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        make_folder(file.parent().unwrap_or(self.folder))?;
        Ok(file)
    }

    /// Writes the means, the tables and interpret.json.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn finish(mut self, models: &[Model]) -> Result<Found> {
        let means = std::mem::take(&mut self.means);
        let mut of_means = Vec::new();
        match self.first.filter(|_| self.alike) {
            Some((first, affine)) => {
                for (class, mean) in &means {
                    let stem = match class {
                        None => "mean".to_owned(),
                        Some(class) => names::mean(&self.work.opened.classes, *class),
                    };
                    let (map, anatomy) = (mean.of(&mean.map), mean.of(&mean.anatomy));
                    let file = self.file(&format!("{stem}_map.nii.gz"))?;
                    let like = self.work.group.source.images.file(first);
                    volume::write_as(&file, self.cover.shape(), &map, &affine, like)?;
                    if self.work.asked.pictures {
                        let drawn = self.draw(&stem, &anatomy, &map, &affine)?;
                        self.drawn.push((stem.clone(), drawn));
                    }
                    let rows = self.work.atlas.map(|atlas| atlas.rows(&map, self.cover));
                    let rows = rows.into_iter().flatten();
                    of_means.extend(rows.map(|row| (stem.clone(), row)));
                }
            }
            None => {
                let text = "the images do not lie alike in the world, so that there is no mean map";
                self.work.session.tell(Event::Warning { text: text.into() });
            }
        }
        self.write_tables(&of_means)?;
        let found = self.found();
        self.write_description(&means, models, &found)?;
        Ok(found)
    }

    fn found(&self) -> Found {
        let parts = self.parts.iter().flat_map(|(_, parts)| parts);
        let gaps = parts.filter_map(|part| {
            let difference = part.score - part.baseline?;
            Some(Completeness { gap: part.gap()?, difference })
        });
        let similar: Vec<f64> = self.similar.iter().filter_map(|(_, similar)| *similar).collect();
        let mean = similar.iter().sum::<f64>() / similar.len() as f64;
        Found {
            split: self.split,
            selection_metric: self.metric.to_owned(),
            images: self.parts.len(),
            completeness: gaps.max_by(|a, b| a.gap.abs().total_cmp(&b.gap.abs())),
            randomised: (!similar.is_empty()).then_some(mean),
        }
    }
}

/// Whether two images lie alike: no voxel's corner is off by more than a hundredth of a voxel or so.
pub(super) fn near(a: &Affine, b: &Affine) -> bool {
    let finest = spacing_mm(a).into_iter().fold(f64::INFINITY, f64::min);
    let tolerance = |column: usize| if column == 3 { 0.01 * finest } else { 1e-4 * finest };
    (0..3).all(|row| (0..4).all(|at| (a[row][at] - b[row][at]).abs() <= tolerance(at)))
}
