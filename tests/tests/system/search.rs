//! Searches and learning curves: many trainings of one script.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use neurhai_core::data::table::Table;
use neurhai_core::files::is_locked;
use serde_json::Value;

use crate::force::{assert_whole, send, until};
use crate::report::check_structure;
use crate::{Place, host, root, said};

fn cells(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).unwrap();
    (0..table.len()).map(|row| table.text(row, column).unwrap_or("n/a").to_owned()).collect()
}

/// The program with these words: its exit code and what it said.
fn run(place: &Place, words: &str) -> (Option<i32>, String) {
    let output = host(place.path()).args(words.split(' ')).output().unwrap();
    (output.status.code(), said(&output))
}

/// A metric of the best model by the loss, out of the tables of an experiment.
fn value(maps: &Path, metric: &str) -> f64 {
    let name = "split-0/best-loss/validation/validation_image_level_metrics.tsv";
    let table = Table::read(&maps.join(name)).unwrap();
    table.number(0, table.column(metric).unwrap()).unwrap().unwrap()
}

#[test]
fn the_example_searches_and_goes_on_with_more_trials() {
    let place = Place::new();
    let example = |name: &str| root().join("scripts/examples").join(name).display().to_string();
    let (script, config) = (example("search.rhai"), example("search.toml"));
    let words = format!("search {script} --config {config} --set epochs=1 --output out --trials");
    let (code, text) = run(&place, &format!("{words} 2 --jobs 2"));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("best: trial-00") && text.contains("optimistic"), "{text}");
    let out = place.path().join("out");
    let first = Table::read(&out.join("search.tsv")).unwrap();
    assert_eq!(cells(&first, "state"), ["finished", "finished"]);

    // The drawn values are those that the experiments were made with.
    for (row, name) in ["trial-000", "trial-001"].iter().enumerate() {
        let text = std::fs::read_to_string(out.join(name).join("maps.json")).unwrap();
        let maps: Value = serde_json::from_str(&text).unwrap();
        let found = &maps["neurhai"]["configuration"];
        let rate: f64 = cells(&first, "learning_rate")[row].parse().unwrap();
        assert_eq!(found["learning_rate"].as_f64().unwrap(), rate);
        assert!((1e-4..=1e-2).contains(&rate));
        let width = cells(&first, "options.first_conv_width")[row].clone();
        assert_eq!(found["options"]["first_conv_width"].to_string(), width);
        assert_eq!(found["epochs"], 1, "the command line wins over the file");
        let mean: f64 = cells(&first, "BA_mean")[row].parse().unwrap();
        let name = "split-0/best-BA/validation/validation_image_level_metrics.tsv";
        let table = Table::read(&out.join(format!("trial-00{row}")).join(name)).unwrap();
        let own = table.number(0, table.column("BA").unwrap()).unwrap().unwrap();
        assert_eq!(mean, own);
    }
    let (code, text) = run(&place, &format!("{words} 3 --json"));
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("trial-000 begins") && text.contains("trial-002 begins"), "{text}");
    let found: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(found["trials"].as_array().unwrap().len(), 3);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    check_structure(&page);
    for part in ["Search over 3 trials", "<title>BA by learning_rate</title>", "optimistic"] {
        assert!(page.contains(part), "{part:?} is not in:\n{page}");
    }
    let table_of_three = std::fs::read(out.join("search.tsv")).unwrap();
    let second = Table::read(&out.join("search.tsv")).unwrap();
    assert_eq!(cells(&second, "learning_rate")[..2], cells(&first, "learning_rate")[..]);

    let (code, text) = run(&place, &format!("{words} 3 --seed 1"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("E0601") && text.contains("seed (0 before, 1 now)"), "{text}");

    // Fewer trials leave the others in the table; other threads would give other results.
    let (code, text) = run(&place, &format!("{words} 1"));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(std::fs::read(out.join("search.tsv")).unwrap(), table_of_three);
    let mut command = host(place.path());
    let output =
        command.env("OMP_NUM_THREADS", "97").args(format!("{words} 4").split(' ')).output();
    let text = said(&output.unwrap());
    assert!(text.contains("E0601") && text.contains("threads ("), "{text}");
    let output = host(place.path()).args(["run", &script]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// What is drawn is what is trained with, and a search does not go on with another script.
#[test]
fn trials_train_with_what_they_draw_and_with_one_script() {
    let place = Place::new();
    place.script("import \"part\" as part; TRAIN");
    let module = place.path().join("part.rhai");
    std::fs::write(&module, "fn nothing() {}").unwrap();
    std::fs::write(place.path().join("a.toml"), "[train.0]\nlearning_rate = 0.5\nseed = 4\n")
        .unwrap();
    let words = "search script.rhai --config a.toml --set epochs=1 --trials 1 --output out \
                 --vary learning_rate=fixed(0.001)";
    let (code, text) = run(&place, words);
    assert_eq!(code, Some(0), "{text}");
    let maps = std::fs::read_to_string(place.path().join("out/trial-000/maps.json")).unwrap();
    let maps: Value = serde_json::from_str(&maps).unwrap();
    let found = &maps["neurhai"]["configuration"];
    assert_eq!((found["learning_rate"].as_f64(), found["seed"].as_u64()), (Some(0.001), Some(4)));
    std::fs::write(&module, "fn nothing() { 1 }").unwrap();
    let (code, text) = run(&place, words);
    assert!(code == Some(1) && text.contains("differ in imports"), "{text}");
}

#[test]
fn a_trial_that_fails_is_noted_and_the_others_go_on() {
    let place = Place::new();
    place.script("TRAIN");
    let words = "search script.rhai --set epochs=1 --output out --trials 4 --vary";
    let (code, text) = run(&place, &format!("{words} learning_rate=choice(1e-3,1e30)"));
    assert_eq!(code, Some(0), "{text}");
    let table = Table::read(&place.path().join("out/search.tsv")).unwrap();
    let rates = cells(&table, "learning_rate");
    assert!(rates.contains(&"0.001".into()) && rates.contains(&"1e+30".into()), "{rates:?}");
    for ((rate, state), error) in
        rates.iter().zip(cells(&table, "state")).zip(cells(&table, "error"))
    {
        match rate.as_str() {
            "0.001" => assert_eq!((state.as_str(), error.as_str()), ("finished", "n/a")),
            _ => assert!(state == "failed" && error.contains("E0501"), "{state} {error}"),
        }
    }
    // It is not tried again, and where all fail that is the exit code.
    let (_, text) = run(&place, &format!("{words} learning_rate=choice(1e-3,1e30)"));
    assert!(!text.contains("begins"), "{text}");
    std::fs::remove_dir_all(place.path().join("out")).unwrap();
    let (code, text) = run(&place, &format!("{words} learning_rate=fixed(1e30) --trials 1"));
    assert!(code == Some(2) && text.contains("--trials"), "{text}");
    let (code, text) =
        run(&place, &format!("{} learning_rate=fixed(1e30)", words.replace("4", "1")));
    assert_eq!(code, Some(1), "{text}");
}

/// No more trainings hold their folders at once than may run at once, and so many do.
#[test]
fn trials_run_side_by_side_within_the_limit() {
    let place = Place::new();
    place.script(&super::TRAIN.replace("epochs: 2", "epochs: 30, patience: 0"));
    let words =
        "search script.rhai --trials 5 --jobs 2 --vary learning_rate=exponent(2,4) --output out";
    let mut command = host(place.path());
    let command = command.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let held = |trial: &usize| is_locked(&place.path().join(format!("out/trial-{trial:03}/.lock")));
    let (mut most, begun) = (0, Instant::now());
    let code = loop {
        most = most.max((0..5).filter(held).count());
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "it goes on");
        sleep(Duration::from_millis(2));
    };
    assert_eq!((code, most), (Some(0), 2));
}

#[test]
fn what_cannot_be_searched_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.script("TRAIN");
    for (words, code, part) in [
        ("--vary epoch=choice(1,2)", 2, "did you mean \"epochs\""),
        ("--vary epochs=uniform(1,3)", 2, "a whole number"),
        ("--vary epochs=choise(1)", 2, "did you mean \"choice\""),
        ("--vary epochs=choice(1) --set epochs=2", 2, "set by --set"),
        ("--vary epochs=choice(1) --set train.0.epochs=2", 2, "set by --set"),
        ("--vary options.width=choice(1) --set options={width=3}", 2, "set by --set"),
        ("--vary epochs=choice(1) --set train.0.output=b", 2, "an output of its own"),
        ("--vary epochs=choice(1) --metric BAA", 2, "no metric \"BAA\""),
        ("--vary epochs=choice(1) --jobs 0", 2, "--jobs"),
        ("--vary epochs=choice(1) --vary train.epochs=choice(2)", 2, "given twice"),
        ("--vary balance_classes=choice(true,false)", 2, "cannot be compared by their loss"),
        ("--vary options.width=choice(2,4)", 1, "has no option \"width\""),
        ("--vary optimizer_options.momentun=uniform(0,1)", 1, "what may be drawn"),
        ("--trials 3", 2, "nothing is searched over"),
        ("--vary epochs=choice(1) --set options.width=2", 1, "has no option \"width\""),
    ] {
        let (found, text) = run(&place, &format!("search script.rhai --output out {words}"));
        assert!(found == Some(code) && text.contains(part), "{words}: {found:?}\n{text}");
        assert!(!place.path().join("out").exists());
    }
    let again = "train(#{ data: caps(\"data/caps\"), splits: \"data/splits\", output: \"b\" });";
    place.script(&format!("TRAIN {again}"));
    let (code, text) = run(&place, "search script.rhai --output out --vary epochs=choice(1)");
    assert!(code == Some(1) && text.contains("trains 2 times"), "{text}");
}

