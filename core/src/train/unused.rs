//! Options that would do nothing, or contradict each other: they are refused, since whoever gives one
//! expects something of it.

use super::config::Config;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::options::Default;
use crate::task::Task;

/// Options that need classes, and what to do without them.
const OF_CLASSES: [(&str, &str); 3] = [
    ("classes", "choose the rows with select: #{ diagnosis: [\"CN\"] }"),
    ("class_weights", "leave it out"),
    ("balance_classes", "leave it out"),
];

/// Options of what a reconstruction does not have: a label, and votes of parts.
const OF_LABELS: [(&str, &str); 6] = [
    ("label", "the image itself is what is learned: leave it out"),
    ("vote", "each part stands for itself: leave it out"),
    ("vote_options", "each part stands for itself: leave it out"),
    ("vote_weights", "each part stands for itself: leave it out"),
    ("selection_threshold", "each part stands for itself: leave it out"),
    ("missing_parts", "each part stands for itself: leave it out"),
];

/// Options that say more about a transfer.
const OF_TRANSFER: [&str; 4] =
    ["transfer_split", "transfer_metric", "transfer_network", "transfer_strict"];

/// Pairs of options of which one at most may be given.
const EITHER: [[&str; 2]; 2] = [["freeze", "freeze_all_but"], ["class_weights", "balance_classes"]];

/// Refuses what would do nothing. An option that is given with its default is as good as left out.
///
/// # Errors
/// Every such option.
pub(super) fn check_unused(config: &Config) -> Result<()> {
    let mut problems = Problems::default();
    let specs = super::options();
    let given = |name: &str| {
        let spec = specs.iter().find(|spec| spec.name == name);
        let default = spec.map(|spec| &spec.default);
        let value = config.train.values().get(name);
        value.is_some_and(
            |value| !matches!(default, Some(Default::Value(default)) if default == value),
        )
    };
    let mut refuse = |name: &str, message: String, help: &str| {
        let error = Error::new(Code::BadOption, message).at(Place::Option(name.into()));
        problems.push(error.help(help));
    };
    let task = config.task;
    let of_classes = OF_CLASSES.iter().filter(|_| task != Task::Classification);
    let of_labels = OF_LABELS.iter().filter(|_| task == Task::Reconstruction);
    for (name, help) in of_classes.chain(of_labels).filter(|(name, _)| given(name)) {
        refuse(name, format!("a {task} has no use for {name}"), help);
    }
    for name in OF_TRANSFER.into_iter().filter(|name| given(name) && !given("transfer")) {
        let message = format!("{name} is given, but no weights are transferred");
        refuse(name, message, "say where they come from: transfer: \"maps/autoencoder\"");
    }
    if given("schedule_options") && !given("schedule") {
        let message = "schedule_options is given, but no schedule".into();
        refuse("schedule_options", message, "name one: schedule: \"StepLR\"");
    }
    if given("compensation") && !config.train.flag("deterministic")? {
        let message = "compensation is given, but deterministic is not asked for".into();
        refuse("compensation", message, "leave it out, or set deterministic: true");
    }
    if given("log_augmentation") && !given("augmentation") {
        let message = "log_augmentation is given, but no augmentation".into();
        refuse("log_augmentation", message, "name transforms: augmentation: [\"Noise\"]");
    }
    if given("networks_at_once") && !config.multi_network {
        let message = "networks_at_once is given, but one network is trained for all parts";
        refuse("networks_at_once", message.into(), "leave it out, or set multi_network: true");
    }
    for [one, other] in EITHER.into_iter().filter(|pair| pair.iter().all(|name| given(name))) {
        refuse(other, format!("{one} and {other} exclude each other"), "keep one of the two");
    }
    let votes = task != Task::Reconstruction;
    if votes && given("selection_threshold") && config.vote_weights()? == "uniform" {
        let message = "with uniform vote_weights no part has a score to hold against the threshold";
        refuse(
            "selection_threshold",
            message.into(),
            "leave it out, or weigh by balanced_accuracy",
        );
    }
    problems.into_result()
}
