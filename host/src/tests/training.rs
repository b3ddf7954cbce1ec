//! `train`, `check` and `phantoms` in scripts.

use std::path::Path;

use super::*;
use crate::runtime::Ending;

/// A script that trains a tiny network on tiny heads.
fn script(folder: &Path, options: &str) -> String {
    format!(
        r#"
        let heads = phantoms("{folder}/data", #{{ participants_per_class: 4, image_size: [16, 16, 16] }});
        architecture("tiny", #{{ width: 2 }}, |p| [
            conv(p.width, 3), relu(), max_pool(4), flatten(), linear(p.outputs),
        ]);
        let run = train(#{{
            data: caps(heads.caps), splits: heads.splits, output: "{folder}/maps",
            architecture: "tiny", epochs: 1, batch_size: 2, device: "cpu",
            {options}
        }});
        "#,
        folder = folder.display()
    )
}

#[test]
fn a_script_trains_and_uses_the_results() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(|_| {});
    let printed = bench.run(&format!(
        r#"{} print(run.best("BA") >= 0.0 && run.best("BA") <= 1.0); print(run.classes);
        print(run.results[0].group); print(run.maps == "{}/maps"); print(run);
        try {{ run.best("BAA") }} catch (e) {{ print(e.message) }}"#,
        script(folder.path(), ""),
        folder.path().display()
    ));
    let printed = printed.unwrap_or_else(|report| panic!("{report}"));
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[..4], ["true", "[\"alpha\", \"beta\"]", "train", "true"]);
    assert!(lines[4].starts_with("split  best by  validation"), "{printed}");
    assert_eq!(lines[6], "the run has no value of \"BAA\"; did you mean \"BA\"?");
    assert!(folder.path().join("maps/split-0/best-loss/model.safetensors").is_file());
    // The script is kept with the results, and nothing is overwritten.
    assert!(
        std::fs::read_to_string(folder.path().join("maps/script.rhai")).unwrap().contains("tiny")
    );
    let report = bench.run(&script(folder.path(), "").replace("tiny", "tiny2")).unwrap_err();
    assert!(report.contains("E0601") && report.contains("^^^^^^"), "{report}");
}

/// A layer of a script among built-in ones, both kinds of it, computes and learns with fewer bits.
#[test]
fn layers_of_scripts_take_bfloat16() {
    let folder = tempfile::tempdir().unwrap();
    let layers = r#"
        layer("weighed", #{}, #{
            parameters: |l| #{ weight: [l.input[0], 1, 1, 1] },
            forward: |l, x| x * sigmoid(l.weight) + x.mean() });
        layer("gated", #{ channels: 2 }, |l, x|
            conv(l.channels, 3, #{ padding: 1 }).apply(x) * sigmoid(conv(l.channels, 1).apply(x)));
    "#;
    let script = script(folder.path(), "precision: \"bfloat16\",");
    let script = script.replace("relu(),", "custom(\"weighed\"), custom(\"gated\"), relu(),");
    let bench = Bench::new(|_| {});
    let printed = bench.run(&format!("{layers}{script} print(run.best(\"loss\") < 2.0);"));
    assert_eq!(printed.unwrap_or_else(|report| panic!("{report}")).trim(), "true");
}

#[test]
fn a_check_trains_nothing_and_stops_where_results_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(|s| s.mode = Mode::Check);
    let text = format!(
        "{}print(run.maps);\nprint(run.table());\nthrow \"no\";",
        script(folder.path(), "")
    );
    let ending =
        bench.runtime.run("s.rhai", &text).unwrap_or_else(|f| panic!("{}", bench.show(&f)));
    let Ending::ResultsNeeded(Some(place)) = ending else { panic!("{ending:?}") };
    let line = text.lines().nth(place.line - 1).unwrap();
    assert!(line.contains("run.table()"), "{line}");
    let reports = bench.runtime.reports();
    assert_eq!(reports.len(), 1);
    let shown = crate::show::check_report(&bench.runtime.catalog(), &reports[0]);
    assert!(shown.contains("alpha 3 + 1, beta 3 + 1 images"), "{shown}");
    assert!(!folder.path().join("maps").exists());
}

#[test]
fn a_check_judges_predictions_and_interpretations_of_experiments_that_are_not_there_yet() {
    for (call, words) in [
        ("predict(\"maps\", \"test\", #{ save_tensor: true })", "save_tensors"),
        ("predict(\"maps\", \"a test\")", "cannot be the name of a group"),
        ("predict(\"maps\", \"test\", #{ label: \"cohort\" })", "rename the column"),
        ("interpret(\"maps\", \"test\", \"x\", #{ method: \"gradient\" })", "gradients"),
        ("interpret(\"maps\", \"a/b\", \"x\", #{ method: \"gradients\" })", "the name of a group"),
    ] {
        let bench = Bench::new(|s| s.mode = Mode::Check);
        let report = bench.run(&format!("{call};")).expect_err(call);
        assert!(report.contains(words), "{words:?} is not in {report}");
        let bench = Bench::new(|s| s.mode = Mode::Check);
        let right = "predict(\"maps\", \"test\", #{ save_tensors: true });";
        bench.run(right).unwrap_or_else(|report| panic!("{report}"));
    }
}