/// Trials that learned from other tables would be compared with those before.
#[test]
fn a_search_goes_on_with_the_tables_that_it_began_with() {
    let place = Place::new();
    place.script("TRAIN");
    let words = "search script.rhai --set epochs=1 --vary learning_rate=exponent(2,4) --output out --trials";
    let (code, text) = run(&place, &format!("{words} 1"));
    assert_eq!(code, Some(0), "{text}");
    let table = place.table("train.tsv");
    let text = std::fs::read_to_string(&table).unwrap();
    let fewer: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
    std::fs::remove_file(&table).unwrap();
    std::fs::write(&table, fewer.join("\n")).unwrap();
    let (code, text) = run(&place, &format!("{words} 2"));
    assert!(code == Some(1) && text.contains("E0601") && text.contains("train.tsv"), "{text}");
    let (code, text) = run(&place, &format!("{words} 1"));
    assert_eq!(code, Some(0), "what is done is shown: {text}");
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
fn children(process: u32) -> Vec<u32> {
    let of = |entry: std::fs::DirEntry| -> Option<u32> {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name, which may hold anything: the state and the parent.
        let parent = text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()?;
        (parent == process).then_some(child)
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect()
}

/// A training that the system kills, as for want of memory, is tried once more and not for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_training_that_is_killed_goes_on_and_one_killed_again_is_told() {
    for (kills, state) in [(1, "finished"), (2, "failed")] {
        let place = Place::new();
        place.script(&super::TRAIN.replace("epochs: 2", "epochs: 30, patience: 0"));
        let words = "search script.rhai --trials 1 --vary learning_rate=fixed(1e-3) --output out";
        let mut command = host(place.path());
        command.args(words.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut search = command.spawn().unwrap();
        let checkpoint = place.path().join("out/trial-000/split-0/tmp/checkpoint.safetensors");
        let mut killed = 0;
        for _ in 0..kills {
            let id = search.id();
            let another = || children(id).iter().any(|one| *one != killed);
            assert!(until(&mut search, || checkpoint.exists() && another()));
            killed = children(id).into_iter().find(|one| *one != killed).unwrap();
            send(killed, &["KILL"]);
        }
        let output = search.wait_with_output().unwrap();
        let text = said(&output);
        assert!(text.contains("trial-000 is tried once more: it was killed by"), "{text}");
        let table = Table::read(&place.path().join("out/search.tsv")).unwrap();
        assert_eq!(cells(&table, "state"), [state], "{text}");
        if state == "failed" {
            assert!(text.contains("without trial-000.failed it is tried again"), "{text}");
            assert!(cells(&table, "error")[0].contains("perhaps for want of memory"), "{text}");
        }
    }
}

/// Killed at several moments, the same command ends with the same bytes as one that was left alone.
#[test]
fn a_search_that_was_killed_goes_on_to_the_same_end() {
    let place = Place::new();
    place.script(&super::TRAIN.replace("epochs: 2", "epochs: 12, patience: 0"));
    let words = |output: &str| {
        format!(
            "search script.rhai --trials 3 --vary learning_rate=exponent(2,4) --jobs 2 --output {output}"
        )
    };
    let out = place.path().join("out");
    let checkpoint =
        |trial: usize| out.join(format!("trial-00{trial}/split-0/tmp/checkpoint.safetensors"));
    for trial in 0..3 {
        let mut command = host(place.path());
        command.args(words("out").split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        until(&mut child, || checkpoint(trial).exists());
        sleep(Duration::from_millis(37 * trial as u64));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Asked to end, it lets its trainings save first.
    let mut command = host(place.path());
    let mut child = command
        .args(words("out").split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if until(&mut child, || checkpoint(0).exists() || checkpoint(1).exists()) {
        send(child.id(), &["TERM"]);
        assert!(matches!(child.wait().unwrap().code(), Some(143 | 0)));
    }
    let (code, text) = run(&place, &words("out"));
    assert_eq!(code, Some(0), "{text}");
    assert_whole(&out);
    let (code, text) = run(&place, &words("alone"));
    assert_eq!(code, Some(0), "{text}");
    let read =
        |folder: &str, file: &str| std::fs::read(place.path().join(folder).join(file)).unwrap();
    assert!(read("out", "search.tsv") == read("alone", "search.tsv"));
    for trial in 0..3 {
        let file = format!("trial-00{trial}/split-0/best-loss/model.safetensors");
        assert!(read("out", &file) == read("alone", &file), "{file}");
    }
}

#[test]
fn a_learning_curve_is_nested_and_validated_on_the_same() {
    let place = Place::new();
    place.script("TRAIN");
    let words = "learning-curve script.rhai --fractions 1,0.34,0.67 --repeats 2 --set epochs=1 \
                 --metric accuracy --output out --jobs 2";
    let (code, text) = run(&place, words);
    assert_eq!(code, Some(0), "{text}");
    let out = place.path().join("out");
    let people = |fraction: &str, seed: usize, group: &str| -> BTreeSet<String> {
        let maps = out.join(format!("fraction-{fraction}-seed-{seed}"));
        let table = Table::read(&maps.join(format!("groups/{group}/split-0/data.tsv"))).unwrap();
        cells(&table, "participant_id").into_iter().collect()
    };
    for seed in [0, 1] {
        let sets = ["0.34", "0.67", "1"].map(|fraction| people(fraction, seed, "train"));
        assert!(sets[0].is_subset(&sets[1]) && sets[1].is_subset(&sets[2]), "{sets:?}");
        let validation = ["0.34", "1"].map(|fraction| people(fraction, seed, "validation"));
        assert_eq!(validation[0], validation[1]);
    }
    assert_ne!(people("0.34", 0, "train"), people("0.34", 1, "train"));
    let table = Table::read(&out.join("learning_curve.tsv")).unwrap();
    assert_eq!(cells(&table, "fraction"), ["0.34", "0.67", "1"]);
    for (row, fraction) in ["0.34", "0.67", "1"].iter().enumerate() {
        let size = people(fraction, 0, "train").len();
        assert_eq!(cells(&table, "participants")[row], size.to_string());
        let [a, b] = [0, 1]
            .map(|seed| value(&out.join(format!("fraction-{fraction}-seed-{seed}")), "accuracy"));
        let number = |column: &str| cells(&table, column)[row].parse::<f64>().unwrap();
        assert!((number("accuracy_mean") - (a + b) / 2.0).abs() < 1e-12);
        assert!((number("accuracy_sd") - (a - b).abs() / 2f64.sqrt()).abs() < 1e-12);
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    check_structure(&page);
    assert!(page.contains("<title>accuracy by the size of the training set</title>"), "{page}");
    // All of them with the script's own seed is the script's own training, with as many threads.
    let threads = std::thread::available_parallelism().unwrap().get() / 2;
    let mut command = host(place.path());
    command.env("OMP_NUM_THREADS", threads.max(1).to_string());
    let output = command.args(["run", "script.rhai", "--set", "epochs=1"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let model = "split-0/best-loss/model.safetensors";
    let own = std::fs::read(place.path().join("maps").join(model)).unwrap();
    let whole = std::fs::read(out.join("fraction-1-seed-0").join(model)).unwrap();
    assert!(own == whole);
}
