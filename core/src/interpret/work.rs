//! The best networks of a split asked about a group, image by image.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use tch::{Device, Kind};

use super::canvas::{Canvas, Cover, inside};
use super::options::{Asked, Target};
use super::records::{AT_ONCE, Found, Part, Records};
use super::regions::Atlas;
use super::{Attribution, Samples, randomised};
use crate::data::loader::{Batch, Loader, Sample};
use crate::data::split::Label;
use crate::error::{Code, Error, Result};
use crate::network::{Network, Precision};
use crate::predict::{DataGroup, Opened, election};
use crate::random::derived_seed;
use crate::train::evaluate::images;
use crate::train::{Event, Session};
use crate::transfer::folder::Model;

/// Bytes that maps take at a time, with what is made of them.
const KEPT_BYTES: usize = 512 << 20;

/// What is needed to interpret networks for a group.
pub(super) struct Work<'a> {
    pub(super) opened: &'a Opened,
    pub(super) group: &'a DataGroup,
    pub(super) asked: &'a Asked,
    pub(super) target: Target,
    pub(super) atlas: Option<&'a Atlas>,
    /// Forward passes of the method for a part, at most.
    pub(super) passes: u64,
    /// What is to be known before maps are looked at.
    pub(super) caution: Option<String>,
    pub(super) session: &'a Session<'a>,
}

/// An image of the group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) image: usize,
    /// What is true of it.
    pub(super) label: Label,
    /// Which output is explained.
    pub(super) target: usize,
}

/// The networks of a split, and what they are asked about.
struct Asking<'a> {
    models: &'a [Model],
    /// What stands for no information, part by part, where the method looks at it.
    baseline: Option<&'a [Vec<f32>]>,
    cover: &'a Cover,
}

/// The mean over some images of each part as networks see it.
pub(super) struct MeanParts {
    images: Vec<usize>,
    parts: Vec<Vec<f32>>,
}

/// The maps of some images, and what was said about their parts.
struct Maps {
    volumes: Vec<Vec<f32>>,
    parts: Vec<Vec<Part>>,
}

