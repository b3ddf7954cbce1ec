//! The boundary without a library: an `init` within this program registers, and its entries are
//! called, dropped and refused. These tests also run under Miri, which sees every use of memory:
//! `cargo +nightly miri test -p neurhai-core --lib plugin::`.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use neurhai_abi::{self as abi, Structure};
use serde_json::Map;

use super::handle::About;
use super::stage::Staging;
use super::text::lend;
use crate::catalog::{ArchitectureRequest, Catalog};
use crate::error::Code;
use crate::metric::{Confusion, Rows};
use crate::vote::Ballot;

/// How many data of entries are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// Data on the heap, so that a double or missing drop is seen.
fn data(text: &str) -> *mut c_void {
    ALIVE.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(text.to_owned())).cast()
}

unsafe extern "C" fn drop_data(data: *mut c_void) {
    ALIVE.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: made by `data`, and dropped once.
    drop(unsafe { Box::from_raw(data.cast::<String>()) });
}

fn item<T>(name: &'static str, info: &'static str, text: &str) -> abi::Item {
    abi::Item {
        struct_size: size_of::<T>() as u32,
        info: lend(info),
        data: data(text),
        drop: Some(drop_data),
        ..bare(name)
    }
}

/// An item without data.
fn bare(name: &'static str) -> abi::Item {
    abi::Item {
        struct_size: 0,
        flags: 0,
        name: lend(name),
        help: lend("An entry for tests."),
        info: lend(""),
        data: std::ptr::null_mut(),
        drop: None,
    }
}

unsafe extern "C" fn build(
    data: *mut c_void,
    request: abi::Text,
    answer: abi::Sink,
    error: abi::Sink,
) -> abi::Status {
    // SAFETY: the host hands back the data and a text that lives during the call.
    let (own, request) = unsafe {
        let bytes = std::slice::from_raw_parts(request.ptr, request.len);
        (&*data.cast::<String>(), std::str::from_utf8(bytes).unwrap())
    };
    let text = match request.contains("\"outputs\":9") {
        true => format!("{own} has no nine outputs"),
        false => r#"{"parts": [{"name": "net", "layers": ["flatten"]}]}"#.to_owned(),
    };
    let failed = text.contains("nine");
    let sink = if failed { error } else { answer };
    // In two pieces, as a writer may do.
    let (a, b) = text.split_at(text.len() / 2);
    for piece in [a, b] {
        // SAFETY: the sink takes a text that lives until the call returns.
        unsafe { (sink.write.unwrap())(sink.ctx, piece.as_ptr(), piece.len()) };
    }
    if failed { abi::ERROR } else { abi::OK }
}

unsafe extern "C" fn vote(
    _: *mut c_void,
    ballot: *const abi::Ballot,
    _: abi::Text,
    scores: *mut f64,
    _: abi::Sink,
) -> abi::Status {
    // SAFETY: the host's ballot and scores have the sizes it says.
    unsafe {
        let ballot = &*ballot;
        let (n, outputs) = (ballot.images, ballot.outputs);
        let values = std::slice::from_raw_parts(ballot.values, n * ballot.parts * outputs);
        let scores = std::slice::from_raw_parts_mut(scores, n * outputs);
        for (image, scores) in values.chunks(ballot.parts * outputs).zip(scores.chunks_mut(outputs))
        {
            scores.copy_from_slice(&image[..outputs]);
        }
    }
    abi::OK
}

unsafe extern "C" fn fit(
    _: *mut c_void,
    ballot: *const abi::Ballot,
    truth: *const f64,
    _: abi::Text,
    fitted: abi::Numbers,
    _: abi::Sink,
) -> abi::Status {
    // SAFETY: there is one true class per image.
    unsafe { (fitted.write.unwrap())(fitted.ctx, truth, (*ballot).images) };
    abi::OK
}

unsafe extern "C" fn accuracy(
    _: *mut c_void,
    rows: *const abi::Rows,
    value: *mut f64,
    _: abi::Sink,
) -> abi::Status {
    // SAFETY: the columns have as many rows as it says.
    unsafe {
        let rows = &*rows;
        let truth = std::slice::from_raw_parts(rows.truth, rows.rows);
        let predicted = std::slice::from_raw_parts(rows.predicted, rows.rows);
        let right = truth.iter().zip(predicted).filter(|(a, b)| a == b).count();
        *value = right as f64 / rows.rows as f64;
    }
    abi::OK
}

/// Registers an architecture, a vote and a metric; data of what is refused stay ours.
unsafe extern "C" fn good(host: *const abi::Host, error: abi::Sink) -> abi::Status {
    // SAFETY: the host is valid during the call, and takes entries that live until it returns.
    unsafe { register(&*host, "in_process", error) }
}

/// The same, with a name that is taken; what was registered before must be dropped by the host.
unsafe extern "C" fn clashing(host: *const abi::Host, error: abi::Sink) -> abi::Status {
    // SAFETY: as in `good`.
    unsafe { register(&*host, "soft", error) }
}

