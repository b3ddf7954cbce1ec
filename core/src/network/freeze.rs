//! Layers that stay as they are while others learn.

use std::sync::Arc;

use super::{Network, ParamSpec, Plan};
use crate::error::{Code, Error, Place, Result, did_you_mean};

/// Which layers stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freeze {
    /// These, by their paths, and all layers within them: `convolutions`, `convolutions.0`.
    Layers(Vec<String>),
    /// All but the last n layers that learn something.
    AllButLast(usize),
}

impl Freeze {
    /// The paths of the layers that stay as they are in a network of this plan, in its order.
    ///
    /// # Errors
    /// A path that no layer has, or that no layer with parameters or buffers has; as many layers as
    /// there are, so that none would be frozen; nothing left to learn.
    pub fn layers(&self, plan: &Plan) -> Result<Vec<String>> {
        let layers = match self {
            Self::Layers(paths) => named(plan, paths)?,
            Self::AllButLast(count) => all_but_last(plan, *count)?,
        };
        let frozen = |param: &ParamSpec| layers.contains(&layer_of(&param.name));
        self.check_rest(plan.params.iter().map(|param| (param, frozen(param))))?;
        Ok(layers.into_iter().map(String::from).collect())
    }

    /// Where a script says it.
    fn place(&self) -> Place {
        let option = match self {
            Self::Layers(_) => "freeze",
            Self::AllButLast(_) => "freeze_all_but",
        };
        Place::Option(option.into())
    }

    /// Refuses to freeze everything that learns.
    fn check_rest<'p>(&self, params: impl Iterator<Item = (&'p ParamSpec, bool)>) -> Result<()> {
        let mut learning = params.filter(|(param, frozen)| param.trainable() && !frozen);
        match learning.next() {
            Some(_) => Ok(()),
            None => Err(Error::new(Code::BadOption, "all layers would be frozen")
                .at(self.place())
                .help("leave a layer or more to learn")),
        }
    }
}

impl Network {
    /// Freezes layers: their parameters leave [`Network::trainable`] and get no gradient, and their
    /// buffers stay, too. So a frozen batch norm normalises with its running statistics, in training
    /// as in evaluation, and does not move them, as in Keras. Dropout in frozen layers still drops,
    /// and layers of plugins and scripts compute as ever, but what they change in their buffers is
    /// forgotten. Layers frozen before stay frozen. Gives the paths of the layers that this froze.
    ///
    /// # Errors
    /// As [`Freeze::layers`], with layers frozen before counted in. Nothing is frozen then.
    pub fn freeze(&mut self, what: &Freeze) -> Result<Vec<String>> {
        let layers = what.layers(&self.plan)?;
        let now = |param: &ParamSpec| layers.iter().any(|layer| layer == layer_of(&param.name));
        let params = self.plan.params.iter();
        let frozen: Arc<[bool]> =
            params.zip(self.frozen.iter()).map(|(param, before)| *before || now(param)).collect();
        what.check_rest(self.plan.params.iter().zip(frozen.iter().copied()))?;
        for (tensor, frozen) in self.tensors.iter().zip(frozen.iter()) {
            if *frozen {
                drop(tensor.f_set_requires_grad(false)?);
            }
        }
        self.frozen = Arc::clone(&frozen);
        Ok(layers)
    }

    /// Lets no parameter ask for a gradient, where only that by the input is wanted: faster, and in
    /// less memory. The network cannot learn after that.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn without_gradients(self) -> Result<Self> {
        for tensor in &self.tensors {
            drop(tensor.f_set_requires_grad(false)?);
        }
        Ok(self)
    }
}

/// The path of the layer that a parameter or buffer belongs to.
fn layer_of(param: &str) -> &str {
    param.rsplit_once('.').map_or(param, |(layer, _)| layer)
}

/// The layers with parameters or buffers, in order, and whether they learn something.
fn layers(plan: &Plan) -> Vec<(&str, bool)> {
    let mut layers: Vec<(&str, bool)> = Vec::new();
    for param in &plan.params {
        let path = layer_of(&param.name);
        match layers.iter_mut().find(|(other, _)| *other == path) {
            Some((_, learns)) => *learns |= param.trainable(),
            None => layers.push((path, param.trainable())),
        }
    }
    layers
}

