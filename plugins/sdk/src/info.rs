use neurhai_abi::ITEM_REPLACES;
use serde_json::{Map, Value, json};

use crate::LayerSpec;

/// What a person reads about an entry, and what its options may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) flags: u32,
    pub(crate) more: Map<String, Value>,
}

impl Info {
    /// An entry of this name with one line of help. The name is made of letters, digits and `_`; a
    /// transpose rule has the layer's.
    pub fn new(name: &str, help: &str) -> Self {
        Self { name: name.into(), help: help.into(), flags: 0, more: Map::new() }
    }

    /// It takes the place of an entry of the same name instead of clashing with it.
    #[must_use]
    pub fn replaces(mut self) -> Self {
        self.flags |= ITEM_REPLACES;
        self
    }

    fn say(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.into(), value.into());
        self
    }

    /// Paper, DOI or page of the formula.
    #[must_use]
    pub fn source(self, source: &str) -> Self {
        self.say("source", source)
    }

    /// One more option.
    #[must_use]
    pub fn option(mut self, option: OptionSpec) -> Self {
        let options = self.more.entry("options").or_insert_with(|| json!([]));
        if let Some(list) = options.as_array_mut() {
            list.push(Value::Object(option.json));
        }
        self
    }

    /// For a layer: input and output shapes in words.
    #[must_use]
    pub fn shapes(self, shapes: &str) -> Self {
        self.say("shapes", shapes)
    }

    /// For a layer: how many options, the first ones, a script may give by position.
    #[must_use]
    pub fn positional(self, count: usize) -> Self {
        self.say("positional", count)
    }

    /// For a layer: an example that works, with shapes without the batch axis.
    #[must_use]
    pub fn example(self, layers: Vec<LayerSpec>, input: &[i64], output: &[i64]) -> Self {
        self.say(
            "example",
            json!({"layers": Value::from(layers), "input": input, "output": output}),
        )
    }

    /// For a vote: it can vote on the numbers of a regression, too, where there is one output.
    #[must_use]
    pub fn numbers(self) -> Self {
        self.say("numbers", true)
    }

    /// For a metric: its formula.
    #[must_use]
    pub fn formula(self, formula: &str) -> Self {
        self.say("formula", formula)
    }

    /// For a metric: whether higher or lower values are better.
    #[must_use]
    pub fn direction(self, direction: Direction) -> Self {
        self.say(
            "direction",
            match direction {
                Direction::Higher => "higher",
                Direction::Lower => "lower",
            },
        )
    }

    /// For a metric: the lowest and highest possible value, `None` for no bound.
    #[must_use]
    pub fn range(self, lowest: Option<f64>, highest: Option<f64>) -> Self {
        self.say("range", json!([lowest, highest]))
    }
}

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// As for accuracy.
    Higher,
    /// As for a loss.
    Lower,
}

/// One option: its type, bounds and default. The host checks against it, so that the code behind
/// gets what it expects.
///
/// Without [`default`](Self::default) or [`absent`](Self::absent) the option must be given.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionSpec {
    json: Map<String, Value>,
}

impl OptionSpec {
    fn new(name: &str, kind: &str, help: &str) -> Self {
        let mut json = Map::new();
        for (key, value) in [("name", name), ("help", help), ("type", kind)] {
            json.insert(key.into(), value.into());
        }
        Self { json }
    }

    /// A whole number.
    pub fn int(name: &str, help: &str) -> Self {
        Self::new(name, "int", help)
    }

    /// A number.
    pub fn float(name: &str, help: &str) -> Self {
        Self::new(name, "float", help)
    }

    /// `true` or `false`.
    pub fn flag(name: &str, help: &str) -> Self {
        Self::new(name, "bool", help)
    }

    /// Any text.
    pub fn text(name: &str, help: &str) -> Self {
        Self::new(name, "text", help)
    }

    /// One of several words.
    pub fn choice(name: &str, of: &[&str], help: &str) -> Self {
        Self::new(name, "choice", help).put("of", json!(of))
    }

    /// A whole number for all spatial axes, or a list with one per axis.
    pub fn sizes(name: &str, help: &str) -> Self {
        Self::new(name, "sizes", help)
    }

    /// A list of whole numbers.
    pub fn ints(name: &str, help: &str) -> Self {
        Self::new(name, "ints", help)
    }

    /// A list of texts.
    pub fn texts(name: &str, help: &str) -> Self {
        Self::new(name, "texts", help)
    }

    /// A list of layers.
    pub fn layers(name: &str, help: &str) -> Self {
        Self::new(name, "layers", help)
    }

    fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.json.insert(key.into(), value.into());
        self
    }

    /// The smallest value.
    #[must_use]
    pub fn min(self, min: impl Into<Value>) -> Self {
        self.put("min", min)
    }

    /// The largest value.
    #[must_use]
    pub fn max(self, max: impl Into<Value>) -> Self {
        self.put("max", max)
    }

    /// What it is when it is not given.
    #[must_use]
    pub fn default(self, default: impl Into<Value>) -> Self {
        self.put("default", default)
    }

    /// It may be absent; `meaning` says what happens then.
    #[must_use]
    pub fn absent(self, meaning: &str) -> Self {
        self.put("absent", meaning)
    }
}
