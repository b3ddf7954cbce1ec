//! Whatever the bytes are, a file gives an image or an error that says what to do.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};

use super::*;

/// A file of its own for each content: writing over one makes some file systems wait for the disk.
struct Files(tempfile::TempDir, usize);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), 0)
    }

    fn put(&mut self, content: &[u8]) -> PathBuf {
        self.1 += 1;
        let path = self.0.path().join(format!("{}.nii.gz", self.1));
        fs::write(&path, content).unwrap();
        path
    }
}

/// The error of an image with this content; checks what every error must have.
#[track_caller]
fn error_of(name: &str, content: &[u8]) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let error = read(&path).expect_err("an error was expected");
    assert!(error.to_string().contains(name), "no file in {error}");
    error
}

#[track_caller]
fn check(name: &str, content: &[u8], code: Code, words: &str) {
    let error = error_of(name, content);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.problems()[0].help.is_some(), "no help: {error}");
}

fn plain() -> Vec<u8> {
    fs::read(fixture("i2.nii")).unwrap()
}

fn zipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// `i2.nii` with some bytes replaced.
fn with(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = plain();
    for (at, change) in changes {
        bytes[*at..at + change.len()].copy_from_slice(change);
    }
    bytes
}

/// `i2.nii` with these axes.
fn with_dim(dim: &[i16]) -> Vec<u8> {
    let bytes: Vec<u8> = dim.iter().flat_map(|length| length.to_le_bytes()).collect();
    with(&[(40, &bytes)])
}

#[test]
fn what_is_no_nifti_file_is_named() {
    let bad = Code::BadImage;
    check("a.nii", b"", bad, "the file is empty");
    check("a.nii.gz", b"participant_id\tdiagnosis\nsub-01\tAD\n", bad, "text: \"participant_id");
    check("a.nii.gz", b"PK\x03\x04 and so on", bad, "zip archive");
    check("a.nii.gz", &[0xfd, b'7', b'z', b'X', b'Z', 0, 1, 2], bad, "xz");
    check("a.nii", &[1, 2], bad, "first bytes");
    check("a.nii", &[7; 400], bad, "first bytes");
    check("a.nii.gz", &zipped(b"hello, I am a text"), bad, "text: \"hello");
    check("a.nii", &with(&[(344, b"n+3\0")]), bad, "magic is \"n+3");
    check("a.nii", &with(&[(344, &[0; 4])]), Code::UnsupportedImage, "ANALYZE");
    check("a.nii", &with(&[(344, b"ni1\0")]), bad, "in an .img file");
    let second = fs::read(fixture("qform_second.nii")).unwrap();
    let mut text_mode = second.clone();
    text_mode[8..12].copy_from_slice(b"\n\x1a\n\0");
    check("a.nii", &text_mode, bad, "text mode");
    check("a.nii", &second[..400], bad, "ends inside the header");
}

#[test]
fn places_that_are_no_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.nii.gz");
    assert_eq!(read(&absent).unwrap_err().code(), Code::FileNotFound);
    assert_eq!(read_header(&absent).unwrap_err().code(), Code::FileNotFound);
    let error = read(folder.path()).unwrap_err();
    assert_eq!(error.code(), Code::BadImage);
    assert!(error.to_string().contains("a folder"), "{error}");
    let error = read(Path::new("")).unwrap_err();
    assert_eq!(error.code(), Code::FileNotFound);
    // The header alone, without the voxels beside it.
    let lonely = folder.path().join("lonely.hdr");
    fs::copy(fixture("pair.hdr"), &lonely).unwrap();
    let error = read(&lonely).unwrap_err();
    assert_eq!(error.code(), Code::FileNotFound);
    assert!(error.to_string().contains("lonely.img"), "{error}");
}

#[test]
fn shapes_that_cannot_be_are_errors() {
    let bad = Code::BadImage;
    check("a.nii", &with_dim(&[0, 5, 4, 3]), bad, "0 dimensions");
    check("a.nii", &with_dim(&[8, 5, 4, 3]), bad, "8 dimensions");
    check("a.nii", &with_dim(&[-3, 5, 4, 3]), bad, "-3 dimensions");
    check("a.nii", &with_dim(&[3, 5, 0, 3]), bad, "5×0×3");
    check("a.nii", &with_dim(&[3, -5, 4, 3]), bad, "-5×4×3");
    check(
        "a.nii",
        &with_dim(&[3, 10_000, 10_000, 10_000]),
        bad,
        "10000×10000×10000 voxels of int16",
    );
    check("a.nii.gz", &zipped(&with_dim(&[3, 10_000, 10_000, 10_000])), bad, "too many for a file");
    let mut second = fs::read(fixture("qform_second.nii")).unwrap();
    for (axis, length) in [1_i64 << 62, 1 << 62, 1 << 62].iter().enumerate() {
        second[24 + 8 * axis..32 + 8 * axis].copy_from_slice(&length.to_le_bytes());
    }
    check("a.nii", &second, bad, "header claims");
}

