// Max pooling with kernel = stride over channels-last float maps, padded on the low side, forward
// and backward in one pass each: no padded copy, one byte per maximum instead of eight, and a
// gradient that is written once, in a fixed order. Unpooling to where the maxima were is the gradient
// of that, and its own gradient gathers what reached those places.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <cstdint>
#include <cstring>
#include <vector>

#include "shim.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BEST_INSTRUCTIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define BEST_INSTRUCTIONS
#endif

using at::Tensor;

// Sizes as three spatial axes; a 2D map has depth 1.
struct Geometry {
  int64_t n, c;
  int64_t in[3], out[3], kernel[3], pad[3];
};

// Channels that are worked on at once. The vector types are GCC's and Clang's own, which become the
// widest instructions there are; plain loops over channels stay scalar with GCC 12.
constexpr int64_t LANES = 8;
constexpr int64_t MAX_POSITIONS = 255;
typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));

template <typename V, typename T>
__attribute__((always_inline)) static inline V load(const T* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <typename V, typename T>
__attribute__((always_inline)) static inline void store(T* to, V v) {
  std::memcpy(to, &v, sizeof v);
}

// The input voxel of each position of a window, in row-major order; -1 for padding. Gives how many.
__attribute__((always_inline)) static inline int64_t window(const Geometry& g, int64_t n, int64_t z,
                                                            int64_t y, int64_t x, int64_t* from) {
  int64_t count = 0;
  for (int64_t kz = 0; kz < g.kernel[0]; kz++) {
    const int64_t iz = z * g.kernel[0] + kz - g.pad[0];
    for (int64_t ky = 0; ky < g.kernel[1]; ky++) {
      const int64_t iy = y * g.kernel[1] + ky - g.pad[1];
      for (int64_t kx = 0; kx < g.kernel[2]; kx++) {
        const int64_t ix = x * g.kernel[2] + kx - g.pad[2];
        const bool padded = iz < 0 || iy < 0 || ix < 0;
        from[count++] = padded ? -1 : ((n * g.in[0] + iz) * g.in[1] + iy) * g.in[2] + ix;
      }
    }
  }
  return count;
}

// The maxima of one window for LANES channels, and, where asked for, their positions.
template <bool PLACES>
__attribute__((always_inline)) static inline void maximum(const float* in, int64_t c,
                                                          const int64_t* from, int64_t count,
                                                          float fill, float* out, uint8_t* at) {
  const Floats padding = Floats{} + fill;
  Floats best = from[0] < 0 ? padding : load<Floats>(in + from[0] * c);
  Ints place = {};
  for (int32_t position = 1; position < count; position++) {
    const Floats value = from[position] < 0 ? padding : load<Floats>(in + from[position] * c);
    const Ints larger = (value > best) | (value != value);
    best = larger ? value : best;
    if (PLACES) place = larger ? Ints{} + position : place;
  }
  store(out, best);
  if (PLACES) store(at, __builtin_convertvector(place, Bytes));
}

// The same for a single channel.
static inline void maximum_of_one(const float* in, int64_t c, const int64_t* from, int64_t count,
                                  float fill, float* out, uint8_t* at) {
  float best = from[0] < 0 ? fill : in[from[0] * c];
  uint8_t place = 0;
  for (int64_t position = 1; position < count; position++) {
    const float value = from[position] < 0 ? fill : in[from[position] * c];
    if (value > best || value != value) {
      best = value;
      place = static_cast<uint8_t>(position);
    }
  }
  *out = best;
  if (at) *at = place;
}

template <bool PLACES>
__attribute__((always_inline)) static inline void pool(const Geometry& g, const float* in, float fill,
                                                       float* out, uint8_t* at, int64_t begin,
                                                       int64_t end) {
  int64_t from[MAX_POSITIONS];
  for (int64_t plane = begin; plane < end; plane++) {
    for (int64_t y = 0; y < g.out[1]; y++) {
      for (int64_t x = 0; x < g.out[2]; x++) {
        const int64_t count = window(g, plane / g.out[0], plane % g.out[0], y, x, from);
        const int64_t to = ((plane * g.out[1] + y) * g.out[2] + x) * g.c;
        int64_t c = 0;
        for (; c + LANES <= g.c; c += LANES) {
          maximum<PLACES>(in + c, g.c, from, count, fill, out + to + c, PLACES ? at + to + c : at);
        }
        for (; c < g.c; c++) {
          maximum_of_one(in + c, g.c, from, count, fill, out + to + c, PLACES ? at + to + c : at);
        }
      }
    }
  }
}

// The positions are written only where `at` is not null.
BEST_INSTRUCTIONS
static void pool_planes(const Geometry& g, const float* in, float fill, float* out, uint8_t* at,
                        int64_t begin, int64_t end) {
  if (at) {
    pool<true>(g, in, fill, out, at, begin, end);
  } else {
    pool<false>(g, in, fill, out, at, begin, end);
  }
}

BEST_INSTRUCTIONS
static void unpool_planes(const Geometry& g, const float* grad, const uint8_t* at, float* out,
                          int64_t begin, int64_t end) {
  int64_t from[MAX_POSITIONS];
  for (int64_t plane = begin; plane < end; plane++) {
    for (int64_t y = 0; y < g.out[1]; y++) {
      for (int64_t x = 0; x < g.out[2]; x++) {
        const int64_t count = window(g, plane / g.out[0], plane % g.out[0], y, x, from);
        const int64_t to = ((plane * g.out[1] + y) * g.out[2] + x) * g.c;
        const float* value = grad + to;
        const uint8_t* place = at + to;
        for (int32_t position = 0; position < count; position++) {
          if (from[position] < 0) continue;
          float* back = out + from[position] * g.c;
          int64_t c = 0;
          for (; c + LANES <= g.c; c += LANES) {
            const Ints places = __builtin_convertvector(load<Bytes>(place + c), Ints);
            store(back + c, places == position ? load<Floats>(value + c) : Floats{});
          }
          for (; c < g.c; c++) back[c] = place[c] == position ? value[c] : 0.0f;
        }
      }
    }
  }
}

// What lies where the maxima were taken; 0 where that was padding.
BEST_INSTRUCTIONS
static void gather_planes(const Geometry& g, const float* in, const uint8_t* at, float* out,
                          int64_t begin, int64_t end) {
  int64_t from[MAX_POSITIONS];
  for (int64_t plane = begin; plane < end; plane++) {
    for (int64_t y = 0; y < g.out[1]; y++) {
      for (int64_t x = 0; x < g.out[2]; x++) {
        const int64_t count = window(g, plane / g.out[0], plane % g.out[0], y, x, from);
        const int64_t to = ((plane * g.out[1] + y) * g.out[2] + x) * g.c;
        int64_t c = 0;
        for (; c + LANES <= g.c; c += LANES) {
          const Ints places = __builtin_convertvector(load<Bytes>(at + to + c), Ints);
          Floats value = {};
          for (int32_t position = 0; position < count; position++) {
            if (from[position] < 0) continue;
            value = places == position ? load<Floats>(in + from[position] * g.c + c) : value;
          }
          store(out + to + c, value);
        }
        for (; c < g.c; c++) {
          const int64_t voxel = from[at[to + c]];
          out[to + c] = voxel < 0 ? 0.0f : in[voxel * g.c + c];
        }
      }
    }
  }
}

static Geometry geometry(const Tensor& x, at::IntArrayRef kernel) {
  Geometry g{};
  g.n = x.size(0);
  g.c = x.size(1);
  const int64_t axes = x.dim() - 2;
  for (int64_t axis = 0; axis < 3; axis++) {
    const int64_t own = axis - (3 - axes);
    g.in[axis] = own < 0 ? 1 : x.size(own + 2);
    g.kernel[axis] = own < 0 ? 1 : kernel[own];
    g.out[axis] = (g.in[axis] + g.kernel[axis] - 1) / g.kernel[axis];
    g.pad[axis] = g.out[axis] * g.kernel[axis] - g.in[axis];
  }
  return g;
}

static at::MemoryFormat channels_last(const Tensor& x) {
  return x.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
}

// The maxima of x, and their positions in `places` where that is not null.
static Tensor block_maximum(const Tensor& x, at::IntArrayRef kernel, double fill, Tensor* places) {
  const Geometry g = geometry(x, kernel);
  std::vector<int64_t> size{g.n, g.c};
  for (int64_t axis = 5 - x.dim(); axis < 3; axis++) size.push_back(g.out[axis]);
  const auto layout = channels_last(x);
  Tensor y = at::empty(size, x.options().memory_format(layout));
  if (places) *places = at::empty(size, x.options().dtype(at::kByte).memory_format(layout));
  const float* in = x.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  uint8_t* at = places ? places->mutable_data_ptr<uint8_t>() : nullptr;
  const float padding = static_cast<float>(fill);
  at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
    pool_planes(g, in, padding, out, at, begin, end);
  });
  return y;
}

