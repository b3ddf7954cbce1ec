use super::short::*;

/// The gradient of the score.
pub(super) struct Gradients;

impl Rule for Gradients {
    fn info(&self) -> MethodInfo {
        MethodInfo {
            name: "gradients".into(),
            help: "How the score changes with each voxel, signed.".into(),
            formula: "∂ score / ∂ voxel".into(),
            source: "Simonyan, Vedaldi and Zisserman 2014, https://arxiv.org/abs/1312.6034".into(),
            options: Vec::new(),
        }
    }

    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        _: &Options,
    ) -> Result<Attribution> {
        let (maps, scores) = subject.gradient(samples.x, samples.targets)?;
        Ok(Attribution { maps, scores, baseline_scores: None })
    }
}
