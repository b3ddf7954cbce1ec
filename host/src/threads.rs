//! How threads wait for each other.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Turns of the waiting loop before a thread sleeps: about 50 µs.
const SPIN_COUNT: &str = "1000";

/// The variables by which a user decides this.
const VARIABLES: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];

/// Starts this program anew with threads that wait for a moment and then sleep.
///
/// libtorch's threads wait for each other hundreds of times in a training step. By default they do
/// so by turning in a loop for milliseconds, and where another process holds a processor a step
/// takes many times as long. The library reads its setting when it is loaded, before `main`, so the
/// setting has to be there when the program starts.
pub fn share_processors() {
    if VARIABLES.iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    // This only returns where starting anew is impossible; then the run is merely slower.
    let _ = Command::new(program).args(env::args_os().skip(1)).env(VARIABLES[0], SPIN_COUNT).exec();
}
