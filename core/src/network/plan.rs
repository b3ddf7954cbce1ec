//! The shape check: every layer learns its input shape, says what it needs and what comes out.

use tch::Tensor;

use super::context::Context;
use super::determinism::Undetermined;
use super::spec::{LayerSpec, NetworkSpec};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::layer::{Forward, Grid, Init, Order};
use crate::options::Options;
use crate::shape::{Shape, elements, show};

/// A parameter or buffer of a planned network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamId(pub(super) usize);

/// What kind of state a tensor is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Learned by the optimiser.
    Trainable(Init),
    /// Kept up by the layer itself, such as running statistics.
    Buffer(Init),
    /// A whole number that counts, starting at 0.
    Counter,
}

/// A parameter or buffer that a layer asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// The state name, as PyTorch's: `convolutions.0.weight`.
    pub name: String,
    /// Its shape; empty for a single number.
    pub shape: Shape,
    /// What it is and how it starts.
    pub state: State,
}

impl ParamSpec {
    /// Whether the optimiser learns it.
    pub fn trainable(&self) -> bool {
        matches!(self.state, State::Trainable(_))
    }
}

/// One line of the layer table.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LayerRow {
    /// The layer's path: `convolutions.0`.
    pub path: String,
    /// How deep it lies within combinators; 0 for a layer of a part.
    pub depth: usize,
    /// The registered kind.
    pub kind: String,
    /// The options, defaults included.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Input shape without the batch axis.
    pub input: Shape,
    /// Output shape without the batch axis.
    pub output: Shape,
    /// Learned numbers, those of inner layers included.
    pub parameters: i64,
    /// Multiplications with additions for one sample, those of inner layers included.
    pub multiply_adds: u64,
    /// Bytes of the output for one sample.
    pub output_bytes: i64,
}

/// A pooling that an unpooling may undo.
#[derive(Debug, Clone)]
pub(crate) struct OpenPool {
    pub(crate) kind: &'static str,
    pub(crate) path: String,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
}

/// Walks a network description layer by layer.
pub struct Planner<'c> {
    catalog: &'c Catalog,
    path: Vec<String>,
    params: Vec<ParamSpec>,
    rows: Vec<LayerRow>,
    pub(super) undetermined: Vec<Undetermined>,
    pub(crate) pools: Vec<OpenPool>,
}

/// How deep combinators may nest; deeper is a mistake in a script, and would exhaust the stack.
const MAX_DEPTH: usize = 64;

/// More are a mistake, too, and would take minutes to plan.
const MAX_LAYERS: usize = 20_000;
/// Parameters and buffers of all layers.
const MAX_PARAMS: usize = 50_000;

