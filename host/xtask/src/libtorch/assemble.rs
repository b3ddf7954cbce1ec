//! From wheels to a libtorch, in the staging folder.

use super::archive::{Archive, Entry, Failure};
use super::progress::Progress;
use super::staging::Staging;
use super::wheels::{UNPACKED_BYTES, Wheel};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// One line that stands for the library torch-sys links: PyTorch's own `libtorch.so` asks for the CUDA half as well.
const LINKER_SCRIPT: &str = "INPUT(-ltorch_cpu -lc10)\n";

/// Gets the wheels that are not there yet, and unpacks what libtorch needs of them.
pub(super) fn assemble(
    staging: &Staging,
    wheels: &[Wheel],
    fetch: &mut dyn FnMut(&Wheel) -> Result<()>,
) -> Result<()> {
    let missing: Vec<&Wheel> = wheels.iter().filter(|wheel| !staging.has(wheel)).collect();
    if !missing.is_empty() {
        let bytes: u64 = missing.iter().map(|wheel| wheel.bytes).sum();
        let (download, disk) = (bytes / 1_000_000, UNPACKED_BYTES / 1_000_000);
        eprintln!("libtorch {}: downloading {download} MB, of which {disk} MB stay", super::VERSION);
    }
    missing.into_iter().try_for_each(&mut *fetch)?;

    let tree = staging.tree();
    for wheel in wheels {
        if let Err(Failure::Damaged(why)) = unpack(wheel, &staging.wheel(wheel), &tree) {
            eprintln!("the wheel of {} is damaged ({why}): getting it again", wheel.package);
            let path = staging.wheel(wheel);
            fs::remove_file(&path).map_err(|e| Error::file(format!("remove {}", path.display()), &e))?;
            fetch(wheel)?;
            unpack(wheel, &path, &tree).map_err(|failure| give_up(wheel, failure))?;
        }
    }
    let write = |name: &str, text: &str| {
        fs::write(tree.join(name), text).map_err(|e| Error::file(format!("write {}", tree.join(name).display()), &e))
    };
    write("lib/libtorch.so", LINKER_SCRIPT)?;
    write("build-version", &format!("{}\n", super::VERSION))
}
