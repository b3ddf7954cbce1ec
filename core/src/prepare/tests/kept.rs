//! Which tensors that are there are left alone, and which are not.

use super::*;

#[test]
fn what_is_there_is_left_alone_while_it_is_what_would_be_written() {
    let study = Study::new();
    let preparation =
        study.preparation(json!({ "mode": "patch", "patch_size": 10, "stride_size": 6 }));
    let first = run(&preparation).unwrap();
    let before = study.tensors();
    assert_eq!((first.plan.files, before.len()), (4 * 8, 4 * 8));
    let again = run(&preparation).unwrap();
    assert_eq!((again.plan.files, again.plan.finished, again.plan.bytes), (0, 4, 0));
    // Something else, one that is cut short, and three that are gone.
    fs::write(&before[0].0, "mine").unwrap();
    fs::write(&before[9].0, &before[9].1[..900]).unwrap();
    for (file, _) in &before[1..4] {
        fs::remove_file(file).unwrap();
    }
    let rest = run(&preparation).unwrap();
    assert_eq!((rest.plan.files, rest.plan.finished, rest.plan.outdated), (5, 2, 2));
    assert_eq!(study.tensors(), before);
    // The time of an image says nothing.
    let image = &study.images()[1];
    newer(image);
    assert_eq!(run(&preparation).unwrap().plan.files, 0);

    // An image that was made anew, even if it pretends to be older than its tensors.
    let mut volume = read(image).unwrap();
    volume.voxels.iter_mut().for_each(|voxel| *voxel += 1.0);
    volume.write(image).unwrap();
    let old = SystemTime::now() - Duration::from_secs(90_000);
    fs::File::options().append(true).open(image).unwrap().set_modified(old).unwrap();
    let anew = run(&preparation).unwrap();
    assert_eq!((anew.plan.files, anew.plan.outdated), (8, 8));
    let after = study.tensors();
    let changed = before.iter().zip(&after).filter(|(one, other)| one != other).count();
    assert_eq!(changed, 8);
    // A mask that was drawn anew is that of its region only.
    let regions = study.preparation(json!({ "mode": "roi", "roi_list": ["left", "right"] }));
    run(&regions).unwrap();
    let mask = &files(&study.caps().join("masks"), "left_mask.nii.gz")[0];
    let mut drawn = read(mask).unwrap();
    let inside = drawn.voxels.iter().position(|voxel| *voxel == 1.0).unwrap();
    drawn.voxels[inside + 1] = 0.0;
    drawn.write(mask).unwrap();
    assert_eq!(run(&regions).unwrap().plan.outdated, 4);
}

/// A tensor that ClinicaDL wrote says nothing of its image, so its age decides.
#[test]
fn tensors_of_another_program_are_taken_unless_they_are_older_than_their_image() {
    let study = Study::new();
    let preparation = study.preparation(json!({ "mode": "image" }));
    run(&preparation).unwrap();
    for (file, _) in study.tensors() {
        let (shape, values) = read_tensor(&file).unwrap();
        crate::volume::write_pt(&file, &values, &shape).unwrap();
        newer(&file);
    }
    assert_eq!(run(&preparation).unwrap().plan.files, 0);
    let later = SystemTime::now() + Duration::from_secs(500);
    let image = fs::File::options().append(true).open(&study.images()[2]).unwrap();
    image.set_modified(later).unwrap();
    assert_eq!(run(&preparation).unwrap().plan.outdated, 1);
}

/// ClinicaDL's names of regions are the same for all images of a session that end alike.
#[test]
fn regions_of_two_images_never_share_their_files() {
    let study = Study::new();
    for image in study.images() {
        let mut volume = read(&image).unwrap();
        volume.voxels.iter_mut().for_each(|voxel| *voxel += 1.0);
        let name = image.file_name().unwrap().to_str().unwrap().replace("desc-Crop", "desc-other");
        volume.write(image.with_file_name(name)).unwrap();
    }
    let regions = |desc: &str| {
        let preparation = study.preparation(json!({
            "mode": "roi", "roi_list": ["right", "left"], "preprocessing": "custom",
            "custom_suffix": format!("_desc-{desc}_res-1x1x1_T1w.nii.gz"),
            "roi_custom_template": "MNI152NLin2009cSym",
        }));
        Preparation { name: Some(desc.into()), ..preparation }
    };
    run(&regions("Crop")).unwrap();
    let before = study.tensors();
    let error = run(&regions("other")).unwrap_err();
    assert_eq!(error.code(), Code::PreparedOtherwise);
    assert!(error.to_string().contains("Crop.json"), "{error}");
    // A run that was killed before it wrote its JSON.
    fs::remove_file(study.caps().join("tensor_extraction/Crop.json")).unwrap();
    let error = run(&regions("other")).unwrap_err();
    assert_eq!((error.code(), error.problems().len()), (Code::PreparedOtherwise, 4));
    assert!(error.to_string().contains("was cut from sub-"), "{error}");
    assert!(study.tensors() == before);
    run(&regions("Crop")).unwrap();
}

#[test]
fn voxels_that_were_replaced_are_not_taken_for_sound_ones() {
    let study = Study::new();
    let image = &study.images()[0];
    let mut volume = read(image).unwrap();
    volume.voxels[77] = f32::NAN;
    volume.write(image).unwrap();
    let refuse = study.preparation(json!({ "mode": "image" }));
    assert_eq!(run(&refuse).unwrap_err().code(), Code::ImageNotFinite);
    let replace = study.preparation(json!({ "mode": "image", "nan": "replace" }));
    let replace = Preparation { name: Some("replaced".into()), ..replace };
    let prepared = run(&replace).unwrap();
    let json: Value = serde_json::from_slice(&fs::read(&prepared.json).unwrap()).unwrap();
    assert_eq!(json["nan"], "replace");
    assert_eq!(run(&replace).unwrap().plan.files, 0);
    assert_eq!(run(&refuse).unwrap_err().code(), Code::ImageNotFinite);
}
