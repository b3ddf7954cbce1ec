/*
 * The binary interface between Neurhai and its plugins, for C (C99 or later) and C++.
 *
 * A plugin is a shared library with one exported symbol: the constant `neurhai_plugin`, a
 * NeurhaiEntry. The host reads it out of the file before any code of the library runs; only a
 * library that fits is loaded, and its `init` is called with a NeurhaiHost, through which it
 * registers what it brings: architectures, transposition rules, votes, metrics, losses, layers.
 * ../hello-c/hello.c is a complete plugin.
 *
 * What holds for every structure and function here:
 *
 *  1. A structure begins with its size in bytes, as its author compiled it (a NeurhaiEntry after
 *     its magic number): write `sizeof(NeurhaiVote)`. It only ever grows at its end, by a minor
 *     version of the interface, and a reader uses a field only if it lies within that size.
 *     NeurhaiText, NeurhaiSink, NeurhaiNumbers, NeurhaiTensor and NeurhaiItem, which stand inside
 *     of others or are passed by value, never grow.
 *  2. A NeurhaiText is borrowed UTF-8 WITHOUT a final zero byte; it is valid during the call it is
 *     given to.
 *  3. Nobody frees the other's memory. Text and numbers go out through a NeurhaiSink or
 *     NeurhaiNumbers that the caller hands over; objects of the plugin have a `drop` or `destroy`.
 *  4. A NeurhaiTensor is libtorch's own `at::Tensor*`. Those handed to a plugin are borrowed, and
 *     must not be changed in place; one that a plugin gives out is new, and belongs to the
 *     receiver. If the call fails, nothing that it wrote is taken: it stays the plugin's, which
 *     frees it.
 *  5. Tensors are float32 unless said otherwise, on any device and with any strides: in training,
 *     channels lie side by side. Compute with libtorch's functions, not through a pointer to
 *     numbers.
 *  6. No panic, C++ exception or longjmp leaves a function.
 *  7. The host may call every function from any thread, and several at once: no writable globals. A
 *     sink, and the functions of a NeurhaiHost or NeurhaiScope, may be used only during the call
 *     that they are given to, and only on its thread.
 *  8. JSON says what has no fixed size: requests, descriptions, networks. See the field's comment.
 *
 * `src/lib.rs` beside this file says the same for Rust; a test compares the two.
 */
#ifndef NEURHAI_H
#define NEURHAI_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `NEURHAI` and a zero byte, read as a little-endian number. */
#define NEURHAI_MAGIC UINT64_C(0x004941485255454E)
/* Raised when old plugins no longer fit; a plugin of another major version is refused. */
#define NEURHAI_ABI_MAJOR 1
/* Raised when something is added; a plugin that wants a higher minor version is refused. */
#define NEURHAI_ABI_MINOR 0
/* The exported constant's name. */
#define NEURHAI_ENTRY_SYMBOL "neurhai_plugin"

/* How a call ended; one of the constants below. */
typedef int32_t NeurhaiStatus;
/* It did what it should. */
#define NEURHAI_OK 0
/* It could not; the error sink says why. */
#define NEURHAI_ERROR 1
/* The plugin panicked; the error sink has the message. */
#define NEURHAI_PANIC 2
/* The caller broke the rules: a null pointer, text that is no UTF-8, JSON that is none. */
#define NEURHAI_INVALID 3
/* The name is taken, or no name. */
#define NEURHAI_NAME_TAKEN 4

/* The plugin uses no tensors and links no libtorch: it loads with any. */
#define NEURHAI_TENSORS_NONE 0
/* The plugin links libtorch's C++ interface: exactly the host's version is needed. */
#define NEURHAI_TENSORS_CPP 1
/* The plugin uses only libtorch's stable C functions (aoti_torch_...): `libtorch` is the least
 * version. */
#define NEURHAI_TENSORS_STABLE 2

/* In NeurhaiEntry.flags: built so that a panic ends the process. Such a plugin is refused, unless
 * allowed. */
#define NEURHAI_ENTRY_PANIC_ABORTS 1
/* In NeurhaiItem.flags: takes the place of an entry of the same name instead of clashing with it. */
#define NEURHAI_ITEM_REPLACES 1

/* A parameter that the optimiser learns. */
#define NEURHAI_PARAM_TRAINABLE 0
/* A buffer: saved with the weights, but not learned. */
#define NEURHAI_PARAM_BUFFER 1

