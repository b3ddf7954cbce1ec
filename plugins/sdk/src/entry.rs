//! The exported constant.

use neurhai_abi::{
    ABI_MAJOR, ABI_MINOR, ENTRY_PANIC_ABORTS, Entry, Host, MAGIC, Sink, Status, TENSORS_CPP,
    TENSORS_NONE,
};

use crate::call::{Failure, guard, install_hook, structure};
use crate::{Registrar, Result};

/// Makes this library a plugin: `export_plugin!(name, version, |registrar| …)`.
///
/// The name is made of lower-case letters, digits, `_` and `-`. The last argument is a closure
/// `|registrar: &mut Registrar| -> Result<()>` that captures nothing and registers what the plugin
/// brings; if it fails, the host refuses the whole plugin and shows the error.
///
/// A plugin that brings layers or losses puts the word `torch` before the closure, which then gets
/// a `torch::Registrar`; this needs the feature `torch` and binds the plugin to one version of
/// libtorch.
///
/// The macro stands at the root of the library, once. It exports the constant `neurhai_plugin`.
#[macro_export]
macro_rules! export_plugin {
    (@ $name:expr, $version:expr, $libtorch:expr, $register:expr) => {
        #[doc(hidden)]
        struct ExportedPlugin;

        impl $crate::Plugin for ExportedPlugin {
            fn register(registrar: &mut $crate::Registrar<'_>) -> $crate::Result<()> {
                ($register)(registrar)
            }
        }

        /// What the host reads out of this library before it loads it.
        #[allow(non_upper_case_globals)]
        #[unsafe(no_mangle)]
        pub static neurhai_plugin: $crate::abi::Entry = $crate::entry::<ExportedPlugin>(
            $name,
            $version,
            $libtorch,
            cfg!(panic = "abort"),
        );
    };
    ($name:expr, $version:expr, torch, $register:expr $(,)?) => {
        $crate::export_plugin!(@ $name, $version, $crate::torch::LIBTORCH, |registrar| {
            let register: fn(&mut $crate::torch::Registrar<'_, '_>) -> $crate::Result<()> =
                $register;
            register(&mut $crate::torch::Registrar::new(registrar))
        });
    };
    ($name:expr, $version:expr, $register:expr $(,)?) => {
        $crate::export_plugin!(@ $name, $version, "", |registrar| {
            let register: fn(&mut $crate::Registrar<'_>) -> $crate::Result<()> = $register;
            register(registrar)
        });
    };
}

/// What [`export_plugin!`] makes of its closure.
#[doc(hidden)]
pub trait Plugin {
    fn register(registrar: &mut Registrar<'_>) -> Result<()>;
}

/// The exported constant; `libtorch` is the version that the plugin links, empty for none.
#[doc(hidden)]
pub const fn entry<P: Plugin>(
    name: &str,
    version: &str,
    libtorch: &str,
    panic_aborts: bool,
) -> Entry {
    check_name(name);
    Entry {
        magic: MAGIC,
        struct_size: size_of::<Entry>() as u32,
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        flags: if panic_aborts { ENTRY_PANIC_ABORTS } else { 0 },
        tensors: if libtorch.is_empty() { TENSORS_NONE } else { TENSORS_CPP },
        reserved: 0,
        libtorch: fill_up(libtorch),
        name: fill_up(name),
        version: fill_up(version),
        init: Some(init::<P>),
    }
}

const fn check_name(name: &str) {
    assert!(!name.is_empty(), "a plugin needs a name");
    let (bytes, mut i) = (name.as_bytes(), 0);
    while i < bytes.len() {
        assert!(
            matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'),
            "a plugin's name is made of lower-case letters, digits, _ and -"
        );
        i += 1;
    }
}

/// Text in a field of fixed size, which keeps a zero byte at its end.
const fn fill_up<const N: usize>(text: &str) -> [u8; N] {
    assert!(text.len() < N, "a plugin's name or version is too long");
    let (bytes, mut filled, mut i) = (text.as_bytes(), [0; N], 0);
    while i < bytes.len() {
        filled[i] = bytes[i];
        i += 1;
    }
    filled
}

unsafe extern "C" fn init<P: Plugin>(host: *const Host, error: Sink) -> Status {
    install_hook();
    guard(error, || {
        // SAFETY: the host hands over itself, valid until `init` returns.
        let host = unsafe { structure_of_host(host) }?;
        Ok(P::register(&mut Registrar::new(host))?)
    })
}

/// # Safety
/// As for [`structure`].
unsafe fn structure_of_host<'h>(host: *const Host) -> std::result::Result<&'h Host, Failure> {
    // SAFETY: by this function's own condition.
    let host = unsafe { structure(host) }?;
    if host.abi_major == ABI_MAJOR && (ABI_MINOR..).contains(&host.abi_minor) {
        return Ok(host);
    }
    Err(Failure::Invalid(format!(
        "this plugin is built for version {ABI_MAJOR}.{ABI_MINOR} of the plugin interface, but the \
         host has {}.{}",
        host.abi_major, host.abi_minor
    )))
}
