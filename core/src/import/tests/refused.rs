//! What is not imported: each is said with its file, and nothing is left behind.

use super::*;

fn list(folder: &Path) -> Vec<String> {
    crate::files::entries(folder).unwrap()
}

fn with(key: &str, value: Value) -> Value {
    let mut maps = newest();
    maps[key] = value;
    maps
}

/// An import of `maps` that is refused.
#[track_caller]
fn refused(maps: &Value, models: &[&str], code: Code, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["old", "new"].map(|name| folder.path().join(name));
    experiment(&from, maps, "split", models);
    let error = import(&from, &to, &catalog()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(list(folder.path()), ["old"], "nothing is left");
}

const MODEL: &[&str] = &["model.pth.tar"];

#[test]
fn what_cannot_be_imported_leaves_nothing_behind() {
    let random = with("architecture", json!("RandomArchitecture"));
    refused(&random, MODEL, Code::UnknownName, "\"RandomArchitecture\" is not registered");
    let three = with("output_size", json!(3));
    refused(&three, MODEL, Code::WeightsMismatch, "fc.1.weight  2×54  fc.1.weight  3×54");
    refused(&newest(), &[], Code::BadMaps, "no trained models");
    let several = &["network-0_model.pth.tar"][..];
    refused(&newest(), several, Code::BadMaps, "say one network, but there is one per part");
    let both = &["model.pth.tar", "network-0_model.pth.tar"][..];
    refused(&with("multi_network", json!(true)), both, Code::BadMaps, "but there is one for all");

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    experiment(&path("d"), &newest(), "split", MODEL);
    let error = import(&path("absent"), &path("new"), &catalog()).unwrap_err();
    assert_eq!(error.code(), Code::FileNotFound);
    import(&path("d"), &path("new"), &catalog()).unwrap();
    let error = import(&path("new"), &path("newer"), &catalog()).unwrap_err();
    assert!(error.to_string().contains("one of this program already"), "{error}");
}

#[test]
fn parameters_that_contradict_the_network_are_refused() {
    for (key, value, words) in [
        (
            "network_task",
            json!("regression"),
            "a regression needs the output 1, the network gives 2",
        ),
        ("network_task", json!("reconstruction"), "needs the output 1×5×5×5"),
        ("mode", json!("voxel"), "image, patch, roi, slice"),
        ("preprocessing_dict", json!([]), "\"preprocessing\""),
        ("label_code", json!({"AD": 0, "MCI": 1, "CN": 2}), "3 classes, the network 2 outputs"),
        ("label_code", json!({"AD": 5, "CN": 7}), "\"AD\" the code 5"),
        ("label_code", json!({"AD": "0", "CN": "1"}), "the code \"0\""),
        ("label_code", json!({"AD": -1, "CN": 0}), "the code -1"),
    ] {
        refused(&with(key, value), MODEL, Code::BadMaps, words);
    }
    let shared =
        Parameters::parse(&with("label_code", json!({"AD": 0, "MCI": 0, "CN": 1})).to_string());
    assert_eq!(shared.unwrap().classes, ["AD+MCI", "CN"]);
    // Errors of the network say where its parameters are.
    refused(&with("input_size", json!([1, 2, 2, 2])), MODEL, Code::KernelTooLarge, "maps.json");
    // A network that fits no memory is not made.
    let large = json!([1, 2_000, 2_000, 2_000]);
    refused(&with("input_size", large), MODEL, Code::WeightsMismatch, "fc.1.weight  2×54");
}

#[test]
fn damaged_parameters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("maps.json");
    let deep = "[".repeat(100_000);
    for bytes in [b"".as_slice(), b"[]", b"{\"a\": NaN}", b"\xff\xfe{}", deep.as_bytes()] {
        std::fs::write(&file, bytes).unwrap();
        let error = Parameters::read(&file).unwrap_err();
        assert_eq!(error.code(), Code::BadMaps, "{error}");
        assert!(error.to_string().contains("maps.json") && error.to_string().contains("help"));
    }
}

#[test]
fn outputs_that_are_in_use_or_within_the_experiment_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    experiment(&path("old"), &newest(), "split", MODEL);
    let before = files(&path("old"));
    write(&path("full/file"), "x");
    let refused = |output: &str, words: &str| {
        let error = import(&path("old"), &path(output), &catalog()).unwrap_err();
        assert_eq!(error.code(), Code::OutputInUse, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused("old", "not empty");
    refused("full", "not empty");
    refused("full/file", "a file, not a folder");
    refused("old/new", "lies in what is imported");
    refused("old/groups/a/b", "lies in what is imported");
    refused("absent/..", "no name");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(path("absent"), path("to_nothing")).unwrap();
        std::os::unix::fs::symlink(path("old"), path("to_old")).unwrap();
        refused("to_nothing", "a link");
        refused("to_old", "a link");
        refused("to_old/new", "lies in what is imported");
    }
    assert_eq!(files(&path("old")), before);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_in_place_of_waiting_for_it() {
    for name in ["maps.json", "split-0/best-loss/model.pth.tar"] {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["old", "new"].map(|name| folder.path().join(name));
        experiment(&from, &newest(), "split", MODEL);
        std::fs::remove_file(from.join(name)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", from.join(name)).unwrap();
        let error = import(&from, &to, &catalog()).unwrap_err();
        assert_eq!(error.code(), Code::FileAccess, "{error}");
        assert!(error.to_string().contains("a pipe or a device"), "{error}");
    }
}

#[test]
fn folders_with_names_of_no_split_or_metric_stay_behind() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["old", "new"].map(|name| folder.path().join(name));
    experiment(&from, &newest(), "split", MODEL);
    for name in ["split-00/best-loss", "split-+0/best-loss", "split-0/best-"] {
        make_folder(&from.join(name)).unwrap();
        let model = from.join("split-0/best-loss/model.pth.tar");
        std::fs::copy(model, from.join(name).join("model.pth.tar")).unwrap();
    }
    assert_eq!(import(&from, &to, &catalog()).unwrap().models.len(), 1);
}
