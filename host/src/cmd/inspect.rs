//! `host inspect`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::catalog::{ArchitectureRequest, Entry};
use neurhai_core::network::Plan;
use neurhai_core::{Code, Error, Experiment, shape};
use serde_json::{Map, Value, json};

use super::{failed, is_there, misused, runtime};
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
use crate::runtime::{Mode, Runtime};
use crate::show;

/// Show a network's layers: shapes, parameters, multiply–adds and memory
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An architecture, a script for those it registers, or the folder of an experiment
    #[arg(value_name = "NAME|SCRIPT|MAPS")]
    name: String,

    /// Input shape: channels, then the sizes
    #[arg(long, value_name = "SHAPE", value_parser = read_shape, default_value = "1x169x208x179")]
    input: shape::Shape,

    /// Outputs: the number of classes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(i64).range(1..))]
    outputs: i64,

    /// An option of the architecture; may be given several times
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = read_option)]
    options: Vec<(String, Value)>,

    /// For the folder of an experiment: a script that registers the layers it used
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// As JSON; of a script, a list with each architecture
    #[arg(long)]
    json: bool,

    /// Arguments for the script: --name value …
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

fn read_shape(text: &str) -> Result<shape::Shape, String> {
    shape::parse(text).ok_or_else(|| "sizes are whole numbers with x between: 1x169x208x179".into())
}

fn read_option(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("an option is written as key=value")?;
    // What is no JSON is a text.
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.trim().to_owned(), value))
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    match networks(&args, plugins) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn networks(args: &Args, plugins: &Options) -> Result<(), ExitCode> {
    let path = Path::new(&args.name);
    let experiment = path.join("network.json").is_file();
    let script = match experiment {
        true => args.script.as_deref(),
        false => path.extension().is_some_and(|extension| extension == "rhai").then_some(path),
    };
    script.map_or(Ok(()), is_there)?;
    let arguments = Arguments::parse(&args.arguments).map_err(misused)?;
    let runtime = runtime(script, (arguments.clone(), Default::default()), Mode::Define, plugins)?;
    if let Some(script) = script {
        runtime.check_arguments(script, &arguments).map_err(misused)?;
    }
    let fail = |failure| failed(&failure, runtime.sources());
    if experiment {
        if let Some(script) = script {
            runtime.run_file(script).map_err(fail)?;
        }
        let failure = |error: Error| fail(Failure::from(error));
        let experiment = Experiment::open(path).map_err(failure)?;
        let (plan, _) = experiment.plan(&runtime.catalog()).map_err(failure)?;
        // A network needs its layers alone; what else is missing should be known.
        let warnings = experiment.check(&runtime.catalog()).unwrap_or_else(|missing| {
            missing.problems().iter().map(|problem| problem.message.clone()).collect()
        });
        for warning in warnings {
            output::note(&format!("warning: {warning}"));
        }
        output::line(&match args.json {
            true => as_json(&plan).to_string(),
            false => table(&runtime, &plan, &experiment.network.architecture),
        });
        return Ok(());
    }
    let mut names = vec![args.name.clone()];
    if let Some(script) = script {
        let before = runtime.catalog().architectures.iter().count();
        runtime.run_file(script).map_err(fail)?;
        let catalog = runtime.catalog();
        names = catalog.architectures.iter().skip(before).map(|e| e.name().to_owned()).collect();
        if names.is_empty() {
            let error = Error::new(Code::UnknownName, "the script registers no architecture");
            return Err(misused(error.help("name one: host inspect NAME")));
        }
    } else if let Err(error) = runtime.catalog().architectures.get(&args.name) {
        return Err(misused(error));
    }
    let options: Map<String, Value> = args.options.iter().cloned().collect();
    let request = ArchitectureRequest { input: args.input.clone(), outputs: args.outputs, options };
    let mut plans = Vec::new();
    for name in &names {
        plans.push((name, runtime.plan(name, &request).map_err(fail)?));
    }
    output::line(&match (args.json, script, &plans[..]) {
        (true, None, [(_, plan)]) => as_json(plan).to_string(),
        (true, ..) => Value::from_iter(plans.iter().map(|(_, plan)| as_json(plan))).to_string(),
        (false, ..) => {
            let tables = plans.iter().map(|(name, plan)| table(&runtime, plan, name));
            tables.collect::<Vec<_>>().join("\n\n")
        }
    });
    Ok(())
}

fn table(runtime: &Runtime, plan: &Plan, name: &str) -> String {
    format!("{name}\n{}", show::layer_table(&runtime.catalog(), plan))
}

fn as_json(plan: &Plan) -> Value {
    json!({
        "architecture": plan.spec.architecture,
        "input": plan.input,
        "output": plan.output,
        "parameters": plan.parameters(),
        "multiply_adds": plan.multiply_adds(),
        "activation_bytes": plan.activation_bytes(),
        "layers": plan.rows,
        "network": plan.spec,
    })
}
