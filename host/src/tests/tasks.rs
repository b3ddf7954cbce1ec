//! Regressions, reconstructions and transfers in scripts.

use std::path::Path;

use super::*;

/// A script with tiny heads, a tiny network, and `learn(name, options)` that trains on them.
fn script(folder: &Path, rest: &str) -> String {
    format!(
        r#"
        let heads = phantoms("{folder}/data", #{{ participants_per_class: 4, image_size: [16, 16, 16] }});
        architecture("tiny", #{{ width: 2 }}, |p| [
            conv(p.width, 3, #{{ padding: 1 }}), batch_norm(), relu(), max_pool(4), flatten(), linear(p.outputs),
        ]);
        let given = |name, more| {{
            let options = #{{ data: caps(heads.caps), splits: heads.splits, output: "{folder}/" + name,
                architecture: "tiny", epochs: 1, batch_size: 2, device: "cpu" }};
            options += more;
            options
        }};
        {rest}"#,
        folder = folder.display()
    )
}

#[track_caller]
fn printed(folder: &Path, rest: &str) -> String {
    run(&script(folder, rest)).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn a_table_shows_what_judges_the_task() {
    let folder = tempfile::tempdir().unwrap();
    let text = printed(
        folder.path(),
        r#"
        let run = train(given.call("number", #{ task: "regression", selection_metrics: ["loss", "MAE"] }));
        print(run.table());
        let values = run.results.filter(|one| one.group == "validation" && one.selection_metric == "MAE");
        let mae = values[0].scores.filter(|one| one.metric == "MAE")[0].value;
        print(run.best("MAE") == mae && mae > 0.0);
        let patches = caps(heads.caps).patches(8, 8);
        let run = train(given.call("image", #{ task: "reconstruction", architecture: autoencoder("tiny"),
            data: patches }));
        print(run.table("train"));
        print(run.best("SSIM") <= 1.0 && run.best("loss") > 0.0);
        let run = train(given.call("classes", #{ data: patches }));
        print(run.best("loss") > 0.0);
        try { run.best("MAE") } catch (e) { print(e.message) }
        "#,
    );
    let lines: Vec<&str> = text.lines().collect();
    let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(0), "split best by validation loss MAE RMSE R2_score MAE, 95 % interval");
    assert!(words(1).starts_with("0 loss per image ") && words(2).starts_with("0 MAE per image "));
    assert_eq!(lines[3], "true", "{text}");
    assert_eq!(words(4), "split best by train loss MAE RMSE PSNR SSIM SSIM, 95 % interval");
    assert!(words(5).starts_with("0 loss per patch "), "{text}");
    assert_eq!(lines[6..9], ["true", "true", "the run has no value of \"MAE\""], "{text}");
    assert_eq!(lines.len(), 9);
}

#[test]
fn a_check_shows_what_is_transferred_and_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let text = printed(
        folder.path(),
        r#"
        let source = train(given.call("ae", #{ task: "reconstruction", architecture: autoencoder("tiny") }));
        print(check(given.call("cnn", #{ transfer: source.maps, freeze: ["convolutions"] })));
        "#,
    );
    // A convolution of 54 + 2 numbers, a batch norm of 4 that are learned.
    for part in [
        "encoder.0  convolutions.0  2×1×3×3×3, 2  matched",
        "encoder.1  convolutions.1  2             matched",
        "-          fc              2 tensors     as drawn",
        "decoder",
        "frozen   60 of the parameters stay as they are",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!folder.path().join("cnn").exists());
}

/// The report points at the option, whoever found out.
#[test]
fn problems_with_tasks_and_transfers_point_at_their_options() {
    let folder = tempfile::tempdir().unwrap();
    let maps = folder.path().join("none").display().to_string();
    for (options, code, marked) in [
        (r#"task: "regression", classes: ["alpha"]"#, "E0104", "classes"),
        (r#"task: "regression", vote: "hard""#, "E0104", "vote"),
        (r#"task: "classificaton""#, "E0104", "task"),
        (r#"task: "reconstruction", label: "age""#, "E0104", "label"),
        (r#"class_weights: #{ alhpa: 2.0 }"#, "E0106", "class_weights"),
        (r#"class_weights: #{ alpha: 2.0 }, balance_classes: true"#, "E0104", "balance_classes"),
        (r#"select: #{ sex: [] }"#, "E0104", "select"),
        (r#"split: [4]"#, "E0406", "split"),
        (r#"freeze: ["convolution"]"#, "E0106", "freeze"),
        (r#"freeze_all_but: 3"#, "E0104", "freeze_all_but"),
        (r#"transfer_metric: "BA""#, "E0104", "transfer_metric"),
        (&format!("transfer: \"{maps}\""), "E0301", "transfer"),
    ] {
        let options = format!("train(given.call(\"maps\", #{{ {options} }}));");
        let report = run(&script(folder.path(), &options)).unwrap_err();
        assert!(report.contains(&format!("[{code}]")), "{report}");
        let lines: Vec<_> = report.lines().collect();
        let mark = lines.iter().position(|line| line.contains('^')).expect(&report);
        let start = lines[mark].find('^').unwrap();
        let length = lines[mark].matches('^').count();
        assert_eq!(&lines[mark - 1][start..start + length], marked, "{report}");
        assert!(report.contains("help: ") || report.contains("must be one of"), "{report}");
    }
    assert!(!folder.path().join("maps").exists());
}
