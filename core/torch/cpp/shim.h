// What the shim's files share.
#pragma once
#include <exception>
#include <string>

// The text of the last exception on this thread.
std::string& neurhai_torch_last_error();

// Runs body and turns an exception into status 1.
template <typename F>
static int guarded(F body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    neurhai_torch_last_error() = error.what();
  } catch (...) {
    neurhai_torch_last_error() = "an unknown C++ exception";
  }
  return 1;
}