/* ---- Text, numbers, tensors --------------------------------------------------------------- */

/* Borrowed UTF-8, without a final zero byte. */
typedef struct NeurhaiText {
    const uint8_t *ptr; /* The first byte; may be null where `len` is 0. */
    size_t len;         /* The number of bytes. */
} NeurhaiText;

/* Takes text from the one who is called. It may be written to several times. */
typedef struct NeurhaiSink {
    void *ctx; /* Handed back to `write`. */
    /* Appends `len` bytes at `ptr`. A sink in which this is null takes nothing. */
    void (*write)(void *ctx, const uint8_t *ptr, size_t len);
} NeurhaiSink;

/* Takes numbers from the one who is called. It may be written to several times. */
typedef struct NeurhaiNumbers {
    void *ctx; /* Handed back to `write`. */
    /* Appends `len` numbers at `ptr`. If this is null, nothing is taken. */
    void (*write)(void *ctx, const double *ptr, size_t len);
} NeurhaiNumbers;

/* libtorch's `at::Tensor*` (tch's `C_tensor*`, PyTorch's `AtenTensorHandle`). */
typedef void *NeurhaiTensor;

/* The text of a C string, which must outlive the call that it is given to. */
static inline NeurhaiText neurhai_text(const char *string) {
    NeurhaiText text;
    text.ptr = (const uint8_t *)string;
    text.len = strlen(string);
    return text;
}

/* Writes a C string to a sink, if the sink takes anything. */
static inline void neurhai_write(NeurhaiSink sink, const char *string) {
    if (sink.write) sink.write(sink.ctx, (const uint8_t *)string, strlen(string));
}

/* ---- What every entry begins with --------------------------------------------------------- */

/* It never grows. */
typedef struct NeurhaiItem {
    uint32_t struct_size; /* The size of the whole structure that begins with this item. */
    uint32_t flags;       /* NEURHAI_ITEM_REPLACES or 0. */
    NeurhaiText name; /* Letters, digits and `_`, at most 64. A transpose rule has the layer's. */
    NeurhaiText help; /* One line of help. */
    /*
     * A JSON object that says more, or nothing. For all kinds: `source` (paper, DOI or page of the
     * formula) and, but for metrics, `options`: a list of {"name", "help", "type", "default"},
     * where `type` is `int`, `float` (both with `min` and `max`, if there are bounds), `bool`,
     * `text`, `choice` (with `of`), `sizes` (one number for all axes or one per axis; `min`),
     * `ints`, `texts`, `layers`, `branches` or `map`. Without a `default` the option must be given,
     * unless `absent` says what happens when it is not.
     *
     * Layers: `shapes` (input and output in words), `positional` (how many options a script may
     * give by position), `example`: {"layers": [...], "input": [...], "output": [...]}.
     * Metrics: `formula`, `direction` (`higher` or `lower` is better), `range`: [lowest, highest],
     * `null` for no bound.
     */
    NeurhaiText info;
    void *data;               /* Handed back to every function of this entry. */
    void (*drop)(void *data); /* Called once when the entry is no longer needed; may be null. */
} NeurhaiItem;

/* Takes JSON and answers with JSON. */
typedef NeurhaiStatus (*NeurhaiJsonFn)(void *data, NeurhaiText request, NeurhaiSink answer,
                                       NeurhaiSink error);

/* ---- Architectures: recipes for networks -------------------------------------------------- */

typedef struct NeurhaiArchitecture {
    NeurhaiItem item; /* Name, help, options. */
    /*
     * {"input": [channels, sizes...], "outputs": n, "options": {...}} ->
     * {"layers": [...]}, cut into `convolutions` and `fc` at the first `flatten`, or
     * {"parts": [{"name": ..., "layers": [...]}, ...]}. A layer is {"kind": ...} with its options
     * beside it. The options are checked, defaults included.
     */
    NeurhaiJsonFn build;
} NeurhaiArchitecture;

/* ---- Transposes: how a layer is undone in a decoder --------------------------------------- */

typedef struct NeurhaiTranspose {
    NeurhaiItem item; /* Name of the layer, help. */
    /*
     * {"layer": {"kind": ..., ...}, "input": [...], "output": [...]} -> [layer, ...], which take
     * `output` back to `input`. The layer's options include defaults. A pooling keeps its positions
     * in the encoder if `max_unpool` or `crop_max_unpool` is among the layers of the answer.
     */
    NeurhaiJsonFn transpose;
} NeurhaiTranspose;