impl Planner<'_> {
    /// The current layer's path: `convolutions.4`.
    pub fn path(&self) -> String {
        self.path.join(".")
    }

    /// An error at the current layer.
    pub fn error(&self, code: Code, message: impl Into<String>) -> Error {
        Error::new(code, message).at(Place::Layer(self.path()))
    }

    /// Asks for a learned parameter.
    ///
    /// # Errors
    /// A size that is not positive, or more elements than memory addresses can count.
    pub fn param(&mut self, name: &str, shape: &[i64], init: Init) -> Result<ParamId> {
        self.state(name, shape, State::Trainable(init))
    }

    /// Asks for a buffer, which is saved but not learned.
    ///
    /// # Errors
    /// As [`Planner::param`].
    pub fn buffer(&mut self, name: &str, shape: &[i64], init: Init) -> Result<ParamId> {
        self.state(name, shape, State::Buffer(init))
    }

    /// Asks for a counter that starts at 0.
    ///
    /// # Errors
    /// As [`Planner::param`].
    pub fn counter(&mut self, name: &str) -> Result<ParamId> {
        self.state(name, &[], State::Counter)
    }

    fn state(&mut self, name: &str, shape: &[i64], state: State) -> Result<ParamId> {
        let countable = elements(shape).filter(|n| *n < i64::MAX / 16);
        if shape.iter().any(|size| *size < 1) || countable.is_none() {
            return Err(self.error(
                Code::ShapeMismatch,
                format!("the parameter {name:?} cannot have the shape {}", show(shape)),
            ));
        }
        if self.params.len() >= MAX_PARAMS {
            let message = format!("a network has at most {MAX_PARAMS} parameters and buffers");
            return Err(self.error(Code::BadNetwork, message));
        }
        let name = format!("{}.{name}", self.path());
        if self.params.iter().any(|param| param.name == name) {
            return Err(self.error(Code::BadNetwork, format!("two parameters are called {name:?}")));
        }
        self.params.push(ParamSpec { name, shape: shape.to_vec(), state });
        Ok(ParamId(self.params.len() - 1))
    }

    /// Remembers a pooling that an unpooling may undo.
    pub(crate) fn push_pool(&mut self, kind: &'static str, input: &[i64], output: &[i64]) {
        let (input, output) = (input.to_vec(), output.to_vec());
        self.pools.push(OpenPool { kind, path: self.path(), input, output });
    }

    /// Plans inner layers under the current path: `body`, `branches.1`, ….
    ///
    /// # Errors
    /// Whatever is wrong with the first layer that does not fit.
    pub fn sequence(
        &mut self,
        name: &str,
        layers: &[LayerSpec],
        input: &[i64],
    ) -> Result<Sequence> {
        if self.path.len() > MAX_DEPTH {
            return Err(
                self.error(Code::BadNetwork, format!("layers nest deeper than {MAX_DEPTH}"))
            );
        }
        self.path.push(name.into());
        let mut nodes: Vec<Node> = Vec::new();
        let mut shape = input.to_vec();
        for (i, layer) in layers.iter().enumerate() {
            let component = layer.name.clone().unwrap_or_else(|| i.to_string());
            if component.is_empty() || component.contains('.') {
                let message = format!("a layer cannot be called {component:?}");
                return Err(self.error(Code::BadNetwork, message).help("use a name without dots"));
            }
            self.path.push(component);
            let node = self.layer(layer, &shape)?;
            if nodes.iter().any(|other| other.path == node.path) {
                return Err(self.error(Code::BadNetwork, "two layers have the same name"));
            }
            shape.clone_from(&node.output);
            nodes.push(node);
            self.path.pop();
        }
        self.path.pop();
        let axes = input.len().saturating_sub(1);
        let grid = Grid::of(axes, nodes.iter().map(|node| node.grid.as_ref()));
        Ok(Sequence { nodes, output: shape, grid })
    }

    fn layer(&mut self, spec: &LayerSpec, input: &[i64]) -> Result<Node> {
        if self.rows.len() >= MAX_LAYERS {
            let message = format!("a network has at most {MAX_LAYERS} layers");
            return Err(self.error(Code::BadNetwork, message));
        }
        let here = Place::Layer(self.path());
        let catalog = self.catalog;
        let Some(entry) = catalog.layers.find(&spec.kind) else {
            let near = did_you_mean(&spec.kind, catalog.layers.names());
            return Err(self
                .error(Code::UnknownName, format!("there is no layer {:?}{near}", spec.kind))
                .help("`host list layers` shows all of them"));
        };
        let owner = format!("layer {} ({})", self.path(), spec.kind);
        let options = Options::check(&entry.info.options, &spec.options, &owner)?;
        let (row, first_param) = (self.rows.len(), self.params.len());
        self.rows.push(LayerRow {
            path: self.path(),
            depth: self.path.len() / 2 - 1,
            kind: spec.kind.clone(),
            options: options.values().clone(),
            input: input.to_vec(),
            output: Shape::new(),
            parameters: 0,
            multiply_adds: 0,
            output_bytes: 0,
        });
        let planned = entry.layer.plan(&options, input, self).map_err(|e| e.at(here.clone()))?;
        let bytes = elements(&planned.output).and_then(|n| n.checked_mul(4));
        let Some(bytes) = bytes.filter(|_| planned.output.iter().all(|size| *size > 0)) else {
            return Err(self.error(
                Code::ShapeMismatch,
                format!("its output would have the shape {}", show(&planned.output)),
            ));
        };
        let inner: u64 = self.rows[row + 1..]
            .iter()
            .filter(|inner| inner.depth == self.rows[row].depth + 1)
            .map(|inner| inner.multiply_adds)
            .sum();
        let parameters = self.params[first_param..]
            .iter()
            .filter(|param| param.trainable())
            .filter_map(|param| elements(&param.shape))
            .sum();
        let row = &mut self.rows[row];
        row.output.clone_from(&planned.output);
        row.parameters = parameters;
        row.multiply_adds = planned.multiply_adds.saturating_add(inner);
        row.output_bytes = bytes;
        let (path, output) = (self.path(), planned.output);
        let (fresh, in_place) = (planned.fresh, planned.in_place);
        let (forward, order, grid) = (planned.forward, planned.order, planned.grid);
        Ok(Node { path, output, forward, order, fresh, in_place, grid })
    }
}

/// A planned layer in its place.
struct Node {
    path: String,
    output: Shape,
    forward: Forward,
    order: Order,
    fresh: bool,
    in_place: Option<Forward>,
    grid: Option<Grid>,
}

impl Node {
    fn forward(&self, x: &Tensor, ctx: &mut Context<'_>) -> Result<Tensor> {
        self.compute(&self.forward, x, ctx)
    }

    fn compute(&self, forward: &Forward, x: &Tensor, ctx: &mut Context<'_>) -> Result<Tensor> {
        let y = forward(x, ctx).map_err(|e| e.at(Place::Layer(self.path.clone())))?;
        if let Some(observe) = &mut ctx.observe {
            observe(&self.path, &y);
        }
        Ok(y)
    }
}