// The values of x where `places` says, in a map of this size; zeros elsewhere.
static Tensor block_unpool(const Tensor& x, const Tensor& places, at::IntArrayRef size,
                           at::IntArrayRef kernel) {
  const auto layout = channels_last(places);
  const Tensor values = x.contiguous(layout);
  Tensor y = at::empty(size, x.options().memory_format(layout));
  const Geometry g = geometry(y, kernel);
  const float* in = values.const_data_ptr<float>();
  const uint8_t* at = places.const_data_ptr<uint8_t>();
  float* out = y.mutable_data_ptr<float>();
  at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
    unpool_planes(g, in, at, out, begin, end);
  });
  return y;
}

// The values of x at the places, in the shape of `places`.
static Tensor block_gather(const Tensor& x, const Tensor& places, at::IntArrayRef kernel) {
  const auto layout = channels_last(places);
  const Tensor map = x.contiguous(layout);
  Tensor y = at::empty(places.sizes(), x.options().memory_format(layout));
  const Geometry g = geometry(map, kernel);
  const float* in = map.const_data_ptr<float>();
  const uint8_t* at = places.const_data_ptr<uint8_t>();
  float* out = y.mutable_data_ptr<float>();
  at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
    gather_planes(g, in, at, out, begin, end);
  });
  return y;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The maxima and their places.
