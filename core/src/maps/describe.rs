//! What an experiment folder says about itself: its parameters, its network, its environment.

use std::path::{Component, Path};

use serde_json::{Map, Value, json};

use super::{Maps, make_folder};
use crate::catalog::Origin;
use crate::error::Result;
use crate::files;
use crate::network::Plan;
use crate::overrides::Replaced;
use crate::shape::show;
use crate::train::Script;
use crate::used::Used;

/// The version of the folder's layout. Readers of a newer program migrate older ones.
const SCHEMA: u32 = 1;

/// What is written when an experiment begins.
pub(crate) struct Description<'a> {
    /// ClinicaDL's keys of maps.json.
    pub(crate) parameters: Map<String, Value>,
    /// The options as they were resolved.
    pub(crate) configuration: Value,
    /// The voxels of the images.
    pub(crate) image_shape: Option<[usize; 3]>,
    /// The network for the first split.
    pub(crate) plan: &'a Plan,
    /// The scripts, the one that runs first.
    pub(crate) scripts: &'a [Script],
    /// The entries of the catalog that are used.
    pub(crate) entries: Vec<Used>,
    /// Where it computes.
    pub(crate) device: String,
}

/// Writes network.json, the script, the environment and the layer table, and last maps.json.
pub(crate) fn write_description(maps: &Maps, description: Description<'_>) -> Result<()> {
    let Description { mut parameters, configuration, image_shape, plan, scripts, entries, device } =
        description;
    let replaced = scripts.first().map_or(&[][..], |main| &main.replaced);
    parameters.insert(
        "neurhai".into(),
        json!({
            "schema": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "run": run_name(maps.root()),
            "configuration": configuration,
            "image_shape": image_shape,
            "entries": entries,
            "arguments": arguments(scripts),
            "replaced": replaced,
        }),
    );
    let network = json!({
        "schema": SCHEMA,
        "input": plan.input,
        "output": plan.output,
        "architecture": plan.spec.architecture,
        "parts": plan.spec.parts,
    });
    maps.write("network.json", &pretty(&network))?;
    write_scripts(maps, scripts, &entries)?;
    maps.write("environment.txt", &environment(&device))?;
    maps.write("information.log", &information(maps.root(), replaced, plan))?;
    maps.write("maps.json", &pretty(&Value::Object(parameters)))
}

/// A name that no other run has: of the folder, the moment, the process and the machine.
fn run_name(root: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (now, process) = (jiff::Timestamp::now().as_nanosecond(), std::process::id());
    files::text_hash(&format!("{} {now} {process} {host}", root.display()))[..32].to_owned()
}

/// What the script that runs was called with.
fn arguments(scripts: &[Script]) -> Map<String, Value> {
    let given = scripts.first().map_or(&[][..], |main| &main.arguments);
    given.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

/// Writes the script that runs as `script.rhai`, and into `scripts/` all that were loaded, where they
/// lie to each other as they did; of those within the program only the ones that are used.
fn write_scripts(maps: &Maps, scripts: &[Script], entries: &[Used]) -> Result<()> {
    let [main, ..] = scripts else { return Ok(()) };
    maps.write("script.rhai", &main.text)?;
    let folder = Path::new(&main.name).parent().unwrap_or(Path::new(""));
    let below = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    for script in scripts {
        let path = Path::new(&script.name);
        let used =
            |used: &Used| matches!(&used.origin, Origin::Script { file, .. } if file == path);
        let file = match path.strip_prefix(folder) {
            Ok(inside) if path.extension().is_some() && below(inside) => inside.to_path_buf(),
            _ if entries.iter().any(used) && below(path) => path.with_extension("rhai"),
            _ => continue,
        };
        let file = Path::new("scripts").join(file);
        make_folder(&maps.root().join(&file).with_file_name(""))?;
        maps.write(&file.to_string_lossy(), &script.text)?;
    }
    Ok(())
}

/// Four spaces of indent, as ClinicaDL writes maps.json.
pub(crate) fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Writing a JSON value into memory has no way to fail.
    drop(serde::Serialize::serialize(value, &mut serializer));
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

fn environment(device: &str) -> String {
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let os = os.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let lines = [
        ("neurhai", env!("CARGO_PKG_VERSION").to_owned()),
        ("libtorch", crate::device::LIBTORCH.to_owned()),
        ("tch", env!("NEURHAI_TCH_VERSION").to_owned()),
        ("rustc", env!("NEURHAI_RUSTC_VERSION").to_owned()),
        ("system", os.unwrap_or(std::env::consts::OS).trim_matches('"').to_owned()),
        ("machine", std::env::consts::ARCH.to_owned()),
        ("device", device.to_owned()),
        ("threads", tch::get_num_threads().to_string()),
    ];
    lines.map(|(what, value)| format!("{what}=={value}\n")).concat()
}

fn information(root: &Path, replaced: &[Replaced], plan: &Plan) -> String {
    let date = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let mut text = format!("- Date : {date}\n\n- Path : {}\n\n", root.display());
    if !replaced.is_empty() {
        text += "- Options in place of the script's :\n";
        let shown = |value: &Option<Value>| value.as_ref().map_or("-".into(), Value::to_string);
        for Replaced { option, value, script, from } in replaced {
            let (now, then) = (shown(value), shown(script));
            text += &format!("  {option} = {now}, by {from}; in the script {then}\n");
        }
        text += "\n";
    }
    text += "- Model :\n";
    for row in &plan.rows {
        let options: Vec<String> =
            row.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text += &format!(
            "{}{} {}({}) -> {}\n",
            "  ".repeat(row.depth + 1),
            row.path,
            row.kind,
            options.join(", "),
            show(&row.output)
        );
    }
    text + &format!("  {} parameters\n", plan.parameters())
}
