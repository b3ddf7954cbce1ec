//! Every command and script of README works.

use crate::{Place, host, root, said};

fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n').map(str::to_owned))
        .collect()
}

#[test]
fn every_command_of_readme_runs() {
    let place = Place::new();
    let xtask = crate::files(&root().join("host/xtask/src/commands"));
    let mut ran = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        let line = line.split('#').next().unwrap().trim();
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word {
                "CAPS" => "data/caps".into(),
                "SPLITS" => "data/splits".into(),
                script if script.starts_with("scripts/") => {
                    root().join(script).display().to_string()
                }
                word => word.to_owned(),
            })
            .collect();
        match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => {}
            // These run everything here; continuous integration runs them.
            ["cargo", "xtask", command] => {
                let known =
                    |name: &str| xtask.iter().any(|file| file.ends_with(format!("{name}.rs")));
                assert!(known(command), "{line}");
            }
            ["host", arguments @ ..] => {
                let mut arguments: Vec<&str> = arguments.to_vec();
                if arguments.contains(&"--caps") {
                    // The phantoms are smaller than a patch of the example.
                    arguments.extend([
                        "--epochs",
                        "1",
                        "--patch_size",
                        "16",
                        "--stride_size",
                        "16",
                    ]);
                }
                let output = host(place.path()).args(&arguments).output().unwrap();
                assert!(output.status.success(), "{line}\n{}", said(&output));
                assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{line}");
                ran += 1;
            }
            other => panic!("{other:?} is no command this test knows"),
        }
    }
    assert!(ran >= 7, "{ran}");
}

#[test]
fn the_script_of_readme_is_the_quickstart() {
    let quickstart =
        std::fs::read_to_string(root().join("scripts/examples/quickstart.rhai")).unwrap();
    let [script] = &blocks("rhai")[..] else { panic!("README has one script") };
    assert!(
        quickstart.starts_with(script.trim_end()),
        "README's script and quickstart.rhai differ"
    );
}
