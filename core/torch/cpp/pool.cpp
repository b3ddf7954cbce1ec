// Max pooling with kernel = stride over channels-last float maps, padded on the low side, forward
// and backward in one pass each: no padded copy, one byte per maximum instead of eight, and a
// gradient that is written once, in a fixed order.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <cstdint>
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

// Walks the windows of the output planes [begin, end) of n × depth in row-major order and calls
// visit(output voxel, input voxel or -1 for padding, position in the window).
template <typename Visit>
__attribute__((always_inline)) static inline void windows(const Geometry& g, int64_t begin,
                                                          int64_t end, Visit visit) {
  for (int64_t plane = begin; plane < end; plane++) {
    const int64_t n = plane / g.out[0], z = plane % g.out[0];
    for (int64_t y = 0; y < g.out[1]; y++) {
      for (int64_t x = 0; x < g.out[2]; x++) {
        const int64_t to = (plane * g.out[1] + y) * g.out[2] + x;
        uint8_t position = 0;
        for (int64_t kz = 0; kz < g.kernel[0]; kz++) {
          const int64_t iz = z * g.kernel[0] + kz - g.pad[0];
          for (int64_t ky = 0; ky < g.kernel[1]; ky++) {
            const int64_t iy = y * g.kernel[1] + ky - g.pad[1];
            for (int64_t kx = 0; kx < g.kernel[2]; kx++, position++) {
              const int64_t ix = x * g.kernel[2] + kx - g.pad[2];
              const bool padded = iz < 0 || iy < 0 || ix < 0;
              visit(to, padded ? -1 : ((n * g.in[0] + iz) * g.in[1] + iy) * g.in[2] + ix, position);
            }
          }
        }
      }
    }
  }
}

// C is the number of channels where it is known, so that the loops over it unroll; otherwise 0.
template <int C>
__attribute__((always_inline)) static inline void pool(const Geometry& g, const float* in, float fill,
                                                       float* out, uint8_t* at, int64_t begin,
                                                       int64_t end) {
  const int64_t c = C ? C : g.c;
  windows(g, begin, end, [=](int64_t to, int64_t from, uint8_t position) {
    float* __restrict best = out + to * c;
    uint8_t* __restrict place = at + to * c;
    if (position == 0) {
      for (int64_t i = 0; i < c; i++) best[i] = from < 0 ? fill : in[from * c + i];
      for (int64_t i = 0; i < c; i++) place[i] = 0;
      return;
    }
    const float* __restrict value = in + from * c;
    for (int64_t i = 0; i < c; i++) {
      const float v = from < 0 ? fill : value[i];
      const bool larger = v > best[i] || v != v;
      best[i] = larger ? v : best[i];
      place[i] = larger ? position : place[i];
    }
  });
}

template <int C>
__attribute__((always_inline)) static inline void unpool(const Geometry& g, const float* grad,
                                                         const uint8_t* at, float* out,
                                                         int64_t begin, int64_t end) {
  const int64_t c = C ? C : g.c;
  windows(g, begin, end, [=](int64_t to, int64_t from, uint8_t position) {
    if (from < 0) return;
    const float* __restrict value = grad + to * c;
    const uint8_t* __restrict place = at + to * c;
    float* __restrict back = out + from * c;
    for (int64_t i = 0; i < c; i++) back[i] = place[i] == position ? value[i] : 0.0f;
  });
}

BEST_INSTRUCTIONS
static void pool_planes(const Geometry& g, const float* in, float fill, float* out, uint8_t* at,
                        int64_t begin, int64_t end) {
  switch (g.c) {
    case 8: return pool<8>(g, in, fill, out, at, begin, end);
    case 16: return pool<16>(g, in, fill, out, at, begin, end);
    default: return pool<0>(g, in, fill, out, at, begin, end);
  }
}

BEST_INSTRUCTIONS
static void unpool_planes(const Geometry& g, const float* grad, const uint8_t* at, float* out,
                          int64_t begin, int64_t end) {
  switch (g.c) {
    case 8: return unpool<8>(g, grad, at, out, begin, end);
    case 16: return unpool<16>(g, grad, at, out, begin, end);
    default: return unpool<0>(g, grad, at, out, begin, end);
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

struct BlockMaximum : public torch::autograd::Function<BlockMaximum> {
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x,
                        std::vector<int64_t> kernel, double fill) {
    const Geometry g = geometry(x, kernel);
    std::vector<int64_t> size{g.n, g.c};
    for (int64_t axis = 5 - x.dim(); axis < 3; axis++) size.push_back(g.out[axis]);
    Tensor y = at::empty(size, x.options().memory_format(channels_last(x)));
    Tensor places = at::empty(size, x.options().dtype(at::kByte).memory_format(channels_last(x)));
    const float* in = x.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    uint8_t* at = places.mutable_data_ptr<uint8_t>();
    const float padding = static_cast<float>(fill);
    at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
      pool_planes(g, in, padding, out, at, begin, end);
    });
    ctx->save_for_backward({places});
    ctx->saved_data["size"] = x.sizes().vec();
    ctx->saved_data["kernel"] = kernel;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const Tensor places = ctx->get_saved_variables()[0];
    const auto size = ctx->saved_data["size"].toIntVector();
    const auto kernel = ctx->saved_data["kernel"].toIntVector();
    const Tensor grad = grads[0].contiguous(channels_last(places));
    Tensor back = at::empty(size, grad.options().memory_format(channels_last(places)));
    const Geometry g = geometry(back, kernel);
    const float* in = grad.const_data_ptr<float>();
    const uint8_t* at = places.const_data_ptr<uint8_t>();
    float* out = back.mutable_data_ptr<float>();
    at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
      unpool_planes(g, in, at, out, begin, end);
    });
    return {back, Tensor(), Tensor()};
  }
};

extern "C" {

// Whether neurhai_torch_block_maximum takes this tensor and kernel.
int neurhai_torch_block_maximum_fits(const Tensor* x, const int64_t* kernel) {
  if (!x->device().is_cpu() || x->scalar_type() != at::kFloat || x->dim() < 4 || x->dim() > 5) return 0;
  int64_t positions = 1;
  for (int64_t axis = 0; axis < x->dim() - 2; axis++) positions *= kernel[axis] < 256 ? kernel[axis] : 256;
  // One channel fills no vector register, and its layout is ambiguous anyway.
  return positions <= 255 && x->size(1) > 1 && x->is_contiguous(channels_last(*x));
}

int neurhai_torch_block_maximum(const Tensor* x, const int64_t* kernel, double fill, Tensor** out) {
  return guarded([&] {
    std::vector<int64_t> sizes(kernel, kernel + x->dim() - 2);
    *out = new Tensor(BlockMaximum::apply(*x, std::move(sizes), fill));
  });
}
}
