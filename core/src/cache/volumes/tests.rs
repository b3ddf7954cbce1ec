use super::*;
use crate::cache::{clear, list};
use crate::volume::Stats;

fn volume(seed: u32) -> Volume {
    let voxels: Vec<f32> = (0..3000).map(|i| ((i * 7 + seed) % 1013) as f32 / 3.0 - 0.0).collect();
    let affine = std::array::from_fn(|i| std::array::from_fn(|j| (i * 4 + j) as f64 / 3.0));
    let stats = Stats::of(&voxels);
    Volume { shape: [10, 15, 20], voxels: voxels.into(), affine, stats }
}

fn key(seed: u32) -> Key {
    Key::new(&format!("{seed:064}"), "decoded")
}

fn keep(volumes: &Volumes, seed: u32) -> bool {
    volumes.put(key(seed), Path::new("/caps/subjects/a.nii.gz"), &volume(seed))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    held(&super::folder(folder)).unwrap().into_iter().map(|held| held.path).collect()
}

/// Says of a file that it was last used so many seconds ago.
fn age(file: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::open(file).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_comes_back_is_what_went_in_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(folder.path(), 1 << 30);
    assert!(volumes.get(&key(1)).is_none());
    let mut given = volume(1);
    given.voxels[7] = -0.0;
    given.stats = Stats { min: f32::MIN_POSITIVE, max: 0.1, non_finite: 0 };
    assert!(volumes.put(key(1), Path::new("a.nii.gz"), &given));
    let back = volumes.get(&key(1)).unwrap();
    assert!(back.voxels.is_mapped());
    let bits = |volume: &Volume| volume.voxels.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back), bits(&given));
    assert_eq!((back.shape, back.affine, back.stats), (given.shape, given.affine, given.stats));
    // Another treatment of the same file is another image.
    assert!(volumes.get(&Key::new(&key(1).file_blake3, "decoded, NaN replaced")).is_none());
}

#[test]
fn a_file_with_one_wrong_bit_or_cut_anywhere_is_never_used_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(folder.path(), 1 << 30);
    keep(&volumes, 1);
    let file = files(folder.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    // The permission to write is taken from these files.
    let overwrite = |bytes: &[u8]| {
        fs::remove_file(&file).ok();
        fs::write(&file, bytes).unwrap();
    };
    for at in (0..600).chain((600..whole.len()).step_by(37)).chain([whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        overwrite(&damaged);
        assert!(volumes.get(&key(1)).is_none(), "byte {at}");
        assert!(!file.exists(), "byte {at}");
    }
    for length in (0..whole.len()).step_by(311).chain([1, 40, 4095, 4096, whole.len() - 1]) {
        overwrite(&whole[..length]);
        assert!(volumes.get(&key(1)).is_none(), "cut to {length}");
    }
    overwrite(&[&whole[..], &[0; 4]].concat());
    assert!(volumes.get(&key(1)).is_none(), "too long");
    // The image of another file under this name.
    keep(&volumes, 2);
    fs::rename(files(folder.path()).remove(0), &file).unwrap();
    assert!(volumes.get(&key(1)).is_none(), "another's name");
    overwrite(&whole);
    assert_eq!(volumes.get(&key(1)).unwrap(), volume(1));
}

#[test]
fn what_was_used_longest_ago_goes_and_what_this_run_needs_stays() {
    let folder = tempfile::tempdir().unwrap();
    let size = {
        keep(&Volumes::new(folder.path(), 1 << 30), 1);
        fs::metadata(files(folder.path()).remove(0)).unwrap().len()
    };
    let all = Volumes::new(folder.path(), 1 << 30);
    (2..=4).for_each(|seed| assert!(keep(&all, seed)));
    for seed in 1..=4 {
        age(&super::folder(folder.path()).join(key(seed).name()), 1000 - u64::from(seed));
    }
    let small = Volumes::new(folder.path(), 4 * size);
    // 1 is the oldest, but is used now; so 2 goes, then 3, then 4, and then nothing may go any more.
    assert!(small.get(&key(1)).is_some());
    for (seed, gone) in [(5, 2), (6, 3), (7, 4)] {
        assert!(keep(&small, seed), "{seed}");
        assert!(small.get(&key(gone)).is_none(), "{gone}");
    }
    assert!(small.warning().is_none());
    assert!(!keep(&small, 8));
    let warning = small.warning().unwrap();
    assert!(warning.help.unwrap().contains("cache_gb"));
    for seed in [1, 5, 6, 7] {
        assert!(small.get(&key(seed)).is_some(), "{seed}");
    }
    assert_eq!(files(folder.path()).len(), 4);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_once_and_does_without() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("file");
    fs::write(&cache, "not a folder").unwrap();
    let volumes = Volumes::new(&cache, 1 << 30);
    assert!(!keep(&volumes, 1) && !keep(&volumes, 2));
    assert!(volumes.warning().is_some());
    assert!(volumes.get(&key(1)).is_none());
}

#[test]
fn processes_that_write_and_remove_at_once_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let volumes = Volumes::new(folder.path(), 20_000 * 5);
                for round in 0..60 {
                    let seed = round % 9;
                    match volumes.get(&key(seed)) {
                        Some(found) => assert_eq!(found, volume(seed)),
                        None => drop(keep(&volumes, seed)),
                    }
                    if round % 20 == 19 {
                        clear(folder.path()).unwrap();
                    }
                }
            });
        }
    });
    assert!(files(folder.path()).iter().all(|file| file.to_string_lossy().ends_with(SUFFIX)));
}