/// Whether the path is `prefix`, or lies within it.
fn within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn named<'p>(plan: &'p Plan, paths: &[String]) -> Result<Vec<&'p str>> {
    let layers = layers(plan);
    for path in paths {
        if layers.iter().any(|(layer, _)| within(layer, path)) {
            continue;
        }
        let known = || {
            let parts = plan.spec.parts.iter().map(|part| part.name.as_str());
            parts.chain(plan.rows.iter().map(|row| row.path.as_str()))
        };
        let there = known().any(|other| within(other, path));
        let message = match there {
            true => format!("{path:?} has nothing to freeze: no parameters and no buffers"),
            false => format!("there is no layer {path:?}{}", did_you_mean(path, known())),
        };
        let parts: Vec<&str> = plan.spec.parts.iter().map(|part| part.name.as_str()).collect();
        return Err(Error::new(if there { Code::BadOption } else { Code::UnknownName }, message)
            .at(Place::Option("freeze".into()))
            .help(format!(
                "its parts are {}; a layer is called {}, as `host inspect` shows it",
                parts.join(", "),
                layers.first().map_or("convolutions.0", |(layer, _)| layer)
            )));
    }
    let all = layers.into_iter().map(|(layer, _)| layer);
    Ok(all.filter(|layer| paths.iter().any(|path| within(layer, path))).collect())
}

