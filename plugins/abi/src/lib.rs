//! The binary interface between Neurhai and its plugins. `neurhai.h`, beside this crate's sources,
//! says the same for C.
//!
//! A plugin is a shared library with one exported symbol, [`ENTRY_SYMBOL`]: a constant [`Entry`]. The
//! host reads it out of the file before any code of the library runs; only a library that fits is
//! loaded, and its `init` is called with a [`Host`], through which it registers what it brings.
//!
//! What holds for every structure and function here:
//!
//! 1. A structure begins with its size in bytes, as its author compiled it (an [`Entry`] after its
//!    magic number). It only ever grows at its end, by a minor version of the interface, and a reader
//!    uses a field only if it lies within that size: [`read`]. [`Text`], [`Sink`], [`Numbers`],
//!    [`Tensor`] and [`Item`], which stand inside of others or are passed by value, never grow.
//! 2. A [`Text`] is borrowed UTF-8 without a final NUL; it is valid during the call it is given to.
//! 3. Nobody frees the other's memory. Text and numbers go out through a [`Sink`] or [`Numbers`] that
//!    the caller hands over; objects of the plugin have a `drop` or `destroy`.
//! 4. A [`Tensor`] is libtorch's own `at::Tensor*`. Those handed to a plugin are borrowed, and must not
//!    be changed in place; one that a plugin gives out is new, and belongs to the receiver. If the
//!    call fails, nothing that it wrote is taken: it stays the plugin's, which frees it.
//! 5. Tensors are float32 unless said otherwise, on any device and with any strides: in training,
//!    channels lie side by side. Compute with libtorch's functions, not through a pointer to numbers.
//! 6. No panic and no exception leaves a function.
//! 7. The host may call every function from any thread, and several at once. A sink, and the functions
//!    of a [`Host`] or [`Scope`], may be used only during the call that they are given to, and only on
//!    its thread.
//! 8. JSON says what has no fixed size: requests, descriptions, networks. See the field's comment.
#![no_std]
#![warn(missing_docs)]

use core::ffi::{CStr, c_void};

mod sizes;

pub use sizes::{Structure, read};

/// `NEURHAI` and a zero byte, read as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"NEURHAI\0");
/// Raised when old plugins no longer fit; a plugin of another major version is refused.
pub const ABI_MAJOR: u32 = 1;
/// Raised when something is added; a plugin that wants a higher minor version is refused.
pub const ABI_MINOR: u32 = 0;
/// The exported constant's name.
pub const ENTRY_SYMBOL: &CStr = c"neurhai_plugin";

/// How a call ended; one of the constants below.
pub type Status = i32;
/// It did what it should.
pub const OK: Status = 0;
/// It could not; the error sink says why.
pub const ERROR: Status = 1;
/// The plugin panicked; the error sink has the message.
pub const PANIC: Status = 2;
/// The caller broke the rules: a null pointer, text that is no UTF-8, JSON that is none.
pub const INVALID: Status = 3;
/// The name is taken, or no name.
pub const NAME_TAKEN: Status = 4;

/// The plugin uses no tensors and links no libtorch: it loads with any.
pub const TENSORS_NONE: u32 = 0;
/// The plugin links libtorch's C++ interface: exactly the host's version is needed.
pub const TENSORS_CPP: u32 = 1;
/// The plugin uses only libtorch's stable C functions (`aoti_torch_…`): `libtorch` is the least version.
pub const TENSORS_STABLE: u32 = 2;

/// In [`Entry::flags`]: built so that a panic ends the process. Such a plugin is refused, unless allowed.
pub const ENTRY_PANIC_ABORTS: u32 = 1;
/// In [`Item::flags`]: takes the place of an entry of the same name instead of clashing with it.
pub const ITEM_REPLACES: u32 = 1;

