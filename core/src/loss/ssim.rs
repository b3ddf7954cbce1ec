use super::short::*;
use crate::metric::ssim;

/// How little the structure of two images agrees.
pub(super) struct Ssim;

impl Loss for Ssim {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "SSIMLoss".into(),
            help: "1 − SSIM, the structural similarity of output and target.".into(),
            source: "https://doi.org/10.1109/TIP.2003.819861".into(),
            tasks: vec![Task::Reconstruction],
            options: vec![],
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, _: &Options) -> Result<Tensor> {
        same_shape("SSIMLoss", output, target)?;
        Ok(ssim::of_samples(output, target)?.f_neg()?.f_add_scalar(1.0)?)
    }
}
