//! From the words of a command line to a command.

use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};
use neurhai_core::{Code, Error};

use super::{Cli, USAGE, help, misused};
use crate::output;

/// The program: reads the command line of this process and does what it asks for.
pub fn main() -> ExitCode {
    let parsed = without_empty(help::grouped()).try_get_matches().and_then(|matches| {
        let json = asks_for_json(&matches);
        Cli::from_arg_matches(&matches).map(|cli| (cli, json))
    });
    let code = match parsed {
        Ok((cli, json)) => {
            output::choose(output::Manner { quiet: cli.quiet, verbose: cli.verbose, json });
            cli.run()
        }
        Err(error) => unparsed(&error),
    };
    if output::complete() { code } else { ExitCode::FAILURE }
}

/// The command line, for which variables that are set to nothing count as not set.
fn without_empty(command: clap::Command) -> clap::Command {
    let empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty)
}

/// Shows why a command line is none, or the help that it asks for.
fn unparsed(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if json && error.use_stderr() {
        output::choose(output::Manner { json, ..Default::default() });
        return misused(of_clap(error));
    }
    // As for output of our own, a reader that went away is no error.
    output::told(error.print());
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

/// What the parser says of a command line, as an error of ours.
fn of_clap(error: &clap::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => Code::UnknownOption,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Code::MissingOption,
        _ => Code::BadOption,
    };
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message).trim();
    let help = rest.trim();
    let error = Error::new(code, message);
    if help.is_empty() { error } else { error.help(help) }
}

/// Whether the command that was given, or one within it, was given `--json`.
fn asks_for_json(matches: &ArgMatches) -> bool {
    matches!(matches.try_get_one("json"), Ok(Some(true)))
        || matches.subcommand().is_some_and(|(_, inner)| asks_for_json(inner))
}
