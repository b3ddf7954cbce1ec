//! What reaches the host when a plugin or the host itself misbehaves.
#![allow(clippy::unwrap_used)]

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use neurhai_plugin::abi::{self, Host, Sink, Status, Text};
use neurhai_plugin::{
    Architecture, Ballot, Fit, Info, Metric, Network, Options, Request, Result, Rows, Vote,
    export_plugin,
};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Fails as its option `how` says.
struct Fails;

impl Drop for Fails {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
        // Not even this may get out.
        panic!("while being dropped");
    }
}

fn fail(how: &str) -> Result<()> {
    match how {
        "error" => Err("it would not".into()),
        "cause" => Err(std::fs::read("/no/such/file").map(drop).unwrap_err().into()),
        "panic" => panic!("it broke: {}", 7),
        "payload" => std::panic::panic_any(Grenade),
        _ => Ok(()),
    }
}

/// A payload that panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("again");
    }
}

impl Architecture for Fails {
    fn info(&self) -> Info {
        Info::new("Fails", "Fails as asked.")
    }
    fn build(&self, request: &Request) -> Result<Network> {
        fail(request.options.text("how")?)?;
        Ok(Vec::new().into())
    }
}

struct FailsToo;

impl Vote for FailsToo {
    fn info(&self) -> Info {
        Info::new("fails", "Fails as asked.")
    }
    fn vote(&self, _: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()> {
        assert!(scores.iter().all(|score| score.is_nan()), "what is not written is told");
        fail(options.text("how")?)
    }
}

impl Fit for FailsToo {
    fn fit(&self, _: &Ballot<'_>, truth: &[f64], options: &Options) -> Result<Vec<f64>> {
        fail(options.text("how")?)?;
        Ok(truth.to_vec())
    }
}

impl Metric for FailsToo {
    fn info(&self) -> Info {
        Info::new("fails", "Fails as asked.")
    }
    fn value(&self, rows: &Rows<'_>) -> Result<f64> {
        Ok(rows.truth[0])
    }
}

export_plugin!("fails", "1.2.3", |registrar| {
    registrar.architecture(Fails)?;
    registrar.fitted_vote(FailsToo)?;
    registrar.metric(FailsToo)?;
    Ok(())
});

/// Keeps copies of what is registered, and refuses the `refuse`th entry.
#[derive(Default)]
struct Taken {
    architecture: Option<abi::Architecture>,
    vote: Option<abi::Vote>,
    metric: Option<abi::Metric>,
    count: usize,
    refuse: Option<usize>,
}

impl Taken {
    fn answer(&mut self, error: Sink) -> Status {
        self.count += 1;
        if self.refuse == Some(self.count) {
            write(error, "taken by another");
            return abi::NAME_TAKEN;
        }
        abi::OK
    }
}

fn write(sink: Sink, text: &str) {
    // SAFETY: the sink belongs to this call.
    unsafe { sink.write.unwrap()(sink.ctx, text.as_ptr(), text.len()) }
}

unsafe extern "C" fn append(ctx: *mut c_void, ptr: *const u8, len: usize) {
    // SAFETY: `ctx` is a vector of the caller's, and there are `len` bytes.
    unsafe { (*ctx.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(ptr, len)) }
}

macro_rules! takers {
    ($($field:ident $kind:ident)*) => { $(
        unsafe extern "C" fn $field(ctx: *mut c_void, e: *const abi::$kind, error: Sink) -> Status {
            // SAFETY: `ctx` is the `Taken` of `registered`.
            let taken = unsafe { &mut *ctx.cast::<Taken>() };
            let status = taken.answer(error);
            if status == abi::OK {
                // SAFETY: the entry is valid during the call.
                taken.$field = Some(unsafe { *e });
            }
            status
        }
    )* };
}
takers! { architecture Architecture vote Vote metric Metric }

unsafe extern "C" fn not_used<T>(_: *mut c_void, _: *const T, _: Sink) -> Status {
    abi::ERROR
}

fn call(call: impl FnOnce(Sink) -> Status) -> (Status, String) {
    let mut text: Vec<u8> = Vec::new();
    let status = call(Sink { ctx: (&raw mut text).cast(), write: Some(append) });
    (status, String::from_utf8(text).unwrap())
}

fn init(taken: &mut Taken, change: impl FnOnce(&mut Host)) -> (Status, String) {
    let mut host = Host {
        struct_size: size_of::<Host>() as u32,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        reserved: 0,
        ctx: std::ptr::from_mut(taken).cast(),
        architecture,
        vote,
        metric,
        transpose: not_used,
        loss: not_used,
        layer: not_used,
    };
    change(&mut host);
    // SAFETY: the host lives until the call returns.
    call(|error| unsafe { neurhai_plugin.init.unwrap()(&host, error) })
}

fn registered() -> Taken {
    let mut taken = Taken::default();
    assert_eq!(init(&mut taken, |_| {}), (abi::OK, String::new()));
    taken
}

fn text(text: &str) -> Text {
    Text { ptr: text.as_ptr(), len: text.len() }
}

fn build(data: *mut c_void, request: Text) -> (Status, String) {
    let build = registered().architecture.unwrap().build.unwrap();
    let mut answer: Vec<u8> = Vec::new();
    let sink = Sink { ctx: (&raw mut answer).cast(), write: Some(append) };
    // SAFETY: text and sinks live until the call returns.
    call(|error| unsafe { build(data, request, sink, error) })
}

#[test]
fn errors_panics_and_broken_requests_have_their_own_status() {
    let data = registered().architecture.unwrap().item.data;
    let check = |request: &str, status: Status, parts: &[&str]| {
        let (found, message) = build(data, text(request));
        assert_eq!(found, status, "{message}");
        for part in parts {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    };
    let with = |how: &str| {
        format!("{{\"input\": [1, 8, 8], \"outputs\": 2, \"options\": {{\"how\": \"{how}\"}}}}")
    };
    check(&with("none"), abi::OK, &[]);
    check(&with("error"), abi::ERROR, &["it would not"]);
    check(&with("cause"), abi::ERROR, &["No such file"]);
    check(&with("panic"), abi::PANIC, &["it broke: 7", "calls.rs:"]);
    check(&with("payload"), abi::PANIC, &["a panic without a message", "calls.rs:"]);
    check("{\"input\": [1], \"outputs\": 2}", abi::ERROR, &["\"how\" has no value"]);
    check("{\"outputs\": 2}", abi::INVALID, &["no shape \"input\""]);
    check("{\"input\": [1]}", abi::INVALID, &["no number of outputs"]);
    check("{\"input\": [1], \"outputs\": 2, \"options\": 3}", abi::INVALID, &["no JSON object"]);
    check("{\"input", abi::INVALID, &["no JSON"]);
    check("[1]", abi::INVALID, &["expected a JSON object"]);

    let nothing = Sink { ctx: std::ptr::null_mut(), write: None };
    for (how, status) in [("none", abi::OK), ("error", abi::ERROR), ("panic", abi::PANIC)] {
        let (build, request) = (registered().architecture.unwrap().build.unwrap(), with(how));
        // SAFETY: the text lives until the call returns, and the sinks take nothing.
        assert_eq!(unsafe { build(data, text(&request), nothing, nothing) }, status);
    }
    assert_eq!(build(std::ptr::null_mut(), text("{}")).0, abi::INVALID);
    assert_eq!(build(data, Text { ptr: std::ptr::null(), len: 3 }).0, abi::INVALID);
    let broken = [0xff, 0xfe];
    assert_eq!(build(data, Text { ptr: broken.as_ptr(), len: 2 }).0, abi::INVALID);
}

#[test]
fn ballots_are_checked_before_they_are_read() {
    let entry = registered().vote.unwrap();
    let (values, weights) = ([0.5, 0.5], [1.0]);
    let good = abi::Ballot {
        struct_size: size_of::<abi::Ballot>() as u32,
        reserved: 0,
        images: 1,
        parts: 1,
        outputs: 2,
        values: values.as_ptr(),
        weights: weights.as_ptr(),
        fitted: std::ptr::null(),
        n_fitted: 0,
    };
    let vote = |ballot: *const abi::Ballot, how: &str| {
        let mut scores = [f64::NAN; 2];
        let options = format!("{{\"how\": {how:?}}}");
        // SAFETY: everything lives until the call returns.
        call(|error| unsafe {
            let vote = entry.vote.unwrap();
            vote(entry.item.data, ballot, text(&options), scores.as_mut_ptr(), error)
        })
    };
    assert_eq!(vote(&good, "none"), (abi::OK, String::new()));
    assert_eq!(vote(&good, "panic").0, abi::PANIC);
    assert_eq!(vote(std::ptr::null(), "none").0, abi::INVALID);
    for bad in [
        abi::Ballot { struct_size: 16, ..good },
        abi::Ballot { values: std::ptr::null(), ..good },
        abi::Ballot { images: usize::MAX, ..good },
        // No values, but more scores than can be counted.
        abi::Ballot { images: usize::MAX, parts: 0, ..good },
    ] {
        assert_eq!(vote(&bad, "none").0, abi::INVALID);
    }
    // Without images there is nothing to write to.
    assert_eq!(
        vote(&abi::Ballot { images: 0, values: std::ptr::null(), ..good }, "none").0,
        abi::OK
    );

    unsafe extern "C" fn take(ctx: *mut c_void, ptr: *const f64, len: usize) {
        // SAFETY: `ctx` is the vector below, and there are `len` numbers.
        unsafe { (*ctx.cast::<Vec<f64>>()).extend(std::slice::from_raw_parts(ptr, len)) }
    }
    let mut fitted: Vec<f64> = Vec::new();
    let numbers = abi::Numbers { ctx: (&raw mut fitted).cast(), write: Some(take) };
    // SAFETY: everything lives until the call returns.
    let result = call(|error| unsafe {
        let fit = entry.fit.unwrap();
        fit(entry.item.data, &good, [3.0].as_ptr(), text("{\"how\": \"\"}"), numbers, error)
    });
    assert_eq!((result, fitted), ((abi::OK, String::new()), vec![3.0]));
}

/// The one test that counts drops: what the host refuses, the plugin drops itself.
#[test]
fn a_refusal_ends_init_with_the_hosts_words_and_drops_the_entry() {
    let before = DROPPED.load(Ordering::SeqCst);
    let mut taken = Taken { refuse: Some(1), ..Taken::default() };
    assert_eq!(init(&mut taken, |_| {}), (abi::ERROR, "taken by another".into()));
    assert_eq!(DROPPED.load(Ordering::SeqCst), before + 1);
    assert_eq!(taken.count, 1, "nothing more is registered after a refusal");

    let mut taken = Taken { refuse: Some(2), ..Taken::default() };
    assert_eq!(init(&mut taken, |_| {}), (abi::ERROR, "taken by another".into()));
    assert_eq!(DROPPED.load(Ordering::SeqCst), before + 1, "the first entry is the host's");
    let item = taken.architecture.unwrap().item;
    // SAFETY: the host drops what it took, once; that it panics stays inside.
    unsafe { item.drop.unwrap()(item.data) };
    assert_eq!(DROPPED.load(Ordering::SeqCst), before + 2);
}

#[test]
fn another_host_is_refused() {
    let check = |change: fn(&mut Host), part: &str| {
        let (status, message) = init(&mut Taken::default(), change);
        assert_eq!(status, abi::INVALID);
        assert!(message.contains(part), "{message}");
    };
    check(|host| host.abi_major = 9, "version 1.0 of the plugin interface, but the host has 9.0");
    check(|host| host.struct_size = 24, "24 bytes where at least");
}

#[test]
fn the_entry_says_what_the_plugin_is() {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(neurhai_plugin.magic, abi::MAGIC);
    assert_eq!(text(&neurhai_plugin.name).trim_end_matches('\0'), "fails");
    assert_eq!(text(&neurhai_plugin.version).trim_end_matches('\0'), "1.2.3");
    assert_eq!(neurhai_plugin.tensors, abi::TENSORS_NONE);
    assert_eq!(neurhai_plugin.libtorch, [0; 16]);
    assert_eq!(neurhai_plugin.flags, 0);
}
