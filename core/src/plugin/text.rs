//! Text and numbers across the boundary.

use std::ffi::c_void;

use neurhai_abi as abi;

use crate::error::{Code, Error, Result};

/// Bytes of an answer that are taken; a network of a million layers fits.
const MAX_BYTES: usize = 64 << 20;
/// Numbers that a vote may learn.
const MAX_NUMBERS: usize = 1 << 24;
/// Bytes of a message that are shown.
const SHOWN_BYTES: usize = 2000;

/// Lends a text for a call.
pub(super) fn lend(text: &str) -> abi::Text {
    abi::Text { ptr: text.as_ptr(), len: text.len() }
}

/// Writes a text into a plugin's sink, which may be one that takes nothing.
///
/// # Safety
/// The sink's function, if it has one, takes a text that lives until it returns.
pub(super) unsafe fn tell(sink: abi::Sink, text: &str) {
    if let Some(write) = sink.write {
        // SAFETY: the caller promises it.
        unsafe { write(sink.ctx, text.as_ptr(), text.len()) }
    }
}

/// Copies a text that a plugin lends.
///
/// # Safety
/// Unless its pointer is null, `text` lies in memory that may be read.
pub(super) unsafe fn copy(text: abi::Text, what: &str) -> Result<String> {
    let bad = |how: &str| Error::new(Code::BadPlugin, format!("the {what} {how}"));
    if text.len == 0 {
        return Ok(String::new());
    }
    if text.ptr.is_null() {
        return Err(bad("is a null pointer"));
    }
    if text.len > MAX_BYTES {
        return Err(bad("is too long"));
    }
    // SAFETY: the pointer is not null, and the caller promises the rest.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr, text.len) };
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| bad("is no UTF-8"))
}

/// What a plugin writes into a sink.
#[derive(Default)]
pub(super) struct Written {
    bytes: Vec<u8>,
    /// All bytes, those beyond the limit included.
    total: usize,
}

impl Written {
    /// A sink that writes here; it must not outlive `self`.
    pub(super) fn sink(&mut self) -> abi::Sink {
        unsafe extern "C" fn write(ctx: *mut c_void, ptr: *const u8, len: usize) {
            if ctx.is_null() {
                return;
            }
            // SAFETY: `ctx` is the `Written` that made this sink, and nobody else uses it during the
            // call that the sink was handed to.
            let written = unsafe { &mut *ctx.cast::<Written>() };
            written.total = written.total.saturating_add(len);
            // A length that cannot be meant is not read at all.
            if ptr.is_null() || len > MAX_BYTES - written.bytes.len() {
                return;
            }
            // SAFETY: the pointer is not null, and the plugin promises `len` bytes there.
            let bytes = unsafe { std::slice::from_raw_parts(ptr, len) };
            written.bytes.extend_from_slice(bytes);
        }
        abi::Sink { ctx: std::ptr::from_mut(self).cast(), write: Some(write) }
    }

    /// The whole text, as an answer.
    pub(super) fn answer(self) -> Result<String> {
        let bad = |how: &str| Error::new(Code::PluginFailed, format!("its answer {how}"));
        if self.total > self.bytes.len() {
            return Err(bad("is a null pointer, or too long"));
        }
        String::from_utf8(self.bytes).map_err(|_| bad("is no UTF-8"))
    }

    /// The beginning of the text, as a message for a person.
    pub(super) fn message(&self) -> String {
        let shown = &self.bytes[..self.bytes.len().min(SHOWN_BYTES)];
        let mut text = String::from_utf8_lossy(shown).trim().to_owned();
        if self.total > shown.len() {
            text.push_str(&format!("… ({} bytes in all)", self.total));
        }
        text
    }
}

/// Numbers that a plugin writes into a sink.
#[derive(Default)]
pub(super) struct Collected {
    numbers: Vec<f64>,
    total: usize,
}

impl Collected {
    /// A sink that writes here; it must not outlive `self`.
    pub(super) fn sink(&mut self) -> abi::Numbers {
        unsafe extern "C" fn write(ctx: *mut c_void, ptr: *const f64, len: usize) {
            if ctx.is_null() {
                return;
            }
            // SAFETY: `ctx` is the `Collected` that made this sink, and nobody else uses it during
            // the call that the sink was handed to.
            let collected = unsafe { &mut *ctx.cast::<Collected>() };
            collected.total = collected.total.saturating_add(len);
            if ptr.is_null() || len > MAX_NUMBERS - collected.numbers.len() {
                return;
            }
            // SAFETY: the pointer is not null, and the plugin promises `len` numbers there.
            let numbers = unsafe { std::slice::from_raw_parts(ptr, len) };
            collected.numbers.extend_from_slice(numbers);
        }
        abi::Numbers { ctx: std::ptr::from_mut(self).cast(), write: Some(write) }
    }

    /// All numbers, each of them finite.
    pub(super) fn all(self) -> Result<Vec<f64>> {
        let bad = |how: &str| Error::new(Code::PluginFailed, format!("what it learned {how}"));
        if self.total > self.numbers.len() {
            return Err(bad("is a null pointer, or too long"));
        }
        match self.numbers.iter().all(|number| number.is_finite()) {
            true => Ok(self.numbers),
            false => Err(bad("holds NaN or infinite numbers")),
        }
    }
}