/// A parameter that the optimiser learns.
pub const PARAM_TRAINABLE: u32 = 0;
/// A buffer: saved with the weights, but not learned.
pub const PARAM_BUFFER: u32 = 1;

/// Borrowed UTF-8.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The first byte; may be null where `len` is 0.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// Takes text from the one who is called. It may be written to several times.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Sink {
    /// Handed back to `write`.
    pub ctx: *mut c_void,
    /// Appends `len` bytes at `ptr`. A sink in which this is null takes nothing.
    pub write: Option<unsafe extern "C" fn(ctx: *mut c_void, ptr: *const u8, len: usize)>,
}

/// Takes numbers from the one who is called. It may be written to several times.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Handed back to `write`.
    pub ctx: *mut c_void,
    /// Appends `len` numbers at `ptr`. If this is null, nothing is taken.
    pub write: Option<unsafe extern "C" fn(ctx: *mut c_void, ptr: *const f64, len: usize)>,
}

/// libtorch's `at::Tensor*` (tch's `C_tensor*`, PyTorch's `AtenTensorHandle`).
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor(pub *mut c_void);

/// What a plugin is: the exported constant.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// [`MAGIC`].
    pub magic: u64,
    /// The size of this structure.
    pub struct_size: u32,
    /// [`ABI_MAJOR`] of the plugin.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the plugin.
    pub abi_minor: u32,
    /// [`ENTRY_PANIC_ABORTS`] or 0.
    pub flags: u32,
    /// [`TENSORS_NONE`], [`TENSORS_CPP`] or [`TENSORS_STABLE`].
    pub tensors: u32,
    /// 0.
    pub reserved: u32,
    /// libtorch's version, `2.13.0`, filled up with zero bytes; all zero without tensors.
    pub libtorch: [u8; 16],
    /// The plugin's name: lower-case letters, digits, `_` and `-`, filled up with zero bytes.
    pub name: [u8; 64],
    /// The plugin's version, filled up with zero bytes.
    pub version: [u8; 32],
    /// Registers what the plugin brings. If it fails, nothing of the plugin stays registered.
    pub init: Option<unsafe extern "C" fn(host: *const Host, error: Sink) -> Status>,
}

// SAFETY: a constant without interior mutability; the function pointer may be read by all threads.
unsafe impl Sync for Entry {}

/// What `init` registers with; valid until it returns.
///
/// Each function copies the structure and its texts. On [`OK`] the host owns `item.data` and will
/// call `item.drop` once; otherwise it is still the plugin's, and the error sink says why.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// The size of this structure.
    pub struct_size: u32,
    /// [`ABI_MAJOR`] of the host.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the host.
    pub abi_minor: u32,
    /// 0.
    pub reserved: u32,
    /// Handed back to every function.
    pub ctx: *mut c_void,
    /// Registers an architecture.
    pub architecture:
        unsafe extern "C" fn(ctx: *mut c_void, entry: *const Architecture, error: Sink) -> Status,
    /// Registers how a layer is transposed.
    pub transpose:
        unsafe extern "C" fn(ctx: *mut c_void, entry: *const Transpose, error: Sink) -> Status,
    /// Registers a vote.
    pub vote: unsafe extern "C" fn(ctx: *mut c_void, entry: *const Vote, error: Sink) -> Status,
    /// Registers a metric.
    pub metric: unsafe extern "C" fn(ctx: *mut c_void, entry: *const Metric, error: Sink) -> Status,
    /// Registers a loss.
    pub loss: unsafe extern "C" fn(ctx: *mut c_void, entry: *const Loss, error: Sink) -> Status,
    /// Registers a layer.
    pub layer: unsafe extern "C" fn(ctx: *mut c_void, entry: *const Layer, error: Sink) -> Status,
}

