//! What the machine has to bring: a platform for which the wheel is made, Python with pip, and a C++ compiler.

use super::VERSION;
use crate::error::{Error, Result};
use std::env;
use std::process::{Command, Stdio};

/// The wheel's libraries are for Linux on x86-64 with glibc; elsewhere the person has to bring a libtorch.
pub(super) fn supported_platform() -> Result<()> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return Ok(());
    }
    let what = format!(
        "libtorch can be set up for you only on Linux x86-64 (glibc); this is {} on {}",
        env::consts::OS,
        env::consts::ARCH
    );
    let remedy = format!(
        "Install PyTorch with `python3 -m pip install torch=={VERSION}` and set LIBTORCH_USE_PYTORCH=1,\n\
         or set LIBTORCH to the folder of a libtorch {VERSION}. Neurhai is not tested there yet."
    );
    Err(Error::new(what, remedy))
}

/// The Python that torch-sys would call.
pub(super) fn active_python() -> &'static str {
    if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" }
}

/// The Python to run pip with; everything that is missing is said at once.
pub(super) fn needed() -> Result<String> {
    // A virtual environment may come without pip while the system's Python has it.
    let pythons = [active_python(), "/usr/bin/python3", "python"];
    let python = pythons.into_iter().find(|python| runs(python, &["-m", "pip", "--version"]));
    let any_python = pythons.into_iter().any(|python| runs(python, &["--version"]));
    let compiler = compiler();
    let mut missing = Vec::new();
    let mut remedies = Vec::new();
    match (python, any_python) {
        (Some(_), _) => {}
        (None, true) => {
            missing.push("Python's pip".to_owned());
            remedies.push("pip: `apt-get install python3-pip`, or `python3 -m ensurepip --user`");
        }
        (None, false) => {
            missing.push("Python with pip".to_owned());
            remedies.push("Python and pip: `apt-get install python3 python3-pip`");
        }
    }
    if !runs(&compiler, &["--version"]) {
        missing.push(format!("a C++ compiler (`{compiler}`)"));
        remedies.push("C++ compiler: `apt-get install g++`, or set CXX to yours");
    }
    match python {
        Some(python) if missing.is_empty() => Ok(python.to_owned()),
        _ => {
            let what = format!("this machine lacks {}", missing.join(" and "));
            Err(Error::new(
                what,
                format!("{}\n(on Debian and Ubuntu, as root)", remedies.join("\n")),
            ))
        }
    }
}

/// The compiler that the build of the libtorch binding will call.
fn compiler() -> String {
    let asked = env::var("CXX").unwrap_or_default();
    // CXX may carry a wrapper or options: `ccache g++`, `g++ -fPIC`.
    asked.split_whitespace().next().unwrap_or("c++").to_owned()
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let nothing = (Stdio::null(), Stdio::null(), Stdio::null());
    let mut command = Command::new(program);
    command.args(arguments).stdin(nothing.0).stdout(nothing.1).stderr(nothing.2);
    command.status().is_ok_and(|status| status.success())
}
