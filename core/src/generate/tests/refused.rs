//! What cannot be made, and that nothing is left of it.

use super::*;

/// The code, and the option or file that is named; nothing may be left.
#[track_caller]
fn refused(folder: &Path, code: Code, part: &str, make: impl FnOnce(&Path) -> Result<Generated>) {
    let before = content(folder);
    let error = make(&folder.join("out")).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert_eq!(content(folder).len(), before.len());
    assert!(!folder.join("out").exists());
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with(".neurhai")));
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let (folder, source) = place();
    let folder = folder.path();
    let trivial_with = |change: &dyn Fn(&mut Trivial)| {
        let mut options = trivially(source.clone());
        change(&mut options);
        move |output: &Path| quietly(|watch| trivial(&options, output, watch))
    };
    refused(folder, Code::BadOption, "atrophy", trivial_with(&|o| o.atrophy_percent = 101.0));
    refused(
        folder,
        Code::BadOption,
        "1 to 6 were expected",
        trivial_with(&|o| {
            o.participants_per_class = Some(7);
        }),
    );
    refused(folder, Code::BadOption, "two masks", trivial_with(&|o| o.masks = vec!["a".into()]));
    refused(
        folder,
        Code::FileNotFound,
        "absent",
        trivial_with(&|o| {
            o.masks = vec!["absent".into(), "absent".into()];
        }),
    );
    let volume = &originals(&source)[0];
    let mut away = volume.affine;
    away[0][3] += 1000.0;
    volume::write(folder.join("away.nii"), volume.shape, &vec![1.0; volume.voxels.len()], &away)
        .unwrap();
    refused(
        folder,
        Code::BadMask,
        "no voxel of the images lies inside",
        trivial_with(&|o| {
            o.masks = vec![folder.join("away.nii"), folder.join("away.nii")];
        }),
    );

    let pet = as_pet(source.clone());
    let lower = |mask: Option<PathBuf>, sigma: f64| {
        let options = Hypometabolic { sigma, ..hypometabolism(pet.clone(), mask) };
        move |output: &Path| quietly(|watch| hypometabolic(&options, output, watch))
    };
    refused(folder, Code::MissingOption, "masks/hypo/", lower(None, 5.0));
    refused(folder, Code::BadOption, "sigma", lower(None, f64::NAN));
    volume::write(folder.join("two.nii"), [1, 1, 2], &[0.0, 2.0], &volume.affine).unwrap();
    refused(folder, Code::BadMask, "a voxel of 2", lower(Some(folder.join("two.nii")), 5.0));

    let spoil = |noise: Option<[f64; 2]>| {
        let source = source.clone();
        let options = Artifacts { source, motion: None, contrast: None, noise, seed: 0 };
        move |output: &Path| quietly(|watch| artifacts(&options, output, watch))
    };
    refused(folder, Code::MissingOption, "--motion", spoil(None));
    refused(folder, Code::BadOption, "noise-std", spoil(Some([5.0, 1.0])));
    refused(folder, Code::BadOption, "noise-std", spoil(Some([-1.0, 1.0])));

    let draw = |options: SheppLogan| {
        move |output: &Path| quietly(|watch| shepplogan(&options, output, watch))
    };
    refused(
        folder,
        Code::BadOption,
        "sum to 1",
        draw(SheppLogan { ad_subtypes: [0.5, 0.4, 0.0], ..phantoms(2) }),
    );
    refused(folder, Code::BadOption, "dimensions", draw(phantoms(4)));

    // Damage that headers do not show is found while images are read, and all of it is told.
    let images = source.images(source::Taken::All).unwrap();
    for image in &images[..2] {
        let bytes = fs::read(&image.file).unwrap();
        fs::write(&image.file, &bytes[..bytes.len() - 40]).unwrap();
    }
    let both = |output: &Path| {
        let result = trivial_with(&|_| ())(output);
        assert_eq!(result.as_ref().unwrap_err().problems().len(), 4, "{result:?}");
        result
    };
    refused(folder, Code::BadImage, "sub-PHAN001", both);
}

#[test]
fn one_who_stops_it_finds_nothing() {
    let (folder, source) = place();
    let options = trivially(source);
    refused(folder.path(), Code::Interrupted, "stopped", |output| {
        let stop = AtomicBool::new(false);
        let progress = |done: usize, images: usize| {
            assert_eq!(images, 12);
            stop.store(done >= 3, Ordering::Relaxed);
        };
        trivial(&options, output, &Watch { progress: &progress, stop: &stop })
    });
}