/// What everything that is registered begins with. It never grows.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// The size of the whole structure that begins with this item.
    pub struct_size: u32,
    /// [`ITEM_REPLACES`] or 0.
    pub flags: u32,
    /// The name: letters, digits and `_`, at most 64. A transpose rule has the layer's.
    pub name: Text,
    /// One line of help.
    pub help: Text,
    /// A JSON object that says more, or nothing. For all kinds: `source` (paper, DOI or page of the
    /// formula) and, but for metrics, `options`: a list of
    /// `{"name", "help", "type", "default"}`, where `type` is `int`, `float` (both with `min` and
    /// `max`, if there are bounds), `bool`, `text`, `choice` (with `of`), `sizes` (one number for all
    /// axes or one per axis; `min`), `ints`, `texts`, `layers`, `branches` or `map`. Without a `default` the option must be
    /// given, unless `absent` says what happens when it is not.
    ///
    /// Layers: `shapes` (input and output in words), `positional` (how many options a script may give
    /// by position), `example`: `{"layers": […], "input": […], "output": […]}`.
    /// Metrics: `formula`, `direction` (`higher` or `lower` is better), `range`: `[lowest, highest]`,
    /// `null` for no bound.
    pub info: Text,
    /// Handed back to every function of this entry.
    pub data: *mut c_void,
    /// Called once when the host no longer needs the entry; may be null.
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}

/// Takes JSON and answers with JSON.
pub type JsonFn =
    unsafe extern "C" fn(data: *mut c_void, request: Text, answer: Sink, error: Sink) -> Status;

/// A recipe for networks.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Architecture {
    /// Name, help, options.
    pub item: Item,
    /// `{"input": [channels, sizes…], "outputs": n, "options": {…}}` →
    /// `{"layers": […]}`, cut into `convolutions` and `fc` at the first `flatten`, or
    /// `{"parts": [{"name": …, "layers": […]}, …]}`. A layer is `{"kind": …}` with its options beside
    /// it. The options are checked, defaults included.
    pub build: Option<JsonFn>,
}

/// How a layer is undone in a decoder.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Transpose {
    /// Name of the layer, help.
    pub item: Item,
    /// `{"layer": {"kind": …, …}, "input": […], "output": […]}` → `[layer, …]`, which take `output`
    /// back to `input`. The layer's options include defaults. A pooling keeps its positions in the
    /// encoder if `max_unpool` or `crop_max_unpool` is among the layers of the answer.
    pub transpose: Option<JsonFn>,
}

/// The outputs of all parts of all images of a group.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Ballot {
    /// The size of this structure.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Images in the group.
    pub images: usize,
    /// Parts per image.
    pub parts: usize,
    /// Outputs per part: one probability per class.
    pub outputs: usize,
    /// `[image, part, output]`, the last fastest.
    pub values: *const f64,
    /// One weight per part: not negative, with sum 1.
    pub weights: *const f64,
    /// What `fit` gave, or null.
    pub fitted: *const f64,
    /// How many numbers `fit` gave.
    pub n_fitted: usize,
}

/// The function of a [`Vote`].
pub type VoteFn = unsafe extern "C" fn(
    data: *mut c_void,
    ballot: *const Ballot,
    options: Text,
    scores: *mut f64,
    error: Sink,
) -> Status;

/// The function by which a [`Vote`] learns.
pub type FitFn = unsafe extern "C" fn(
    data: *mut c_void,
    ballot: *const Ballot,
    truth: *const f64,
    options: Text,
    fitted: Numbers,
    error: Sink,
) -> Status;

/// How parts vote on their image.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Vote {
    /// Name, help, options.
    pub item: Item,
    /// Fills `scores` `[image, output]`, which the host has allocated. `options` is a JSON object.
    pub vote: Option<VoteFn>,
    /// Learns from the validation set, where `truth` holds an image's class code; may be null. What
    /// it writes is kept with the experiment and given to `vote` as `fitted`.
    pub fit: Option<FitFn>,
}

