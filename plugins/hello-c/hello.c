/*
 * A whole Neurhai plugin in plain C: one architecture and one vote. Build it, and put it into a
 * plugin folder:
 *
 *     sh plugins/hello-c/build.sh OUTPUT_DIR
 *
 * Everything that a plugin may do is described in ../abi/neurhai.h. This one uses no tensors, so it
 * needs neither libtorch nor any other library.
 */
#include <stdio.h>
#include <string.h>

#include "../abi/neurhai.h"

/*
 * The whole number behind "key": in a request, or -1. Requests are JSON whose options the host has
 * checked, so looking for the key is enough here; a plugin with richer options brings a JSON library.
 * Text has no zero byte at its end, so nothing may read beyond its length.
 */
static long number_of(NeurhaiText json, const char *key) {
    size_t length = strlen(key), at;
    for (at = 0; at + length + 2 < json.len; at++) {
        if (json.ptr[at] == '"' && memcmp(json.ptr + at + 1, key, length) == 0 &&
            json.ptr[at + 1 + length] == '"') {
            long number = -1;
            for (at += length + 2; at < json.len && strchr(": ", json.ptr[at]); at++) {
            }
            for (; at < json.len && json.ptr[at] >= '0' && json.ptr[at] <= '9'; at++) {
                if (number > 1000000) return -1;
                number = (number < 0 ? 0 : number) * 10 + (json.ptr[at] - '0');
            }
            return number;
        }
    }
    return -1;
}

/* Means over a coarse grid of blocks, and one linear layer: what any network should beat. */
static NeurhaiStatus build_grid(void *data, NeurhaiText request, NeurhaiSink answer,
                                NeurhaiSink error) {
    long outputs = number_of(request, "outputs"), grid = number_of(request, "grid");
    char network[256];
    (void)data;
    if (outputs < 1 || grid < 1) {
        neurhai_write(error, "the request has no outputs or no option `grid`");
        return NEURHAI_INVALID;
    }
    snprintf(network, sizeof network,
             "{\"layers\": [{\"kind\": \"adaptive_avg_pool\", \"output_size\": %ld},"
             " {\"kind\": \"flatten\"}, {\"kind\": \"linear\", \"out_features\": %ld}]}",
             grid, outputs);
    neurhai_write(answer, network);
    return NEURHAI_OK;
}

/* score(c) ~ the largest probability that a part with a weight gives to class c. */
static NeurhaiStatus vote_maximum(void *data, const NeurhaiBallot *ballot, NeurhaiText options,
                                  double *scores, NeurhaiSink error) {
    size_t image, part, class;
    (void)data;
    (void)options;
    (void)error;
    for (image = 0; image < ballot->images; image++) {
        const double *values = ballot->values + image * ballot->parts * ballot->outputs;
        double *score = scores + image * ballot->outputs, sum = 0;
        /* The host allocates the scores, but need not have set them to anything. */
        for (class = 0; class < ballot->outputs; class++) score[class] = 0;
        for (part = 0; part < ballot->parts; part++) {
            if (!(ballot->weights[part] > 0)) continue;
            for (class = 0; class < ballot->outputs; class++) {
                double value = values[part * ballot->outputs + class];
                if (value > score[class]) score[class] = value;
            }
        }
        for (class = 0; class < ballot->outputs; class++) sum += score[class];
        for (class = 0; class < ballot->outputs; class++) {
            score[class] = sum > 0 ? score[class] / sum : 1.0 / (double)ballot->outputs;
        }
    }
    return NEURHAI_OK;
}

/* The size of the structure, flags, name, help, info; no data, so nothing to drop. */
static NeurhaiItem item(size_t size, const char *name, const char *help, const char *info) {
    NeurhaiItem item;
    memset(&item, 0, sizeof item);
    item.struct_size = (uint32_t)size;
    item.name = neurhai_text(name);
    item.help = neurhai_text(help);
    item.info = neurhai_text(info);
    return item;
}

static NeurhaiStatus init(const NeurhaiHost *host, NeurhaiSink error) {
    NeurhaiArchitecture grid;
    NeurhaiVote maximum;
    NeurhaiStatus status;

    grid.item = item(sizeof grid, "GridLinear", "Block means and one linear layer, a baseline.",
                     "{\"options\": [{\"name\": \"grid\", \"help\": \"blocks per axis\","
                     " \"type\": \"int\", \"min\": 1, \"max\": 64, \"default\": 4}]}");
    grid.build = build_grid;
    /* A refusal is passed on: the host then shows its own reason, and drops the plugin. */
    status = host->architecture(host->ctx, &grid, error);
    if (status != NEURHAI_OK) return status;

    maximum.item = item(sizeof maximum, "maximum",
                        "The largest probability that any part gives to each class.",
                        "{\"source\": \"s(c) ~ max over i of p_i(c), the max rule; Kittler et al."
                        " 1998, https://doi.org/10.1109/34.667881\"}");
    maximum.vote = vote_maximum;
    maximum.fit = NULL; /* It learns nothing. */
    return host->vote(host->ctx, &maximum, error);
}

/* What the host reads before it loads the library. The rest of `libtorch` and so on is zero. */
const NeurhaiEntry neurhai_plugin = {
    NEURHAI_MAGIC,
    sizeof(NeurhaiEntry),
    NEURHAI_ABI_MAJOR,
    NEURHAI_ABI_MINOR,
    0, /* flags */
    NEURHAI_TENSORS_NONE,
    0,  /* reserved */
    "", /* libtorch */
    "hello-c",
    "0.1.0",
    init,
};