#[test]
fn defining_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(|s| s.mode = Mode::Define);
    bench.run(&format!("{}run.table();", script(folder.path(), ""))).unwrap();
    assert!(bench.runtime.catalog().architectures.find("tiny").is_some());
    assert!(folder.path().read_dir().unwrap().next().is_none());
}

#[test]
fn a_shape_that_does_not_fit_the_data_points_at_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let script = script(folder.path(), "").replace("max_pool(4)", "max_pool(40)");
    let report = run(&script).unwrap_err();
    assert!(report.contains("E0202"), "{report}");
    assert!(report.contains("                                       ^^^^^^^^"), "{report}");
    assert!(report.contains("  in train, s.rhai:6:"), "{report}");
    assert!(!folder.path().join("maps").exists());
}

#[test]
fn problems_point_at_the_option_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    for (options, code, marked) in [
        ("epoch: 3", "E0103", "epoch"),
        ("options: #{ widht: 3 }", "E0103", "widht"),
        ("learning_rate: -1", "E0104", "learning_rate"),
        ("label: \"diagnose\"", "E0402", ""),
        ("selection_metrics: [\"AB\"]", "E0106", "selection_metrics"),
    ] {
        let report = run(&script(folder.path(), options)).unwrap_err();
        assert!(report.contains(code), "{report}");
        let lines: Vec<_> = report.lines().collect();
        let mark = lines.iter().position(|line| line.contains('^')).unwrap();
        let start = lines[mark].find('^').unwrap();
        let length = lines[mark].matches('^').count();
        let found = &lines[mark - 1][start..start + length];
        assert!(marked.is_empty() || found == marked, "{report}");
    }
    assert!(!folder.path().join("maps").exists());
}

#[test]
fn phantoms_are_checked_at_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display();
    let report = run(&format!("phantoms(\"{dir}/a\", #{{ seeds: 1, image_size: 3, masks: 2 }});"))
        .unwrap_err();
    for part in [
        "no option \"seeds\"; did you mean \"seed\"?",
        "\"image_size\" of phantoms cannot be 3",
        "\"masks\"",
    ] {
        assert!(report.contains(part), "{report}");
    }
    assert!(!folder.path().join("a").exists());
}

/// What training would begin with is tried in its place, and a script may do the same by itself.
#[test]
fn learning_rates_are_tried_in_place_of_training() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = neurhai_core::train::Sweep { updates: 5, ..Default::default() };
    let bench = Bench::new(|s| s.mode = Mode::FindLearningRate(sweep));
    let text = format!("{}print(run.table());", script(folder.path(), ""));
    let ending =
        bench.runtime.run("s.rhai", &text).unwrap_or_else(|f| panic!("{}", bench.show(&f)));
    assert!(matches!(ending, Ending::ResultsNeeded(Some(_))), "{ending:?}");
    let found = bench.runtime.found_rates();
    assert!(found.len() == 1 && found[0].points.len() == 5, "{found:?}");
    assert!(!folder.path().join("maps").exists());

    let folder = tempfile::tempdir().unwrap();
    let own = script(folder.path(), "").replace("train(#{", "find_learning_rate(#{");
    let (own, _) = own.rsplit_once("});").unwrap();
    let own = format!("{own}}}, #{{ from: 1e-6, to: 1.0, updates: 4 }});");
    let printed = Bench::new(|_| {}).run(&format!("{own} print(run.points.len()); print(run);"));
    let printed = printed.unwrap_or_else(|report| panic!("{report}"));
    assert!(printed.starts_with("4\nlearning rate  "), "{printed}");
    assert!(!folder.path().join("maps").exists());
    let report = run(&own.replace("to: 1.0", "to: 1e-7")).unwrap_err();
    assert!(report.contains("cannot end at") && report.contains("^^"), "{report}");
}

#[test]
fn without_a_model_it_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let own = r#"metric("never", #{ direction: "higher", lowest: 0.0, highest: 1.0 }, |t, s| ());"#;
    let script = script(folder.path(), "selection_metrics: [\"never\"],");
    for (i, ask) in ["run.table()", "run.best(\"BA\")"].into_iter().enumerate() {
        let script = script.replace("/maps\"", &format!("/maps{i}\""));
        let script = script.replace("/data\"", &format!("/data{i}\""));
        let report = run(&format!("{own}{script}{ask};")).unwrap_err();
        assert!(report.contains("no model was kept"), "{report}");
    }
}
