//! How libtorch is to compute in a run.

use neurhai_torch::{Deterministic, cublas_workspace};
use tch::Device;

use super::config::Config;
use crate::error::Result;
use crate::network::{Plan, Precision};

/// Asks for deterministic algorithms as long as the guard lives, where the options do.
///
/// # Errors
/// Every layer that has none on the device; what libtorch says.
pub(super) fn deterministic(
    config: &Config,
    plan: &Plan,
    device: Device,
) -> Result<Option<Deterministic>> {
    if !config.train.flag("deterministic")? {
        return Ok(None);
    }
    plan.check_deterministic(device)?;
    if device.is_cuda() {
        // https://docs.nvidia.com/cuda/cublas/#results-reproducibility
        cublas_workspace(match config.train.text("compensation")? {
            "time" => c":16:8",
            _ => c":4096:8",
        });
    }
    Ok(Some(Deterministic::ask()?))
}

/// What a person should know who asked for numbers that the processor is not made for.
pub(super) fn warning(config: &Config, device: Device) -> Option<String> {
    let slow = config.precision == Precision::BFloat16 && !device.is_cuda() && !has_bfloat16();
    slow.then(|| {
        "this processor has no instructions for bfloat16 (AVX512-BF16, AMX), so it will be slower \
         than float32"
            .into()
    })
}

fn has_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}