#[test]
fn series_and_other_kinds_are_refused_with_a_remedy() {
    for (name, shape) in [("series.nii.gz", "5×4×3×2"), ("vectors.nii.gz", "5×4×3×1×3")] {
        for error in [read(fixture(name)).unwrap_err(), read_header(fixture(name)).unwrap_err()] {
            assert_eq!(error.code(), Code::UnsupportedImage);
            assert!(error.to_string().contains(shape), "{error}");
        }
    }
    for (code, words) in [
        (1, "single bits"),
        (32, "complex"),
        (128, "colours"),
        (1536, "128-bit"),
        (1792, "complex"),
        (2304, "colours"),
    ] {
        let bytes = with(&[(70, &i16::to_le_bytes(code))]);
        check("a.nii", &bytes, Code::UnsupportedImage, words);
    }
    check("a.nii", &with(&[(70, &[3, 0])]), Code::BadImage, "datatype 3");
}

#[test]
fn numbers_that_make_no_sense_are_errors() {
    let bad = Code::BadImage;
    for offset in [0_f32, -16.0, 100.0, 351.0, 400.0, 1e9, 1e30, f32::NAN, f32::INFINITY] {
        let error = error_of("a.nii", &with(&[(108, &offset.to_le_bytes())]));
        assert_eq!(error.code(), bad, "{offset}: {error}");
    }
    let nan = f32::NAN.to_le_bytes();
    check("a.nii", &with(&[(112, &[0, 0, 0x80, 0x3f]), (116, &nan)]), bad, "intercept");
    check("a.nii", &with(&[(280, &nan)]), bad, "not finite");
    let qform_only: (usize, &[u8]) = (254, &[0, 0]);
    check("a.nii", &with(&[qform_only, (256, &2_f32.to_le_bytes())]), bad, "quaternion");
    check("a.nii", &with(&[qform_only, (256, &nan)]), bad, "not finite");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let mut files = Files::new();
    for content in [plain(), zipped(&plain())] {
        for length in 0..content.len() {
            let error = read(files.put(&content[..length])).expect_err("an error was expected");
            assert_eq!(error.code(), Code::BadImage, "cut at {length}: {error}");
        }
    }
}

#[test]
fn what_follows_the_voxels_must_be_padding() {
    let mut files = Files::new();
    let whole = read(fixture("i2.nii")).unwrap();
    let zip = zipped(&plain());
    let (front, back) = (&plain()[..400], &plain()[400..]);
    for (what, content) in [
        ("not compressed in spite of the name", plain()),
        ("padded", [plain(), vec![0; 1000]].concat()),
        ("padded inside", zipped(&[plain(), vec![0; 1000]].concat())),
        ("padded outside", [&zip[..], &[0; 1000]].concat()),
        ("in two members", [zipped(front), zipped(back)].concat()),
    ] {
        let volume = read(files.put(&content)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(volume, whole, "{what}");
    }
    check(
        "a.nii",
        &[&plain()[..], b"more"].concat(),
        Code::BadImage,
        "goes on after the 472 bytes",
    );
    check("a.nii.gz", &zipped(&[&plain()[..], b"more"].concat()), Code::BadImage, "goes on");
    check("a.nii.gz", &[&zip[..], b"more"].concat(), Code::BadImage, "is not gzip");
    check("a.nii.gz", &[&zip[..], &zip[..99]].concat(), Code::BadImage, "cut short");
    check("a.nii.gz", &zipped(&[plain(), vec![0; 2 << 20]].concat()), Code::BadImage, "goes on");
    let mut wrong_checksum = zip.clone();
    let checksum = zip.len() - 8;
    wrong_checksum[checksum] ^= 1;
    check("a.nii.gz", &wrong_checksum, Code::BadImage, "checksum");
}

/// A stream of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

#[test]
fn changed_bytes_never_panic_or_ask_for_more_memory_than_the_file_fills() {
    let mut files = Files::new();
    let mut numbers = Numbers(20_261_123);
    let second = fs::read(fixture("second_big.nii")).unwrap();
    for (original, header) in [(plain(), 352), (second, 544)] {
        for round in 0..1000 {
            let mut bytes = original.clone();
            for _ in 0..1 + numbers.below(3) {
                bytes[numbers.below(header)] = numbers.below(256) as u8;
            }
            let packed = round % 2 == 1;
            let path = files.put(&if packed { zipped(&bytes) } else { bytes });
            let _ = read_header(&path);
            if let Ok(volume) = read(&path) {
                assert_eq!(volume.voxels.len(), volume.shape.iter().product::<usize>());
                assert!(volume.voxels.len() <= original.len());
            }
        }
    }
}

#[test]
fn changed_bytes_of_a_compressed_file_never_panic() {
    let mut files = Files::new();
    let mut numbers = Numbers(7);
    let original = fs::read(fixture("deep.nii.gz")).unwrap();
    let whole = read(fixture("deep.nii.gz")).unwrap();
    for _ in 0..1000 {
        let mut bytes = original.clone();
        bytes[numbers.below(original.len())] ^= 1 << numbers.below(8);
        // Flags and times of the gzip header may change without harm; a changed image may not pass.
        if let Ok(volume) = read(files.put(&bytes)) {
            assert_eq!(volume, whole);
        }
    }
}
