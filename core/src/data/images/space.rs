//! Images that lie in space otherwise than the others.

use std::path::Path;

use super::most_frequent;
use super::shapes::show;
use crate::data::participants::Session;
use crate::error::{Code, Error};
use crate::volume::{Affine, orientation, spacing_mm};

/// An image, by its voxels along each axis and where these lie.
pub(crate) type Placed<'a> = (&'a Session, &'a Path, [usize; 3], Affine);

/// What is found of an image.
pub(crate) enum Odd {
    /// Its voxels mean other things: it is mirrored, turned or has another spacing.
    Unlike(Error),
    /// Its voxels lie elsewhere, which may be meant.
    Shifted(Error),
}

/// Voxels may lie so far from where those of the others lie: `f32` in headers and rounding in tools
/// move them by less.
const SHIFT_MM: f64 = 0.05;

/// The images that are turned, spaced or placed otherwise than most.
pub(crate) fn odd(images: &[Placed<'_>]) -> Vec<Odd> {
    let mut found = Vec::new();
    let turned = most_frequent(images.iter().map(|(.., affine)| orientation(affine)));
    let spaced = most_frequent(images.iter().map(|(.., affine)| micrometres(affine)));
    let (Some(turned), Some(spaced)) = (turned, spaced) else { return found };
    let mut alike = Vec::new();
    for image @ (session, file, _, affine) in images {
        let place = session.place(Some((*file).into()));
        let unlike = |message, help: &str| {
            Odd::Unlike(Error::new(Code::ImageUnlike, message).at(place.clone()).help(help))
        };
        let (own, spacing) = (orientation(affine), micrometres(affine));
        if own != turned {
            found.push(unlike(
                format!("its axes lead {own}, those of the others {turned}"),
                "reorient it like the others: left and right may be exchanged",
            ));
        }
        if spacing != spaced {
            found.push(unlike(
                format!(
                    "its voxels are {} mm apart, those of the others {}",
                    shown(spacing),
                    shown(spaced)
                ),
                "resample it like the others",
            ));
        }
        if own == turned && spacing == spaced {
            alike.push(image);
        }
    }
    shifted(&alike, &mut found);
    found
}

/// Spacing in whole micrometres: what differs by less is the same.
fn micrometres(affine: &Affine) -> [i64; 3] {
    spacing_mm(affine).map(|mm| (mm * 1000.0).round() as i64)
}

fn shown(micrometres: [i64; 3]) -> String {
    micrometres.map(|um| (um as f64 / 1000.0).to_string()).join("×")
}

/// Images of one shape whose voxels lie elsewhere. Where no place is usual the images were never
/// brought into one space, and that is told once.
fn shifted(images: &[&Placed<'_>], found: &mut Vec<Odd>) {
    let Some(shape) = most_frequent(images.iter().map(|image| image.2)) else { return };
    let images: Vec<&&Placed<'_>> = images.iter().filter(|image| image.2 == shape).collect();
    let corners: Vec<Corners> = images.iter().map(|image| corners(shape, &image.3)).collect();
    let rounded = |c: &Corners| c.map(|c| c.map(|mm| (mm / SHIFT_MM).round() as i64));
    let Some(usual) = most_frequent(corners.iter().map(rounded)) else { return };
    let Some(first) = corners.iter().find(|one| rounded(one) == usual) else { return };
    let apart = images.iter().zip(&corners).map(|(image, own)| (image, distance(own, first)));
    let far: Vec<_> = apart.filter(|(_, mm)| *mm > SHIFT_MM).collect();
    let told = |image: &Placed<'_>, message: String| {
        let place = image.0.place(Some(image.1.into()));
        let help = "register the images to one template, as Clinica's linear pipelines do";
        Odd::Shifted(Error::new(Code::ImageUnlike, message).at(place).help(help))
    };
    if far.len() * 2 > images.len() {
        let message = format!(
            "{} of {} images of {} voxels lie elsewhere in space than the others: no place is usual",
            far.len(),
            images.len(),
            show(shape)
        );
        found.push(told(far[0].0, message));
        return;
    }
    found.extend(far.iter().map(|(image, mm)| {
        told(image, format!("its voxels lie up to {mm:.1} mm from where those of the others lie"))
    }));
}

type Corners = [[f64; 3]; 8];

/// Where the eight corners of an image lie.
fn corners(shape: [usize; 3], affine: &Affine) -> Corners {
    std::array::from_fn(|corner| {
        let at = |axis: usize| {
            let far = corner >> axis & 1 == 1;
            if far { (shape[axis] - 1) as f64 } else { 0.0 }
        };
        std::array::from_fn(|row| {
            let [x, y, z, shift] = affine[row];
            x * at(0) + y * at(1) + z * at(2) + shift
        })
    })
}

/// How far the corners lie apart at most.
fn distance(one: &Corners, other: &Corners) -> f64 {
    let apart = one
        .iter()
        .zip(other)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt());
    apart.fold(0.0, f64::max)
}
