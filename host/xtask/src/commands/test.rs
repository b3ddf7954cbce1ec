//! `cargo xtask test`: all tests of all crates.

use super::Command;
use crate::error::Result;
use crate::libtorch::{self, Existing};
use crate::process::cargo;
use crate::repository::Repository;

pub(super) const COMMAND: Command = Command {
    name: "test",
    usage: "test [CARGO_TEST_ARGUMENTS]",
    summary: "Run all tests of all crates, documentation examples included.",
    help: "Arguments go to `cargo test`: `cargo xtask test vote -- --nocapture` runs the tests with \"vote\" in their names
and shows what they print; `cargo xtask test --package neurhai-core` runs those of one crate.",
    run,
};

/// Nothing is printed after the tests, so that the output ends with the test runner's own closing line.
fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    libtorch::ensure(repository, Existing::Keep)?;
    runs(arguments).iter().try_for_each(|run| cargo(repository, run))
}

/// The calls of cargo. It is cargo's own runner and not one with a process for each test, because each process
/// would spend a quarter of a second on loading libtorch.
fn runs(arguments: &[String]) -> Vec<Vec<&str>> {
    if arguments.is_empty() {
        // The documentation's examples come first, because rustdoc adds a line of its own after the closing line.
        // The plugin SDK is compiled twice, for plugins with and without tensors; its examples are
        // written for the name that the first has.
        let examples = vec!["test", "--workspace", "--exclude", "neurhai-plugin-torch", "--doc"];
        // `--tests` means every target with tests, libraries and programs included; `--lib` would ask
        // for libraries without any, too.
        let others = vec!["test", "--workspace", "--tests", "--examples"];
        return vec![examples, others];
    }
    let names_package =
        |argument: &&String| argument.starts_with("-p") || argument.starts_with("--package");
    let for_cargo = || arguments.iter().take_while(|argument| *argument != "--");
    let mut run = vec!["test"];
    run.extend((for_cargo().find(names_package).is_none()).then_some("--workspace"));
    run.extend(arguments.iter().map(String::as_str));
    vec![run]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &str, expected: &[&str]) {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let calls: Vec<String> = runs(&arguments).iter().map(|run| run.join(" ")).collect();
        assert_eq!(calls, expected);
    }

    #[test]
    fn without_arguments_everything_runs_and_the_examples_of_the_documentation_first() {
        check(
            "",
            &[
                "test --workspace --exclude neurhai-plugin-torch --doc",
                "test --workspace --tests --examples",
            ],
        );
    }

    #[test]
    fn arguments_go_to_cargo_and_packages_are_only_those_named() {
        check("vote -- --nocapture", &["test --workspace vote -- --nocapture"]);
        check("-p neurhai-core vote", &["test -p neurhai-core vote"]);
        check("--package=neurhai-core", &["test --package=neurhai-core"]);
        check("vote -- -p", &["test --workspace vote -- -p"]);
    }
}
