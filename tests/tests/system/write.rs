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