/* ---- Votes: how parts vote on their image ------------------------------------------------- */

/* The outputs of all parts of all images of a group. */
typedef struct NeurhaiBallot {
    uint32_t struct_size;  /* The size of this structure. */
    uint32_t reserved;     /* 0. */
    size_t images;         /* Images in the group. */
    size_t parts;          /* Parts per image. */
    size_t outputs;        /* Outputs per part: one probability per class. */
    const double *values;  /* [image, part, output], the last fastest. */
    const double *weights; /* One weight per part: not negative, with sum 1. */
    const double *fitted;  /* What `fit` gave, or null. */
    size_t n_fitted;       /* How many numbers `fit` gave. */
} NeurhaiBallot;

typedef struct NeurhaiVote {
    /* Name, help, options; "numbers": true in its info says that it can vote on the numbers of a
     * regression, too, where there is one output. */
    NeurhaiItem item;
    /* Fills `scores` [image, output], which the host has allocated. `options` is a JSON object. */
    NeurhaiStatus (*vote)(void *data, const NeurhaiBallot *ballot, NeurhaiText options,
                          double *scores, NeurhaiSink error);
    /*
     * Learns from the validation set, where `truth` holds an image's class code; may be null. What
     * it writes is kept with the experiment and given to `vote` as `fitted`.
     */
    NeurhaiStatus (*fit)(void *data, const NeurhaiBallot *ballot, const double *truth,
                         NeurhaiText options, NeurhaiNumbers fitted, NeurhaiSink error);
} NeurhaiVote;

/* ---- Metrics: how good predictions are ---------------------------------------------------- */

/* The predictions for a set. */
typedef struct NeurhaiRows {
    uint32_t struct_size;    /* The size of this structure. */
    uint32_t reserved;       /* 0. */
    size_t rows;             /* How many there are. */
    size_t outputs;          /* Outputs per row: one probability per class. */
    const double *truth;     /* The true class code of each row. */
    const double *predicted; /* The predicted class code of each row. */
    const double *scores;    /* [row, output], the last fastest. */
} NeurhaiRows;

typedef struct NeurhaiMetric {
    NeurhaiItem item; /* Name, help, formula, direction, range. */
    /* Writes the value to `value`; NaN where it is not defined. */
    NeurhaiStatus (*value)(void *data, const NeurhaiRows *rows, double *value, NeurhaiSink error);
} NeurhaiMetric;

/* ---- Losses: what training makes small ---------------------------------------------------- */

typedef struct NeurhaiLoss {
    NeurhaiItem item; /* Name, help, options. */
    /*
     * Gives the loss of each sample, [batch], a new tensor, from the network's output
     * [batch, output], float32, and the target: class codes [batch], int64. Both are borrowed, of
     * any device and strides, and not to be changed. `options` is a JSON object.
     */
    NeurhaiStatus (*loss)(void *data, NeurhaiTensor output, NeurhaiTensor target,
                          NeurhaiText options, NeurhaiTensor *loss, NeurhaiSink error);
} NeurhaiLoss;

/* ---- Layers ------------------------------------------------------------------------------- */

/* Through which a layer says what it needs and what it gives; valid during `create`. */
typedef struct NeurhaiScope {
    uint32_t struct_size; /* The size of this structure. */
    uint32_t reserved;    /* 0. */
    void *ctx;            /* Handed back to every function. */
    /*
     * Asks for a parameter (NEURHAI_PARAM_TRAINABLE) or buffer (NEURHAI_PARAM_BUFFER) of this name
     * and shape. `init` is JSON: {"uniform": bound}, {"constant": value}, or {"fan_in": n} for
     * PyTorch's default, uniform over +-1/sqrt(n). Nothing is allocated yet; `forward` gets the
     * tensors in the order they were asked for.
     */
    NeurhaiStatus (*param)(void *ctx, NeurhaiText name, const int64_t *shape, size_t axes,
                           NeurhaiText init, uint32_t kind, NeurhaiSink error);
    /* Says the output's shape, without the batch axis. It must be called once. */
    NeurhaiStatus (*output)(void *ctx, const int64_t *shape, size_t axes, NeurhaiSink error);
} NeurhaiScope;

/* A forward pass through one layer. Its tensors are float32, of any device and strides, and not to
 * be changed in place, but for buffers in training. */
