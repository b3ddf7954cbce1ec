//! Phantoms after Shepp and Logan, in 2D and 3D, whose diagnosis decides how large two regions are.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::set::{Item, Set, make_parent, recorded};
use super::{CLASSES, Generated, SESSION, Watch, bad_option};
use crate::data::caps::{TensorOf, tensor_name};
use crate::data::pattern::Preprocessing;
use crate::error::{Problems, Result};
use crate::files::write_atomic;
use crate::random::Random;
use crate::volume::{self, Affine, write_pt};

mod head;

use head::Head;

/// A data set of phantoms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheppLogan {
    /// 2 or 3.
    pub dimensions: usize,
    /// Pixels or voxels along each axis.
    pub image_size: usize,
    /// Participants of each class.
    pub participants_per_class: usize,
    /// The shares of the subtypes among AD: both regions large, the second small, the first small.
    pub ad_subtypes: [f64; 3],
    /// The same among CN.
    pub cn_subtypes: [f64; 3],
    /// Blur each phantom by a Gaussian of a width of its own.
    pub smoothing: bool,
    /// Of everything drawn.
    pub seed: u64,
}

/// Makes the data set. In 2D the phantoms are ClinicaDL's, each as an image one voxel thick and, with
/// the JSON that goes with it, as the tensor of a slice that ClinicaDL reads. In 3D they are solids
/// whose middle plane is such a phantom; ClinicaDL has none.
///
/// # Errors
/// Options out of range; [`Code::OutputInUse`](crate::Code).
pub fn shepplogan(options: &SheppLogan, output: &Path, watch: &Watch<'_>) -> Result<Generated> {
    check(options)?;
    let size = options.image_size;
    let shape = [size, size, if options.dimensions == 2 { 1 } else { size }];
    let per_class = options.participants_per_class;
    let subtypes: Vec<usize> = (0..2 * per_class).map(|i| subtype(options, i)).collect();
    let items = (0..2 * per_class).map(|i| {
        let (class, index) = (i / per_class, i % per_class);
        let participant = format!("sub-CLNC{class}{index:04}");
        let file = format!("shepplogan/{participant}_{SESSION}_{SUFFIX}").into();
        let cells = vec![CLASSES[class].to_owned(), subtypes[i].to_string()];
        Item { participant, session: SESSION.into(), file, cells }
    });
    let set = Set {
        output,
        kind: "shepplogan",
        options: recorded(options)?,
        columns: &["diagnosis", "subtype"],
        label: "diagnosis",
        items: items.collect(),
        preprocessing: Preprocessing::Custom {
            custom_suffix: None,
            pattern: Some(format!("*_{SUFFIX}")),
        },
    };
    let affine = affine(shape);
    let image = |i: usize, path: &Path| {
        let (class, index) = ((i / per_class) as u64, (i % per_class) as u64);
        let mut stream = Random::new(options.seed, "generate shepplogan", &[class, index]);
        let head = Head::draw(&mut stream, size, subtypes[i], options.smoothing);
        let voxels = head.render(shape);
        if options.dimensions == 2 {
            write_slice(path, &voxels, size)?;
        }
        volume::write(path, shape, &voxels, &affine)
    };
    set.write(watch, image, |caps| if options.dimensions == 2 { write_json(caps) } else { Ok(()) })
}

/// How file names end.
const SUFFIX: &str = "space-SheppLogan_phantom.nii.gz";

fn check(options: &SheppLogan) -> Result<()> {
    let mut problems = Problems::default();
    let mut need = |fine: bool, option: &str, message: String| {
        if !fine {
            problems.push(bad_option(option, message));
        }
    };
    let SheppLogan { dimensions, image_size, participants_per_class: count, .. } = options;
    need(
        matches!(dimensions, 2 | 3),
        "dimensions",
        format!("2 or 3 were expected, not {dimensions}"),
    );
    // Regions move by up to a 32nd of the size, and at least by 1.
    let most = if *dimensions == 2 { 4096 } else { 512 };
    need(
        (32..=most).contains(image_size),
        "image-size",
        format!("32 to {most} were expected, not {image_size}"),
    );
    // Ids have four digits.
    need(
        (1..=10_000).contains(count),
        "participants-per-class",
        format!("1 to 10000 were expected, not {count}"),
    );
    for (option, shares) in
        [("ad-subtypes", options.ad_subtypes), ("cn-subtypes", options.cn_subtypes)]
    {
        let sum: f64 = shares.iter().sum();
        let fine = shares.iter().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 1e-6;
        need(fine, option, format!("three shares that sum to 1 were expected, not {shares:?}"));
    }
    problems.into_result()
}

fn subtype(options: &SheppLogan, i: usize) -> usize {
    let per_class = options.participants_per_class;
    let (class, index) = (i / per_class, i % per_class);
    let shares = [options.ad_subtypes, options.cn_subtypes][class];
    let keys = [class as u64, index as u64];
    let mut left = Random::new(options.seed, "generate shepplogan subtype", &keys).unit();
    let mut drawn = 0;
    for (subtype, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        drawn = subtype;
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    drawn
}

/// Voxels of 1 mm around the origin; rows run from front to back, columns from left to right.
fn affine(shape: [usize; 3]) -> Affine {
    let middle = shape.map(|length| (length as f64 - 1.0) / 2.0);
    [
        [0.0, 1.0, 0.0, -middle[1]],
        [-1.0, 0.0, 0.0, middle[0]],
        [0.0, 0.0, 1.0, -middle[2]],
        [0.0, 0.0, 0.0, 1.0],
    ]
}

/// The tensor that ClinicaDL reads, beside the image in the folder of its session.
fn write_slice(image: &Path, pixels: &[f32], size: usize) -> Result<()> {
    let slice = TensorOf::Slice { axis: 2, rgb: false, index: 0 };
    let name = tensor_name(&image.file_name().unwrap_or_default().to_string_lossy(), slice)?;
    let session = image.ancestors().nth(2).unwrap_or(image);
    let path = session.join("deeplearning_prepare_data/slice_based/custom").join(name);
    make_parent(&path)?;
    write_pt(&path, pixels, &[1, size, size])
}

/// What ClinicaDL asks to know of the tensors.
fn write_json(caps: &Path) -> Result<()> {
    let json = json!({
        "preprocessing": "custom",
        "mode": "slice",
        "use_uncropped_image": false,
        "prepare_dl": true,
        "extract_json": "shepplogan.json",
        "slice_direction": 2,
        "slice_mode": "single",
        "discarded_slices": 0,
        "num_slices": 1,
        "file_type": {
            "pattern": format!("*_{SUFFIX}"),
            "description": "Custom suffix",
            "needed_pipeline": "shepplogan",
        },
    });
    let path = caps.join("tensor_extraction/shepplogan.json");
    make_parent(&path)?;
    let text = format!("{json:#}\n");
    write_atomic(&path, |out| out.write_all(text.as_bytes()))
}
