//! What surrounds every call from the host: no panic leaves it, and nothing is taken on trust.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use neurhai_abi::{ERROR, INVALID, OK, PANIC, Sink, Status, Text};

use crate::error::{Error, tell};

/// How a call fails.
pub(crate) enum Failure {
    /// The plugin says why it could not.
    Error(Error),
    /// The host broke the rules of the interface.
    Invalid(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(crate) type Outcome<T> = std::result::Result<T, Failure>;

thread_local! {
    /// Whether this thread is inside a call from the host, where a panic is caught.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// The message and place of the panic that is being caught.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic inside a call, and prints nothing: that is the host's business. A
/// library has a hook of its own; in a test program it is shared, so others' panics are passed on.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.try_with(Cell::get).unwrap_or(false) {
                return before(info);
            }
            let text = describe(info);
            let _ = MESSAGE.try_with(|message| message.try_borrow_mut().map(|mut m| *m = text));
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    match info.location() {
        Some(at) => format!("{message} ({}:{}:{})", at.file(), at.line(), at.column()),
        None => message.to_owned(),
    }
}

/// Runs `call`, catches what it throws, and tells the host how it ended.
pub(crate) fn guard(error: Sink, call: impl FnOnce() -> Outcome<()>) -> Status {
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| match call() {
        Ok(()) => OK,
        Err(Failure::Error(cause)) => {
            write(error, &tell(&cause));
            ERROR
        }
        Err(Failure::Invalid(what)) => {
            write(error, &what);
            INVALID
        }
    }));
    GUARDED.set(outer);
    result.unwrap_or_else(|payload| {
        // Dropping the payload could panic again.
        std::mem::forget(payload);
        write(error, &MESSAGE.take());
        PANIC
    })
}

/// Drops an object that the host hands back.
///
/// # Safety
/// `data` is from `Box::into_raw` of a `Box<T>`, and used for the last time.
pub(crate) unsafe extern "C" fn drop_box<T>(data: *mut c_void) {
    if data.is_null() {
        return;
    }
    let outer = GUARDED.replace(true);
    // SAFETY: by this function's own condition.
    let result =
        panic::catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(data.cast::<T>()) })));
    GUARDED.set(outer);
    if let Err(payload) = result {
        std::mem::forget(payload);
    }
}

/// Writes text to the host, whose sink may be one that takes nothing.
pub(crate) fn write(sink: Sink, text: &str) {
    if let Some(write) = sink.write {
        // SAFETY: the sink was handed over for this call, and the text lives until its end.
        unsafe { write(sink.ctx, text.as_ptr(), text.len()) }
    }
}

/// A sink that collects into `bytes`, which must outlive it.
pub(crate) fn sink(bytes: &mut Vec<u8>) -> Sink {
    unsafe extern "C" fn append(ctx: *mut c_void, ptr: *const u8, len: usize) {
        // SAFETY: `ctx` is the vector below, and whoever writes gives `len` bytes at `ptr`.
        unsafe { (*ctx.cast::<Vec<u8>>()).extend_from_slice(slice_or_empty(ptr, len)) }
    }
    Sink { ctx: std::ptr::from_mut(bytes).cast(), write: Some(append) }
}

/// Text for the host, borrowed.
pub(crate) fn text(text: &str) -> Text {
    Text { ptr: text.as_ptr(), len: text.len() }
}

/// The text that the host hands over.
///
/// # Safety
/// `text` describes memory that is readable for `'a`.
pub(crate) unsafe fn read_text<'a>(text: Text) -> Outcome<&'a str> {
    // SAFETY: by this function's own condition.
    let bytes = unsafe { slice(text.ptr, text.len) }?;
    std::str::from_utf8(bytes).map_err(|_| Failure::Invalid("text that is no UTF-8".into()))
}

/// An array that the host hands over; null is an error unless it is empty.
///
/// # Safety
/// `ptr` is null or has `len` elements that are readable for `'a`.
pub(crate) unsafe fn slice<'a, T>(ptr: *const T, len: usize) -> Outcome<&'a [T]> {
    if ptr.is_null() && len > 0 {
        return Err(Failure::Invalid("a null pointer where numbers or text should be".into()));
    }
    // SAFETY: by this function's own condition.
    Ok(unsafe { slice_or_empty(ptr, len) })
}

/// # Safety
/// `ptr` has `len` elements that are readable for `'a`, or `len` is 0.
unsafe fn slice_or_empty<'a, T>(ptr: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        return &[];
    }
    // SAFETY: by this function's own condition.
    unsafe { std::slice::from_raw_parts(ptr, len) }
}

/// A structure that the host hands over, which begins with its size.
///
/// # Safety
/// `ptr` is null or points to a structure that begins with its size as a `u32`, valid for `'a`.
pub(crate) unsafe fn structure<'a, T>(ptr: *const T) -> Outcome<&'a T> {
    if ptr.is_null() {
        return Err(Failure::Invalid("a null pointer where a structure should be".into()));
    }
    // SAFETY: every structure handed over begins with its size.
    let size = unsafe { ptr.cast::<u32>().read() } as usize;
    if size < size_of::<T>() {
        return Err(Failure::Invalid(format!(
            "a structure of {size} bytes where at least {} are needed",
            size_of::<T>()
        )));
    }
    // SAFETY: it is as large as it must be.
    Ok(unsafe { &*ptr })
}

/// A place that the host wants to be filled.
///
/// # Safety
/// `ptr` is null or valid for writing during `'a`.
pub(crate) unsafe fn place<'a, T>(ptr: *mut T) -> Outcome<&'a mut T> {
    // SAFETY: by this function's own condition.
    unsafe { ptr.as_mut() }.ok_or_else(|| Failure::Invalid("a null pointer for the answer".into()))
}

/// The implementation behind an entry's `data`.
///
/// # Safety
/// `data` is null or from `Box::into_raw` of a `Box<T>` that lives for `'a`.
pub(crate) unsafe fn object<'a, T>(data: *mut c_void) -> Outcome<&'a T> {
    // SAFETY: by this function's own condition.
    unsafe { data.cast::<T>().as_ref() }
        .ok_or_else(|| Failure::Invalid("a null pointer for the entry".into()))
}
