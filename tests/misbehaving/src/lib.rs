//! Each entry does what its option `how` says: every kind of function that a plugin can have panics,
//! fails, or gives a wrong shape. Tests load it and see that the host goes on.

use neurhai_plugin::torch::tch::{self, Kind};
use neurhai_plugin::torch::{Init, Layer, Loss, Pass, Planned, Scope, Tensor};
use neurhai_plugin::{
    Architecture, Ballot, Direction, Fit, Info, LayerSpec, Metric, Network, OptionSpec, Options,
    Request, Result, Rows, Transpose, Vote, export_plugin, layers,
};

struct Misbehaving;

/// Even freeing it panics, and nothing turns the recording of gradients on again.
impl Drop for Misbehaving {
    fn drop(&mut self) {
        let _ = tch::no_grad(|| fail("panic"));
    }
}

fn how(name: &str, words: &[&str]) -> Info {
    let option = OptionSpec::choice("how", words, "what goes wrong").default(words[0]);
    Info::new(name, "An entry that misbehaves as it is told to.").option(option)
}

/// Fails in the way that is asked for.
fn fail(how: &str) -> Result<()> {
    match how {
        "panic" => panic!("it panicked as it was told to"),
        "error" => Err("it failed as it was told to".into()),
        "long" => Err("x".repeat(1 << 20).into()),
        _ => Ok(()),
    }
}

impl Architecture for Misbehaving {
    fn info(&self) -> Info {
        how("BadNet", &["panic", "error", "long"])
    }

    fn build(&self, request: &Request) -> Result<Network> {
        fail(request.options.text("how")?)?;
        Ok(Vec::new().into())
    }
}

impl Transpose for Misbehaving {
    fn info(&self) -> Info {
        Info::new("bad_layer", "A rule that panics.")
    }

    fn transpose(&self, _: &LayerSpec, _: &[i64], _: &[i64]) -> Result<Vec<LayerSpec>> {
        fail("panic")?;
        Ok(Vec::new())
    }
}

impl Vote for Misbehaving {
    fn info(&self) -> Info {
        how("bad_vote", &["panic", "error", "panic_in_fit", "nothing"])
    }

    fn vote(&self, _: &Ballot<'_>, options: &Options, _: &mut [f64]) -> Result<()> {
        fail(options.text("how")?)
    }
}

impl Fit for Misbehaving {
    fn fit(&self, _: &Ballot<'_>, _: &[f64], options: &Options) -> Result<Vec<f64>> {
        if options.text("how")? == "panic_in_fit" {
            fail("panic")?;
        }
        Ok(vec![1.0])
    }
}

impl Metric for Misbehaving {
    fn info(&self) -> Info {
        Info::new("bad_metric", "A metric that panics on two rows.").direction(Direction::Higher)
    }

    fn value(&self, rows: &Rows<'_>) -> Result<f64> {
        if rows.truth.len() == 2 {
            fail("panic")?;
        }
        Ok(0.0)
    }
}

impl Loss for Misbehaving {
    fn info(&self) -> Info {
        how("bad_loss", &["panic", "error", "one_number", "panic_without_gradients"])
    }

    fn loss(&self, output: &Tensor, _: &Tensor, options: &Options) -> Result<Tensor> {
        let how = options.text("how")?;
        if how == "panic_without_gradients" {
            // Nothing turns recording on again when the closure unwinds.
            tch::no_grad(|| fail("panic"))?;
        }
        fail(how)?;
        Ok(output.f_sum(Kind::Float)?)
    }
}

impl Layer for Misbehaving {
    fn info(&self) -> Info {
        how(
            "bad_layer",
            &[
                "nothing",
                "panic_in_create",
                "panic_in_forward",
                "panic_without_gradients",
                "error",
                "wrong_shape",
                "not_a_number",
                "huge_parameter",
            ],
        )
        .positional(1)
        .example(vec![layers::layer("bad_layer")], &[4, 5, 6, 7], &[4, 5, 6, 7])
    }

    fn create(&self, input: &[i64], options: &Options, scope: &mut Scope<'_>) -> Result<Planned> {
        let how = options.text("how")?.to_owned();
        if how == "panic_in_create" {
            fail("panic")?;
        }
        let size = if how == "huge_parameter" { i64::MAX / 2 } else { 1 };
        let scale = scope.param("scale", &[size, size], Init::Constant(1.0))?;
        let freed_with_the_instance = Misbehaving;
        Ok(Planned::new(input.to_vec(), move |pass: &Pass| {
            let _ = &freed_with_the_instance;
            let y = pass.input().f_mul(pass.weight(scale)?)?;
            match how.as_str() {
                "panic_in_forward" => fail("panic")?,
                "panic_without_gradients" => tch::no_grad(|| fail("panic"))?,
                "error" => fail("error")?,
                "wrong_shape" => return Ok(y.f_flatten(1, -1)?),
                "not_a_number" => return Ok(y.f_mul_scalar(f64::NAN)?),
                _ => {}
            }
            Ok(y)
        }))
    }
}

export_plugin!("misbehaving", env!("CARGO_PKG_VERSION"), torch, |registrar| {
    registrar.architecture(Misbehaving)?;
    registrar.transpose(Misbehaving)?;
    registrar.fitted_vote(Misbehaving)?;
    registrar.metric(Misbehaving)?;
    registrar.loss(Misbehaving)?;
    registrar.layer(Misbehaving)
});
