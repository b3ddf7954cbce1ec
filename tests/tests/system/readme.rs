//! Every command and script of README works.

use std::process::Command;

use crate::{Place, host, root, said, shared_data};

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

fn blocks(language: &str) -> Vec<String> {
    readme()
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n').map(str::to_owned))
        .collect()
}

/// The phantoms are smaller than a patch of the example, and one epoch will do.
const SMALL: [&str; 6] = ["--epochs", "1", "--patch-size", "16", "--stride", "16"];

#[test]
fn every_command_of_readme_runs() {
    let place = Place::new();
    let shipped = crate::plugins::shipped::all();
    let xtask = crate::files(&root().join("host/xtask/src/commands"));
    let mut folder = place.path().to_path_buf();
    let clinicadl = shared_data();
    let mut done = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        let line = line.split('#').next().unwrap().trim();
        done += usize::from(line.starts_with("host "));
        // The experiment of ClinicaDL is too large for the repository; it may lie beside it.
        let of_clinicadl = line.contains("CLINICADL_MAPS");
        if of_clinicadl && clinicadl.is_none() {
            continue;
        }
        let in_clinicadl = |path: &str| {
            clinicadl.as_ref().map(|data| data.join(path).display().to_string()).unwrap()
        };
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word {
                "CAPS" if of_clinicadl => in_clinicadl("caps"),
                "CAPS" => "data/caps".into(),
                "SPLITS" => "data/splits".into(),
                "LABELS" => "data/labels.tsv".into(),
                "CLINICADL_MAPS" => in_clinicadl("clinicadl_maps/patch_single"),
                script if script.starts_with("scripts/") => {
                    root().join(script).display().to_string()
                }
                built if line.starts_with("host") && built.starts_with("target/release") => {
                    built.replace("target/release", &shipped.path().to_string_lossy())
                }
                // As a shell takes what is quoted.
                word => word.replace('\'', ""),
            })
            .collect();
        let run = |command: &mut Command, arguments: &[&str]| {
            let output = command.args(arguments).output().unwrap();
            // Two experiments that are compared may differ.
            let differ = line.starts_with("host compare") && output.status.code() == Some(1);
            assert!(output.status.success() || differ, "{line}\n{}", said(&output));
            said(&output)
        };
        match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => {}
            // These run everything here; continuous integration runs them.
            ["cargo", "xtask", command] => {
                let known =
                    |name: &str| xtask.iter().any(|file| file.ends_with(format!("{name}.rs")));
                assert!(known(command), "{line}");
            }
            // Its packages are built already, beside this test.
            ["cargo", "build", "--release", packages @ ..] if !packages.is_empty() => {
                for package in packages.iter().filter(|word| **word != "-p") {
                    let library = format!("lib{}.so", package.replace('-', "_"));
                    assert!(shipped.path().join(library).exists(), "{line}");
                }
            }
            ["cd", ".."] => assert!(folder.pop()),
            ["cd", name] => folder.push(name),
            ["mkdir", "-p", name] => std::fs::create_dir_all(folder.join(name)).unwrap(),
            ["cp", from, to] => {
                let from = folder.join(from);
                std::fs::copy(&from, folder.join(to).join(from.file_name().unwrap())).unwrap();
            }
            ["cargo", arguments @ ..] => drop(run(&mut crate::cargo(&folder), arguments)),
            ["host", "repl"] => {
                assert_eq!(run(&mut host(&folder), &["repl"]), "", "there is nothing to read");
            }
            ["host", arguments @ ..] => {
                let mut arguments: Vec<&str> = arguments.to_vec();
                if arguments.contains(&"--") {
                    arguments.extend(SMALL);
                }
                assert!(!run(&mut host(&folder), &arguments).is_empty(), "{line}");
            }
            other => panic!("{other:?} is no command this test knows"),
        }
    }
    let there = readme().lines().filter(|line| line.starts_with("host ")).count();
    assert!(there > 0 && done == there, "{done} of {there} lines with the program");
    assert_eq!(folder, place.path());
    // The plugin did what its page says, and the experiment tells of it.
    let plugins = host(&folder).args(["plugins", "--plugins", "plugins"]).output().unwrap();
    assert!(said(&plugins).contains("my_lab_vote"), "{}", said(&plugins));
    let maps = std::fs::read_to_string(folder.join("maps/lab/maps.json")).unwrap();
    assert!(maps.contains("my_lab_vote") && maps.contains("my-lab"), "{maps}");
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

/// The job ends as its run did, and is queued again where time was up.
#[test]
fn the_job_of_readme_ends_as_its_run_did() {
    let [job] = &blocks("bash")[..] else { panic!("README has one job") };
    for code in [0, 1, 138] {
        let place = Place::new();
        let cluster = format!("srun() {{ return {code}; }}\nscontrol() {{ : > queued; }}\n");
        let mut bash = Command::new("bash");
        bash.args(["-c", &(cluster + job.as_str())]).env("SLURM_JOB_ID", "1");
        let status = bash.current_dir(place.path()).status().unwrap();
        assert_eq!(status.code(), Some(code));
        assert_eq!(place.path().join("queued").exists(), code == 138, "{code}");
    }
}