struct BlockMaximum : public torch::autograd::Function<BlockMaximum> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x, std::vector<int64_t> kernel,
                               double fill) {
    Tensor places;
    Tensor y = block_maximum(x, kernel, fill, &places);
    ctx->mark_non_differentiable({places});
    ctx->save_for_backward({places});
    ctx->saved_data["size"] = x.sizes().vec();
    ctx->saved_data["kernel"] = kernel;
    return {y, places};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor places = ctx->get_saved_variables()[0];
    const auto size = ctx->saved_data["size"].toIntVector();
    const auto kernel = ctx->saved_data["kernel"].toIntVector();
    return {block_unpool(grads[0], places, size, kernel), Tensor(), Tensor()};
  }
};

struct BlockUnpool : public torch::autograd::Function<BlockUnpool> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& places,
                        std::vector<int64_t> size, std::vector<int64_t> kernel) {
    ctx->save_for_backward({places});
    ctx->saved_data["kernel"] = kernel;
    return block_unpool(x, places, size, kernel);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor places = ctx->get_saved_variables()[0];
    const auto kernel = ctx->saved_data["kernel"].toIntVector();
    return {block_gather(grads[0], places, kernel), Tensor(), Tensor(), Tensor()};
  }
};

static bool learns(const Tensor& x) { return x.requires_grad() && at::GradMode::is_enabled(); }

extern "C" {

// Whether neurhai_torch_block_maximum takes this tensor and kernel.
int neurhai_torch_block_maximum_fits(const Tensor* x, const int64_t* kernel) {
  if (!x->device().is_cpu() || x->scalar_type() != at::kFloat || x->dim() < 4 || x->dim() > 5) return 0;
  int64_t positions = 1;
  for (int64_t axis = 0; axis < x->dim() - 2; axis++) positions *= kernel[axis] < 256 ? kernel[axis] : 256;
  // One channel fills no vector register, and its layout is ambiguous anyway.
  return positions <= 255 && x->size(1) > 1 && x->is_contiguous(channels_last(*x));
}

// `places` is null where nobody asks for them.
int neurhai_torch_block_maximum(const Tensor* x, const int64_t* kernel, double fill, Tensor** out,
                                Tensor** places) {
  return guarded([&] {
    std::vector<int64_t> sizes(kernel, kernel + x->dim() - 2);
    Tensor y, at;
    if (learns(*x)) {
      auto both = BlockMaximum::apply(*x, std::move(sizes), fill);
      y = both[0], at = both[1];
    } else {
      y = block_maximum(*x, sizes, fill, places ? &at : nullptr);
    }
    *out = new Tensor(std::move(y));
    if (places) *places = new Tensor(std::move(at));
  });
}

// Status 2 where this is not made for `x`.
int neurhai_torch_block_unpool(const Tensor* x, const Tensor* places, const int64_t* spatial,
                               const int64_t* kernel, Tensor** out) {
  if (!x->device().is_cpu() || x->scalar_type() != at::kFloat || x->sizes() != places->sizes()) return 2;
  return guarded([&] {
    const int64_t axes = x->dim() - 2;
    std::vector<int64_t> size{x->size(0), x->size(1)};
    size.insert(size.end(), spatial, spatial + axes);
    std::vector<int64_t> sizes(kernel, kernel + axes);
    *out = new Tensor(learns(*x) ? BlockUnpool::apply(*x, *places, std::move(size), std::move(sizes))
                                 : block_unpool(*x, *places, size, sizes));
  });
}
}
