//! What `--help` adds to the descriptions of commands: groups, and an example of each.

use std::fmt::Write;
use std::sync::LazyLock;

use clap::{Command, CommandFactory};
use neurhai_core::device::LIBTORCH;

use super::Cli;

/// The program's version, and that of the libtorch it was built for.
pub(super) static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (libtorch {LIBTORCH})", env!("CARGO_PKG_VERSION")));

/// The commands in the order of their use, each with an example.
const GROUPS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Before training",
        &[
            ("generate", "host generate trivial data/caps data/trivial"),
            ("check", "host check data/caps"),
            ("info", "host info data/caps/image.nii.gz"),
            ("tsv", "host tsv experiment labels.tsv --output splits"),
            ("prepare", "host prepare patch data/caps"),
        ],
    ),
    (
        "Training",
        &[
            ("find-learning-rate", "host find-learning-rate study.rhai"),
            ("run", "host run study.rhai --set epochs=3"),
            ("resume", "host resume maps/study --dry-run"),
            (
                "search",
                "host search study.rhai --vary learning_rate=exponent(3,5) --output maps/search",
            ),
            ("learning-curve", "host learning-curve study.rhai --output maps/curve"),
        ],
    ),
    (
        "After training",
        &[
            ("predict", "host predict maps/study test --caps data/caps --participants test.tsv"),
            ("interpret", "host interpret maps/study test cam grad_cam"),
            ("report", "host report maps/study"),
            ("compare", "host compare maps/study maps/study_again"),
            ("describe", "host describe maps/study"),
            ("track", "host track push maps/study --to mlflow:http://localhost:5000"),
            ("import", "host import clinicadl_maps maps/imported --caps data/caps"),
        ],
    ),
    (
        "Looking around",
        &[
            ("list", "host list layers"),
            ("explain", "host explain conv"),
            ("inspect", "host inspect Conv5_FC3 --input 1x169x208x179"),
            ("plugins", "host plugins --plugins plugins"),
            ("repl", "host repl"),
            ("new", "host new script my_study"),
            ("doctor", "host doctor"),
            ("cache", "host cache list"),
            ("schema", "host schema"),
            ("definitions", "host definitions"),
            ("completions", "host completions bash"),
            ("man", "host man --output ~/.local/share/man/man1"),
        ],
    ),
];

/// The command line, with an example in the help of each command.
pub(super) fn command() -> Command {
    GROUPS.iter().flat_map(|(_, commands)| *commands).fold(
        Cli::command(),
        |all, (name, example)| {
            all.mut_subcommand(name, |command| command.after_help(format!("Example: {example}")))
        },
    )
}

/// The same without what is for this program alone, which shells would offer.
pub(super) fn public() -> Command {
    fn shown(command: &Command) -> Command {
        let about = command.get_about().cloned().unwrap_or_default();
        let arguments = command.get_arguments().filter(|one| !one.is_hide_set()).cloned();
        let inner = command.get_subcommands().map(shown);
        // Names are taken for as long as the program runs, which here is not long.
        let name: &'static str = command.get_name().to_owned().leak();
        Command::new(name).about(about).args(arguments).subcommands(inner)
    }
    shown(&command())
}

/// A text in lines of at most `width` characters, of which those after the first begin with `indent`
/// spaces, as what stands before the first does.
fn indented(text: &str, indent: usize, width: usize) -> String {
    let (mut out, mut column) = (String::new(), indent);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out
}

/// The same, with commands in groups where the program's own help lists them.
pub(super) fn grouped() -> Command {
    let command = command();
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "{title}:");
        for (name, _) in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map_or_else(String::new, ToString::to_string);
            let _ = writeln!(text, "  {name:<19} {}", indented(&about, 22, 80));
        }
        text.push('\n');
    }
    command
        .mut_subcommands(|inner| inner.hide(true))
        .before_help(text + "`host COMMAND --help` tells more about each.")
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list_hang_and_end_before_the_edge() {
        assert_eq!(indented("a bc def gh", 2, 8), "a bc\n  def gh");
        assert_eq!(indented("toolongaword a", 2, 8), "toolongaword\n  a");
        let mut help = grouped();
        let help = help.render_help().to_string();
        let list = help.split("Options:").next().unwrap();
        assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    }

    #[test]
    fn what_is_hidden_is_not_offered_to_shells() {
        let mut command = public();
        command.build();
        let run = command.find_subcommand("run").unwrap();
        let names: Vec<&str> = run.get_arguments().filter_map(clap::Arg::get_long).collect();
        assert!(names.contains(&"set") && names.contains(&"quiet"), "{names:?}");
        assert!(!names.contains(&"with-parent") && !names.contains(&"trial"), "{names:?}");
    }

    #[test]
    fn every_command_stands_in_one_group_with_an_example_that_parses() {
        let mut listed: Vec<&str> =
            GROUPS.iter().flat_map(|(_, names)| names.iter().map(|(name, _)| *name)).collect();
        let command = Cli::command();
        let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        for (_, names) in GROUPS {
            for (name, example) in names {
                let parsed = Cli::command().try_get_matches_from(example.split_whitespace());
                let matches = parsed.unwrap_or_else(|error| panic!("{example}: {error}"));
                assert_eq!(matches.subcommand_name(), Some(*name), "{example}");
            }
        }
        Cli::command().debug_assert();
    }
}