typedef struct NeurhaiPass {
    uint32_t struct_size; /* The size of this structure. */
    uint32_t training;    /* 1 in training, 0 in evaluation. */
    uint64_t seed;        /* For random choices of this layer in this pass; 0 in evaluation. */
    const NeurhaiTensor *inputs;  /* The inputs, [batch, ...] each; borrowed. */
    size_t n_inputs;              /* How many: 1. */
    const NeurhaiTensor *weights; /* Parameters and buffers, in the order asked for; borrowed. */
    size_t n_weights;             /* How many. */
} NeurhaiPass;

typedef struct NeurhaiLayer {
    NeurhaiItem item; /* Name, help, options, shapes, example. */
    /*
     * {"input": [channels, sizes...], "options": {...}}: says through `scope` which parameters it
     * needs and what comes out, and makes an instance.
     */
    NeurhaiStatus (*create)(void *data, NeurhaiText request, const NeurhaiScope *scope,
                            void **instance, NeurhaiSink error);
    /* Gives the output [batch, ...], a new tensor. One instance may be called from several
     * threads. */
    NeurhaiStatus (*forward)(void *instance, const NeurhaiPass *pass, NeurhaiTensor *output,
                             NeurhaiSink error);
    void (*destroy)(void *instance); /* Frees an instance; may be null. */
} NeurhaiLayer;

/* ---- What init registers with; valid until it returns ------------------------------------- */

/*
 * Each function copies the structure and its texts. On NEURHAI_OK the host owns `item.data` and
 * will call `item.drop` once; otherwise it is still the plugin's, and the error sink says why.
 */
typedef struct NeurhaiHost {
    uint32_t struct_size; /* The size of this structure. */
    uint32_t abi_major;   /* NEURHAI_ABI_MAJOR of the host. */
    uint32_t abi_minor;   /* NEURHAI_ABI_MINOR of the host. */
    uint32_t reserved;    /* 0. */
    void *ctx;            /* Handed back to every function. */
    NeurhaiStatus (*architecture)(void *ctx, const NeurhaiArchitecture *entry, NeurhaiSink error);
    NeurhaiStatus (*transpose)(void *ctx, const NeurhaiTranspose *entry, NeurhaiSink error);
    NeurhaiStatus (*vote)(void *ctx, const NeurhaiVote *entry, NeurhaiSink error);
    NeurhaiStatus (*metric)(void *ctx, const NeurhaiMetric *entry, NeurhaiSink error);
    NeurhaiStatus (*loss)(void *ctx, const NeurhaiLoss *entry, NeurhaiSink error);
    NeurhaiStatus (*layer)(void *ctx, const NeurhaiLayer *entry, NeurhaiSink error);
} NeurhaiHost;

/* ---- What a plugin is: the exported constant ---------------------------------------------- */

typedef struct NeurhaiEntry {
    uint64_t magic;       /* NEURHAI_MAGIC. */
    uint32_t struct_size; /* The size of this structure. */
    uint32_t abi_major;   /* NEURHAI_ABI_MAJOR of the plugin. */
    uint32_t abi_minor;   /* NEURHAI_ABI_MINOR of the plugin. */
    uint32_t flags;       /* NEURHAI_ENTRY_PANIC_ABORTS or 0. */
    uint32_t tensors;     /* NEURHAI_TENSORS_NONE, _CPP or _STABLE. */
    uint32_t reserved;    /* 0. */
    char libtorch[16]; /* libtorch's version, `2.13.0`, filled up with zero bytes; all zero without
                          tensors. */
    char name[64];     /* The plugin's name: lower-case letters, digits, `_` and `-`, filled up with
                          zero bytes. */
    char version[32];  /* The plugin's version, filled up with zero bytes. */
    /* Registers what the plugin brings. If it fails, nothing of the plugin stays registered. */
    NeurhaiStatus (*init)(const NeurhaiHost *host, NeurhaiSink error);
} NeurhaiEntry;

/* Before the plugin's constant, so that it is seen from outside. */
#if defined(_WIN32)
#define NEURHAI_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define NEURHAI_EXPORT __attribute__((visibility("default")))
#else
#define NEURHAI_EXPORT
#endif

/* Every plugin defines this. */
NEURHAI_EXPORT extern const NeurhaiEntry neurhai_plugin;

#ifdef __cplusplus
}
#endif
#endif