unsafe fn register(host: &abi::Host, vote_name: &'static str, error: abi::Sink) -> abi::Status {
    let network = abi::Architecture {
        item: item::<abi::Architecture>(
            "net",
            r#"{"options": [{"name": "n", "type": "int", "default": 2}]}"#,
            "net",
        ),
        build: Some(build),
    };
    let metric = abi::Metric {
        item: item::<abi::Metric>("acc", r#"{"direction": "higher", "range": [0, 1]}"#, "acc"),
        value: Some(accuracy),
    };
    let vote = abi::Vote {
        item: item::<abi::Vote>(vote_name, "", "vote"),
        vote: Some(vote),
        fit: Some(fit),
    };
    // SAFETY: the caller's host takes entries that live until the call returns.
    let done = unsafe {
        [
            ((host.architecture)(host.ctx, &network, error), network.item.data),
            ((host.metric)(host.ctx, &metric, error), metric.item.data),
            ((host.vote)(host.ctx, &vote, error), vote.item.data),
        ]
    };
    for (status, data) in done {
        if status != abi::OK {
            // SAFETY: the host does not take data of what it refuses.
            unsafe { drop_data(data) };
        }
    }
    done.iter().map(|(status, _)| *status).find(|status| *status != abi::OK).unwrap_or(abi::OK)
}

/// A vote as a newer interface might have it, with a field that this program does not know.
#[repr(C)]
struct NewerVote {
    vote: abi::Vote,
    more: *mut c_void,
}

/// Registers a vote of a newer plugin's size, and one in as many bytes as version 1.0 had.
unsafe extern "C" fn of_other_versions(host: *const abi::Host, error: abi::Sink) -> abi::Status {
    let item = |name, size| abi::Item { struct_size: size as u32, ..bare(name) };
    let vote = |item| abi::Vote { item, vote: Some(vote), fit: None };
    let newer =
        NewerVote { vote: vote(item("newer", size_of::<NewerVote>())), more: std::ptr::null_mut() };
    let oldest = vote(item("oldest", abi::Vote::SIZE_0));
    let mut room = [std::mem::MaybeUninit::<u64>::uninit(); abi::Vote::SIZE_0.div_ceil(8)];
    // SAFETY: the host takes entries that live until the call returns; the room is as large as the
    // size that is copied.
    unsafe {
        let bytes = (&raw const oldest).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes, room.as_mut_ptr().cast(), abi::Vote::SIZE_0);
        let host = &*host;
        match (host.vote)(host.ctx, &newer.vote, error) {
            abi::OK => (host.vote)(host.ctx, room.as_ptr().cast(), error),
            status => status,
        }
    }
}

#[test]
fn entries_of_older_and_newer_plugins_fit() {
    let mut catalog = Catalog::built_in().unwrap();
    let staging = Staging::fill(&catalog, about(), of_other_versions).unwrap();
    staging.commit(&mut catalog).unwrap();
    let values = [0.9, 0.1, 0.2, 0.8];
    let ballot =
        Ballot { parts: 2, outputs: 2, values: &values, weights: &[0.5, 0.5], fitted: &[] };
    for name in ["newer", "oldest"] {
        let entry = catalog.votes.get(name).unwrap();
        let options = entry.options(&Map::new()).unwrap();
        assert_eq!(entry.scores(&ballot, &options).unwrap(), [0.9, 0.1]);
    }
}

fn about() -> Arc<About> {
    Arc::new(About {
        name: "tests".into(),
        version: "1".into(),
        file: "/tests.so".into(),
        blake3: String::new(),
        tensors: false,
    })
}

#[test]
fn entries_are_called_and_dropped_and_refused_ones_leave_nothing() {
    let mut catalog = Catalog::built_in().unwrap();
    let error = Staging::fill(&catalog, about(), clashing).err().unwrap();
    assert_eq!(error.code(), Code::NameTaken);
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0, "data of a refused plugin are dropped");

    let entries = Staging::fill(&catalog, about(), good).unwrap().commit(&mut catalog).unwrap();
    let entries: Vec<_> = entries.iter().map(|one| (one.kind, one.name.as_str())).collect();
    assert_eq!(entries, [("architecture", "net"), ("metric", "acc"), ("vote", "in_process")]);
    assert_eq!(ALIVE.load(Ordering::SeqCst), 3);

    let net = catalog.architectures.get("net").unwrap();
    assert_eq!(net.options[0].name, "n");
    let request = |outputs| ArchitectureRequest { input: vec![1], outputs, options: Map::new() };
    assert_eq!(
        net.architecture.build(&request(2), &catalog).unwrap().parts[0].layers[0].kind,
        "flatten"
    );
    let error = net.architecture.build(&request(9), &catalog).unwrap_err();
    assert!(error.to_string().contains("net has no nine outputs"), "{error}");

    let entry = catalog.votes.get("in_process").unwrap();
    let options = entry.options(&Map::new()).unwrap();
    let values = [0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.6, 0.4];
    let ballot =
        Ballot { parts: 2, outputs: 2, values: &values, weights: &[0.5, 0.5], fitted: &[] };
    assert_eq!(entry.scores(&ballot, &options).unwrap(), [0.9, 0.1, 0.3, 0.7]);
    assert_eq!(entry.vote.fit(&ballot, &[1, 0], &options).unwrap(), [1.0, 0.0]);

    let metric = catalog.metrics.get("acc").unwrap();
    let (truth, predicted) = ([0, 1, 1, 0], [0, 1, 0, 0]);
    let rows = Rows { classes: 2, truth: &truth, predicted: &predicted, scores: &values };
    let confusion = Confusion::new(&truth, &predicted, 2).unwrap();
    assert_eq!(metric.value(&rows, &confusion).unwrap(), Some(0.75));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| entry.scores(&ballot, &options).unwrap());
        }
    });
    drop(catalog);
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0, "data are dropped with the last user");
}
