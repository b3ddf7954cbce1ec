//! `neurhai.h` and the Rust types are the same interface.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

use neurhai_abi as abi;

/// A field's name, offset, size and type.
type Field = (&'static str, usize, usize, &'static str);

/// A structure's name, size and fields, as Rust has them.
struct Structure {
    name: &'static str,
    size: usize,
    fields: Vec<Field>,
}

fn size_and_type<S, F>(_: fn(&S) -> &F) -> (usize, &'static str) {
    (size_of::<F>(), std::any::type_name::<F>())
}

macro_rules! structures {
    ($($name:ident { $($field:ident)* })*) => {
        vec![$(Structure {
            name: stringify!($name),
            size: size_of::<abi::$name>(),
            fields: vec![$({
                let (size, kind) = size_and_type(|s: &abi::$name| &s.$field);
                (stringify!($field), offset_of!(abi::$name, $field), size, kind)
            }),*],
        }),*]
    };
}

fn structures() -> Vec<Structure> {
    structures! {
        Text { ptr len }
        Sink { ctx write }
        Numbers { ctx write }
        Entry { magic struct_size abi_major abi_minor flags tensors reserved libtorch name version init }
        Host {
            struct_size abi_major abi_minor reserved ctx
            architecture transpose vote metric loss layer
        }
        Item { struct_size flags name help info data drop }
        Architecture { item build }
        Transpose { item transpose }
        Ballot { struct_size reserved images parts outputs values weights fitted n_fitted }
        Vote { item vote fit }
        Rows { struct_size reserved rows outputs truth predicted scores }
        Metric { item value }
        Loss { item loss }
        Scope { struct_size reserved ctx param output }
        Pass { struct_size training seed inputs n_inputs weights n_weights }
        Layer { item create forward destroy }
    }
}

macro_rules! constants {
    ($($name:ident)*) => { vec![$((stringify!($name), abi::$name as u64)),*] };
}

