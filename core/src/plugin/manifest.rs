//! What a plugin's file says about it, read out of the file.

use neurhai_abi::{self as abi, Structure};
use object::read::elf::{ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSection, ObjectSegment, ObjectSymbol, SectionKind};
use serde::Serialize;

use super::Policy;
use crate::error::{Code, Error, Result};

/// What a plugin has to do with tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tensors {
    /// It uses none, and loads with any libtorch.
    None,
    /// It uses libtorch's C++ interface, and needs exactly the same version.
    Cpp,
    /// It uses libtorch's stable C functions, and needs a least version.
    Stable,
}

/// What a plugin's file says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The plugin interface it was built for: major and minor version.
    pub abi: (u32, u32),
    /// What it has to do with tensors.
    pub tensors: Tensors,
    /// The libtorch it needs; empty without tensors.
    pub libtorch: String,
    /// Whether a panic in it ends the process.
    pub panic_aborts: bool,
}

/// The version of libtorch that this program uses.
pub(super) use crate::device::LIBTORCH;

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadPlugin, message)
}

/// Reads the manifest out of a library's bytes.
pub(super) fn read(data: &[u8]) -> Result<Manifest> {
    if data.is_empty() {
        return Err(bad("the file is empty"));
    }
    if !data.starts_with(b"\x7fELF") {
        return Err(bad("the file is not a library"));
    }
    check_machine(data)?;
    let damaged = |error: object::Error| bad("the library is damaged or cut short").because(error);
    let file = ElfFile64::<Endianness>::parse(data).map_err(damaged)?;
    if file.elf_header().e_type(Endianness::Little) != object::elf::ET_DYN {
        return Err(bad("the file is a program or an object file, not a shared library"));
    }
    // Loading a library that is shorter than it says ends the process, so its parts are measured.
    let ranges = file.segments().map(|segment| segment.file_range());
    let sections = file
        .sections()
        .filter(|section| section.kind() != SectionKind::UninitializedData)
        .filter_map(|section| section.file_range());
    for (offset, size) in ranges.chain(sections) {
        let end = offset.checked_add(size);
        if end.is_none_or(|end| end > data.len() as u64) {
            return Err(bad("the library is cut short")
                .help("copy it again; it must hold more than the file does"));
        }
    }
    let symbol = abi::ENTRY_SYMBOL.to_bytes();
    let found = file
        .dynamic_symbols()
        .find(|found| found.name_bytes() == Ok(symbol) && found.is_definition());
    let Some(found) = found else {
        return Err(bad(format!(
            "the library has no symbol {:?}, so it is not a plugin",
            abi::ENTRY_SYMBOL.to_string_lossy()
        ))
        .help("a plugin is built with export_plugin! or after neurhai.h"));
    };
    // An older plugin's entry may have no more than this.
    let size = abi::Entry::SIZE_0 as u64;
    let bytes = file.sections().find_map(|section| {
        section.data_range(found.address(), size).ok().flatten().map(<[u8]>::to_vec)
    });
    let bytes =
        bytes.ok_or_else(|| bad("the plugin's entry lies outside of the library's data"))?;
    decode(&bytes)
}

/// Another machine's library has the same beginning; that is told first.
fn check_machine(data: &[u8]) -> Result<()> {
    let [class, order] = [data.get(4), data.get(5)];
    let machine = data.get(18..20).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let expected = match std::env::consts::ARCH {
        "x86_64" => object::elf::EM_X86_64,
        "aarch64" => object::elf::EM_AARCH64,
        other => return Err(bad(format!("plugins are not supported on {other}"))),
    };
    let Some(machine) = machine else { return Err(bad("the library is cut short")) };
    if class == Some(&2) && order == Some(&1) && machine == expected.0 {
        return Ok(());
    }
    let name = match object::elf::Machine(machine) {
        object::elf::EM_X86_64 => "x86_64".to_owned(),
        object::elf::EM_AARCH64 => "aarch64".to_owned(),
        object::elf::EM_386 => "32-bit x86".to_owned(),
        object::elf::EM_ARM => "32-bit ARM".to_owned(),
        other => format!("machine number {}", other.0),
    };
    Err(bad(format!("the library is for {name}, this program for {}", std::env::consts::ARCH))
        .help("build the plugin on, or for, this machine"))
}

