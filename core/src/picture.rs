//! Slices of brain images as pictures: anatomy in grey, maps over it in colour.
//!
//! Pictures are in neurological convention: the participant's left is on the left, anterior and
//! superior are up, and a sagittal slice looks to the right. The affine says which axis is which, so
//! files that are stored in another order look alike. Pixels are square in millimetres.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage, imageops};

use crate::error::{Code, Error, Result};

mod cut;
mod letters;
mod scale;
#[cfg(test)]
mod tests;

pub use cut::{Cut, Plane};
pub use scale::{Colors, Scale, window};

/// A picture of 8 bits for each of red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(RgbImage);

impl Picture {
    /// A slice in grey: black at `window[0]` and below, white at `window[1]` and above. Voxels that
    /// are no numbers are black. `voxels` lie as those of a [`Volume`](crate::volume::Volume).
    ///
    /// # Errors
    /// [`Code::Internal`] where there are not as many voxels as the cut's image has.
    pub fn slice(voxels: &[f32], cut: &Cut, window: [f32; 2]) -> Result<Self> {
        let [low, high] = window;
        let grey = |value: f32| {
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            // A NaN becomes 0.
            (share.clamp(0.0, 1.0) * 255.0).round() as u8
        };
        let values = cut.values(voxels)?;
        let mut picture = Self(RgbImage::new(cut.width() as u32, cut.height() as u32));
        for (pixel, value) in picture.0.pixels_mut().zip(values) {
            pixel.0 = [grey(value); 3];
        }
        Ok(picture)
    }

    /// Lays a map over a slice that was made with the same cut and not yet changed in size.
    ///
    /// # Errors
    /// [`Code::Internal`] where sizes differ.
    pub fn overlay(mut self, map: &[f32], cut: &Cut, scale: &Scale) -> Result<Self> {
        if self.size() != [cut.width(), cut.height()] {
            let message = format!("a map of {}×{} pixels", cut.width(), cut.height());
            return Err(Error::new(Code::Internal, message + " over a picture of another size"));
        }
        for (pixel, value) in self.0.pixels_mut().zip(cut.values(map)?) {
            let (color, opacity) = scale.color(value);
            for (below, above) in pixel.0.iter_mut().zip(color) {
                let mixed = f32::from(*below) * (1.0 - opacity) + f32::from(above) * opacity;
                *below = mixed.round() as u8;
            }
        }
        Ok(self)
    }

    /// The mean of this picture and another one of its size.
    #[must_use]
    pub fn faded(mut self, other: &Self) -> Self {
        for (one, other) in self.0.iter_mut().zip(other.0.iter()) {
            *one = one.midpoint(*other);
        }
        self
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.0.width() as usize, self.0.height() as usize]
    }

    /// The red, green and blue of a pixel, counted from the upper left; nothing outside.
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        Some(self.0.get_pixel_checked(x, y)?.0)
    }

    /// The picture with its longer side as near to `side` pixels as can be: pixels are averaged where
    /// it was longer, and repeated as often as they fit where it was shorter.
    pub fn scaled(self, side: usize) -> Self {
        let (width, height) = self.0.dimensions();
        let (longer, side) = (width.max(height).max(1), u32::try_from(side.max(1)).unwrap_or(1));
        if longer > side {
            let to = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1);
            return Self(imageops::thumbnail(&self.0, to(width) as u32, to(height) as u32));
        }
        let times = side / longer;
        let nearest = imageops::FilterType::Nearest;
        Self(imageops::resize(&self.0, width * times, height * times, nearest))
    }

    /// Writes L and R into coronal and axial slices, where there is room.
    pub fn lettered(mut self, plane: Plane) -> Self {
        if plane != Plane::Sagittal {
            letters::sides(&mut self.0);
        }
        self
    }

    /// Pictures in a row on black, `gap` pixels apart, in the middle where they are not as high.
    pub fn row(pictures: &[Self], gap: usize) -> Self {
        let gap = gap as u32;
        let height = pictures.iter().map(|picture| picture.0.height()).max().unwrap_or(1);
        let widths = pictures.iter().map(|picture| picture.0.width() + gap).sum::<u32>();
        let mut row = RgbImage::new(widths.saturating_sub(gap).max(1), height);
        let mut x = 0;
        for Self(picture) in pictures {
            let y = (height - picture.height()) / 2;
            imageops::replace(&mut row, picture, i64::from(x), i64::from(y));
            x += picture.width() + gap;
        }
        Self(row)
    }

    /// Pictures below each other on black, `gap` pixels apart, in the middle where they are not as wide.
    pub fn column(pictures: &[Self], gap: usize) -> Self {
        let gap = gap as u32;
        let width = pictures.iter().map(|picture| picture.0.width()).max().unwrap_or(1);
        let heights = pictures.iter().map(|picture| picture.0.height() + gap).sum::<u32>();
        let mut column = RgbImage::new(width, heights.saturating_sub(gap).max(1));
        let mut y = 0;
        for Self(picture) in pictures {
            let x = (width - picture.width()) / 2;
            imageops::replace(&mut column, picture, i64::from(x), i64::from(y));
            y += picture.height() + gap;
        }
        Self(column)
    }

    /// The bytes of a PNG file; of 8 bits a pixel where all are grey.
    ///
    /// # Errors
    /// [`Code::Internal`], where the encoder fails.
    pub fn png(&self) -> Result<Vec<u8>> {
        let grey = self.0.pixels().all(|pixel| pixel.0 == [pixel.0[0]; 3]);
        let picture = DynamicImage::ImageRgb8(self.0.clone());
        let picture = if grey { DynamicImage::ImageLuma8(picture.to_luma8()) } else { picture };
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).map_err(|error| {
            Error::new(Code::Internal, "cannot encode a picture").because(error)
        })?;
        Ok(png.into_inner())
    }
}
