//! How the program behaves on a command line: exit codes, JSON, colours, help, and what it says of the
//! machine.

use std::process::Stdio;

use serde_json::Value;

use crate::{Place, host, said};

fn json(place: &Place, arguments: &[&str], code: i32) -> Value {
    let output = host(place.path()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", said(&output)))
}

#[test]
fn exit_codes_are_0_done_1_failed_2_wrong_use() {
    let place = Place::new();
    for (arguments, code) in [
        (&["list"][..], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["explain", "E0403"], 0),
        (&["doctor"], 0),
        (&["describe", "data"], 1),
        (&["tsv", "kfold", "data/labels.tsv", "--splits", "50"], 1),
        (&["tsv", "kfold", "data/none.tsv"], 2),
        (&["check", "data/none.tsv"], 2),
        (&["describe", "no_such_folder"], 2),
        (&["report", "no_such_folder"], 2),
        (&["info", "none.nii"], 2),
        (&["prepare", "image", "no_such_folder"], 2),
        (&["predict", "no_such_folder", "test"], 2),
        (&["explain", "nothing_is_called_so"], 2),
        (&["run", "no_such_script.rhai"], 2),
        (&["no-such-command"], 2),
        (&["list", "--no-such-option"], 2),
        (&["list", "--quiet", "--verbose"], 2),
        (&[], 2),
    ] {
        let output = host(place.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn with_json_errors_are_json_too() {
    let place = Place::new();
    let found = json(&place, &["explain", "E0403", "--json"], 0);
    assert_eq!(found[0]["kind"], "error");
    assert_eq!(found[0]["title"], "A session is listed twice");
    let conv = json(&place, &["explain", "conv", "--json"], 0);
    assert_eq!((&conv[0]["kind"], &conv[0]["name"]), (&"layer".into(), &"conv".into()));
    let wrong = json(&place, &["explain", "convv", "--json"], 2);
    assert_eq!(wrong["errors"][0]["code"], "E0106");
    assert!(wrong["errors"][0]["message"].as_str().unwrap().contains("\"conv\""), "{wrong}");
    let wrong = json(&place, &["compare", "none", "neither", "--json"], 2);
    assert_eq!(wrong["errors"][0]["code"], "E0301", "{wrong}");
    for words in [&["describe"][..], &["list", "--no-such-option"], &["no-such-command"]] {
        let wrong = json(&place, &[words, &["--json"]].concat(), 2);
        assert!(wrong["errors"][0]["code"].as_str().unwrap().starts_with("E010"), "{wrong}");
    }
    // A mistake in a script comes with its place.
    place.script("let x = ;");
    let wrong = json(&place, &["find-learning-rate", "script.rhai", "--json"], 1);
    let at = &wrong["errors"][0]["at"];
    assert_eq!((&at["script"], &at["line"]), (&"script.rhai".into(), &1.into()), "{wrong}");
}

/// What was found before a script failed, its errors, and nothing of what it prints.
#[test]
fn with_json_there_is_one_document() {
    let place = Place::new();
    place.script("print(\"printed\"); TRAIN throw \"no\";");
    let whole = json(&place, &["check", "script.rhai", "--json"], 1);
    assert_eq!(whole["reports"].as_array().unwrap().len(), 1, "{whole}");
    assert_eq!(whole["errors"][0]["code"], "E0101", "{whole}");
    let whole = json(&place, &["check", "script.rhai", "--show", "config", "--json"], 1);
    assert_eq!(whole["trainings"].as_array().unwrap().len(), 1, "{whole}");
    assert_eq!(whole["errors"].as_array().unwrap().len(), 1, "{whole}");
    let two = "architecture(\"one\", #{}, |p| [flatten(), linear(p.outputs)]); \
               architecture(\"two\", #{}, |p| [flatten(), linear(p.outputs)]);";
    place.script(two);
    let both = json(&place, &["inspect", "script.rhai", "--input", "1x4x4x4", "--json"], 0);
    assert_eq!(both[1]["architecture"], "two", "{both}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_once() {
    let place = Place::new();
    for words in [&["schema"][..], &["--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = host(place.path()).args(words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert_eq!(said(&output).matches("cannot be written").count(), 1, "{}", said(&output));
    }
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let place = Place::new();
    place.script("");
    let mut command = host(place.path());
    let output = command.env("NEURHAI_TRACK", "").args(["run", "script.rhai"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn every_error_code_is_explained() {
    let place = Place::new();
    for code in neurhai_core::Code::ALL {
        let output = host(place.path()).args(["explain", code.id()]).output().unwrap();
        let text = said(&output);
        assert!(output.status.success() && text.contains(code.title()), "{text}");
        assert!(text.contains(code.resolution()), "{text}");
    }
    let near = host(place.path()).args(["explain", "E0430"]).output().unwrap();
    assert!(said(&near).contains("E0403"), "{}", said(&near));
}

#[test]
fn quiet_runs_tell_warnings_and_errors_alone() {
    let place = Place::new();
    place.script("TRAIN");
    let run = |words: &[&str]| host(place.path()).args(words).output().unwrap();
    let output = run(&["run", "--quiet", "script.rhai"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.lines().all(|line| line.starts_with("warning: ")), "{told}");
    let again = run(&["run", "--quiet", "script.rhai"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("[E0601]"), "{}", said(&again));
}

#[test]
fn verbose_shows_what_is_cut_otherwise() {
    let place = Place::new();
    let calls: String = (0..30).map(|i| format!("unknown_{i}();\n")).collect();
    place.script(&calls);
    let said_by = |words: &[&str]| said(&host(place.path()).args(words).output().unwrap());
    let short = said_by(&["run", "script.rhai"]);
    assert!(short.contains("and 10 more, which --verbose shows"), "{short}");
    let full = said_by(&["run", "--verbose", "script.rhai"]);
    assert!(full.contains("unknown_29") && !full.contains("--verbose"), "{full}");
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let place = Place::new();
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = host(place.path());
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        let output = command.args(["describe", "no_such_folder"]).output().unwrap();
        said(&output).contains('\u{1b}')
    };
    // The output of a test is no terminal.
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    for command in [&["list"][..], &["--help"], &["explain", "train"], &["completions", "bash"]] {
        let mut child = host(place.path())
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = said(&output);
        assert!(!told.contains("panicked") && told.is_empty(), "{command:?}: {told}");
    }
}

#[test]
fn help_lists_every_command_in_a_group() {
    let place = Place::new();
    let help = said(&host(place.path()).arg("--help").output().unwrap());
    for title in ["Before training:", "Training:", "After training:", "Looking around:"] {
        assert!(help.contains(title), "{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    let version = said(&host(place.path()).arg("--version").output().unwrap());
    assert!(version.contains("libtorch 2."), "{version}");
}

#[test]
fn shells_and_man_take_what_is_written_for_them() {
    let place = Place::new();
    let output = host(place.path()).args(["completions", "bash"]).output().unwrap();
    std::fs::write(place.path().join("host.bash"), &output.stdout).unwrap();
    let words = "source host.bash; COMP_WORDS=(host expl); COMP_CWORD=1; COMPREPLY=(); \
                 _host host expl host; echo ${COMPREPLY[@]}";
    let bash = std::process::Command::new("bash")
        .args(["-c", words])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(said(&bash).trim(), "explain");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let output = host(place.path()).args(["completions", shell]).output().unwrap();
        assert!(said(&output).contains("find-learning-rate"), "{shell}");
    }
    let output = host(place.path()).args(["man", "--output", "man1"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for page in ["host.1", "host-run.1", "host-tsv-kfold.1", "host-doctor.1"] {
        let text = std::fs::read_to_string(place.path().join("man1").join(page)).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn the_doctor_says_what_is_there_and_what_to_mend() {
    let place = Place::new();
    let all = json(&place, &["doctor", "--json"], 0);
    let findings = all["findings"].as_array().unwrap();
    let of = |about: &str| findings.iter().find(|finding| finding["about"] == about).unwrap();
    for about in ["program", "libtorch", "devices", "threads", "memory", "disk", "file system"] {
        assert!(!of(about)["found"].as_str().unwrap().is_empty(), "{about}");
    }
    assert!(of("libtorch")["found"].as_str().unwrap().contains("libtorch_cpu"), "{all}");
    assert_eq!(of("file system")["state"], "ok");
    std::fs::create_dir(place.path().join("plugins")).unwrap();
    std::fs::write(place.path().join("plugins/broken.so"), "no library").unwrap();
    let mut command = host(place.path());
    command.args(["doctor", "--plugins", "plugins"]);
    let output = command.output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("PROBLEM") && told.contains("broken.so"), "{told}");
    assert!(told.contains("help: build it again, or take it out of the folder"), "{told}");
}
