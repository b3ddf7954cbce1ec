//! `loss`: what training makes small.

use neurhai_core::Result;
use neurhai_core::catalog::LossEntry;
use neurhai_core::loss::{Loss, LossInfo};
use neurhai_core::options::Options;
use tch::Tensor;

use super::{Registration, Scripted, given};
use crate::sandbox::in_pass;
use crate::tensor::pass::{Pass, within};
use crate::tensor::{self, value};

struct ScriptLoss {
    info: LossInfo,
    function: Scripted,
}

impl Loss for ScriptLoss {
    fn info(&self) -> LossInfo {
        self.info.clone()
    }

    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor> {
        let given = (value(output.shallow_clone()), value(target.shallow_clone()), given(options));
        let read = |found, _: &_| match tensor::Tensor::of(&found) {
            Some(losses) if losses.size() == output.size()[..1] => Ok(losses),
            _ => {
                let batch = output.size()[0];
                let wanted = format!("a tensor {batch}, one loss for each sample of the batch");
                Err(self
                    .function
                    .wrong(&wanted, &found)
                    .help("losses take #{ reduction: \"none\" }; sums and means take an axis"))
            }
        };
        within(Pass::new(None, output), || in_pass(|| self.function.call(given, read)))
    }
}

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let info = LossInfo {
        name: given.name.into(),
        help: given.help(),
        source: String::new(),
        tasks: vec![],
        options: given.options(&[])?,
    };
    let function = given.definition()?;
    let (loss, origin) = (ScriptLoss { info: info.clone(), function }, given.origin());
    given.add(|catalog| &mut catalog.losses, LossEntry { info, origin, loss: Box::new(loss) })
}
