// What tch lacks of libtorch, with a C interface. Every function returns 0, or 1 after an exception
// whose text neurhai_torch_error() then gives.
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/ThreadLocalState.h>
#include <mutex>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "shim.h"

using at::Tensor;

std::string& neurhai_torch_last_error() {
  static thread_local std::string text;
  return text;
}

extern "C" {

const char* neurhai_torch_error() { return neurhai_torch_last_error().c_str(); }

int neurhai_torch_leaky_relu(const Tensor* x, double slope, Tensor** out) {
  return guarded([&] { *out = new Tensor(at::leaky_relu(*x, slope)); });
}

int neurhai_torch_elu(const Tensor* x, double alpha, Tensor** out) {
  return guarded([&] { *out = new Tensor(at::elu(*x, alpha)); });
}

int neurhai_torch_dropout(const Tensor* x, double p, uint64_t seed, Tensor** out) {
  return guarded([&] {
    // A generator of its own: the default one is shared by everything in this process.
    at::Generator shared = at::globalContext().defaultGenerator(x->device());
    at::Generator own = [&] {
      std::lock_guard<std::mutex> lock(shared.mutex());
      return shared.clone();
    }();
    own.set_current_seed(seed);
    Tensor kept = at::empty_like(x->detach());
    if (p < 1.0) {
      kept.bernoulli_(1.0 - p, own).div_(1.0 - p);
    } else {
      kept.zero_();
    }
    *out = new Tensor(x->mul(kept));
  });
}

// Must be called before the first tensor is made.
void neurhai_torch_keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  // Arenas of other threads cannot grow beyond 64 MB, and would scatter large tensors.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

int neurhai_torch_meta(const int64_t* shape, size_t axes, Tensor** out) {
  return guarded([&] {
    *out = new Tensor(at::empty(at::IntArrayRef(shape, axes), at::device(at::kMeta).dtype(at::kFloat)));
  });
}

int neurhai_torch_save_state(at::ThreadLocalState** out) {
  return guarded([&] { *out = new at::ThreadLocalState(); });
}

void neurhai_torch_restore_state(at::ThreadLocalState* state) {
  guarded([&] { at::ThreadLocalState::setThreadLocalState(*state); });
  delete state;
}

int neurhai_torch_clear_grad(Tensor* param) {
  return guarded([&] { param->mutable_grad().reset(); });
}

int neurhai_torch_free_memory(int device, int64_t* free_bytes) {
  return guarded([&] {
    *free_bytes = static_cast<int64_t>(
        at::accelerator::getMemoryInfo(static_cast<c10::DeviceIndex>(device)).first);
  });
}
}
