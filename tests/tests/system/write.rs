//! The commands that write something to begin with: `host definitions`, `host new`.

use crate::{Place, host, said};

#[test]
fn definitions_are_written_and_written_again() {
    let place = Place::new();
    let write = || {
        let output = host(place.path()).args(["definitions", "editor/rhai"]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("editor/rhai/neurhai.d.rhai"), "{}", said(&output));
        let files = crate::files(&place.path().join("editor"));
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>()
    };
    let first = write();
    assert_eq!(first.len(), 2);
    assert!(first[0].contains("fn conv(out_channels: int"));
    assert_eq!(first, write());
    std::fs::write(place.path().join("file"), "").unwrap();
    let output = host(place.path()).args(["definitions", "file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("file"), "{}", said(&output));
}

#[test]
fn a_new_script_runs_as_it_is() {
    let place = Place::new();
    let host = |arguments: &[&str]| host(place.path()).args(arguments).output().unwrap();
    let output = host(&["new", "script", "first-try"]);
    assert!(output.status.success(), "{}", said(&output));
    let file = place.path().join("first-try.rhai");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.matches("// Change:").count() >= 3 && !text.contains("{{"), "{text}");
    for command in ["check", "run"] {
        let output = host(&[command, "first-try.rhai"]);
        assert!(output.status.success(), "{}", said(&output));
    }
    assert!(place.path().join("first-try/maps/split-0/best-BA/model.safetensors").is_file());

    // Nothing is overwritten.
    let output = host(&["new", "script", "first-try.rhai"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("first-try.rhai"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    for name in ["../up", "a/b", "9", "", "-x", "é"] {
        let output = host(&["new", "script", "--", name]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
    }
    let output = host(&["new", "script", "second", "--dir", "a/b"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(place.path().join("a/b/second.rhai").is_file());
}

/// That it builds and passes its tests as it is, the commands of README show.
#[test]
fn a_new_plugin_overwrites_nothing_and_has_a_name_that_builds() {
    let place = Place::new();
    let run = |arguments: &[&str]| host(place.path()).args(arguments).output().unwrap();
    let output = run(&["new", "plugin", "my-lab", "--dir", "crates"]);
    assert!(output.status.success(), "{}", said(&output));
    let folder = place.path().join("crates/my-lab");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let sdk = crate::root().join("plugins/sdk").display().to_string();
    assert!(read("Cargo.toml").contains(&format!("path = {sdk:?}")), "{}", read("Cargo.toml"));
    assert!(read("src/lib.rs").contains("\"MyLabNet\"") && !read("src/lib.rs").contains("{{"));

    let output = run(&["new", "plugin", "my-lab", "--dir", "crates"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = run(&["new", "plugin", "other", "--sdk", "data"]);
    assert!(said(&output).contains("--sdk CLONE/plugins/sdk"), "{}", said(&output));
    assert!(!place.path().join("other").exists());
    for name in ["My", "fn", "test", "a b", "../up", "1st", "neurhai-plugin"] {
        let output = run(&["new", "plugin", name]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
    }
}
