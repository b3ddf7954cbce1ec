// How libtorch's threads wait for each other and share memory, settled before libtorch is there.
//
// They meet hundreds of times in a training step. By default a thread that waits turns in a loop for
// milliseconds; where another process holds a processor, a step then takes many times as long. The
// library that runs them (libgomp) reads its setting when it is initialised, before main, and the C
// library fixes the environment at the same moment. What runs earlier is an executable's
// .preinit_array: from there the program is started once more, with the setting in place, which
// costs milliseconds because nothing of libtorch has run yet.
#if defined(__linux__)
#include <cstring>
#include <unistd.h>
#endif

extern "C" {
// A program that refers to this symbol links this file.
void neurhai_torch_share_processors() {}
}

#if defined(__linux__)
static char spin_count[] = "GOMP_SPINCOUNT=1000";  // turns before a thread sleeps: about 50 µs
// One heap for all threads, from the first allocation on: several would scatter large tensors.
static char one_arena[] = "MALLOC_ARENA_MAX=1";

static void before_libraries(int, char** arguments, char** environment) {
  size_t n = 0;
  bool arenas = false;
  for (; environment[n]; n++) {
    arenas = arenas || !std::strncmp(environment[n], "MALLOC_ARENA_MAX=", 17);
    // Whoever sets one of these has decided; so has this function when it ran before.
    if (!std::strncmp(environment[n], "GOMP_SPINCOUNT=", 15)) return;
    if (!std::strncmp(environment[n], "OMP_WAIT_POLICY=", 16)) return;
  }
  char* extended[n + 3];
  std::memcpy(extended, environment, n * sizeof(char*));
  extended[n++] = spin_count;
  if (!arenas) extended[n++] = one_arena;
  extended[n] = nullptr;
  // By its own path, so that the process keeps its name.
  char program[4096];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return;
  program[length] = '\0';
  execve(program, arguments, extended);
  // Where that is impossible the program goes on as it is, and is merely slower on a busy machine.
}

__attribute__((section(".preinit_array"), used)) static void (*const start)(int, char**, char**) =
    before_libraries;
#endif
