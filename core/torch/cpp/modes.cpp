// Modes of libtorch: deterministic algorithms, which the whole process shares, and automatic casts to
// numbers of less precision, which each thread has for itself.
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <cstdint>
#include <cstdlib>

#include "shim.h"

static at::DeviceType device_type(int cuda) { return cuda ? at::kCUDA : at::kCPU; }

extern "C" {

// Five flags: deterministic algorithms, only warn, cuDNN's, its benchmark, oneDNN's.
void neurhai_torch_determinism(uint8_t* flags) {
  const auto& context = at::globalContext();
  flags[0] = context.deterministicAlgorithms();
  flags[1] = context.deterministicAlgorithmsWarnOnly();
  flags[2] = context.deterministicCuDNN();
  flags[3] = context.benchmarkCuDNN();
  flags[4] = context.deterministicMkldnn();
}

int neurhai_torch_set_determinism(const uint8_t* flags) {
  return guarded([&] {
    auto& context = at::globalContext();
    context.setDeterministicAlgorithms(flags[0], flags[1]);
    context.setDeterministicCuDNN(flags[2]);
    context.setBenchmarkCuDNN(flags[3]);
    context.setDeterministicMkldnn(flags[4]);
  });
}

// cuBLAS reads it when its first handle is made.
void neurhai_torch_cublas_workspace(const char* config) {
  setenv("CUBLAS_WORKSPACE_CONFIG", config, /*overwrite=*/0);
}

// Casts as torch.autocast does where it is entered: 0 none, 1 to bfloat16, 2 to float16. `before`
// takes what was set.
int neurhai_torch_enter_casts(int cuda, int casts, int* before) {
  return guarded([&] {
    const auto device = device_type(cuda);
    before[0] = at::autocast::is_autocast_enabled(device);
    before[1] = static_cast<int>(at::autocast::get_autocast_dtype(device));
    if (casts) {
      at::autocast::set_autocast_dtype(device, casts == 2 ? at::kHalf : at::kBFloat16);
    }
    at::autocast::set_autocast_enabled(device, casts != 0);
    // All threads share the cache, and one that is left clears it: whether another finds a weight cast
    // already would be chance.
    before[2] = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_cache_enabled(false);
  });
}

void neurhai_torch_leave_casts(int cuda, const int* before) {
  guarded([&] {
    const auto device = device_type(cuda);
    at::autocast::set_autocast_enabled(device, before[0]);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(before[1]));
    at::autocast::set_autocast_cache_enabled(before[2]);
  });
}
}
