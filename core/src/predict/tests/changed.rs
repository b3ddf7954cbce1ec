//! Weights, masks and images that are not what they were.

use super::*;

fn trained(change: Value) -> Bench {
    let bench = Bench::with_test(|_| ());
    let mut options = json!({"epochs": 1, "selection_metrics": ["loss"]});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bench.run("maps", options).unwrap();
    bench
}

#[test]
fn a_column_of_lists_cannot_be_a_label() {
    let bench = trained(json!({}));
    for name in ["participant_id", "session_id", "cohort"] {
        let error = bench.run("other", json!({"label": name})).unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.to_string().contains("rename the column"), "{error}");
        let label = json!({"participants": "test.tsv", "label": name});
        bench.refuses("test", label, Code::BadOption, &["rename the column"]);
    }
}
