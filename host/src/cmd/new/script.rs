//! `host new script`.

use neurhai_core::Result;

use super::{Target, check_name, identifier, make_folder, write_new};

/// Write a short script that runs as it is, and shows the places to change
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

const TEMPLATE: &str = include_str!("script.rhai");

pub(super) fn write(args: &Args) -> Result<String> {
    let name = args.target.name.trim_end_matches(".rhai");
    let help = "letters, digits, _ and - will do, a letter first";
    check_name(name, char::is_ascii_alphabetic, "script", help)?;
    make_folder(&args.target.folder)?;
    let file = args.target.path(&format!("{name}.rhai"));
    let text = TEMPLATE.replace("{{name}}", name).replace("{{ident}}", &identifier(name));
    write_new(&file, &text)?;
    let file = file.display();
    Ok(format!("written: {file}\nnext: host check {file}"))
}
