// libtorch's operations on lists of tensors, and its fused optimiser steps, with a C interface.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "shim.h"

using at::Tensor;
using Lists = Tensor* const*;

static std::vector<Tensor> list(Lists tensors, size_t n) {
  std::vector<Tensor> out;
  out.reserve(n);
  for (size_t i = 0; i < n; i++) out.push_back(*tensors[i]);
  return out;
}

static bool plain(const Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

static void add_over_root(float* __restrict a, const float* __restrict b, const float* __restrict c,
                          int64_t n, float value, float scale, float eps) {
  for (int64_t i = 0; i < n; i++) a[i] += value * (b[i] / (std::sqrt(scale * c[i]) + eps));
}

// Changes the tensors of `a` in place. All have one signature; those that need less ignore the rest.
#define IN_PLACE(NAME, CALL)                                                                   \
  int neurhai_torch_foreach_##NAME(Lists a, Lists b, Lists c, size_t n, double value) {        \
    return guarded([&] {                                                                       \
      c10::NoGradGuard no_grad;                                                                \
      CALL;                                                                                    \
    });                                                                                        \
  }

extern "C" {

IN_PLACE(add, at::_foreach_add_(list(a, n), value))
IN_PLACE(mul, at::_foreach_mul_(list(a, n), value))
IN_PLACE(clamp_min, at::_foreach_clamp_min_(list(a, n), value))
IN_PLACE(clamp_max, at::_foreach_clamp_max_(list(a, n), value))
IN_PLACE(sqrt, at::_foreach_sqrt_(list(a, n)))
IN_PLACE(abs, at::_foreach_abs_(list(a, n)))
IN_PLACE(add_scaled, at::_foreach_add_(list(a, n), list(b, n), value))
IN_PLACE(mul_each, at::_foreach_mul_(list(a, n), list(b, n)))
IN_PLACE(div_each, at::_foreach_div_(list(a, n), list(b, n)))
IN_PLACE(maximum, at::_foreach_maximum_(list(a, n), list(b, n)))
IN_PLACE(lerp, at::_foreach_lerp_(list(a, n), list(b, n), value))
IN_PLACE(addcmul, at::_foreach_addcmul_(list(a, n), list(b, n), list(c, n), value))
IN_PLACE(addcdiv, at::_foreach_addcdiv_(list(a, n), list(b, n), list(c, n), value))

// a + value · b / (√(scale · c) + eps); one pass over memory where it can be.
int neurhai_torch_foreach_add_over_root(Lists a, Lists b, Lists c, size_t n, double value,
                                        double scale, double eps) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    for (size_t i = 0; i < n; i++) {
      if (plain(*a[i]) && plain(*b[i]) && plain(*c[i]) && a[i]->sizes() == b[i]->sizes() &&
          a[i]->sizes() == c[i]->sizes()) {
        add_over_root(a[i]->data_ptr<float>(), b[i]->const_data_ptr<float>(),
                      c[i]->const_data_ptr<float>(), a[i]->numel(), value, scale, eps);
      } else {
        a[i]->addcdiv_(*b[i], c[i]->mul(scale).sqrt_().add_(eps), value);
      }
    }
  });
}

int neurhai_torch_foreach_clone(Lists a, size_t n, Tensor** out) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    auto copies = at::_foreach_clone(list(a, n));
    std::vector<std::unique_ptr<Tensor>> owned;
    for (auto& copy : copies) owned.push_back(std::make_unique<Tensor>(std::move(copy)));
    for (size_t i = 0; i < n; i++) out[i] = owned[i].release();
  });
}

int neurhai_torch_foreach_norm(Lists a, size_t n, double* out) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    auto norms = at::stack(at::_foreach_norm(list(a, n), 2)).to(at::kCPU, at::kDouble);
    std::copy_n(norms.const_data_ptr<double>(), n, out);
  });
}

int neurhai_torch_fused_adam(Lists params, Lists grads, Lists exp_avgs, Lists exp_avg_sqs,
                             Lists max_exp_avg_sqs, size_t n, int64_t step, double lr, double beta1,
                             double beta2, double weight_decay, double eps, int decoupled) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    bool amsgrad = max_exp_avg_sqs != nullptr;
    auto counter = at::full({}, static_cast<double>(step), params[0]->options().dtype(at::kFloat));
    std::vector<Tensor> steps(n, counter);
    auto run = [&](auto kernel) {
      kernel(list(params, n), list(grads, n), list(exp_avgs, n), list(exp_avg_sqs, n),
             amsgrad ? list(max_exp_avg_sqs, n) : std::vector<Tensor>(), steps, lr, beta1, beta2,
             weight_decay, eps, amsgrad, /*maximize=*/false, std::nullopt, std::nullopt);
    };
    decoupled ? run(at::_ops::_fused_adamw_::call) : run(at::_ops::_fused_adam_::call);
  });
}

int neurhai_torch_fused_sgd(Lists params, Lists grads, Lists momentum_buffers, size_t n, int first,
                            double lr, double momentum, double dampening, double weight_decay,
                            int nesterov) {
  return guarded([&] {
    c10::NoGradGuard no_grad;
    auto buffers = momentum_buffers ? list(momentum_buffers, n) : std::vector<Tensor>();
    at::_fused_sgd_(list(params, n), list(grads, n), buffers, weight_decay, momentum, lr, dampening,
                    nesterov, /*maximize=*/false, first);
  });
}
}
