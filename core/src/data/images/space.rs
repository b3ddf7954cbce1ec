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
    let spaced = usual_spacing(images.iter().map(|(.., affine)| spacing_mm(affine)));
    let (Some(turned), Some(spaced)) = (turned, spaced) else { return found };
    let mut alike = Vec::new();
    for image @ (session, file, _, affine) in images {
        let place = session.place(Some((*file).into()));
        let unlike = |message, help: &str| {
            Odd::Unlike(Error::new(Code::ImageUnlike, message).at(place.clone()).help(help))
        };
        let (own, spacing) = (orientation(affine), spacing_mm(affine));
        let as_others = is_spaced(spacing, spaced);
        if own != turned {
            found.push(unlike(
                format!("its axes lead {own}, those of the others {turned}"),
                "reorient it like the others: left and right may be exchanged",
            ));
        }
        if !as_others {
            found.push(unlike(
                format!(
                    "its voxels are {} mm apart, those of the others {}",
                    show_spacing(spacing),
                    show_spacing(spaced)
                ),
                "resample it like the others",
            ));
        }
        if own == turned && as_others {
            alike.push(image);
        }
    }
    shifted(&alike, &mut found);
    found
}

/// Distances of voxels that differ by less are the same: `f32` in headers moves them by less.
const SPACING_MM: f64 = 1e-3;

/// The spacing of most images: that of the first one whose micrometres occur most often.
fn usual_spacing(spacings: impl Iterator<Item = [f64; 3]> + Clone) -> Option<[f64; 3]> {
    let micrometres = |spacing: [f64; 3]| spacing.map(|mm| (mm * 1000.0).round() as i64);
    let usual = most_frequent(spacings.clone().map(micrometres))?;
    spacings.into_iter().find(|spacing| micrometres(*spacing) == usual)
}

/// Whether voxels so far apart are as far apart as others.
pub(crate) fn is_spaced(own: [f64; 3], other: [f64; 3]) -> bool {
    own.iter().zip(other).all(|(own, other)| (own - other).abs() <= SPACING_MM)
}

/// `0.9375×0.9375×1.2`
pub(crate) fn show_spacing(spacing: [f64; 3]) -> String {
    spacing.map(|mm| ((mm * 1e4).round() / 1e4).to_string()).join("×")
}

/// How an image lies otherwise than others of its shape do, in words; nothing where its voxels lie
/// where theirs lie.
pub(crate) fn elsewhere(shape: [usize; 3], own: &Affine, others: &Affine) -> Option<String> {
    let (turned, usual) = (orientation(own), orientation(others));
    if turned != usual {
        return Some(format!("its axes lead {turned}, theirs {usual}"));
    }
    let apart = distance(&corners(shape, own), &corners(shape, others));
    (apart > SHIFT_MM).then(|| format!("its voxels lie up to {apart:.1} mm from theirs"))
}

/// Where the voxels of images lie, if at least half of them lie there.
pub(crate) fn usual(images: &[([usize; 3], Affine)]) -> Option<Affine> {
    let placed: Vec<Corners> =
        images.iter().map(|(shape, affine)| corners(*shape, affine)).collect();
    let first = usual_place(&placed)?;
    let near = placed.iter().filter(|own| distance(own, &placed[first]) <= SHIFT_MM).count();
    (near * 2 >= images.len()).then(|| images[first].1)
}

/// The first of those whose place, rounded, occurs most often.
fn usual_place(placed: &[Corners]) -> Option<usize> {
    let rounded = |c: &Corners| c.map(|c| c.map(|mm| (mm / SHIFT_MM).round() as i64));
    let usual = most_frequent(placed.iter().map(rounded))?;
    placed.iter().position(|one| rounded(one) == usual)
}

/// Images of one shape whose voxels lie elsewhere. Where no place is usual the images were never
/// brought into one space, and that is told once.
fn shifted(images: &[&Placed<'_>], found: &mut Vec<Odd>) {
    let Some(shape) = most_frequent(images.iter().map(|image| image.2)) else { return };
    let images: Vec<&&Placed<'_>> = images.iter().filter(|image| image.2 == shape).collect();
    let corners: Vec<Corners> = images.iter().map(|image| corners(shape, &image.3)).collect();
    let Some(first) = usual_place(&corners) else { return };
    let first = corners[first];
    let apart = images.iter().zip(&corners).map(|(image, own)| (image, distance(own, &first)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::participants::SINGLE;

    const SHAPE: [usize; 3] = [10, 12, 8];

    /// Voxels so far apart, turned by these degrees about the axis from feet to head.
    fn turned(mm: f64, degrees: f64) -> Affine {
        let (sin, cos) = degrees.to_radians().sin_cos();
        // As a header holds them.
        let cell = |value: f64| f64::from((mm * value) as f32);
        [
            [cell(cos), cell(-sin), 0.0, 0.0],
            [cell(sin), cell(cos), 0.0, 0.0],
            [0.0, 0.0, cell(1.0), 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    }

    #[track_caller]
    fn check(affines: &[Affine], expected: &[&str]) {
        let session = Session {
            cohort: SINGLE.into(),
            participant: "sub-1".into(),
            session: "ses-1".into(),
            row: 0,
        };
        let file = Path::new("a.nii");
        let images: Vec<Placed<'_>> =
            affines.iter().map(|affine| (&session, file, SHAPE, *affine)).collect();
        let found: Vec<String> = (odd(&images).into_iter())
            .map(|odd| {
                let (Odd::Unlike(error) | Odd::Shifted(error)) = odd;
                error.problems()[0].message.clone()
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_spacing_between_two_micrometres_is_one_spacing() {
        // 0.9375 mm lies between 0.937 and 0.938; what f32 makes of it falls to either side.
        check(&[3.0, 3.0002, 2.9999, 3.0001].map(|degrees| turned(0.9375, degrees)), &[]);
        let [one, other] = [turned(0.9375, 0.0), turned(0.94, 0.0)];
        let message = "its voxels are 0.94×0.94×0.94 mm apart, those of the others \
                       0.9375×0.9375×0.9375";
        check(&[one, one, other], &[message]);
    }

    #[test]
    fn what_lies_elsewhere_is_told_from_what_was_rounded() {
        let own = turned(1.0, 0.0);
        let mut other = own;
        other[0][3] = 0.01;
        assert_eq!(elsewhere(SHAPE, &other, &own), None);
        other[0][3] = 2.0;
        let shifted = elsewhere(SHAPE, &other, &own).unwrap();
        assert_eq!(shifted, "its voxels lie up to 2.0 mm from theirs");
        other = own;
        (other[0][0], other[0][3]) = (-1.0, 9.0);
        assert_eq!(elsewhere(SHAPE, &other, &own).unwrap(), "its axes lead LAS, theirs RAS");
        let placed = |affines: &[Affine]| {
            usual(&affines.iter().map(|affine| (SHAPE, *affine)).collect::<Vec<_>>())
        };
        assert_eq!(placed(&[other, own, own]), Some(own));
        let apart = [0.0, 1.0, 2.0].map(|shift| {
            let mut affine = own;
            affine[1][3] = shift;
            affine
        });
        assert_eq!((placed(&apart), placed(&[])), (None, None));
    }
}
