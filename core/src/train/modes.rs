//! How libtorch is to compute in a run.

use std::ffi::CStr;

use neurhai_torch::{Deterministic, cublas_workspace};
use tch::Device;

use super::config::Config;
use crate::error::{Code, Error, Place, Result};
use crate::network::{Plan, Precision};

/// Asks for deterministic algorithms as long as the guard lives, where the options do.
///
/// # Errors
/// Every layer that has none on the device; a workspace that cannot be had any more; what libtorch says.
pub(crate) fn deterministic(
    config: &Config,
    plan: &Plan,
    device: Device,
) -> Result<Option<Deterministic>> {
    let asked = config.train.flag("deterministic")?;
    if device.is_cuda() {
        // libtorch looks at it once, at the first product of matrices: a later run may ask for it.
        let saves_memory = asked && config.train.text("compensation")? == "time";
        workspace(if saves_memory { c":16:8" } else { c":4096:8" }, saves_memory)?;
    }
    if !asked {
        return Ok(None);
    }
    plan.check_deterministic(device)?;
    Ok(Some(Deterministic::ask()?))
}

/// The workspace of cuBLAS, <https://docs.nvidia.com/cuda/cublas/#results-reproducibility>. One that is
/// set already stays.
fn workspace(wanted: &CStr, needed: bool) -> Result<()> {
    cublas_workspace(wanted);
    let found = std::env::var("CUBLAS_WORKSPACE_CONFIG").unwrap_or_default();
    if !needed || wanted.to_bytes() == found.as_bytes() {
        return Ok(());
    }
    let message = format!("CUBLAS_WORKSPACE_CONFIG is {found:?} in this process already");
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option("compensation".into()))
        .help("leave compensation out, or set the variable before the program starts"))
}

/// What a person should know who asked for numbers that the processor is not made for.
pub(super) fn warning(config: &Config, device: Device) -> Option<String> {
    let slow = config.precision == Precision::BFloat16
        && !device.is_cuda()
        && !crate::device::has_bfloat16();
    slow.then(|| {
        "this processor has no instructions for bfloat16 (AVX512-BF16, AMX), so it will be slower \
         than float32"
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_is_set_stays() {
        workspace(c":4096:8", false).unwrap();
        workspace(c":4096:8", true).unwrap();
        workspace(c":16:8", false).unwrap();
        let error = workspace(c":16:8", true).unwrap_err().to_string();
        assert!(error.contains("\":4096:8\" in this process already"), "{error}");
    }
}
