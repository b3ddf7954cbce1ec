//! `cargo xtask COMMAND`: Neurhai's set-up, tests, checks and benchmarks, for people and for continuous integration.
//!
//! It links no libtorch, because it is what fetches libtorch.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for the terminal, not a library"
)]

mod commands;
mod error;
mod libtorch;
mod process;
mod repository;
mod suggest;

use crate::commands::{COMMANDS, Command};
use crate::error::{Error, Result};
use crate::repository::Repository;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", overview());
        return Ok(());
    };
    if asks_for_help(name) {
        print!("{}", overview());
        return Ok(());
    }
    let command = find(name)?;
    if rest.first().is_some_and(|first| asks_for_help(first)) {
        println!("{}\n\nUsage: cargo xtask {}\n\n{}", command.summary, command.usage, command.help);
        return Ok(());
    }
    (command.run)(&Repository::find()?, rest)
}

fn asks_for_help(argument: &str) -> bool {
    matches!(argument, "-h" | "--help" | "help")
}

fn find(name: &str) -> Result<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| {
        let remedy = match suggest::nearest(name, COMMANDS.iter().map(|command| command.name)) {
            Some(near) => format!("Did you mean `cargo xtask {near}`?"),
            None => "`cargo xtask` lists the commands.".to_owned(),
        };
        Error::usage(format!("there is no command `{name}`"), remedy)
    })
}

fn overview() -> String {
    let mut text =
        "Set-up, tests and benchmarks of Neurhai.\n\nUsage: cargo xtask COMMAND [ARGUMENTS]\n\n"
            .to_owned();
    for command in COMMANDS {
        text += &format!("  {:<10} {}\n", command.name, command.summary);
    }
    text + "\n`cargo xtask COMMAND --help` says more about one of them.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_overview_has_one_line_for_each_command() {
        let text = overview();
        for command in COMMANDS {
            assert_eq!(
                text.lines().filter(|line| line.contains(command.summary)).count(),
                1,
                "{}",
                command.name
            );
            assert!(
                command.summary.ends_with('.') && command.usage.starts_with(command.name),
                "{}",
                command.name
            );
        }
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn an_unknown_command_suggests_the_nearest_and_is_a_usage_error() {
        let error = run(&words("libtroch")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("cargo xtask libtorch"), "{error}");
        assert!(!run(&words("frobnicate")).unwrap_err().to_string().contains("Did you mean"));
    }

    #[test]
    fn arguments_a_command_does_not_take_are_usage_errors() {
        for line in ["demo slim3d", "check --fix", "libtorch --force"] {
            assert_eq!(run(&words(line)).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