/// The predictions for a set.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// The size of this structure.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// How many there are.
    pub rows: usize,
    /// Outputs per row: one probability per class.
    pub outputs: usize,
    /// The true class code of each row.
    pub truth: *const f64,
    /// The predicted class code of each row.
    pub predicted: *const f64,
    /// `[row, output]`, the last fastest.
    pub scores: *const f64,
}

/// The function of a [`Metric`].
pub type MetricFn = unsafe extern "C" fn(
    data: *mut c_void,
    rows: *const Rows,
    value: *mut f64,
    error: Sink,
) -> Status;

/// A measure of how good predictions are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name, help, formula, direction, range.
    pub item: Item,
    /// Writes the value to `value`; NaN where it is not defined.
    pub value: Option<MetricFn>,
}

/// The function of a [`Loss`].
pub type LossFn = unsafe extern "C" fn(
    data: *mut c_void,
    output: Tensor,
    target: Tensor,
    options: Text,
    loss: *mut Tensor,
    error: Sink,
) -> Status;

/// What training makes small.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// Name, help, options.
    pub item: Item,
    /// Gives the loss of each sample, `[batch]`, a new tensor, from the network's output
    /// `[batch, output]`, float32, and the target: class codes `[batch]`, int64. Both are borrowed, of
    /// any device and strides, and not to be changed. `options` is a JSON object.
    pub loss: Option<LossFn>,
}

/// Through which a layer says what it needs and what it gives; valid during `create`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The size of this structure.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Handed back to every function.
    pub ctx: *mut c_void,
    /// Asks for a parameter ([`PARAM_TRAINABLE`]) or buffer ([`PARAM_BUFFER`]) of this name and
    /// shape. `init` is JSON: `{"uniform": bound}`, `{"constant": value}`, or `{"fan_in": n}` for
    /// PyTorch's default, uniform over ±1/√n. Nothing is allocated yet; `forward` gets the tensors
    /// in the order they were asked for.
    pub param: unsafe extern "C" fn(
        ctx: *mut c_void,
        name: Text,
        shape: *const i64,
        axes: usize,
        init: Text,
        kind: u32,
        error: Sink,
    ) -> Status,
    /// Says the output's shape, without the batch axis. It must be called once.
    pub output: unsafe extern "C" fn(
        ctx: *mut c_void,
        shape: *const i64,
        axes: usize,
        error: Sink,
    ) -> Status,
}

/// A forward pass through one layer. Its tensors are float32, of any device and strides, and not to
/// be changed in place, but for buffers in training.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// The size of this structure.
    pub struct_size: u32,
    /// 1 in training, 0 in evaluation.
    pub training: u32,
    /// For the random choices of this layer in this pass; 0 in evaluation.
    pub seed: u64,
    /// The inputs, `[batch, …]` each; borrowed.
    pub inputs: *const Tensor,
    /// How many: 1.
    pub n_inputs: usize,
    /// The parameters and buffers, in the order they were asked for; borrowed.
    pub weights: *const Tensor,
    /// How many.
    pub n_weights: usize,
}

/// Makes an instance of a [`Layer`].
pub type CreateFn = unsafe extern "C" fn(
    data: *mut c_void,
    request: Text,
    scope: *const Scope,
    instance: *mut *mut c_void,
    error: Sink,
) -> Status;

/// Computes with an instance of a [`Layer`].
pub type ForwardFn = unsafe extern "C" fn(
    instance: *mut c_void,
    pass: *const Pass,
    output: *mut Tensor,
    error: Sink,
) -> Status;

/// A kind of layer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    /// Name, help, options, shapes, example.
    pub item: Item,
    /// `{"input": [channels, sizes…], "options": {…}}`: says through `scope` which parameters it
    /// needs and what comes out, and makes an instance.
    pub create: Option<CreateFn>,
    /// Gives the output `[batch, …]`, a new tensor. One instance may be called from several threads.
    pub forward: Option<ForwardFn>,
    /// Frees an instance; may be null.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
}
