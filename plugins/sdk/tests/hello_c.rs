//! The plugin in plain C keeps the same contract as one in Rust.

use std::path::Path;
use std::process::Command;

use neurhai_plugin::abi::{ENTRY_SYMBOL, Entry};
use neurhai_plugin::testkit;

#[test]
fn the_plugin_in_c_keeps_the_contract() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hello-c");
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hello-c");
    let built = Command::new("sh").arg(folder.join("build.sh")).arg(&output).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    // SAFETY: the library was just built from our source, and its constant is an `Entry`.
    unsafe {
        let library = libloading::Library::new(output.join("libneurhai_hello_c.so")).unwrap();
        let entry = library.get::<*const Entry>(ENTRY_SYMBOL.to_bytes_with_nul()).unwrap();
        testkit::check(&**entry);
    }
}
