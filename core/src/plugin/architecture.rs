use neurhai_abi as abi;
use serde_json::{Value, json};

use super::handle::Handle;
use super::info::Info;
use super::stage::{Staging, needed};
use crate::catalog::{Architecture, ArchitectureEntry, ArchitectureRequest, Catalog};
use crate::error::Result;
use crate::network::{LayerSpec, NetworkSpec, PartSpec};
use crate::options::{OptionSpec, Options};

/// A recipe of a plugin.
struct Recipe {
    name: String,
    options: Vec<OptionSpec>,
    build: abi::JsonFn,
    handle: Handle,
}

impl Architecture for Recipe {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        let owner = format!("architecture {:?}", self.name);
        let options = Options::check(&self.options, &request.options, &owner)?;
        let request = json!({
            "input": request.input,
            "outputs": request.outputs,
            "options": options.values(),
        });
        let answer = self.handle.ask(self.build, &request)?;
        self.read(&answer).map_err(|error| {
            self.handle.error("gives a network that is not well formed").because(error)
        })
    }
}

impl Recipe {
    fn read(&self, answer: &Value) -> Result<NetworkSpec> {
        if let Some(layers) = answer.get("layers") {
            return Ok(NetworkSpec::from_layers(&self.name, LayerSpec::list(layers)?));
        }
        let parts = answer.get("parts").and_then(Value::as_array);
        let parts = parts
            .ok_or_else(|| self.handle.error("answers with neither \"layers\" nor \"parts\""))?;
        let read = |part: &Value| {
            let name = part.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let layers = LayerSpec::list(part.get("layers").unwrap_or(&Value::Null))?;
            Ok(PartSpec { name, layers })
        };
        let parts = parts.iter().map(read).collect::<Result<_>>()?;
        Ok(NetworkSpec { architecture: self.name.clone(), parts })
    }
}

pub(super) fn stage(
    raw: abi::Architecture,
    staging: &Staging,
    name: String,
    help: String,
    mut info: Info,
) -> Result<ArchitectureEntry> {
    let build = needed(raw.build, "build")?;
    let options = info.options()?;
    let source = info.text("source")?;
    info.finish(&["options", "source"])?;
    let handle = Handle::new(&staging.about, format!("architecture {name:?}"), &raw.item);
    let recipe = Recipe { name: name.clone(), options: options.clone(), build, handle };
    let (origin, architecture) = (staging.origin(), Box::new(recipe));
    Ok(ArchitectureEntry { name, help, source, options, origin, architecture })
}