impl Work<'_> {
    /// Interprets the best models of a split by a metric, and writes the maps into `folder`. A mean that
    /// was taken before serves again for the same images.
    ///
    /// # Errors
    /// What the networks, the images and the disk say; [`Code::Interrupted`].
    pub(super) fn model(
        &self,
        (split, metric): (usize, &str),
        folder: &Path,
        mean: &mut Option<MeanParts>,
    ) -> Result<Found> {
        let Self { opened, group, session, .. } = *self;
        session.tell(Event::Predicting { split, selection_metric: metric.into() });
        let models = opened.models(split, metric)?;
        let members = group.members(split);
        let parts = group.source.parts.as_ref();
        let these: Vec<usize> = match models.iter().map(|model| model.network).collect() {
            Some(numbers) => numbers,
            None => (0..parts.count()).collect(),
        };
        let Some((first, _)) = members.first() else {
            return Err(Error::new(Code::EmptySelection, "the group has no images"));
        };
        let shape = group.source.images.get(*first)?.shape;
        if self.asked.method.wants_baseline()? {
            let images: Vec<usize> = members.iter().map(|(image, _)| *image).collect();
            if mean.as_ref().is_none_or(|mean| mean.images != images) {
                // Both at once would take twice the memory.
                *mean = None;
                *mean = Some(self.mean_parts(images)?);
            }
        }
        let cover = Cover::new(parts, &these, shape);
        let baseline = mean.as_ref().map(|mean| &mean.parts[..]);
        let asking = Asking { baseline, cover: &cover, models: &models };
        let members = self.members(split, metric, &models)?;
        let mut records = Records::new(self, (split, metric), folder, &cover)?;
        // What is compared and written besides is the same again, in several forms.
        let copies = 4 * (1 + usize::from(self.asked.randomise));
        let at_once = (KEPT_BYTES / (copies * cover.len() * size_of::<f32>())).max(1);
        for chunk in members.chunks(at_once) {
            let trained = |model: &Model| opened.network(model, session.catalog);
            let Maps { volumes, parts } = self.maps(&asking, chunk, &trained)?;
            let mut similar = vec![None; chunk.len()];
            if self.asked.randomise {
                let random = |model: &Model| {
                    let seed = opened.config.seed;
                    let keys = [split as u64, model.network.map_or(0, |n| n as u64 + 1)];
                    opened.fresh(derived_seed(seed, "interpret randomise", &keys), session.catalog)
                };
                let other = self.maps(&asking, chunk, &random)?;
                similar.clear();
                for (maps, others) in volumes.chunks(AT_ONCE).zip(other.volumes.chunks(AT_ONCE)) {
                    let pairs = maps.par_iter().zip(others);
                    similar.par_extend(pairs.map(|(a, b)| randomised::similarity(a, b)));
                }
            }
            records.keep(chunk, volumes, parts, similar)?;
        }
        records.finish(&models)
    }

    /// The images of a split's group, each with the output that is explained.
    fn members(&self, split: usize, metric: &str, models: &[Model]) -> Result<Vec<Member>> {
        let Self { opened, group, session, .. } = *self;
        let members = group.members(split);
        let Target::Output(target) = self.target else {
            let objective = opened.objective(split)?;
            let evaluator = opened.evaluator(&objective, &group.source, session);
            let mut said = opened.judge(models, &evaluator, members, &group.name, None)?;
            let parts = group.source.parts.as_ref();
            if parts.mode() != "image" {
                let election = election(opened, (split, metric), parts, session.catalog)?;
                said = election.take(&said, &group.source)?;
            }
            // A vote gives its rows in an order of its own.
            let winners: BTreeMap<usize, usize> =
                said.rows.iter().map(|row| (row.sample.image, row.winner())).collect();
            let of = |(image, label): &(usize, Label)| match winners.get(image) {
                Some(target) => Ok(Member { image: *image, label: *label, target: *target }),
                None => Err(Error::new(Code::Internal, "an image of the group was not predicted")),
            };
            return members.iter().map(of).collect();
        };
        let of = |(image, label): &(usize, Label)| Member { image: *image, label: *label, target };
        Ok(members.iter().map(of).collect())
    }

    /// The mean over these images of each part, one image after the other: of each no more is kept
    /// than its share.
    fn mean_parts(&self, images: Vec<usize>) -> Result<MeanParts> {
        let source = &self.group.source;
        let count = source.parts.count();
        let mut parts: Vec<Vec<f32>> = vec![Vec::new(); count];
        let batches = images.iter();
        let batches = batches
            .flat_map(|image| (0..count).map(move |part| vec![Sample::new(*image, part)]))
            .collect();
        let loader = Loader::new(source.clone(), batches, self.opened.config.loader_threads);
        for (done, batch) in loader.enumerate() {
            self.check_stopped()?;
            let Batch { samples, voxels, .. } = batch?;
            let mean = &mut parts[samples[0].part];
            mean.resize(voxels.len(), 0.0);
            let images = (done / count + 1) as f32;
            mean.iter_mut().zip(voxels).for_each(|(mean, voxel)| *mean += (voxel - *mean) / images);
        }
        Ok(MeanParts { images, parts })
    }

    /// Samples of a forward pass, at most.
    pub(super) fn batch_size(&self) -> usize {
        self.asked.group.batch_size.unwrap_or(self.opened.config.batch_size)
    }

    /// The maps of these images by networks that `network` makes.
    fn maps(
        &self,
        asking: &Asking<'_>,
        chunk: &[Member],
        network: &dyn Fn(&Model) -> Result<Network>,
    ) -> Result<Maps> {
        let parts = self.group.source.parts.as_ref();
        let mut canvases: Vec<Canvas> = chunk.iter().map(|_| asking.cover.canvas()).collect();
        let mut said: Vec<Vec<Part>> = chunk.iter().map(|_| Vec::new()).collect();
        for model in asking.models {
            let mut network = network(model)?.without_gradients()?;
            // A map shows small differences, which fewer bits would drown.
            network.set_precision(Precision::Float32);
            let these = match model.network {
                Some(number) => number..number + 1,
                None => 0..parts.count(),
            };
            let samples: Vec<(usize, Sample)> = (chunk.iter().enumerate())
                .flat_map(|(i, member)| {
                    these.clone().map(move |part| (i, Sample::new(member.image, part)))
                })
                .collect();
            let batches = samples.chunks(self.batch_size());
            let batches = batches.map(|batch| batch.iter().map(|(_, s)| *s).collect()).collect();
            let threads = self.opened.config.loader_threads;
            let loader = Loader::new(self.group.source.clone(), batches, threads);
            let mut done = 0;
            for batch in loader {
                self.check_stopped()?;
                let batch = batch?;
                let places = &samples[done..done + batch.samples.len()];
                let targets: Vec<usize> = places.iter().map(|(i, _)| chunk[*i].target).collect();
                let goes_on = |steps: u64, of: u64| {
                    self.check_stopped()?;
                    let of_batch = targets.len() as u64 * self.passes * steps / of.max(1);
                    self.session.tell(Event::Interpreting {
                        group: self.group.name.clone(),
                        done: done as u64 * self.passes + of_batch,
                        passes: samples.len() as u64 * self.passes,
                    });
                    Ok(())
                };
                let (maps, found) = self.batch(&network, &batch, &targets, asking, &goes_on)?;
                for (at, ((i, sample), map)) in places.iter().zip(&maps).enumerate() {
                    canvases[*i].add(parts, sample.part, map, asking.cover)?;
                    said[*i].push(Part {
                        part: sample.part,
                        target: targets[at],
                        score: found.scores[at],
                        baseline: found.baseline_scores.as_ref().map(|all| all[at]),
                        sum: map.iter().map(|value| f64::from(*value)).sum(),
                    });
                }
                goes_on(1, 1)?;
                done += places.len();
            }
        }
        let volumes = canvases.into_par_iter().map(|canvas| canvas.finish(asking.cover)).collect();
        Ok(Maps { volumes, parts: said })
    }

    /// The map of each sample of a batch, a value for each voxel of its part.
    fn batch(
        &self,
        network: &Network,
        batch: &Batch,
        targets: &[usize],
        asking: &Asking<'_>,
        goes_on: &dyn Fn(u64, u64) -> Result<()>,
    ) -> Result<(Vec<Vec<f32>>, Attribution)> {
        let x = images(batch, network.device())?;
        let baseline = match asking.baseline {
            None => None,
            Some(mean) => {
                let (samples, shape) = (batch.samples.clone(), batch.shape.clone());
                let voxels = samples.iter().flat_map(|s| mean[s.part].iter().copied()).collect();
                Some(images(&Batch { samples, shape, voxels }, network.device())?)
            }
        };
        let seeds: Vec<u64> = batch.samples.iter().map(|sample| self.seed(*sample)).collect();
        let (parts, shape) = (self.group.source.parts.as_ref(), asking.cover.shape());
        let inside = batch.samples.iter().map(|sample| inside(parts, sample.part, shape));
        let inside: Option<Vec<Vec<bool>>> = inside.collect();
        let samples = Samples {
            x: &x,
            targets,
            seeds: &seeds,
            baseline: baseline.as_ref(),
            inside: inside.as_deref(),
            batch_size: self.batch_size(),
            goes_on,
        };
        let found = self.asked.method.attribute(network, &samples)?;
        // The channels of a slice show the same voxel, which therefore changes all of them.
        let maps = found.maps.f_sum_dim_intlist(&[1i64][..], false, Kind::Float)?;
        let maps = maps.f_to_device(Device::Cpu)?.f_contiguous()?;
        let mut values = vec![0f32; maps.numel()];
        maps.f_copy_data(&mut values, maps.numel())?;
        let size = values.len() / batch.samples.len().max(1);
        let maps: Vec<Vec<f32>> = values.chunks_exact(size.max(1)).map(<[f32]>::to_vec).collect();
        for (map, sample) in maps.iter().zip(&batch.samples) {
            if map.iter().any(|value| !value.is_finite()) {
                let images = &self.group.source.images;
                let part = self.group.source.parts.label(sample.part);
                let message = format!("the map of {part} holds NaN or infinite values");
                let place =
                    images.session(sample.image).place(Some(images.file(sample.image).into()));
                return Err(Error::new(Code::MapNotFinite, message).at(place));
            }
        }
        Ok((maps, found))
    }

    /// The seed of a part's random choices: whose it is, so that it depends on nothing else.
    fn seed(&self, sample: Sample) -> u64 {
        let visit = self.group.source.images.session(sample.image);
        let part = self.group.source.parts.label(sample.part);
        let names = ["interpret", &visit.cohort, &visit.participant, &visit.session, &part];
        derived_seed(self.opened.config.seed, &names.join("\t"), &[])
    }

    fn check_stopped(&self) -> Result<()> {
        match self.session.stopped() {
            true => Err(Error::new(Code::Interrupted, "stopped before all maps were made")
                .help("nothing of this interpretation was kept")),
            false => Ok(()),
        }
    }
}
