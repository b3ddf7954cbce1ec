//! Lets this package's own test programs find libtorch at run time, and keeps the versions that a
//! run records.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let lib = std::env::var("DEP_NEURHAI_TORCH_LIB").unwrap_or_default();
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    let version_file = std::path::Path::new(&lib).with_file_name("build-version");
    let libtorch = std::fs::read_to_string(version_file).unwrap_or_default();
    let libtorch = if libtorch.trim().is_empty() { "2.13.0" } else { libtorch.trim() };
    println!("cargo:rustc-env=NEURHAI_LIBTORCH_VERSION={libtorch}");
    println!("cargo:rustc-env=NEURHAI_TCH_VERSION=0.26.0");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    println!("cargo:rustc-env=NEURHAI_RUSTC_VERSION={}", version.unwrap_or_default());
}
