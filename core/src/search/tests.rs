use serde_json::json;

use super::*;

fn space(table: Value) -> Result<Space> {
    let mut space = Space::default();
    let source = |path: &[String]| Source::Argument(format!("--vary {}", path.join(".")));
    space.table(table.as_object().unwrap(), &source)?;
    Ok(space)
}

fn value(space: &Space, seed: u64, trial: usize, option: &str) -> Value {
    let drawn = space.draw(seed, trial);
    drawn.iter().find(|(name, _)| name == option).unwrap().1.clone()
}

#[test]
fn a_draw_depends_on_seed_trial_and_option_alone() {
    let one = space(json!({ "learning_rate": { "exponent": [3, 5] } })).unwrap();
    let two = space(json!({
        "train": { "learning_rate": { "exponent": [3, 5] } },
        "options": { "width": { "choice": [4, 8, 16] } }, "epochs": { "randint": [1, 3] },
    }))
    .unwrap();
    assert_eq!(two.options().collect::<Vec<_>>(), ["epochs", "learning_rate", "options.width"]);
    let rate = |space, seed, trial| value(space, seed, trial, "learning_rate");
    assert_eq!(rate(&one, 7, 3), rate(&two, 7, 3));
    assert_ne!(rate(&one, 7, 3), rate(&one, 7, 4));
    assert_ne!(rate(&one, 7, 3), rate(&one, 8, 3));
}

/// Means and bounds of the distributions by their formulas, over so many draws that three standard
/// errors are well within the margins.
#[test]
fn draws_have_their_distributions() {
    let found = space(json!({
        "learning_rate": { "exponent": [3, 5] }, "weight_decay": { "log_uniform": [1e-6, 1e-2] },
        "tolerance": { "uniform": [0.2, 0.6] }, "epochs": { "randint": [2, 4] },
        "optimizer": { "choice": ["SGD", "Adam"] }, "seed": { "fixed": 9 },
    }))
    .unwrap();
    let n = 4000;
    let numbers = |option: &str| -> Vec<f64> {
        (0..n).map(|trial| value(&found, 0, trial, option).as_f64().unwrap()).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let rates: Vec<f64> = numbers("learning_rate").iter().map(|rate| rate.log10()).collect();
    assert!(rates.iter().all(|rate| (-5.0..=-3.0).contains(rate)));
    assert!((mean(&rates) + 4.0).abs() < 0.05, "{}", mean(&rates));
    let decays: Vec<f64> = numbers("weight_decay").iter().map(|decay| decay.log10()).collect();
    assert!((mean(&decays) + 4.0).abs() < 0.1 && decays.iter().all(|d| (-6.0..=-2.0).contains(d)));
    let tolerances = numbers("tolerance");
    assert!((mean(&tolerances) - 0.4).abs() < 0.01);
    let epochs = numbers("epochs");
    for whole in [2.0, 3.0, 4.0] {
        let share = epochs.iter().filter(|epoch| **epoch == whole).count() as f64 / n as f64;
        assert!((share - 1.0 / 3.0).abs() < 0.03, "{whole}: {share}");
    }
    let adam = (0..n).filter(|trial| value(&found, 0, *trial, "optimizer") == "Adam").count();
    assert!((adam as f64 / n as f64 - 0.5).abs() < 0.03, "{adam}");
    assert_eq!(value(&found, 0, 0, "seed"), 9);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_source() {
    for (table, part) in [
        (json!({ "learning_rat": { "exponent": [3, 5] } }), "did you mean \"learning_rate\""),
        (json!({ "learning_rate": { "exponant": [3, 5] } }), "did you mean \"exponent\""),
        (json!({ "learning_rate": { "exponent": [5, 3] } }), "the lower one first"),
        (json!({ "learning_rate": { "log_uniform": [0, 1] } }), "above 0"),
        (json!({ "epochs": { "uniform": [1, 5] } }), "a whole number"),
        (json!({ "epochs": { "randint": [0, 5] } }), "at least 1"),
        (json!({ "optimizer": { "choice": ["SGD", "Adm"] } }), "\"Adm\""),
        (json!({ "optimizer": { "choice": [] } }), "one value or more"),
        (json!({ "learning_rate": 0.1 }), "no distribution"),
        (json!({ "output": { "choice": ["a", "b"] } }), "cannot be searched"),
        (
            json!({ "epochs": { "choice": [1] }, "train": { "epochs": { "choice": [2] } } }),
            "epochs is given twice",
        ),
        (json!({ "data": { "normalise": { "choice": [true] } } }), "\"normalize\""),
    ] {
        let text = space(table.clone()).unwrap_err().to_string();
        assert!(text.contains(part) && text.contains("--vary"), "{table}: {text}");
    }
}

#[test]
fn what_is_said_later_replaces_what_was_said_before() {
    let mut found =
        space(json!({ "epochs": { "fixed": 1 }, "learning_rate": { "fixed": 0.1 } })).unwrap();
    found.replace_by(space(json!({ "epochs": { "fixed": 2 }, "seed": { "fixed": 3 } })).unwrap());
    assert_eq!(
        found.to_json(),
        json!({ "epochs": { "fixed": 2 }, "learning_rate": { "fixed": 0.1 }, "seed": { "fixed": 3 } })
    );
    let examples = found.examples();
    assert_eq!(examples[0], ("epochs".to_owned(), json!(2)));
    assert_eq!(examples.len(), 3);
}

#[test]
fn trials_with_other_losses_are_not_compared_by_them() {
    for table in [
        json!({ "loss": { "choice": ["CrossEntropyLoss", "MultiMarginLoss"] } }),
        json!({ "loss_options": { "label_smoothing": { "uniform": [0, 0.2] } } }),
        json!({ "balance_classes": { "choice": [true, false] } }),
    ] {
        let found = space(table.clone()).unwrap();
        assert_eq!(found.check_metric("loss").unwrap_err().code(), Code::BadOption, "{table}");
        assert!(found.check_metric("BA").is_ok());
    }
    let rates = space(json!({ "learning_rate": { "exponent": [3, 5] } })).unwrap();
    assert!(rates.check_metric("loss").is_ok());
}
