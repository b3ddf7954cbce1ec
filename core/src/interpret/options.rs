//! What may be said about an interpretation.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::Method;
use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};
use crate::options::{Kind, OptionSpec, Options};
use crate::predict::{self, Asked as Group};
use crate::task::Task;

/// The options of [`interpret`](super::interpret).
pub fn options() -> Vec<OptionSpec> {
    let mut all = vec![
        OptionSpec::required("method", Kind::Text, "how maps are made: host list methods"),
        OptionSpec::absent("method_options", Kind::Map, "the method's defaults", "its options"),
        OptionSpec::absent(
            "target",
            Kind::Text,
            "the class with the code 0, or the number of a regression",
            "the class whose output is explained, by name or code; \"predicted\" for that which each \
             image is predicted to be of",
        ),
        OptionSpec::new(
            "randomise",
            Kind::Bool,
            false,
            "compare each map with that of a network with random weights",
        ),
        OptionSpec::absent(
            "atlas",
            Kind::Text,
            "no table of regions",
            "an image of labels on the images' grid: means per region are written",
        ),
        OptionSpec::absent(
            "atlas_names",
            Kind::Text,
            "labels have no names",
            "a table with the columns index and name",
        ),
        OptionSpec::new("pictures", Kind::Bool, true, "draw the maps over the images"),
    ];
    all.extend(of_group());
    all
}

/// Those that a prediction has, too: who is in the group, which networks are asked, and how.
fn of_group() -> impl Iterator<Item = OptionSpec> {
    predict::options().into_iter().filter_map(|mut spec| {
        match spec.name.as_str() {
            name if name.starts_with("save_") => return None,
            "overwrite" => spec.help = "replace an interpretation of this name".into(),
            "batch_size" => spec.default = crate::options::Default::Absent("as in training".into()),
            _ => {}
        }
        Some(spec)
    })
}

/// The options, read.
pub(super) struct Asked {
    pub(super) method: Method,
    target: Option<String>,
    pub(super) randomise: bool,
    pub(super) atlas: Option<PathBuf>,
    pub(super) atlas_names: Option<PathBuf>,
    pub(super) pictures: bool,
    pub(super) overwrite: bool,
    pub(super) group: Group,
}

impl Asked {
    /// Checks all options at once.
    pub(super) fn read(given: &Map<String, Value>) -> Result<Self> {
        let mut given = given.clone();
        if let Some(Value::Number(code)) = given.get("target") {
            given.insert("target".into(), code.to_string().into());
        }
        let options = Options::check(&options(), &given, "interpret")?;
        let mut problems = Problems::default();
        let empty = Map::new();
        let of_method =
            if options.has("method_options") { options.map("method_options")? } else { &empty };
        let method = problems.take(Method::named(options.text("method")?, of_method));
        let names: Vec<String> = of_group().map(|spec| spec.name).collect();
        let mut of_group = given.clone();
        of_group.retain(|key, _| names.contains(key));
        let overwrite = of_group.remove("overwrite").is_some_and(|value| value == true);
        let group = problems.take(Group::read(&of_group));
        let text = |name| -> Result<Option<String>> {
            Ok(if options.has(name) { Some(options.text(name)?.to_owned()) } else { None })
        };
        if options.has("atlas_names") && !options.has("atlas") {
            problems.push(
                Error::new(Code::MissingOption, "the names of regions need their atlas")
                    .at(Place::Option("atlas".into())),
            );
        }
        problems.into_result()?;
        let (Some(method), Some(group)) = (method, group) else {
            return Err(Error::new(Code::Internal, "options failed without saying why"));
        };
        Ok(Self {
            method,
            group,
            overwrite,
            target: text("target")?,
            randomise: options.flag("randomise")?,
            atlas: text("atlas")?.map(PathBuf::from),
            atlas_names: text("atlas_names")?.map(PathBuf::from),
            pictures: options.flag("pictures")?,
        })
    }

    /// Which output is explained, of networks for this task and these classes.
    ///
    /// # Errors
    /// [`Code::UnknownClass`]; a target of a task that has none; a reconstruction.
    pub(super) fn target(&self, task: Task, classes: &[String]) -> Result<Target> {
        let here = || Place::Option("target".into());
        match (task, self.target.as_deref()) {
            (Task::Reconstruction, _) => {
                let message =
                    "a reconstruction has no class or number whose reasons could be shown";
                Err(Error::new(Code::BadOption, message).at(Place::Option("maps".into())).help(
                    "host predict --save-nifti writes images beside their reconstructions; \
                     classifications and regressions can be interpreted",
                ))
            }
            (_, None) | (Task::Regression, Some("0")) => Ok(Target::Output(0)),
            (Task::Regression, Some(_)) => {
                let message = "a regression has one output, which is the target";
                Err(Error::new(Code::BadOption, message).at(here()).help("leave target out"))
            }
            (Task::Classification, Some(name)) => {
                let code = || name.parse().ok().filter(|code: &usize| *code < classes.len());
                let class = classes.iter().position(|class| class == name).or_else(code);
                match class {
                    Some(class) => Ok(Target::Output(class)),
                    None if name == "predicted" => Ok(Target::Predicted),
                    None => {
                        let near = did_you_mean(name, classes.iter().map(String::as_str));
                        let message = format!("the network does not know the class {name:?}{near}");
                        let there = classes.join(", ");
                        Err(Error::new(Code::UnknownClass, message).at(here()).help(format!(
                            "it knows {there}; \"predicted\" takes each image's own"
                        )))
                    }
                }
            }
        }
    }
}

/// Which output is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// This one, of all images.
    Output(usize),
    /// The class that each image is predicted to be of.
    Predicted,
}
