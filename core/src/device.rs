//! Where a run computes.

use tch::{Cuda, Device};

use crate::error::{Code, Error, Place, Result};

/// The version of the libtorch that this library was built for.
pub const LIBTORCH: &str = env!("NEURHAI_LIBTORCH_VERSION");

/// The device that `name` means: `cpu`, `cuda`, `cuda:1`, or `auto` for the GPU with most free
/// memory and the CPU where there is no GPU.
///
/// # Errors
/// [`Code::DeviceUnavailable`] for a GPU that is not there, [`Code::BadOption`] for another name.
pub fn choose(name: &str) -> Result<Device> {
    let gpus = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    let missing = || {
        let seen =
            if gpus == 0 { "no GPU".into() } else { format!("{gpus} GPUs, numbered from 0") };
        Error::new(
            Code::DeviceUnavailable,
            format!("{name:?} was asked for, but libtorch sees {seen}"),
        )
        .at(Place::Option("device".into()))
        .help("use device: \"auto\" or \"cpu\", or a libtorch built for CUDA")
    };
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" if gpus == 0 => Ok(Device::Cpu),
        "auto" | "cuda" => {
            let free = |gpu: &usize| neurhai_torch::free_memory(*gpu).unwrap_or(0);
            // Of several with the same free memory, the first.
            (0..gpus).rev().max_by_key(free).map(Device::Cuda).ok_or_else(missing)
        }
        other => match other.strip_prefix("cuda:").map(str::parse::<usize>) {
            Some(Ok(gpu)) if gpu < gpus => Ok(Device::Cuda(gpu)),
            Some(Ok(_)) => Err(missing()),
            _ => Err(Error::new(Code::BadOption, format!("there is no device {other:?}"))
                .at(Place::Option("device".into()))
                .help("a device is \"auto\", \"cpu\", \"cuda\" or \"cuda:N\"")),
        },
    }
}

pub use neurhai_torch::{keep_memory, share_processors};

/// Whether the processor has instructions for bfloat16 (AVX512-BF16).
pub fn has_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}

/// What a person calls the device.
pub fn describe(device: Device) -> String {
    match device {
        Device::Cuda(gpu) => match neurhai_torch::free_memory(gpu) {
            Ok(free) => format!("GPU {gpu} ({:.1} GiB free)", free as f64 / f64::from(1 << 30)),
            Err(_) => format!("GPU {gpu}"),
        },
        _ => format!("CPU ({} threads)", tch::get_num_threads()),
    }
}
