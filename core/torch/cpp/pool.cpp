// Max pooling with kernel = stride over channels-last float maps, padded on the low side, forward
// and backward in one pass each: no padded copy, one byte per maximum instead of eight, and a
// gradient that is written once, in a fixed order.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <cstdint>
#include <limits>
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

// One window position against the best so far, for all channels of a voxel.
BEST_INSTRUCTIONS
static void keep_larger(const float* value, float* best, uint8_t* at, int64_t c, uint8_t position) {
  for (int64_t i = 0; i < c; i++) {
    const float v = value[i];
    const bool larger = v > best[i] || v != v;
    best[i] = larger ? v : best[i];
    at[i] = larger ? position : at[i];
  }
}

BEST_INSTRUCTIONS
static void pass_back(const float* grad, const uint8_t* at, float* out, int64_t c, uint8_t position) {
  for (int64_t i = 0; i < c; i++) out[i] = at[i] == position ? grad[i] : 0.0f;
}

// Calls visit(output voxel, input voxel or -1 for padding, position) for every window position, in
// row-major order within each window, for the output planes [begin, end) of n × depth.
template <typename Visit>
static void windows(const Geometry& g, int64_t begin, int64_t end, Visit visit) {
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
              const int64_t from = ((n * g.in[0] + iz) * g.in[1] + iy) * g.in[2] + ix;
              visit(to, padded ? -1 : from, position);
            }
          }
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
    const std::vector<float> padding(g.c, static_cast<float>(fill));
    at::parallel_for(0, g.n * g.out[0], 1, [&](int64_t begin, int64_t end) {
      windows(g, begin, end, [&](int64_t to, int64_t from, uint8_t position) {
        float* best = out + to * g.c;
        uint8_t* place = at + to * g.c;
        if (position == 0) {
          std::fill_n(best, g.c, -std::numeric_limits<float>::infinity());
          std::fill_n(place, g.c, 0);
        }
        keep_larger(from < 0 ? padding.data() : in + from * g.c, best, place, g.c, position);
      });
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
      windows(g, begin, end, [&](int64_t to, int64_t from, uint8_t position) {
        if (from < 0) return;
        pass_back(in + to * g.c, at + to * g.c, out + from * g.c, g.c, position);
      });
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
