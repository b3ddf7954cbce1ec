use serde_json::{Value, json};

use super::*;

fn fixture() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/optimizers.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Over fifty epochs, against torch.optim.lr_scheduler (tests/fixtures/make_optimizers.py).
#[test]
fn learning_rates_are_pytorchs() {
    let fixture = fixture();
    let count = |name: &str| fixture[name].as_u64().unwrap() as usize;
    let (epochs, updates_per_epoch) = (count("epochs"), count("updates"));
    let list = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let losses = list(&fixture["losses"]);
    let mut names = Vec::new();
    for case in fixture["schedules"].as_array().unwrap() {
        let name = case["schedule"].as_str().unwrap();
        names.push(name.to_owned());
        let warmup = case["warmup_epochs"].as_u64().unwrap() as usize;
        let schedule = Schedule::constant(fixture["base"].as_f64().unwrap(), warmup);
        let schedule = schedule.with(name, case["options"].as_object().unwrap()).unwrap();
        let rates = list(&case["rates"]);
        assert_eq!(rates.len(), epochs * updates_per_epoch);
        for (i, expected) in rates.into_iter().enumerate() {
            let (epoch, update) = (i / updates_per_epoch, i % updates_per_epoch);
            let losses = &losses[..epoch];
            let at = Standing { epoch, update, updates_per_epoch, epochs, losses };
            let found = schedule.rate(at).unwrap();
            // Around 0, PyTorch's cosine, which goes on from its last value, has no digits left.
            let off = (found - expected).abs() / (expected.abs() + 1e-9);
            assert!(off < 1e-6, "{case:.200} in epoch {epoch}: {found}, not {expected}");
        }
    }
    names.dedup();
    assert_eq!(names, infos().into_iter().map(|info| info.name).collect::<Vec<_>>());
}

#[test]
fn without_a_schedule_the_learning_rate_rises_and_stays() {
    let schedule = Schedule::constant(0.1, 2);
    let rate = |epoch, update| {
        let at = Standing { epoch, update, updates_per_epoch: 2, epochs: 5, losses: &[] };
        schedule.rate(at).unwrap()
    };
    let rates = [rate(0, 0), rate(0, 1), rate(1, 0), rate(1, 1), rate(2, 0), rate(4, 1)];
    let expected = [0.025, 0.05, 0.075, 0.1, 0.1, 0.1];
    assert!(rates.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{rates:?}");
}

#[test]
fn a_course_of_one_update_has_a_learning_rate() {
    for info in infos() {
        let options = json!({"step_size": 1});
        let options = if info.name == "StepLR" { options } else { json!({}) };
        let schedule = Schedule::constant(0.1, 0).with(&info.name, options.as_object().unwrap());
        let at = Standing { epoch: 0, update: 0, updates_per_epoch: 1, epochs: 1, losses: &[] };
        let rate = schedule.unwrap().rate(at).unwrap();
        assert!(rate.is_finite() && rate > 0.0, "{} gives {rate}", info.name);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, options: Value, words: &str| {
        let error = Schedule::constant(0.1, 0).with(name, options.as_object().unwrap()).err();
        let error = error.unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("stepLR", json!({}), "did you mean \"StepLR\"?");
    refused("StepLR", json!({}), "step_size");
    refused("OneCycleLR", json!({"pct_start": 2}), "from 0 to 1");
    let error = Schedule::constant(0.1, 5).check(5).unwrap_err();
    assert!(error.to_string().contains("leave none of 5"), "{error}");
}

#[test]
fn only_what_spreads_over_all_epochs_says_so() {
    let spreads = |name: &str, options: Value| {
        Schedule::constant(0.1, 0).with(name, options.as_object().unwrap()).unwrap().spreads()
    };
    assert!(spreads("CosineAnnealingLR", json!({})) && spreads("OneCycleLR", json!({})));
    assert!(!spreads("CosineAnnealingLR", json!({"T_max": 5})));
    assert!(
        !spreads("ReduceLROnPlateau", json!({})) && !spreads("StepLR", json!({"step_size": 2}))
    );
}
