//! What is written of an interpretation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::pictures::{self, Drawn};
use super::regions::Row;
use super::work::{Member, Work};
use crate::data::split::Label;
use crate::data::table::write_tsv;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::maps::{make_folder, pretty, write_sessions};
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
    fn gap(&self) -> Option<f64> {
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

/// What is kept of the images so far.
pub(super) struct Records<'a> {
    work: &'a Work<'a>,
    split: usize,
    metric: &'a str,
    folder: &'a Path,
    shape: [usize; 3],
    /// The affine of the first image; none once an image lies elsewhere.
    affine: Option<Affine>,
    /// Of all, and of each class; its code is the key.
    means: BTreeMap<Option<usize>, Mean>,
    parts: Vec<(Member, Vec<Part>)>,
    regions: Vec<(usize, Vec<Row>)>,
    similar: Vec<(usize, Option<f64>)>,
    drawn: Vec<(String, Drawn)>,
}

/// Sums over images.
struct Mean {
    images: usize,
    map: Vec<f64>,
    anatomy: Vec<f64>,
}

impl Mean {
    fn new(voxels: usize) -> Self {
        Self { images: 0, map: vec![0.0; voxels], anatomy: vec![0.0; voxels] }
    }

    fn add(&mut self, map: &[f32], anatomy: &[f32]) {
        self.images += 1;
        for (sums, values) in [(&mut self.map, map), (&mut self.anatomy, anatomy)] {
            sums.par_iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        }
    }