/// Reads the entry's fields out of as many bytes as the first version had; only those that hold no addresses, which are filled in by loading.
pub(super) fn decode(bytes: &[u8]) -> Result<Manifest> {
    use std::mem::offset_of;
    let number = |at: usize| {
        let mut four = [0; 4];
        four.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(four)
    };
    let text = |what: &str, at: usize, len: usize| {
        let field = &bytes[at..at + len];
        let end = field.iter().position(|byte| *byte == 0);
        let text = end.and_then(|end| std::str::from_utf8(&field[..end]).ok());
        text.map(str::to_owned).ok_or_else(|| bad(format!("the plugin's {what} is no text")))
    };
    if bytes[..8] != abi::MAGIC.to_le_bytes() {
        return Err(bad("the library's symbol is not the entry of a plugin")
            .help("a plugin is built with export_plugin! or after neurhai.h"));
    }
    let abi =
        (number(offset_of!(abi::Entry, abi_major)), number(offset_of!(abi::Entry, abi_minor)));
    if abi.0 != abi::ABI_MAJOR || abi.1 > abi::ABI_MINOR {
        return Err(bad(format!(
            "the plugin was built for version {}.{} of the plugin interface, this program has {}.{}",
            abi.0,
            abi.1,
            abi::ABI_MAJOR,
            abi::ABI_MINOR
        ))
        .help("build the plugin again with this program's SDK, or use a program that fits it"));
    }
    let size = number(offset_of!(abi::Entry, struct_size));
    if (size as usize) < abi::Entry::SIZE_0 {
        let least = abi::Entry::SIZE_0;
        return Err(bad(format!(
            "the plugin's entry has {size} bytes where at least {least} are needed"
        )));
    }
    let tensors = match number(offset_of!(abi::Entry, tensors)) {
        abi::TENSORS_NONE => Tensors::None,
        abi::TENSORS_CPP => Tensors::Cpp,
        abi::TENSORS_STABLE => Tensors::Stable,
        other => return Err(bad(format!("the plugin has the unknown tensor mode {other}"))),
    };
    let name = text("name", offset_of!(abi::Entry, name), 64)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(bad(format!("a plugin cannot be called {name:?}"))
            .help("a plugin's name is made of lower-case letters, digits, _ and -"));
    }
    Ok(Manifest {
        name,
        version: text("version", offset_of!(abi::Entry, version), 32)?,
        abi,
        tensors,
        libtorch: text("libtorch version", offset_of!(abi::Entry, libtorch), 16)?,
        panic_aborts: number(offset_of!(abi::Entry, flags)) & abi::ENTRY_PANIC_ABORTS != 0,
    })
}

impl Manifest {
    /// Whether this program can take the plugin.
    pub(super) fn check(&self, policy: Policy) -> Result<()> {
        if self.panic_aborts && !policy.allow_panic_abort {
            return Err(bad("a panic in this plugin would end the program (panic = \"abort\")")
                .help("build it with panic = \"unwind\", or pass --allow-panic-abort"));
        }
        let fits = match self.tensors {
            Tensors::None => true,
            Tensors::Cpp => release(&self.libtorch) == release(LIBTORCH),
            Tensors::Stable => numbers(&self.libtorch) <= numbers(LIBTORCH),
        };
        if fits {
            return Ok(());
        }
        let least = if self.tensors == Tensors::Stable { "at least " } else { "" };
        Err(bad(format!(
            "the plugin needs libtorch {least}{}, this program has {LIBTORCH}",
            self.libtorch
        ))
        .help("build the plugin again against this program's libtorch"))
    }
}

/// A version without what says how it was built: `2.13.0+cpu`.
fn release(version: &str) -> &str {
    version.split('+').next().unwrap_or_default()
}

fn numbers(version: &str) -> Vec<u64> {
    release(version).split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}
