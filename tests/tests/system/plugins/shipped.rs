//! The plugins of this repository, as users load them.

use neurhai_core::catalog::Catalog;
use neurhai_core::plugin::{Policy, load};

use super::{Folder, shipped_libraries};
use crate::{host, root, said};

/// A folder with all of them.
pub(crate) fn all() -> Folder {
    let folder = Folder::new();
    for name in SHIPPED {
        let file = format!("libneurhai_{name}.so");
        std::fs::copy(shipped_libraries().join(&file), folder.file(&file)).unwrap();
    }
    let built = std::process::Command::new("sh")
        .arg(root().join("plugins/hello-c/build.sh"))
        .arg(folder.path())
        .status();
    assert!(built.unwrap().success());
    folder
}

const SHIPPED: [&str; 3] = ["attention", "resnet", "votes"];

#[test]
fn the_commands_know_what_a_plugin_brings() {
    let folder = all();
    let run = |arguments: &[&str]| {
        let output = host(folder.path()).args(["--plugins", "."]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}\n{}", said(&output));
        said(&output)
    };
    assert!(run(&["list", "architectures"]).contains("ResNet3D"));
    assert!(run(&["explain", "trimmed_mean"]).contains("trim"));
    let table = run(&["inspect", "ResNet18", "--input", "3x224x224", "--outputs", "1000"]);
    assert!(table.contains("11 689 512") || table.contains("11689512"), "{table}");
    let report = run(&["plugins", "check", "libneurhai_votes.so"]);
    assert!(report.contains("vote median: keeps its contract"), "{report}");
    let broken = shipped_libraries().join("libneurhai_misbehaving.so");
    let output = host(folder.path()).args(["plugins", "check"]).arg(broken).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in [
        "architecture BadNet: breaks its contract",
        "transpose rule bad_layer: breaks its contract",
        "vote bad_vote: breaks its contract",
        "metric bad_metric: breaks its contract",
        "loss bad_loss: breaks its contract",
        "layer bad_layer: keeps its contract",
    ] {
        assert!(said(&output).contains(part), "{part:?} is not in {}", said(&output));
    }
}

/// A plugin without tensors links no libtorch.
#[test]
fn plugins_without_tensors_need_no_libtorch() {
    for name in ["resnet", "votes"] {
        let file = shipped_libraries().join(format!("libneurhai_{name}.so"));
        let plugin = load(&mut Catalog::built_in().unwrap(), &file, Policy::default()).unwrap();
        assert!(plugin.manifest.libtorch.is_empty());
        let output = std::process::Command::new("readelf").arg("-d").arg(&file).output();
        let Ok(output) = output else { return };
        let needed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(needed.contains("libc.so"), "{needed}");
        assert!(!needed.contains("torch") && !needed.contains("libc10"), "{needed}");
    }
}
