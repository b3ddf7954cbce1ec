//! The numbers that a forward pass computes with.

use neurhai_torch::Casts;
use tch::{Device, Kind, Tensor};

use crate::error::{Code, Error, Place, Result};

/// The numbers that convolutions and matrix products compute with. Weights, losses and metrics are
/// float32 whatever it is, and so is what a network gives; which operations take fewer bits is
/// libtorch's choice: <https://docs.pytorch.org/docs/stable/amp.html>.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// 24 bits of precision, the range of 10^±38.
    #[default]
    Float32,
    /// 8 bits of precision, the range of float32.
    BFloat16,
    /// 11 bits of precision, from 6·10^−8 to 65504: the loss is scaled, so that gradients fit.
    Float16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Float32, Self::BFloat16, Self::Float16];

    /// The name that options have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::BFloat16 => "bfloat16",
            Self::Float16 => "float16",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }

    /// Whether a device computes with it.
    ///
    /// # Errors
    /// [`Code::BadOption`] for float16 on the CPU.
    pub fn check(self, device: Device) -> Result<()> {
        if self != Self::Float16 || device.is_cuda() {
            return Ok(());
        }
        let message = "float16 is for GPUs: processors have no fast arithmetic for it";
        Err(Error::new(Code::BadOption, message)
            .at(Place::Option("precision".into()))
            .help("take \"bfloat16\", which has the range of float32, or \"float32\""))
    }

    /// Lets this thread compute with it until the guard goes; none where nothing is cast.
    pub(super) fn casts(self, device: Device) -> Result<Option<Casts>> {
        let kind = match self {
            Self::Float32 => return Ok(None),
            Self::BFloat16 => Kind::BFloat16,
            Self::Float16 => Kind::Half,
        };
        Ok(Some(Casts::to(kind, device)?))
    }
}

/// Numbers of less precision as float32; others as they are.
///
/// # Errors
/// What libtorch says.
pub(crate) fn float(x: &Tensor) -> Result<Tensor> {
    Ok(match x.kind() {
        Kind::BFloat16 | Kind::Half => x.f_to_kind(Kind::Float)?,
        _ => x.shallow_clone(),
    })
}
