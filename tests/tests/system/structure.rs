//! What the repository promises about itself.

use std::path::PathBuf;

use crate::root;

fn sources() -> Vec<(PathBuf, String)> {
    ["core", "host", "plugins", "tests", "scripts"]
        .iter()
        .flat_map(|folder| crate::files(&root().join(folder)))
        .filter(|file| {
            let name = file.to_string_lossy();
            !name.contains("/target/")
                && [".rs", ".c", ".cpp", ".h", ".rhai"].iter().any(|suffix| name.ends_with(suffix))
        })
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            (file, text)
        })
        .collect()
}

#[test]
fn files_stay_small_and_unsafe_stays_in_its_place() {
    let sources = sources();
    assert!(sources.len() > 80);
    for (file, text) in sources {
        let lines = text.lines().count();
        assert!(lines <= 450, "{} has {lines} lines", file.display());
        let keyword = ["uns", "afe"].concat();
        let uses = text.lines().filter(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains(&format!("{keyword} {{")) || code.contains(&format!("{keyword} fn"))
        });
        // The boundary to plugins, and what tch lacks of libtorch.
        let allowed = ["core/torch", "core/src/plugin", "plugins"]
            .iter()
            .any(|folder| file.starts_with(root().join(folder)));
        assert!(allowed || uses.count() == 0, "{} uses {keyword}", file.display());
        assert!(
            !text.contains(&["TO", "DO"].concat()),
            "{} leaves something to do",
            file.display()
        );
    }
}

#[test]
fn the_top_level_holds_only_what_the_design_names() {
    // A copy of the sources has no list.
    if !root().join(".git").exists() {
        return;
    }
    let output = std::process::Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Ok(output) = output else { return };
    assert!(output.status.success() && !output.stdout.is_empty(), "{}", crate::said(&output));
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut visible: Vec<&str> = listed
        .lines()
        .filter_map(|file| file.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .collect();
    visible.sort_unstable();
    visible.dedup();
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "core",
        "host",
        "plugins",
        "scripts",
        "tests",
    ];
    assert!(visible.iter().all(|name| allowed.contains(name)), "{visible:?}");
}

/// What a plugin's author tests with the SDK and what the host asks are the same: every clause of the
/// host's contract stands in the test kit, word for word.
#[test]
fn the_test_kit_of_plugins_has_the_hosts_clauses() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let mut compared = 0;
    for (host, kit) in
        [("vote", "vote"), ("metric", "metric"), ("loss", "loss"), ("network", "layer")]
    {
        let kit = read(&format!("plugins/sdk/src/testkit/{kit}.rs"));
        let host = read(&format!("core/src/contract/{host}.rs"));
        for call in host.split("findings.that(").skip(1) {
            let words = call.split('"').nth(1).unwrap().split('{').next().unwrap();
            // Only the host has files, and metrics of images.
            let alone = [
                "saved and loaded weights",
                "one value for each image",
                "the same values again",
                "each image's value",
            ];
            if !alone.iter().any(|own| words.starts_with(own)) {
                assert!(kit.contains(words), "{words:?} is not in the test kit");
                compared += 1;
            }
        }
    }
    assert!(compared > 15, "{compared}");
}
