//! The test kit finds what is broken, and says in which entry.

use std::sync::atomic::{AtomicUsize, Ordering};

use neurhai_plugin::abi::{Entry, Host, Sink, Status};
use neurhai_plugin::layers::{conv, flatten, layer, linear, residual};
use neurhai_plugin::{
    Architecture, Ballot, Direction, Fit, Info, LayerSpec, Metric, Network, OptionSpec, Options,
    Request, Result, Rows, Transpose, Vote, export_plugin, testkit,
};

/// A vote by a function of one image's weighted parts and the options.
struct By(Info, fn(&Ballot<'_>, &mut [f64]) -> Result<()>);

impl Vote for By {
    fn info(&self) -> Info {
        self.0.clone()
    }
    fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
        (self.1)(ballot, scores)
    }
}

impl Fit for By {
    fn fit(&self, _: &Ballot<'_>, _: &[f64], _: &Options) -> Result<Vec<f64>> {
        Ok(vec![f64::INFINITY])
    }
}

/// Learns from parts of weight 0, too.
struct LearnsTooMuch;

impl Vote for LearnsTooMuch {
    fn info(&self) -> Info {
        Info::new("learns_too_much", "A vote that is broken.")
    }
    fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
        mean(ballot, scores)
    }
}

impl Fit for LearnsTooMuch {
    fn fit(&self, ballot: &Ballot<'_>, _: &[f64], _: &Options) -> Result<Vec<f64>> {
        Ok(ballot.values.into())
    }
}

/// A sound vote with an option that must be given.
struct Needs;

impl Vote for Needs {
    fn info(&self) -> Info {
        Info::new("needs", "A vote with an option that it needs.").option(OptionSpec::choice(
            "how",
            &["a", "b"],
            "which way",
        ))
    }
    fn vote(&self, ballot: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()> {
        assert_eq!(options.text("how")?, "a");
        mean(ballot, scores)
    }
}

fn by(name: &str, vote: fn(&Ballot<'_>, &mut [f64]) -> Result<()>) -> By {
    By(Info::new(name, "A vote that is broken, or not."), vote)
}

/// The weighted mean, to which others add their flaw.
fn mean(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    scores.fill(0.0);
    for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
        for (weight, part) in ballot.weighted_parts(image) {
            scores.iter_mut().zip(part).for_each(|(score, p)| *score += weight * p);
        }
    }
    Ok(())
}

fn first_part(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
        scores.copy_from_slice(&image[..ballot.outputs]);
    }
    Ok(())
}

fn all_parts(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    scores.fill(0.0);
    for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
        for (i, p) in image.iter().enumerate() {
            scores[i % ballot.outputs] += p / ballot.parts as f64;
        }
    }
    Ok(())
}

fn remembers(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    mean(ballot, scores)?;
    scores.iter_mut().for_each(|score| *score += CALLS.fetch_add(1, Ordering::SeqCst) as f64);
    Ok(())
}

fn first_image(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    mean(ballot, scores)?;
    let first = scores.first().copied().unwrap_or_default();
    scores.iter_mut().for_each(|score| *score *= first);
    Ok(())
}

fn against(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    mean(ballot, scores)?;
    scores.iter_mut().for_each(|score| *score = 1.0 - *score);
    Ok(())
}

/// Forgets the last image.
fn forgets(ballot: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    let but_one = scores.len() - ballot.outputs;
    mean(ballot, &mut scores[..but_one])
}

fn not_a_number(_: &Ballot<'_>, scores: &mut [f64]) -> Result<()> {
    scores.fill(f64::NAN);
    Ok(())
}

type Init = unsafe extern "C" fn(*const Host, Sink) -> Status;

struct Net(&'static str, fn(&Request) -> Result<Network>);

impl Architecture for Net {
    fn info(&self) -> Info {
        Info::new(self.0, "A network that is broken, or not.")
            .option(OptionSpec::int("width", "channels").min(1).default(4))
    }
    fn build(&self, request: &Request) -> Result<Network> {
        (self.1)(request)
    }
}

struct Value(&'static str, fn(&Rows<'_>) -> f64, Option<(f64, f64)>);

impl Metric for Value {
    fn info(&self) -> Info {
        Info::new(self.0, "A metric that is broken, or not.")
            .formula("a sum")
            .direction(Direction::Higher)
            .range(self.2.map(|range| range.0), self.2.map(|range| range.1))
    }
    fn value(&self, rows: &Rows<'_>) -> Result<f64> {
        Ok((self.1)(rows))
    }
}