    fn of(&self, sums: &[f64]) -> Vec<f32> {
        sums.iter().map(|sum| (sum / self.images as f64) as f32).collect()
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(
        work: &'a Work<'a>,
        (split, metric): (usize, &'a str),
        folder: &'a Path,
        shape: [usize; 3],
    ) -> Result<Self> {
        if work.asked.pictures {
            make_folder(&folder.join("pictures"))?;
        }
        Ok(Self {
            work,
            split,
            metric,
            folder,
            shape,
            affine: None,
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
        let written: Vec<_> =
            members.par_iter().zip(&maps).map(|(member, map)| self.write(member, map)).collect();
        for ((member, map), written) in members.iter().zip(&maps).zip(written) {
            let (regions, drawn) = written?;
            let image = self.work.group.source.images.get(member.image)?;
            let first = self.means.is_empty();
            if first {
                self.affine = Some(image.affine);
            }
            self.affine = self.affine.filter(|affine| near(affine, &image.affine));
            let of_class = match member.label {
                Label::Class(class) => Some(Some(class)),
                _ => None,
            };
            for key in [Some(None), of_class].into_iter().flatten() {
                let mean = self.means.entry(key).or_insert_with(|| Mean::new(map.len()));
                mean.add(map, &image.voxels);
            }
            self.regions.push((member.image, regions));
            self.drawn.extend(drawn);
        }
        self.parts.extend(members.iter().copied().zip(parts));
        self.similar.extend(members.iter().map(|member| member.image).zip(similar));
        Ok(())
    }

    /// Writes the map of an image, and draws it.
    fn write(&self, member: &Member, map: &[f32]) -> Result<Written> {
        let image = self.work.group.source.images.get(member.image)?;
        let stem = self.stem(member.image)?;
        volume::write(&self.file(&format!("{stem}_map.nii.gz"))?, self.shape, map, &image.affine)?;
        let drawn = match self.work.asked.pictures {
            true => Some((stem.clone(), self.draw(&stem, &image.voxels, map, &image.affine)?)),
            false => None,
        };
        let regions = match self.work.atlas {
            Some(atlas) => {
                let visit = self.work.group.source.images.session(member.image);
                let place =
                    visit.place(Some(self.work.group.source.images.file(member.image).into()));
                atlas.check(self.shape, &image.affine).map_err(|error| error.at(place))?;
                atlas.rows(map)
            }
            None => Vec::new(),
        };
        Ok((regions, drawn))
    }

    fn draw(&self, stem: &str, anatomy: &[f32], map: &[f32], affine: &Affine) -> Result<Drawn> {
        let colors = self.work.asked.method.colors()?;
        let (png, drawn) = pictures::png(anatomy, map, self.shape, affine, colors)?;
        let file = self.file(&format!("pictures/{stem}.png"))?;
        files::write_atomic(&file, |out| out.write_all(&png))?;
        Ok(drawn)
    }

    /// What the names of an image's files begin with, in a folder of its cohort where there are several.
    fn stem(&self, image: usize) -> Result<String> {
        let images = &self.work.group.source.images;
        let visit = images.session(image);
        let stem = format!("{}_{}_image", visit.participant, visit.session);
        if !images.several_cohorts() {
            return Ok(stem);
        }
        let cohort = &visit.cohort;
        if cohort.contains(['/', '\\', '\0']) || [".", ".."].contains(&cohort.as_str()) {
            let message = format!("the cohort {cohort:?} cannot have a folder of its name");
            let error = Error::new(Code::BadValue, message).at(visit.place(None));
            return Err(error.help("give it a name without slashes in the tables of cohorts"));
        }
        Ok(format!("{cohort}/{stem}"))
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
        match self.affine {
            Some(affine) => {
                for (class, mean) in &means {
                    let stem = match class {
                        None => "mean".to_owned(),
                        Some(class) => format!("mean_{}", self.class_in_names(*class)),
                    };
                    let (map, anatomy) = (mean.of(&mean.map), mean.of(&mean.anatomy));
                    let file = self.file(&format!("{stem}_map.nii.gz"))?;
                    volume::write(&file, self.shape, &map, &affine)?;
                    if self.work.asked.pictures {
                        let drawn = self.draw(&stem, &anatomy, &map, &affine)?;
                        self.drawn.push((stem.clone(), drawn));
                    }
                    let rows = self.work.atlas.map_or_else(Vec::new, |atlas| atlas.rows(&map));
                    of_means.extend(rows.into_iter().map(|row| (stem.clone(), row)));
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

    /// A class in the name of a file: its code, where its name would not do.
    fn class_in_names(&self, class: usize) -> String {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '+');
        match self.work.opened.classes.get(class) {
            Some(name) if !name.is_empty() && name.chars().all(fits) => name.clone(),
            _ => format!("class-{class}"),
        }
    }

    fn write_tables(&self, of_means: &[(String, Row)]) -> Result<()> {
        let source = &self.work.group.source;
        let several = source.images.several_cohorts();
        let cohort = |image: usize| several.then(|| source.images.session(image).cohort.clone());
        let columns = |own: &[&'static str]| -> Vec<&'static str> {
            several.then_some("cohort").into_iter().chain(own.iter().copied()).collect()
        };
        let id = format!("{}_id", source.parts.mode());
        let sums =
            self.parts.iter().flat_map(|(_, parts)| parts).any(|part| part.baseline.is_some());
        let mut own = vec![id.as_str(), "target", "score"];
        if sums {
            own.extend(["baseline_score", "map_sum", "completeness_gap"]);
        }
        let all: Vec<&str> = several.then_some("cohort").into_iter().chain(own).collect();
        let rows = self.parts.iter().flat_map(|(member, parts)| {
            parts.iter().map(move |part| {
                let mut row: Vec<String> = cohort(member.image).into_iter().collect();
                let target = self.work.opened.classes.get(part.target).cloned();
                row.push(source.parts.id(part.part).to_string());
                row.push(target.unwrap_or_else(|| part.target.to_string()));
                row.push(part.score.to_string());
                if let (Some(baseline), Some(gap)) = (part.baseline, part.gap()) {
                    row.extend([baseline, part.sum, gap].map(|value| value.to_string()));
                }
                (source.images.session(member.image), row)
            })
        });
        write_sessions(&self.folder.join("scores.tsv"), &all, rows)?;
        if self.work.asked.randomise {
            let rows = self.similar.iter().map(|(image, similar)| {
                let similar = similar.map_or_else(|| "n/a".into(), |value| value.to_string());
                (
                    source.images.session(*image),
                    cohort(*image).into_iter().chain([similar]).collect(),
                )
            });
            write_sessions(&self.folder.join("randomised.tsv"), &columns(&["correlation"]), rows)?;
        }
        if self.work.atlas.is_some() {
            let rows = self.regions.iter().flat_map(|(image, rows)| {
                rows.iter().map(move |row| {
                    let cells = cohort(*image).into_iter().chain(row.cells()).collect();
                    (source.images.session(*image), cells)
                })
            });
            write_sessions(&self.folder.join("regions.tsv"), &columns(&Row::COLUMNS), rows)?;
            let columns: Vec<&str> = ["map"].into_iter().chain(Row::COLUMNS).collect();
            let rows = of_means.iter().map(|(stem, row)| {
                [stem.clone()].into_iter().chain(row.cells()).collect::<Vec<_>>()
            });
            write_tsv(&self.folder.join("mean_regions.tsv"), &columns, rows)?;
        }
        if !self.drawn.is_empty() {
            let columns = ["picture", "strongest_color", "not_shown_below", "black", "white"];
            let rows = self.drawn.iter().map(|(stem, drawn)| {
                let numbers =
                    [drawn.scale.limit, drawn.scale.threshold, drawn.window[0], drawn.window[1]];
                let name = [format!("{stem}.png")];
                name.into_iter().chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>()
            });
            write_tsv(&self.folder.join("pictures/scales.tsv"), &columns, rows)?;
        }
        Ok(())
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

    fn write_description(
        &self,
        means: &BTreeMap<Option<usize>, Mean>,
        models: &[Model],
        found: &Found,
    ) -> Result<()> {
        let Work { opened, group, asked, .. } = self.work;
        let weights = models.iter().map(|model| {
            let name = model.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = files::read(&model.file, "read the weights")?;
            Ok(json!({ "file": name, "blake3": blake3::hash(&bytes).to_hex().to_string() }))
        });
        let classes = means.iter().filter_map(|(class, mean)| {
            let name = opened.classes.get((*class)?)?.clone();
            Some((name, json!(mean.images)))
        });
        let classes: serde_json::Map<_, _> = classes.collect();
        let atlas = asked.atlas.as_ref().map(|file| file.display().to_string());
        let description = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "method": asked.method.name(),
            "method_options": asked.method.options(),
            "target": self.work.target.describe(&opened.classes),
            "group": group.name,
            "split": self.split,
            "selection_metric": self.metric,
            "mode": group.source.parts.mode(),
            "normalize": group.source.normalize,
            "images": found.images,
            "images_per_class": classes,
            "seed": opened.config.seed,
            "atlas": atlas,
            "completeness": found.completeness,
            "randomised": found.randomised,
            "weights": weights.collect::<Result<Vec<_>>>()?,
        });
        let text = pretty(&description);
        files::write_atomic(&self.folder.join("interpret.json"), |out| {
            out.write_all(text.as_bytes())
        })
    }
}

/// Whether two images lie alike: no voxel's corner is off by more than a hundredth of a voxel or so.
pub(super) fn near(a: &Affine, b: &Affine) -> bool {
    let finest = spacing_mm(a).into_iter().fold(f64::INFINITY, f64::min);
    let tolerance = |column: usize| if column == 3 { 0.01 * finest } else { 1e-4 * finest };
    (0..3).all(|row| (0..4).all(|at| (a[row][at] - b[row][at]).abs() <= tolerance(at)))
}