/// The numbers; `ENTRY_SYMBOL` is compared on its own.
fn constants() -> Vec<(&'static str, u64)> {
    constants! {
        MAGIC ABI_MAJOR ABI_MINOR OK ERROR PANIC INVALID NAME_TAKEN
        TENSORS_NONE TENSORS_CPP TENSORS_STABLE ENTRY_PANIC_ABORTS ITEM_REPLACES
        PARAM_TRAINABLE PARAM_BUFFER
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What the compiler made of `source`, run.
#[track_caller]
fn compile_and_run(compiler: &str, standard: &str, file: &str, source: &str) -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source_file, program) = (place.join(file), place.join(format!("{file}.program")));
    std::fs::write(&source_file, source).unwrap();
    let variable = if compiler == "cc" { "CC" } else { "CXX" };
    let compiler = std::env::var(variable).unwrap_or_else(|_| compiler.into());
    let output = Command::new(compiler)
        .args([standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-I"])
        .arg(folder())
        .arg(&source_file)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A C definition of the type `T`, which is what Rust calls `kind`; none for arrays, where C has
/// characters for bytes.
fn typedef(kind: &str) -> Option<String> {
    let kind = match kind.strip_prefix("core::option::Option<") {
        Some(inner) => inner.strip_suffix('>')?,
        None => kind,
    };
    if let Some(function) = kind.strip_prefix("unsafe extern \"C\" fn(") {
        let (arguments, result) = function.rsplit_once(')')?;
        let arguments: Vec<String> = arguments.split(", ").map(c_type).collect();
        let result = result.strip_prefix(" -> ").map_or("void".into(), c_type);
        return Some(format!("typedef {result} (*T)({})", arguments.join(", ")));
    }
    (!kind.starts_with('[')).then(|| format!("typedef {} T", c_type(kind)))
}

fn c_type(rust: &str) -> String {
    if let Some(inner) = rust.strip_prefix("*const ") {
        return format!("{} const *", c_type(inner));
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return format!("{} *", c_type(inner));
    }
    match rust {
        "u8" | "u32" | "u64" => format!("uint{}_t", &rust[1..]),
        "i32" | "i64" => format!("int{}_t", &rust[1..]),
        "usize" => "size_t".into(),
        "f64" => "double".into(),
        "core::ffi::c_void" => "void".into(),
        structure => format!("Neurhai{}", structure.rsplit(':').next().unwrap()),
    }
}

/// A program that prints what `neurhai.h` says, and the lines that are expected of it.
fn program_and_lines() -> (String, String) {
    let mut source = "#include \"neurhai.h\"\n#include <stdio.h>\nint main(void) {\n".to_owned();
    let mut lines = String::new();
    for (name, value) in constants() {
        source += &format!("printf(\"{name} %llu\\n\", (unsigned long long)NEURHAI_{name});\n");
        lines += &format!("{name} {value}\n");
    }
    source += "puts(NEURHAI_ENTRY_SYMBOL);\n";
    lines += &format!("{}\n", abi::ENTRY_SYMBOL.to_str().unwrap());
    for Structure { name, size, fields } in structures() {
        source += &format!("printf(\"{name} %d\\n\", (int)sizeof(Neurhai{name}));\n");
        lines += &format!("{name} {size}\n");
        for (field, offset, size, kind) in fields {
            source += &format!(
                "printf(\"{name}.{field} %d %d\\n\", (int)offsetof(Neurhai{name}, {field}), \
                 (int)sizeof(((Neurhai{name} *)0)->{field}));\n"
            );
            // A field of another type, or a function of another signature, does not compile.
            if let Some(typedef) = typedef(kind) {
                source += &format!(
                    "{{ {typedef}; Neurhai{name} s; T *same = &s.{field}; (void)same; }}\n"
                );
            }
            lines += &format!("{name}.{field} {offset} {size}\n");
        }
    }
    (source + "return 0; }\n", lines)
}

#[test]
fn c_and_cpp_see_the_same_structures_and_constants_as_rust() {
    let (source, lines) = program_and_lines();
    assert_eq!(compile_and_run("cc", "-std=c99", "layout.c", &source), lines);
    assert_eq!(compile_and_run("c++", "-std=c++11", "layout.cpp", &source), lines);
}

/// A field that is missing in the list above would leave a gap, as would room that a new field of
/// one side could hide in.
#[test]
fn structures_have_no_gaps() {
    for Structure { name, size, fields } in structures() {
        let sum: usize = fields.iter().map(|(_, _, size, _)| size).sum();
        assert_eq!(sum, size, "{name}: a field is missing here, or there is padding");
    }
}

/// The names behind `before` at the beginnings of lines.
fn names(text: &str, before: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(before))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().into())
        .collect()
}

#[test]
fn both_sides_have_the_same_names() {
    let rust = std::fs::read_to_string(folder().join("src/lib.rs")).unwrap();
    let c = std::fs::read_to_string(folder().join("neurhai.h")).unwrap();

    let mut defines = names(&c, "#define NEURHAI_");
    for only_c in ["H", "EXPORT"] {
        assert!(defines.remove(only_c));
    }
    let mut known: BTreeSet<String> = constants().iter().map(|(name, _)| (*name).into()).collect();
    known.insert("ENTRY_SYMBOL".into());
    assert_eq!(names(&rust, "pub const "), known);
    assert_eq!(defines, known);

    let mut rust_structures = names(&rust, "pub struct ");
    assert!(rust_structures.remove("Tensor"), "a pointer in C");
    let known: BTreeSet<String> = structures().iter().map(|s| s.name.into()).collect();
    assert_eq!(rust_structures, known);
    assert_eq!(names(&c, "typedef struct Neurhai"), known);
    assert_eq!(size_of::<abi::Tensor>(), size_of::<*mut ()>());
}