struct Undo(&'static str, fn() -> Result<Vec<LayerSpec>>);

impl Transpose for Undo {
    fn info(&self) -> Info {
        Info::new(self.0, "How a layer is undone, or not.")
    }
    fn transpose(&self, _: &LayerSpec, _: &[i64], _: &[i64]) -> Result<Vec<LayerSpec>> {
        (self.1)()
    }
}

export_plugin!("broken", "0.1.0", |r| {
    r.vote(by("mean", mean))?;
    r.vote(by("first_part", first_part))?;
    r.vote(by("all_parts", all_parts))?;
    r.vote(by("remembers", remembers))?;
    r.vote(by("first_image", first_image))?;
    r.vote(by("against", against))?;
    r.vote(by("forgets", forgets))?;
    r.vote(by("not_a_number", not_a_number))?;
    r.vote(by("panics", |_, _| panic!("on purpose")))?;
    r.fitted_vote(by("fits_badly", mean))?;
    r.fitted_vote(LearnsTooMuch)?;
    r.vote(Needs)?;
    r.vote(By(Info::new("a name", "A vote of a bad name."), mean))?;
    r.vote(By(Info::new("help", "Too\nlong"), mean))?;
    let option = OptionSpec::float("p", "probability").min(0.0).max(1.0).default(1.5);
    r.vote(By(Info::new("bounds", "A vote with a bad default.").option(option), mean))?;
    let option = OptionSpec::choice("how", &["a", "b"], "which way").default("c");
    r.vote(By(Info::new("choice", "A vote with a bad default.").option(option), mean))?;

    r.architecture(Net("sound", |request| {
        let width = request.options.int("width")?;
        Ok(vec![residual(vec![conv(width, 3)], vec![]), flatten(), linear(request.outputs)].into())
    }))?;
    r.architecture(Net("only_2d", |request| match request.axes() {
        2 => Ok(vec![flatten()].into()),
        _ => Err("only slices, please".into()),
    }))?;
    r.architecture(Net("nothing", |_| Err("not today".into())))?;
    r.architecture(Net("silent", |_| Err("".into())))?;
    r.architecture(Net("nameless", |_| Ok(vec![residual(vec![layer("")], vec![])].into())))?;
    r.architecture(Net("another", |_| {
        static CALLS: AtomicUsize = AtomicUsize::new(1);
        Ok(vec![flatten(), linear(CALLS.fetch_add(1, Ordering::SeqCst) as i64)].into())
    }))?;
    r.architecture(Net("panics", |request| {
        assert!(request.outputs == 2, "two classes only");
        Ok(vec![flatten()].into())
    }))?;

    r.metric(Value("sum", |rows| rows.scores.iter().sum(), None))?;
    r.metric(Value("first_row", |rows| rows.scores.first().copied().unwrap_or_default(), None))?;
    r.metric(Value("infinite", |_| f64::INFINITY, None))?;
    r.metric(Value("too_large", |_| 1.5, Some((0.0, 1.0))))?;
    r.metric(Value("undefined", |_| f64::NAN, Some((0.0, 1.0))))?;

    r.transpose(Undo("max_pool", || Ok(vec![layer("max_unpool")])))?;
    r.transpose(Undo("conv", || Ok(vec![layer("")])))?;
    Ok(())
});

#[test]
fn every_flaw_is_found_and_nothing_else() {
    let expected = [
        "vote \"first_part\": 2 outputs: expected the order of the parts not to matter",
        "vote \"all_parts\": 2 outputs: expected a part of weight 0 to have no influence",
        "vote \"remembers\": 2 outputs: expected the same scores again",
        "vote \"first_image\": 2 outputs: expected a permutation of the images to permute the scores",
        "vote \"against\": 2 outputs: expected identical parts to give themselves, or their decision",
        "vote \"forgets\": 2 outputs: expected finite scores",
        "vote \"not_a_number\": 2 outputs: expected finite scores",
        "vote \"panics\": 2 outputs: vote ends with status 2: on purpose (",
        "vote \"fits_badly\": 2 outputs: expected finite numbers from fit",
        "vote \"learns_too_much\": 2 outputs: expected a part of weight 0 to have no influence",
        "vote \"a name\": expected a name of 1 to 64 letters, digits and _",
        "vote \"help\": expected a line of help",
        "vote \"bounds\": option \"p\": expected a default of its own type, within its bounds",
        "vote \"choice\": option \"how\": expected a default of its own type",
        "architecture \"nothing\": expected to take images or slices of common sizes",
        "architecture \"silent\": build for an input of [1, 32, 32, 32] and 2 outputs ends with status 1: ; expected a reason",
        "architecture \"nameless\": build for an input of [1, 32, 32, 32] and 2 outputs: expected a layer with a kind",
        "architecture \"another\": expected the same answer on two threads at once",
        "architecture \"panics\": build for an input of [1, 32, 32, 32] and 3 outputs ends with status 2: two classes only",
        "metric \"first_row\": 2 rows of 2 classes: expected the order of the rows not to matter",
        "metric \"infinite\": 1 rows of 2 classes: expected a value from -inf to inf, not inf",
        "metric \"too_large\": 1 rows of 2 classes: expected a value from 0 to 1, not 1.5",
        "transpose \"conv\": transpose from [4, 3, 4, 5] to [4, 6, 8, 10]: expected a layer with a kind",
    ];
    let found = testkit::problems(&neurhai_plugin, &[]);
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\ninstead of\n{expected}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
#[should_panic(expected = "the plugin breaks its contract")]
fn check_panics() {
    testkit::check(&neurhai_plugin);
}

/// Registers eight bytes that say they are eight, or nothing at all.
unsafe extern "C" fn registers_badly<const NULL: bool>(host: *const Host, error: Sink) -> Status {
    let short = [8u32, 0];
    let entry = if NULL { std::ptr::null() } else { short.as_ptr().cast() };
    // SAFETY: the host is valid during the call; the entry is not, and that is to be told.
    unsafe { ((*host).vote)((*host).ctx, entry, error) }
}

#[test]
fn entries_that_are_null_or_too_short_are_told() {
    for (init, expected) in [
        (registers_badly::<true> as Init, "the entry is a null pointer"),
        (registers_badly::<false>, "an entry has 8 bytes where at least 88 are needed"),
    ] {
        let found = testkit::problems(&Entry { init: Some(init), ..neurhai_plugin }, &[]);
        assert_eq!(found, [format!("init ends with status 3: {expected}")]);
    }
}

#[test]
fn options_for_nobody_are_told() {
    let options = [("nobody", neurhai_plugin::serde_json::json!({}))];
    let found = testkit::problems(&neurhai_plugin, &options);
    assert_eq!(found, ["nothing is called \"nobody\""]);
}