/// Planned layers, one after the other.
pub struct Sequence {
    nodes: Vec<Node>,
    /// The shape that comes out, without the batch axis; the input's where there are no layers.
    pub output: Shape,
    /// Where the cells that come out lie among the input's, where every layer says so.
    pub grid: Option<Grid>,
}

impl Sequence {
    /// Applies the layers in order.
    ///
    /// # Errors
    /// What libtorch or a layer says, placed at the layer.
    pub fn forward(&self, x: &Tensor, ctx: &mut Context<'_>) -> Result<Tensor> {
        let mut x = x.shallow_clone();
        // Whether nobody else looks at x any more.
        let mut free = false;
        let mut nodes = self.nodes.iter().peekable();
        while let Some(node) = nodes.next() {
            let next = nodes.peek().filter(|next| {
                node.order == Order::Rising && next.order == Order::Maximum && ctx.observe.is_none()
            });
            if let Some(next) = next {
                x = next.forward(&x, ctx)?;
                nodes.next();
                free = false;
            }
            x = match &node.in_place {
                Some(in_place) if free && ctx.observe.is_none() => {
                    node.compute(in_place, &x, ctx)?
                }
                _ => node.forward(&x, ctx)?,
            };
            free = node.fresh;
        }
        Ok(x)
    }
}

/// A network whose shapes are known, without weights.
pub struct Plan {
    /// The description it was planned from.
    pub spec: NetworkSpec,
    /// Input shape without the batch axis.
    pub input: Shape,
    /// Output shape without the batch axis.
    pub output: Shape,
    /// All parameters and buffers, in the order of PyTorch's state dictionary.
    pub params: Vec<ParamSpec>,
    /// The layer table.
    pub rows: Vec<LayerRow>,
    pub(super) undetermined: Vec<Undetermined>,
    pub(super) parts: Vec<Sequence>,
}

impl Plan {
    /// Checks the whole network for this input shape (without the batch axis).
    ///
    /// # Errors
    /// The first layer that does not fit, with its path, the shapes and a remedy.
    pub fn new(spec: NetworkSpec, input: &[i64], catalog: &Catalog) -> Result<Self> {
        if input.is_empty() || input.iter().any(|size| *size < 1) || elements(input).is_none() {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("a network cannot take input of the shape {}", show(input)),
            ));
        }
        if spec.parts.iter().all(|part| part.layers.is_empty()) {
            return Err(Error::new(
                Code::BadNetwork,
                format!("the architecture {:?} has no layers", spec.architecture),
            ));
        }
        let mut planner = Planner {
            catalog,
            path: Vec::new(),
            params: Vec::new(),
            rows: Vec::new(),
            undetermined: Vec::new(),
            pools: Vec::new(),
        };
        let mut shape = input.to_vec();
        let mut parts = Vec::new();
        for (i, part) in spec.parts.iter().enumerate() {
            let bad_name = part.name.is_empty() || part.name.contains('.');
            if bad_name || spec.parts[..i].iter().any(|other| other.name == part.name) {
                return Err(Error::new(
                    Code::BadNetwork,
                    format!("a part cannot be called {:?} (again)", part.name),
                ));
            }
            let sequence = planner.sequence(&part.name, &part.layers, &shape)?;
            shape.clone_from(&sequence.output);
            parts.push(sequence);
        }
        let Planner { params, rows, undetermined, .. } = planner;
        Ok(Self { spec, input: input.to_vec(), output: shape, params, rows, undetermined, parts })
    }

    /// Where the cells of what the layer at `path` gives lie among the input's voxels; none where a
    /// layer on the way does not say, and for layers within others.
    pub fn grid(&self, path: &str) -> Option<Grid> {
        let nodes: Vec<&Node> = self.parts.iter().flat_map(|part| &part.nodes).collect();
        let last = nodes.iter().position(|node| node.path == path)?;
        let grids = nodes[..=last].iter().map(|node| node.grid.as_ref());
        Grid::of(self.input.len().saturating_sub(1), grids)
    }

    /// The number of learned numbers.
    pub fn parameters(&self) -> i64 {
        let trainable = self.params.iter().filter(|param| param.trainable());
        trainable.filter_map(|param| elements(&param.shape)).sum()
    }

    /// Multiplications with additions of a forward pass of one sample.
    pub fn multiply_adds(&self) -> u64 {
        let top = self.rows.iter().filter(|row| row.depth == 0);
        top.map(|row| row.multiply_adds).fold(0, u64::saturating_add)
    }

    /// Bytes that training holds for one sample between forward and backward: every layer's output.
    /// An estimate from above, as some layers keep less.
    pub fn activation_bytes(&self) -> i64 {
        let innermost = self
            .rows
            .iter()
            .enumerate()
            .filter(|(i, row)| self.rows.get(i + 1).is_none_or(|next| next.depth <= row.depth));
        innermost.map(|(_, row)| row.output_bytes).fold(0, i64::saturating_add)
    }
}
