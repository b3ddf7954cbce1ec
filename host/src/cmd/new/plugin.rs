//! `host new plugin`.

use std::path::{Path, PathBuf};

use neurhai_core::{Code, Error, Place, Result};

use super::{Target, check_name, exists, identifier, make_folder, write_new};

/// Write a plugin crate that builds and passes its tests as it is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,

    /// The folder plugins/sdk of a clone of Neurhai; by default of the one this program was built from
    #[arg(long, value_name = "PATH")]
    sdk: Option<PathBuf>,
}

const MANIFEST: &str = include_str!("plugin/manifest.toml");
const SOURCE: &str = include_str!("plugin/lib.rs");

/// Words of Rust, and names that cargo or the crate itself needs.
const TAKEN: &str = "abstract alloc as async await become box break build const continue core crate \
    deps do dyn else enum examples extern false final fn for gen if impl in incremental let loop \
    macro match mod move mut neurhai-abi neurhai-plugin neurhai_abi neurhai_plugin override priv \
    proc_macro proc-macro pub ref return self serde_json serde-json static std struct super test \
    trait true try type typeof union unsafe unsized use virtual where while yield";

pub(super) fn write(args: &Args) -> Result<String> {
    let name = args.target.name.as_str();
    let help = "lower-case letters, digits, _ and - will do, a letter first";
    check_name(name, char::is_ascii_lowercase, "plugin", help)?;
    if TAKEN.split_whitespace().any(|taken| taken == name) {
        let message = format!("a plugin cannot be called {name:?}: Rust or cargo needs this name");
        return Err(Error::new(Code::BadOption, message).help("choose another"));
    }
    let sdk = find_sdk(args.sdk.as_deref())?;
    let folder = args.target.path(name);
    if folder.symlink_metadata().is_ok() {
        return Err(exists(&folder));
    }
    make_folder(&folder.join("src"))?;
    let fill = |template: &str| {
        template
            .replace("{{name}}", name)
            .replace("{{ident}}", &identifier(name))
            .replace("{{network}}", &format!("{}Net", camel_case(name)))
            .replace("{{sdk}}", &format!("{:?}", sdk.display().to_string()))
    };
    write_new(&folder.join("Cargo.toml"), &fill(MANIFEST))?;
    write_new(&folder.join("src/lib.rs"), &fill(SOURCE))?;
    let (folder, library) = (folder.display(), identifier(name));
    Ok(format!(
        "written: {folder}/Cargo.toml, {folder}/src/lib.rs\n\
         next: cd {folder} && cargo test && cargo build --release\n\
         then: host plugins check {folder}/target/release/lib{library}.so"
    ))
}

/// The SDK's folder, which is known to hold it.
fn find_sdk(given: Option<&Path>) -> Result<PathBuf> {
    let built_from = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("plugins").join("sdk");
    let folder = given.map_or_else(built_from, Path::to_path_buf);
    let missing = |why: String| {
        Error::new(Code::FileNotFound, why)
            .at(Place::File(folder.clone()))
            .help("say where a clone of Neurhai has it: --sdk CLONE/plugins/sdk")
    };
    let found = folder.canonicalize().map_err(|_| missing("the SDK is not here".into()))?;
    let manifest = std::fs::read_to_string(found.join("Cargo.toml")).unwrap_or_default();
    match manifest.contains("name = \"neurhai-plugin\"") {
        true => Ok(found),
        false => Err(missing("this folder is not the SDK".into())),
    }
}

/// `my-plugin` becomes `MyPlugin`.
fn camel_case(name: &str) -> String {
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