fn all_but_last(plan: &Plan, count: usize) -> Result<Vec<&str>> {
    let layers = layers(plan);
    let learning: Vec<&str> =
        layers.iter().filter(|(_, learns)| *learns).map(|(layer, _)| *layer).collect();
    let Some(cut) = learning.len().checked_sub(count).filter(|cut| *cut > 0) else {
        let message = format!(
            "only {} layers of the network learn something, so all but the last {count} are none",
            learning.len()
        );
        let error = Error::new(Code::BadOption, message).at(Place::Option("freeze_all_but".into()));
        return Err(error.help("ask for fewer layers, or do not freeze any"));
    };
    let first = learning.get(cut).copied();
    let before = layers.iter().map(|(layer, _)| *layer);
    Ok(before.take_while(|layer| Some(*layer) != first).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::catalog::{Catalog, LayerEntry, Origin};
    use crate::layer::{Example, Init, Layer, LayerInfo, Planned};
    use crate::network::{LayerSpec, Mode, NetworkSpec, Planner};
    use crate::optimizer::{Clip, Groups, Method, Optimizer};
    use crate::options::Options;

    fn network() -> Network {
        let layers = json!([
            {"kind": "conv", "out_channels": 4, "kernel_size": 3},
            "batch_norm",
            "relu",
            {"kind": "conv", "out_channels": 3, "kernel_size": 3},
            {"kind": "batch_norm", "affine": false},
            "flatten",
            {"kind": "linear", "out_features": 5},
            "relu",
            {"kind": "linear", "out_features": 2}
        ]);
        let spec = NetworkSpec::from_layers("test", LayerSpec::list(&layers).unwrap());
        let plan = Plan::new(spec, &[1, 6, 6], &Catalog::built_in().unwrap()).unwrap();
        Network::new(plan, 1, Device::Cpu).unwrap()
    }

    /// The tensors that three steps of training move.
    fn moved(network: &Network) -> Vec<String> {
        let copy = |network: &Network| -> Vec<Tensor> {
            network.state().map(|(_, tensor)| tensor.detach().copy()).collect()
        };
        let before = copy(network);
        let method = Method::new("Adam", &serde_json::Map::new()).unwrap();
        let groups = Groups::all(0.01);
        let mut adam = Optimizer::new(network, &method, &groups, Clip::default()).unwrap();
        for step in 0..3 {
            let x = Tensor::arange(4 * 36, (Kind::Float, Device::Cpu)).view([4, 1, 6, 6]).sin();
            let y = network.forward(&x, Mode::Training { seed: step }).unwrap();
            y.square().sum(Kind::Float).backward();
            adam.step(0.01).unwrap();
        }
        let names = network.state().map(|(param, _)| param.name.clone());
        let pairs = before.iter().zip(copy(network));
        let moved = names.zip(pairs).filter(|(_, (before, after))| *before != after);
        moved.map(|(name, _)| name).collect()
    }

    #[track_caller]
    fn check(what: &Freeze, layers: &[&str]) {
        let mut network = network();
        let all: Vec<String> = network.state().map(|(param, _)| param.name.clone()).collect();
        assert_eq!(moved(&network), all, "all learn where none is frozen");
        assert_eq!(network.freeze(what).unwrap(), layers);
        let others: Vec<&String> =
            all.iter().filter(|name| !layers.contains(&layer_of(name))).collect();
        assert_eq!(moved(&network).iter().collect::<Vec<_>>(), others);
        assert!(network.trainable().all(|(param, _)| !layers.contains(&layer_of(&param.name))));
    }

    #[test]
    fn frozen_layers_stay_to_the_bit_and_others_learn() {
        let convolutions = ["convolutions.0", "convolutions.1", "convolutions.3", "convolutions.4"];
        let layers = |paths: &[&str]| Freeze::Layers(paths.iter().map(|p| (*p).into()).collect());
        check(&layers(&["convolutions"]), &convolutions);
        check(&layers(&["fc.1", "convolutions.1"]), &["convolutions.1", "fc.1"]);
        check(&Freeze::AllButLast(2), &convolutions);
        check(&Freeze::AllButLast(1), &[&convolutions[..], &["fc.1"]].concat());
        check(&Freeze::AllButLast(4), &["convolutions.0"]);
    }

    #[test]
    fn a_frozen_batch_norm_uses_its_running_statistics() {
        let mut network = network();
        network.freeze(&Freeze::AllButLast(2)).unwrap();
        let x = Tensor::arange(2 * 36, (Kind::Float, Device::Cpu)).view([2, 1, 6, 6]).sin();
        let training = network.forward(&x, Mode::Training { seed: 1 }).unwrap();
        assert_eq!(training, network.forward(&x, Mode::Evaluation).unwrap());
        let twin = network.share().forward(&x, Mode::Training { seed: 1 }).unwrap();
        assert_eq!(training, twin);
    }

    /// Counts its passes in a buffer, as a layer of a plugin or script might.
    struct Counting;

    impl Layer for Counting {
        fn info(&self) -> LayerInfo {
            let example = Example::new(json!(["counting"]), &[1, 6, 6], &[1, 6, 6]);
            LayerInfo {
                name: "counting".into(),
                help: String::new(),
                shapes: String::new(),
                options: Vec::new(),
                positional: 0,
                example,
                source: String::new(),
            }
        }

        fn plan(&self, _: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
            let passes = planner.buffer("passes", &[1], Init::Constant(0.0))?;
            Ok(Planned::new(input, move |x, ctx| {
                drop(ctx.lent(passes)?.f_add_scalar_(1.0)?);
                Ok(x.shallow_clone())
            }))
        }
    }

    #[test]
    fn what_other_layers_do_to_frozen_buffers_is_forgotten() {
        let mut catalog = Catalog::built_in().unwrap();
        let layer = Box::new(Counting);
        let entry = LayerEntry { info: layer.info(), origin: Origin::BuiltIn, layer };
        catalog.layers.register(entry).unwrap();
        let layers = json!(["counting", "flatten", {"kind": "linear", "out_features": 2}]);
        let spec = NetworkSpec::from_layers("test", LayerSpec::list(&layers).unwrap());
        let plan = Plan::new(spec, &[1, 6, 6], &catalog).unwrap();
        let mut network = Network::new(plan, 1, Device::Cpu).unwrap();
        assert_eq!(moved(&network)[0], "convolutions.0.passes");
        network.freeze(&Freeze::AllButLast(1)).unwrap_err();
        network.freeze(&Freeze::Layers(vec!["convolutions".into()])).unwrap();
        assert_eq!(moved(&network), ["fc.1.weight", "fc.1.bias"]);
    }

    #[test]
    fn what_cannot_be_frozen_is_refused_and_changes_nothing() {
        let mut network = network();
        let layers = |path: &str| Freeze::Layers(vec![path.into()]);
        let both = Freeze::Layers(vec!["convolutions".into(), "fc".into()]);
        for (what, words) in [
            (
                layers("convolution"),
                "there is no layer \"convolution\"; did you mean \"convolutions\"?",
            ),
            (layers("convolutions.9"), "there is no layer"),
            (layers("convolutions.0.weight"), "there is no layer"),
            (layers("convolutions.2"), "nothing to freeze"),
            (Freeze::AllButLast(5), "only 5 layers"),
            (Freeze::AllButLast(0), "all layers would be frozen"),
            (both, "all layers would be frozen"),
        ] {
            let error = network.freeze(&what).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        assert_eq!(network.trainable().count(), 10);
    }
}
