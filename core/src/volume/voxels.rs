//! The values of an image, in memory or in a mapped file.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use neurhai_torch::MappedFloats;

/// A slice of `f32` that is ours or lies in a file; changing it makes it ours.
#[derive(Clone)]
pub struct Voxels(Kept);

#[derive(Clone)]
enum Kept {
    Owned(Vec<f32>),
    Mapped(Arc<MappedFloats>),
}

impl Voxels {
    pub(crate) fn mapped(floats: MappedFloats) -> Self {
        Self(Kept::Mapped(Arc::new(floats)))
    }

    /// Whether they lie in a file, and so take no memory that others could not have.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self.0, Kept::Mapped(_))
    }
}

impl From<Vec<f32>> for Voxels {
    fn from(voxels: Vec<f32>) -> Self {
        Self(Kept::Owned(voxels))
    }
}

impl Deref for Voxels {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            Kept::Owned(voxels) => voxels,
            Kept::Mapped(floats) => floats,
        }
    }
}

impl DerefMut for Voxels {
    fn deref_mut(&mut self) -> &mut [f32] {
        if let Kept::Mapped(floats) = &self.0 {
            self.0 = Kept::Owned(floats.to_vec());
        }
        match &mut self.0 {
            Kept::Owned(voxels) => voxels,
            Kept::Mapped(_) => &mut [],
        }
    }
}

impl<'a> IntoIterator for &'a Voxels {
    type Item = &'a f32;
    type IntoIter = std::slice::Iter<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Voxels {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Voxels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
