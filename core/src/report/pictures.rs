//! Pictures for a report.

use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::files;
use crate::picture::{Cut, Picture, Plane, Scale, window};
use crate::volume::Volume;

/// A picture and what it shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// What it shows, to be read where it cannot be seen.
    pub caption: String,
    /// The PNG file.
    #[serde(skip)]
    pub png: Vec<u8>,
}

/// Pixels along the longer side of a slice.
const SIDE: usize = 200;

/// A sagittal, a coronal and an axial slice through a voxel.
pub(super) fn slices_at(
    volume: &Volume,
    map: Option<(&[f32], &Scale)>,
    at: [usize; 3],
) -> Result<Vec<Shown>> {
    let of_volume = window(&volume.voxels);
    let slice = |plane: Plane| {
        let index = at[plane.file_axis(&volume.affine)?];
        let cut = Cut::new(volume.shape, &volume.affine, plane, index)?;
        let mut picture = Picture::slice(&volume.voxels, &cut, of_volume)?;
        if let Some((map, scale)) = map {
            let anatomy = picture.clone();
            // Large parts would hide it.
            picture = picture.overlay(map, &cut, scale)?.faded(&anatomy);
        }
        let png = picture.scaled(SIDE).lettered(plane).png()?;
        // Not −0.
        let mm = cut.mm() + 0.0;
        let axis = ["x", "y", "z"][Plane::ALL.iter().position(|one| *one == plane).unwrap_or(0)];
        Ok(Shown { caption: format!("{} slice at {axis} = {mm:.0} mm", plane.name()), png })
    };
    Plane::ALL.into_iter().map(slice).collect()
}

/// Slices through the middle of the image.
pub(super) fn middle_slices(volume: &Volume) -> Result<Vec<Shown>> {
    slices_at(volume, None, volume.shape.map(|length| length / 2))
}

/// The largest file that is taken into a report.
const LARGEST: usize = 400_000;

/// The pictures in a folder, those of means first; larger ones than a report can hold are left out.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<Shown>> {
    let mut names = if folder.is_dir() { files::entries(folder)? } else { Vec::new() };
    names.retain(|name| name.ends_with(".png"));
    names.sort_by_key(|name| !name.starts_with("mean"));
    let mut shown = Vec::new();
    for name in names {
        let png = files::read(&folder.join(&name), "read the picture")?;
        let is_png = png.starts_with(b"\x89PNG\r\n\x1a\n");
        if is_png && png.len() <= LARGEST {
            shown.push(Shown { caption: name.trim_end_matches(".png").replace('_', " "), png });
        }
    }
    Ok(shown)
}
