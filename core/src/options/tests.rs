use super::*;
use serde_json::json;

fn specs() -> Vec<OptionSpec> {
    vec![
        OptionSpec::required("out_channels", Kind::Int { min: 1, max: i64::MAX }, "channels"),
        OptionSpec::new("p", Kind::Float { min: 0.0, max: 1.0 }, 0.5, "probability"),
        OptionSpec::absent("stride", Kind::Sizes { min: 1 }, "kernel_size", "step"),
    ]
}

#[track_caller]
fn check(given: Value, expected: Result<Value, &[(Code, &str)]>) {
    let given = given.as_object().unwrap().clone();
    match (Options::check(&specs(), &given, "layer \"x\""), expected) {
        (Ok(options), Ok(value)) => assert_eq!(Value::from(options.values), value),
        (Err(error), Err(expected)) => {
            let found: Vec<_> = error.problems().iter().collect();
            assert_eq!(found.len(), expected.len(), "{error}");
            for (found, (code, part)) in found.iter().zip(expected) {
                assert_eq!(found.code, *code, "{error}");
                assert!(found.message.contains(part), "{error}");
            }
        }
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
}

#[test]
fn defaults_are_filled_in_and_whole_floats_count_as_integers() {
    check(json!({"out_channels": 8.0}), Ok(json!({"out_channels": 8, "p": 0.5})));
    check(
        json!({"out_channels": 8, "p": 1, "stride": [1, 2]}),
        Ok(json!({"out_channels": 8, "p": 1.0, "stride": [1, 2]})),
    );
}

/// A bound that is large enough to go without saying is said where it was broken.
#[test]
fn numbers_too_large_are_told_the_bound() {
    let max = i64::from(i32::MAX);
    let specs = [OptionSpec::new("epochs", Kind::Int { min: 1, max }, 1, "passes")];
    let message = |value: Value| {
        let given = json!({"epochs": value}).as_object().unwrap().clone();
        Options::check(&specs, &given, "x").unwrap_err().problems()[0].message.clone()
    };
    assert!(
        message(json!(3e9)).contains("from 1 to 2147483647, not 3000000000"),
        "{}",
        message(json!(3e9))
    );
    assert!(message(json!(0)).contains("of at least 1, not 0"));
}

#[test]
fn names_stand_alone_or_with_options() {
    let specs = [OptionSpec::new("augmentation", Kind::Named, json!([]), "what is done")];
    let read = |value: Value| {
        let given = json!({"augmentation": value}).as_object().unwrap().clone();
        Options::check(&specs, &given, "train").and_then(|options| options.named("augmentation"))
    };
    let found = read(json!(["a", {"name": "b", "p": 1}])).unwrap();
    let p = json!({"p": 1}).as_object().unwrap().clone();
    assert_eq!(found, [("a".into(), Map::new()), ("b".into(), p)]);
    assert_eq!(read(json!("a")).unwrap().len(), 1);
    assert_eq!(read(json!([{"p": 1}])).unwrap_err().code(), Code::BadOption);
}

#[test]
fn all_problems_are_told_at_once() {
    check(
        json!({"out_chanels": 8, "p": 1.5, "stride": 0}),
        Err(&[
            (Code::UnknownOption, "did you mean \"out_channels\"?"),
            (Code::MissingOption, "out_channels"),
            (Code::BadOption, "a number from 0 to 1, not 1.5"),
            (Code::BadOption, "a whole number of at least 1"),
        ]),
    );
    // It would be another number in 64 bits.
    check(json!({"out_channels": 1e30}), Err(&[(Code::BadOption, "not 1e+30")]));
}
