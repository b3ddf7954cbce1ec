//! Builds the shim against the libtorch that torch-sys found, and tells dependants where that is,
//! so that their programs find it at run time.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys says where libtorch lies");
    let include =
        Path::new(&lib).parent().expect("libtorch has a folder above lib").join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .warnings(false)
        .flag_if_supported("-Wno-psabi")
        // Roots of several numbers at once: nobody asks errno about them.
        .flag_if_supported("-fno-math-errno")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .include("cpp")
        // Kernels run in tests too, so they are always built for speed.
        .opt_level(3)
        .file("cpp/foreach.cpp")
        .file("cpp/modes.cpp")
        .file("cpp/parallel.cpp")
        .file("cpp/pool.cpp")
        .file("cpp/shim.cpp")
        .file("cpp/start.cpp")
        .compile("neurhai_torch");
    println!("cargo:lib={lib}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