#[test]
fn half_a_file_of_a_killed_process_is_not_seen_and_goes_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let inner = super::folder(folder.path());
    fs::create_dir_all(&inner).unwrap();
    let [young, old] = [".neurhai-1-0.tmp", ".neurhai-1-1.tmp"].map(|name| inner.join(name));
    fs::write(&young, "half").unwrap();
    fs::write(&old, "half").unwrap();
    age(&old, 4000);
    let volumes = Volumes::new(folder.path(), 1 << 30);
    keep(&volumes, 1);
    assert!(young.exists() && !old.exists());
    let kept = list(folder.path()).unwrap().volumes;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].source, "/caps/subjects/a.nii.gz");
    // Somebody may still be writing the young one.
    assert_eq!(clear(folder.path()).unwrap().files, 1);
    assert_eq!(files(folder.path()), std::slice::from_ref(&young));
    age(&young, 4000);
    assert_eq!(clear(folder.path()).unwrap().files, 1);
    assert!(files(folder.path()).is_empty());
    assert!(list(folder.path()).unwrap().volumes.is_empty());
}

#[test]
fn nothing_goes_where_that_would_not_make_room_enough() {
    let folder = tempfile::tempdir().unwrap();
    let all = Volumes::new(folder.path(), 1 << 30);
    assert!(keep(&all, 1));
    let file = files(folder.path()).remove(0);
    let size = fs::metadata(&file).unwrap().len();
    age(&file, 1000);
    // An image that is larger than all that may be kept.
    let small = Volumes::new(folder.path(), size - 1);
    assert!(!keep(&small, 2));
    assert!(file.exists() && small.warning().is_some());
    // Two files of this run fill the rest, so that without the old one there is no room for a third.
    let tight = Volumes::new(folder.path(), 2 * size + size / 2);
    for seed in [3, 4] {
        assert!(keep(&tight, seed));
    }
    assert!(!file.exists());
    let before = files(folder.path());
    assert!(!keep(&tight, 5));
    assert_eq!(files(folder.path()), before);
}

/// What this process is writing is known to it, and is not counted twice.
#[test]
fn its_own_half_written_files_do_not_fill_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let inner = super::folder(folder.path());
    fs::create_dir_all(&inner).unwrap();
    let own = inner.join(format!(".neurhai-{}-77.tmp", std::process::id()));
    fs::write(own, vec![0; 100_000]).unwrap();
    let volumes = Volumes::new(folder.path(), 50_000);
    assert!(keep(&volumes, 1));
}

#[test]
fn a_file_that_is_read_gives_what_a_mapped_one_gives() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(folder.path(), 1 << 30);
    keep(&volumes, 1);
    let path = files(folder.path()).remove(0);
    let read = |key: &Key| Header::read_whole(&File::open(&path).unwrap(), key);
    let found = read(&key(1)).unwrap();
    assert!(!found.voxels.is_mapped());
    assert_eq!(found, volumes.get(&key(1)).unwrap());
    assert_eq!(found, volume(1));
    assert!(read(&key(2)).is_none());
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    for length in [0, 7, 4096, whole.len() - 4] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read(&key(1)).is_none(), "cut to {length}");
    }
}
