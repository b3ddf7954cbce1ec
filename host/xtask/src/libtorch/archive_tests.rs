use super::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs;

/// A zip file of the given files, made by the book; every second one is stored without packing.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (index, (name, content)) in files.iter().enumerate() {
        let method = if index % 2 == 0 { 8_u16 } else { 0 };
        let packed = if method == 8 {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.to_vec()
        };
        let mut crc = Crc::new();
        crc.update(content);
        let mut common = vec![20, 0, 0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        for number in [crc.sum(), packed.len() as u32, content.len() as u32, name.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        directory.extend(CENTRAL);
        directory.extend([20, 0]);
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((body.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        body.extend(LOCAL);
        body.extend(&common);
        body.extend(name.as_bytes());
        body.extend(packed);
    }
    let mut end = END.to_vec();
    end.extend([0; 4]);
    end.extend([(files.len() as u16).to_le_bytes(), (files.len() as u16).to_le_bytes()].concat());
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend((body.len() as u32).to_le_bytes());
    end.extend([0; 2]);
    [body, directory, end].concat()
}

const FILES: &[(&str, &[u8])] =
    &[("a/one.txt", &[7; 5000]), ("two", b"stored as it is"), ("empty", b"")];

fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.whl");
    fs::write(&path, bytes).unwrap();
    let archive = Archive::open(&path)?;
    let mut files = Vec::new();
    for entry in &archive.entries {
        let (mut content, mut told) = (Vec::new(), 0);
        archive.extract(entry, &mut content, &mut |count| told += count)?;
        assert_eq!(told, entry.bytes);
        files.push((entry.name.clone(), content));
    }
    Ok(files)
}

#[test]
fn every_file_comes_out_as_it_went_in() {
    let files = read(&zip(FILES)).unwrap();
    assert_eq!(files.len(), FILES.len());
    for ((name, content), (expected_name, expected)) in files.iter().zip(FILES) {
        assert_eq!((name.as_str(), content.as_slice()), (*expected_name, *expected));
    }
}

#[test]
fn a_wheel_cut_short_anywhere_is_damaged() {
    let whole = zip(FILES);
    for length in 0..whole.len() {
        assert!(
            matches!(read(&whole[..length]), Err(Failure::Damaged(_))),
            "cut to {length} of {}",
            whole.len()
        );
    }
}

#[test]
fn a_wheel_whose_middle_is_lost_is_damaged() {
    let mut whole = zip(FILES);
    for at in 45..whole.len() - 22 {
        whole[at] ^= 0x55;
        // Bytes that carry nothing (dates, attributes) may differ; then all content is still right.
        if let Ok(files) = read(&whole) {
            assert!(
                files.iter().zip(FILES).all(|((_, content), (_, expected))| content == expected),
                "byte {at}"
            );
        }
        whole[at] ^= 0x55;
    }
}

#[test]
fn a_file_that_is_no_zip_is_damaged() {
    assert!(matches!(
        read(b"<html>Please log in to this network</html>"),
        Err(Failure::Damaged(_))
    ));
}

#[test]
fn a_full_disk_is_not_the_fault_of_the_wheel() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.whl");
    fs::write(&path, zip(FILES)).unwrap();
    let archive = Archive::open(&path).unwrap();
    let failure = archive.extract(&archive.entries[0], &mut Full, &mut |_| {}).unwrap_err();
    assert!(matches!(failure, Failure::Write(error) if error.kind() == io::ErrorKind::StorageFull));
}
