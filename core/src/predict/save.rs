//! What networks saw and gave, written as files.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::data::loader::{Batch, Sample, Source};
use crate::data::part::Block;
use crate::error::{Code, Error, Place, Result};
use crate::maps::make_folder;
use crate::network::{Pass, float};
use crate::volume::{self, Affine, write_pt};

/// What is written of each sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) tensors: bool,
    pub(crate) nifti: bool,
    pub(crate) latent: bool,
}

impl Saved {
    /// The folders that are written, beside the tables of a group.
    pub(super) fn folders(self) -> Vec<&'static str> {
        let wanted = [
            (self.tensors, "tensors"),
            (self.nifti, "nifti_images"),
            (self.latent, "latent_tensors"),
        ];
        wanted.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
    }

    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}

/// Writes what is wanted of each batch into folders.
pub(super) struct Saver<'a> {
    pub(super) source: &'a Source,
    pub(super) tensors: Option<PathBuf>,
    pub(super) nifti: Option<PathBuf>,
    pub(super) latent: Option<PathBuf>,
}

impl Saver<'_> {
    /// The folders that it writes into.
    pub(super) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.tensors, &self.nifti, &self.latent].into_iter().flatten()
    }

    /// Writes what was asked for of a batch: what the network saw, `x`, and what it gave. Files are
    /// named as ClinicaDL names them: `<participant>_<session>_<mode>-<part>_{input,output,latent}`.
    ///
    /// # Errors
    /// What libtorch and the disk say.
    pub(super) fn keep(&self, batch: &Batch, pass: &Pass) -> Result<()> {
        let output = match self.tensors.is_some() || self.nifti.is_some() {
            true => Some(Numbers::of(&pass.output)?),
            false => None,
        };
        let latent = match self.latent.is_some() {
            true => Some(Numbers::of(&latent(pass)?)?),
            false => None,
        };
        let size = batch.voxels.len() / batch.samples.len().max(1);
        let inputs = batch.voxels.chunks_exact(size.max(1));
        let work: Vec<(usize, (&Sample, &[f32]))> =
            batch.samples.iter().zip(inputs).enumerate().collect();
        work.into_par_iter().try_for_each(|(at, (sample, input))| {
            let shape: Vec<usize> = batch.shape.iter().map(|size| *size as usize).collect();
            if let (Some(folder), Some(output)) = (&self.tensors, &output) {
                write_pt(&self.file(folder, *sample, "input.pt")?, input, &shape)?;
                let (values, shape) = output.sample(at)?;
                write_pt(&self.file(folder, *sample, "output.pt")?, values, shape)?;
            }
            if let (Some(folder), Some(output)) = (&self.nifti, &output) {
                self.write_nifti(folder, *sample, "input", input)?;
                self.write_nifti(folder, *sample, "output", output.sample(at)?.0)?;
            }
            if let (Some(folder), Some(latent)) = (&self.latent, &latent) {
                let (values, shape) = latent.sample(at)?;
                write_pt(&self.file(folder, *sample, "latent.pt")?, values, shape)?;
            }
            Ok(())
        })
    }

    /// The file of a sample, in a folder of its cohort where there are several.
    fn file(&self, folder: &Path, sample: Sample, what: &str) -> Result<PathBuf> {
        let visit = self.source.images.session(sample.image);
        let parts = &self.source.parts;
        let part = match (parts.mode(), what.ends_with(".nii.gz")) {
            ("image", true) => "image".to_owned(),
            (mode, _) => format!("{mode}-{}", parts.id(sample.part)),
        };
        let name = format!("{}_{}_{part}_{what}", visit.participant, visit.session);
        if !self.source.images.several_cohorts() {
            return Ok(folder.join(name));
        }
        let cohort = &visit.cohort;
        if cohort.contains(['/', '\\', '\0']) || [".", ".."].contains(&cohort.as_str()) {
            let message = format!("the cohort {cohort:?} cannot have a folder of its name");
            let error = Error::new(Code::BadValue, message).at(visit.place(None));
            return Err(error.help("give it a name without slashes in the tables of cohorts"));
        }
        let folder = folder.join(cohort);
        make_folder(&folder)?;
        Ok(folder.join(name))
    }

    /// Writes the first channel of a sample as an image that lies where the part lies in its volume.
    fn write_nifti(&self, folder: &Path, sample: Sample, what: &str, voxels: &[f32]) -> Result<()> {
        let affine = self.source.images.affine(sample.image)?;
        let block = self.source.parts.block(sample.part);
        let file = self.file(folder, sample, &format!("{what}.nii.gz"))?;
        let voxels = voxels.get(..block.size.iter().product::<usize>()).ok_or_else(|| {
            Error::new(Code::Internal, "a part is smaller than its place")
                .at(Place::File(file.clone()))
        })?;
        let like = self.source.images.file(sample.image);
        volume::write_as(&file, block.size, voxels, &placed(&affine, block), like)
    }
}

/// The affine of a block of a volume: its voxel `[0, 0, 0]` is the block's first.
pub(super) fn placed(affine: &Affine, block: Block) -> Affine {
    let mut placed = *affine;
    for row in placed.iter_mut().take(3) {
        let offset = [0, 1, 2].map(|axis| row[axis] * block.from[axis] as f64);
        row[3] += offset.iter().sum::<f64>();
    }
    placed
}

/// The codes of a batch: the means of variational layers, one after the other where there are several;
/// otherwise what the first part of the network gives.
fn latent(pass: &Pass) -> Result<Tensor> {
    match &pass.latents[..] {
        [] => pass
            .parts
            .first()
            .map(Tensor::shallow_clone)
            .ok_or_else(|| Error::new(Code::Internal, "a network without parts has no codes")),
        [one] => Ok(one.mean.shallow_clone()),
        several => {
            let flat = several.iter().map(|one| Ok(one.mean.f_flatten(1, -1)?));
            Ok(Tensor::f_cat(&flat.collect::<Result<Vec<_>>>()?, 1)?)
        }
    }
}

/// The numbers of a batch's tensor `[batch, …]`.
struct Numbers {
    values: Vec<f32>,
    /// Of one sample.
    shape: Vec<usize>,
}

impl Numbers {
    fn of(tensor: &Tensor) -> Result<Self> {
        let tensor = float(tensor)?.f_to_device(Device::Cpu)?.f_contiguous()?;
        let tensor = tensor.f_to_kind(Kind::Float)?;
        let mut values = vec![0f32; tensor.numel()];
        tensor.f_copy_data(&mut values, tensor.numel())?;
        let shape = tensor.size().iter().skip(1).map(|size| *size as usize).collect();
        Ok(Self { values, shape })
    }

    /// What a sample has of them, and its shape.
    fn sample(&self, at: usize) -> Result<(&[f32], &[usize])> {
        let size = self.shape.iter().product::<usize>();
        let found = self.values.get(at * size..(at + 1) * size);
        let missing =
            || Error::new(Code::Torch, "the network gave fewer samples than it was shown");
        Ok((found.ok_or_else(missing)?, &self.shape))
    }
}
