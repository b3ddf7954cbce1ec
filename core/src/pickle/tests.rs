//! The fixtures were written by `tests/fixtures/make_checkpoint.py`, with PyTorch itself.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::Kind;

use super::*;
use crate::Code;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoint").join(name)
}

fn values(tensor: &tch::Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

#[test]
fn weights_of_clinicadl_come_with_epoch_and_name() {
    let names = [
        "convolutions.0.weight",
        "convolutions.0.bias",
        "convolutions.1.weight",
        "convolutions.1.bias",
        "convolutions.1.running_mean",
        "convolutions.1.running_var",
        "convolutions.1.num_batches_tracked",
        "fc.1.weight",
        "fc.1.bias",
    ];
    let whole = (Some(2), Some("Tiny".to_owned()));
    for (file, said, float) in [
        ("tiny.pth.tar", whole.clone(), Kind::Float),
        ("extras.pt", whole, Kind::Float),
        ("double.pth.tar", (None, None), Kind::Double),
    ] {
        let checkpoint = read_checkpoint(&fixture(file)).unwrap();
        assert_eq!((checkpoint.epoch, checkpoint.name), said, "{file}");
        let found: Vec<&str> = checkpoint.tensors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names, "{file}");
        for (i, (name, tensor)) in checkpoint.tensors.iter().enumerate() {
            let counts = name.ends_with("num_batches_tracked");
            assert_eq!(tensor.kind(), if counts { Kind::Int64 } else { float }, "{name}");
            let expected = (0..tensor.numel()).map(|n| i as f64 + n as f64 / 64.0);
            assert!(values(tensor).into_iter().eq(expected), "{file} {name}");
        }
        assert_eq!(checkpoint.tensors[0].1.size(), [2, 1, 3, 3, 3]);
        assert_eq!(checkpoint.tensors[6].1.size(), [0; 0]);
    }
}

#[test]
fn every_kind_of_number_and_view_is_as_pytorch_has_it() {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    let found = read_checkpoint(&fixture("kinds.pt")).unwrap().tensors;
    assert_eq!(found.len(), expected.len());
    for (name, tensor) in found {
        let shape: Vec<i64> = serde_json::from_value(expected[&name]["shape"].clone()).unwrap();
        assert_eq!(tensor.size(), shape, "{name}");
        let numbers: Vec<f64> = serde_json::from_value(expected[&name]["values"].clone()).unwrap();
        assert_eq!(values(&tensor), numbers, "{name}");
    }
}

#[test]
fn other_files_are_named() {
    for (file, words) in [
        ("legacy.pth", "PyTorch before 1.6"),
        ("module.pt", "the file holds a torch.nn.modules.linear.Linear"),
        ("text.pt", "a tensor was expected as a, not a text"),
        ("expected.json", "no archive"),
        ("../nifti/tensor.pt", "the file holds a tensor"),
        ("../nifti/tensor_in_dict.pt", ""),
    ] {
        match read_checkpoint(&fixture(file)) {
            Ok(checkpoint) => assert!(words.is_empty(), "{file}: {checkpoint:?}"),
            Err(error) => {
                assert_eq!(error.code(), Code::BadWeights, "{error}");
                assert!(!words.is_empty() && error.to_string().contains(words), "{error}");
                assert!(error.to_string().contains("torch.load(path"), "{error}");
            }
        }
    }
    let absent = read_checkpoint(&fixture("absent.pt")).unwrap_err();
    assert_eq!(absent.code(), Code::FileNotFound);
}

#[test]
fn changed_and_cut_checkpoints_never_panic() {
    let original = std::fs::read(fixture("tiny.pth.tar")).unwrap();
    for at in 0..original.len() {
        assert!(parse_checkpoint(&original[..at]).is_err(), "{at}");
        for change in [1, 0x80, 0xff] {
            let mut bytes = original.clone();
            bytes[at] ^= change;
            // What passes was changed where nothing is read: times, versions, attributes.
            if let Ok(found) = parse_checkpoint(&bytes) {
                assert_eq!(found.tensors.len(), 9, "{at}");
                assert_eq!(values(&found.tensors[7].1)[5], 7.0 + 5.0 / 64.0, "{at}");
            }
        }
    }
}

/// Descriptions changed at random, and some that are meant to hurt: all end soon, most in an error.
#[test]
fn hostile_descriptions_end() {
    let run = |bytes: &[u8]| Machine::new(bytes).run().map(|(_, objects)| objects.len());
    let file = std::fs::read(fixture("tiny.pth.tar")).unwrap();
    let archive = Archive::open(&file).unwrap();
    let name = archive.names().find(|name| name.ends_with("data.pkl")).unwrap();
    let original = archive.get(name).unwrap().unwrap();
    assert!(run(original).is_ok());
    let mut random = crate::random::Random::new(1, "hostile", &[]);
    for _ in 0..20_000 {
        let mut bytes = original.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.bits() as u8;
        }
        // Only that it ends is asked for.
        drop(run(&bytes));
    }
    // Tuples within tuples, a dictionary within itself, and one that holds each one twice.
    let deep = [&b")"[..], &[0x85].repeat(1 << 20), b"."].concat();
    assert_eq!(run(&deep), Ok((1 << 20) + 1));
    assert_eq!(run(b"}q\x00K\x01h\x00s."), Ok(1));
    let doubling = [&b")q\x00"[..], &b"h\x00h\x00\x86q\x00".repeat(1000), b"."].concat();
    assert_eq!(run(&doubling), Ok(1001));
    // One long shape, of many tensors.
    let shape = [&b"("[..], &b"K\x01".repeat(1000), b"tq\x01"].concat();
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000NK\x01tQq\x02";
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x02K\0h\x01h\x01tR";
    let bytes = [&shape[..], storage, &tensor.repeat(1000), b"."].concat();
    assert!(run(&bytes).unwrap_err().contains("damaged"));
    // A number of 72 bits, such as the state of a random generator.
    assert_eq!(run(b"}(X\x03\0\0\0rng\x8a\x09\x01\0\0\0\0\0\0\0\x01u."), Ok(1));
    // Nothing is called.
    let system = Machine::new(b"cos\nsystem\nX\x04\0\0\0echo\x85R.").run().unwrap();
    assert!(matches!(system.1.last(), Some(Object::Unknown("os", "system"))));
}

#[test]
fn a_model_of_clinicadl_is_read() {
    let Some(data) = crate::shared_data::shared_data() else { return };
    let file = data.join("clinicadl_maps/patch_single/split-0/best-loss/model.pth.tar");
    let checkpoint = read_checkpoint(&file).unwrap();
    assert_eq!((checkpoint.epoch, checkpoint.name.as_deref()), (Some(2), Some("Conv4_FC3")));
    assert_eq!(checkpoint.tensors.len(), 41);
    assert_eq!(checkpoint.tensors[0].1.size(), [8, 1, 3, 3, 3]);
}
