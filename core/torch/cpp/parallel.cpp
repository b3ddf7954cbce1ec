// Work of the caller's on libtorch's threads, with a C interface.
#include <ATen/Parallel.h>
#include <cstdint>

#include "shim.h"

extern "C" {
// Calls work(data) once on each of up to n threads at a time; within it libtorch computes on one.
int neurhai_torch_on_threads(int64_t n, void (*work)(const void*), const void* data) {
  return guarded([&] {
    at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) work(data);
    });
  });
}
}
