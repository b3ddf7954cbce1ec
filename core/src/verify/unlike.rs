//! Images that lie in space, or are stored, otherwise than the rest.

use std::path::Path;

use super::facts::Facts;
use super::finding::Findings;
use crate::data::images::most_frequent;
use crate::data::images::shapes::{self, show};
use crate::data::participants::Session;
use crate::error::{Code, Error, Problems};

/// An image with what is known of it.
pub(super) type Known<'a> = (&'a Session, &'a Path, &'a Facts);

/// Voxels may lie so far from where those of the others lie: `f32` in headers and rounding in tools
/// move them by less.
const SHIFT_MM: f64 = 0.05;

/// Compares images that one network is to see: shape, orientation, spacing, place and datatype.
pub(super) fn check(images: &[Known<'_>], findings: &mut Findings) {
    let Some(usual) = most_frequent(images.iter().map(|(.., facts)| facts.shape)) else { return };
    let mut problems = Problems::default();
    let shaped: Vec<_> =
        images.iter().map(|(session, file, f)| (*session, *file, f.shape)).collect();
    shapes::odd(&shaped, usual, &mut problems);
    if let Err(error) = problems.into_result() {
        findings.error(&error);
    }
    space(images, findings);
    levels(images, findings);
}

/// Mirrored, turned and otherwise spaced images are errors, shifted ones may be meant.
fn space(images: &[Known<'_>], findings: &mut Findings) {
    let Some(turned) = most_frequent(images.iter().map(|(.., f)| f.orientation.as_str())) else {
        return;
    };
    let Some(spaced) = most_frequent(images.iter().map(|(.., f)| spacing(f))) else { return };
    let alike: Vec<&Known<'_>> =
        images.iter().filter(|(.., f)| f.orientation == turned && spacing(f) == spaced).collect();
    for (session, file, facts) in images {
        let mut unlike = |message: String, help: &str| {
            let error = Error::new(Code::ImageUnlike, message);
            let place = session.place(Some((*file).into()));
            findings.error(&error.at(place).help(help));
        };
        if facts.orientation != turned {
            let message =
                format!("its axes lead {}, those of the others {turned}", facts.orientation);
            unlike(message, "reorient it like the others: left and right may be exchanged");
        }
        if spacing(facts) != spaced {
            let message = format!(
                "its voxels are {} mm apart, those of the others {}",
                shown(facts.spacing_mm),
                shown(spaced.map(|um| um as f64 / 1000.0))
            );
            unlike(message, "resample it like the others");
        }
    }
    shifted(&alike, findings);
}

/// Spacing in micrometres: what differs by less is the same.
fn spacing(facts: &Facts) -> [i64; 3] {
    facts.spacing_mm.map(|mm| (mm * 1000.0).round() as i64)
}

fn shown(mm: [f64; 3]) -> String {
    mm.map(|mm| format!("{}", (mm * 1000.0).round() / 1000.0)).join("×")
}

/// Images of one shape whose voxels lie elsewhere. Where no place is usual the images were never
/// brought into one space, and that is told once.
fn shifted(images: &[&Known<'_>], findings: &mut Findings) {
    let Some(shape) = most_frequent(images.iter().map(|(.., f)| f.shape)) else { return };
    let images: Vec<&&Known<'_>> = images.iter().filter(|(.., f)| f.shape == shape).collect();
    let key = |facts: &Facts| corners(facts).map(|c| c.map(|mm| (mm / SHIFT_MM).round() as i64));
    let Some(usual) = most_frequent(images.iter().map(|(.., f)| key(f))) else { return };
    let Some((.., first)) = images.iter().find(|(.., f)| key(f) == usual) else { return };
    let distance = |facts: &Facts| -> f64 {
        let pairs = corners(facts).into_iter().zip(corners(first));
        let apart = pairs.map(|(a, b)| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt());
        apart.fold(0.0, f64::max)
    };
    let far: Vec<_> = images
        .iter()
        .map(|known| (known, distance(known.2)))
        .filter(|(_, mm)| *mm > SHIFT_MM)
        .collect();
    let help = "register the images to one template, as Clinica's linear pipelines do";
    if far.len() * 2 > images.len() {
        let (session, file, _) = far[0].0;
        let message = format!(
            "{} of {} images of {} voxels lie elsewhere in space than the others: no place is usual",
            far.len(),
            images.len(),
            show(shape)
        );
        let error = Error::new(Code::ImageUnlike, message);
        findings.warning(&error.at(session.place(Some((*file).into()))).help(help));
        return;
    }
    for ((session, file, _), mm) in far {
        let message = format!("its voxels lie up to {mm:.1} mm from where those of the others lie");
        let error = Error::new(Code::ImageUnlike, message);
        findings.warning(&error.at(session.place(Some((*file).into()))).help(help));
    }
}

/// Where the eight corners of the image lie.
fn corners(facts: &Facts) -> [[f64; 3]; 8] {
    std::array::from_fn(|corner| {
        let index: [f64; 3] = std::array::from_fn(|axis| {
            (facts.shape[axis] - 1) as f64 * f64::from(u8::from(corner >> axis & 1 == 1))
        });
        std::array::from_fn(|row| {
            let a = facts.affine[row];
            a[0] * index[0] + a[1] * index[1] + a[2] * index[2] + a[3]
        })
    })
}

/// Fewer levels of intensity than the others have: whole numbers among fractions, or 8 bits among more.
fn levels(images: &[Known<'_>], findings: &mut Findings) {
    let bits = |facts: &Facts| match facts.datatype.is_whole() {
        true => (8 * facts.datatype.size()).min(32),
        // float64 says no more than float32 once it is read.
        false => 32,
    };
    let Some(usual) = most_frequent(images.iter().map(|(.., facts)| bits(facts))) else { return };
    let Some((.., other)) = images.iter().find(|(.., facts)| bits(facts) == usual) else { return };
    for (session, file, facts) in images.iter().filter(|(.., facts)| bits(facts) < usual) {
        let message =
            format!("it is stored as {}, the others as {}", facts.datatype, other.datatype);
        let error = Error::new(Code::ImageUnlike, message);
        findings.warning(
            &error.at(session.place(Some((*file).into()))).help(
                "intensities were rounded where it was written: write it again from its source",
            ),
        );
    }
}
