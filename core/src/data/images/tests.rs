use std::time::Duration;

use super::*;

fn write(file: &Path, value: f32) {
    let voxels: Vec<f32> = (0..24).map(|i| i as f32 + value).collect();
    let affine = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    volume::write(file, [2, 3, 4], &voxels, &affine).unwrap();
}

/// A decoded image is kept under the hash of the bytes that it was decoded from, or not at all.
#[test]
fn an_image_that_changes_after_it_was_hashed_is_not_kept_under_the_old_hash() {
    for wait in [0, 60] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.nii.gz");
        write(&file, 1.0);
        let old = std::fs::read(&file).unwrap();
        let images = || {
            let session = Session {
                cohort: SINGLE.into(),
                participant: "sub-1".into(),
                session: "ses-1".into(),
                row: 0,
            };
            let disk = Volumes::new(&folder.path().join("cache"), 1 << 30);
            let files = vec![(session, file.clone())];
            Images::new(files, NotFinite::Refuse, 1 << 20).kept_in(Some(disk))
        };
        std::thread::sleep(Duration::from_millis(wait));
        let first = images();
        first.hashes().unwrap();
        write(&file, 2.0);
        assert_eq!(first.get(0).unwrap().voxels[0], 2.0);
        // Whoever brings the old one back gets the old one.
        std::fs::write(&file, &old).unwrap();
        assert_eq!(images().get(0).unwrap().voxels[0], 1.0, "after {wait} ms");
        assert_eq!(images().get(0).unwrap().voxels[0], 1.0, "from the cache");
    }
}
