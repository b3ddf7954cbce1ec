//! What can be told from the file, and what a plugin does wrong while it registers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use neurhai_core::Code;
use neurhai_core::plugin::{Policy, inspect};

use super::Folder;
use crate::{Place, host, root, said};

#[test]
fn files_that_are_no_plugins_are_refused_by_what_they_are() {
    let good = Folder::new();
    let library = fs::read(good.hostile("good", "GOOD")).unwrap();
    let check = |bytes: &[u8], parts: &[&str]| {
        let folder = Folder::new();
        fs::write(folder.file("x.so"), bytes).unwrap();
        folder.refused(parts);
    };
    check(b"", &["empty"]);
    check(b"not a library at all\n", &["not a library"]);
    check(&library[..40], &["cut short"]);
    check(&library[..library.len() / 2], &["cut short"]);
    check(&library[..library.len() - 1], &["cut short"]);
    let mut other = library.clone();
    other[18..20].copy_from_slice(&183u16.to_le_bytes());
    check(&other, &["aarch64"]);
    let mut small = library;
    small[4] = 1;
    check(&small, &["this program for"]);
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    check(&program, &["no symbol \"neurhai_plugin\""]);

    let folder = Folder::new();
    fs::create_dir(folder.file("x.so")).unwrap();
    folder.refused(&["folder, not a library"]);
    let folder = Folder::new();
    symlink("/no/such/file", folder.file("x.so")).unwrap();
    folder.refused(&["link leads nowhere"]);

    // Other names are not looked at, and a folder without plugins is no mistake.
    let folder = Folder::new();
    fs::write(folder.file("notes.txt"), "mine").unwrap();
    fs::write(folder.file(".hidden.so"), "mine").unwrap();
    assert!(folder.load().1.refused.is_empty());
}

/// A library cut anywhere, and one with any byte changed, is read without a panic; whether it would
/// load is not tried.
#[test]
fn damaged_libraries_are_judged_without_a_panic() {
    let folder = Folder::new();
    let library = fs::read(folder.hostile("good", "GOOD")).unwrap();
    let file = folder.file("damaged.so");
    for length in (0..library.len()).step_by(97) {
        fs::write(&file, &library[..length]).unwrap();
        assert_eq!(inspect(&file).unwrap_err().code(), Code::BadPlugin, "{length} bytes");
    }
    let mut judged = 0;
    for at in (0..library.len()).step_by(53) {
        let mut changed = library.clone();
        changed[at] ^= 0xa5;
        fs::write(&file, &changed).unwrap();
        judged += usize::from(inspect(&file).is_ok());
    }
    assert!(judged > 0, "most bytes do not matter to the manifest");
}

/// The constructor of a plugin that does not fit must not run: it is judged by its file.
#[test]
fn code_of_a_plugin_that_does_not_fit_never_runs() {
    let place = Place::new();
    for (case, parts) in [
        ("OTHER_ABI", &["version 2.0 of the plugin interface", "this program has 1.0"][..]),
        ("NEWER_MINOR", &["version 1.9 of the plugin interface"]),
        ("OTHER_TORCH", &["libtorch 2.12.0", "2.13.0"]),
        ("PANIC_ABORTS", &["panic"]),
        ("BAD_MAGIC", &["not the entry of a plugin"]),
        ("BAD_PLUGIN_NAME", &["\"Bad Name\""]),
        ("NO_SYMBOL", &["no symbol"]),
    ] {
        let folder = Folder::new();
        folder.hostile("x", case);
        folder.refused(parts);
        let witness = place.path().join(case);
        let output = host(place.path())
            .args(["list", "votes", "--plugins"])
            .arg(folder.path())
            .env("NEURHAI_TEST_LOADED", &witness)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("plugin refused: "), "{}", said(&output));
        assert!(!witness.exists(), "{case}: its constructor ran");
    }
    let folder = Folder::new();
    folder.hostile("x", "PANIC_ABORTS");
    let (_, found) = folder.load_with(Policy { allow_panic_abort: true, ..Policy::default() });
    assert_eq!(found.plugins.len(), 1, "unless it is allowed");
}

#[test]
fn a_plugin_that_registers_badly_is_refused_whole() {
    for (case, parts) in [
        ("CLASH", &["the vote \"soft\"", "already registered: built in"][..]),
        ("CLASH_IGNORED", &["the vote \"soft\""]),
        ("NULL_SINK", &["the vote \"soft\"", "already registered: built in"]),
        ("TWICE", &["\"good_vote\" twice"]),
        ("INIT_FAILS", &["the licence server cannot be reached"]),
        ("INIT_SILENT", &["status 1 and no reason"]),
        ("NULL_NAME", &["name is a null pointer"]),
        ("LONG_NAME", &["cannot be called"]),
        ("NO_FUNCTION", &["no vote function"]),
        ("SMALL_STRUCT", &["8 bytes where at least 88 are needed"]),
        ("BAD_INFO", &["unknown key \"optoins\"", "did you mean \"options\""]),
        ("NO_HELP", &["no line of help"]),
        ("NO_INIT", &["no init function"]),
        ("UNDEFINED", &["nobody_defines_this"]),
        ("LAYER_UNSAID", &["good_layer"]),
    ] {
        let folder = Folder::new();
        folder.hostile("x", case);
        let text = folder.refused(parts);
        assert!(text.contains("x.so"), "{text}");
    }
    // A null pointer in place of an entry registers nothing, and is told to the plugin.
    let folder = Folder::new();
    folder.hostile("x", "NULL_ENTRY");
    folder.refused(&["status 3"]);
}

#[test]
fn a_good_plugin_beside_bad_ones_is_loaded() {
    let folder = Folder::new();
    folder.hostile("a", "INIT_FAILS");
    fs::write(folder.file("b.so"), "text").unwrap();
    folder.hostile("c", "GOOD");
    let (catalog, found) = folder.load();
    assert_eq!((found.plugins.len(), found.refused.len()), (1, 2));
    let origin = catalog.votes.get("good_vote").unwrap().origin.to_string();
    assert!(origin.contains("plugin hostile 0.1.0") && origin.contains("c.so"), "{origin}");
    let kinds: Vec<_> = found.plugins[0].entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["architecture", "metric", "vote"]);

    let run = |arguments: &[&str]| {
        let mut command = host(folder.path());
        let output = command.args(["--plugins", "."]).args(arguments).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, said) = run(&["list", "votes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("good_vote") && said.matches("plugin refused").count() == 2, "{said}");
    let (code, said) = run(&["list", "votes", "--strict-plugins"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a.so") && said.contains("b.so") && said.contains("E0801"), "{said}");
    let (_, said) = run(&["plugins"]);
    for part in ["hostile", "0.1.0", "vote good_vote", "c.so", "licence server"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let (_, said) = run(&["plugins", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["plugins"][0]["name"], "hostile");
    assert_eq!(report["refused"].as_array().unwrap().len(), 2);
    let none = host(folder.path()).args(["--no-plugins", "plugins"]).output().unwrap();
    assert!(crate::said(&none).contains("no plugins were found"), "{}", crate::said(&none));
}

#[test]
fn the_same_plugin_found_twice_is_loaded_once() {
    let folder = Folder::new();
    let first = folder.hostile("a", "GOOD");
    fs::copy(&first, folder.file("b.so")).unwrap();
    symlink(&first, folder.file("c.so")).unwrap();
    let (_, found) = folder.load();
    assert_eq!(found.plugins.len(), 1);
    assert_eq!(found.refused.iter().filter(|refused| refused.repeated).count(), 2);
    // Another plugin of the same name is a mistake.
    folder.compile("d", &["-DCASE=GOOD", "-DVOTE=\"other_vote\""]);
    let (catalog, found) = folder.load();
    let last = found.refused.iter().find(|refused| !refused.repeated).unwrap();
    assert!(last.error.to_string().contains("a.so"), "{}", last.error);
    assert!(catalog.votes.find("other_vote").is_none());
}

#[test]
fn an_entry_may_say_that_it_replaces_another() {
    let folder = Folder::new();
    folder.hostile("x", "REPLACES");
    let (catalog, found) = folder.load();
    assert_eq!(found.plugins.len(), 1, "{:?}", found.refused);
    assert!(catalog.votes.get("soft").unwrap().origin.to_string().contains("hostile"));
    assert_eq!(catalog.votes.iter().count(), 2, "it took the other's place");
    // Results depend on it, so it is told.
    let output = host(folder.path()).args(["--plugins", ".", "list", "votes"]).output().unwrap();
    let told = "plugin hostile 0.1.0 replaces the vote \"soft\" (built in)";
    assert!(said(&output).contains(told), "{}", said(&output));
}

/// The names of the standard architectures are taken, though their scripts run after plugins load.
#[test]
fn plugins_clash_with_standard_architectures_and_may_replace_them() {
    let folder = Folder::new();
    let source = fs::read_to_string(root().join("tests/fixtures/plugins/hostile.c")).unwrap();
    let header = root().join("plugins/abi/neurhai.h");
    let build = |flags: &str| {
        let text = source
            .replace("../../../plugins/abi/neurhai.h", &header.to_string_lossy())
            .replace("\"GoodNet\");", &format!("\"Conv5_FC3\"); {flags}"));
        let file = folder.file("x.c");
        fs::write(&file, text).unwrap();
        let made = std::process::Command::new("cc")
            .args(["-std=gnu99", "-w", "-fPIC", "-shared", "-o"])
            .arg(folder.file("x.so"))
            .arg(&file)
            .status();
        assert!(made.unwrap().success());
        let output = host(folder.path()).args(["--plugins", ".", "explain", "Conv5_FC3"]).output();
        said(&output.unwrap())
    };
    let said = build("");
    assert!(said.contains("already registered: zoo/conv5_fc3"), "{said}");
    assert!(said.contains("five convolutions"), "{said}");
    let said = build("architecture.item.flags = NEURHAI_ITEM_REPLACES;");
    assert!(said.contains("plugin hostile 0.1.0") && !said.contains("refused"), "{said}");
}

#[test]
fn what_every_user_may_write_is_refused_unless_asked_for() {
    let folder = Folder::new();
    let file = folder.hostile("x", "GOOD");
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&file, 0o666);
    folder.refused(&["E0802", "file", "chmod o-w"]);
    mode(&file, 0o644);
    mode(folder.path(), 0o777);
    folder.refused(&["E0802", "folder"]);
    let (_, found) = folder.load_with(Policy { allow_writable: true, ..Policy::default() });
    assert_eq!(found.plugins.len(), 1);
    // A link does not hide who may write: neither where it lies, nor where it leads.
    let linked = Folder::new();
    symlink(&file, linked.file("x.so")).unwrap();
    linked.refused(&["E0802", "folder"]);
    mode(folder.path(), 0o755);
    assert_eq!(linked.load().1.plugins.len(), 1);
    mode(linked.path(), 0o777);
    linked.refused(&["E0802", "folder"]);
    let above = Folder::new();
    fs::create_dir(above.file("inner")).unwrap();
    fs::copy(&file, above.file("inner/x.so")).unwrap();
    mode(above.path(), 0o777);
    let mut catalog = neurhai_core::catalog::Catalog::built_in().unwrap();
    let inner = [above.file("inner")];
    let load = |catalog: &mut _| {
        neurhai_core::plugin::load_folders(catalog, &inner, Policy::default()).unwrap()
    };
    assert!(load(&mut catalog).plugins.is_empty(), "the folder could be exchanged");
    mode(above.path(), 0o1777);
    assert_eq!(load(&mut catalog).plugins.len(), 1, "the sticky bit prevents that");
    mode(folder.path(), 0o775);
    assert_eq!(folder.load().1.plugins.len(), 1, "a group's folder is its own matter");
}

/// 200 plugins that use no libtorch. The bound is wide, as the machine may be busy; the time beside
/// a start without plugins is measured by the benchmark.
#[test]
fn two_hundred_plugins_load() {
    let folder = Folder::new();
    for i in 0..200 {
        let (name, vote) = (format!("-DNAME=\"p{i}\""), format!("-DVOTE=\"vote_{i}\""));
        folder.compile(&format!("p{i}"), &["-DCASE=GOOD", &name, &vote, "-DONLY_VOTE"]);
    }
    let started = Instant::now();
    let output = host(folder.path()).args(["--plugins", ".", "list", "votes"]).output().unwrap();
    let took = started.elapsed();
    assert!(said(&output).contains("vote_199"), "{}", said(&output));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let place = Place::new();
    let output =
        host(place.path()).args(["--plugins", "nowhere", "list", "votes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nowhere"), "{}", said(&output));
}

/// All places that plugins are looked for in: given folders, the variable, beside the script, the
/// user's own. Each plugin has a name of its own.
#[test]
fn plugins_are_found_where_they_are_looked_for() {
    let place = Place::new();
    let put = |folder: &str, name: &str| {
        let folder = place.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let made = Folder::new();
        let (plugin, vote) = (format!("-DNAME=\"{name}\""), format!("-DVOTE=\"{name}\""));
        let file = made.compile(name, &["-DCASE=GOOD", "-DONLY_VOTE", &plugin, &vote]);
        fs::copy(file, folder.join(format!("{name}.so"))).unwrap();
    };
    put("given", "a_given");
    put("variable", "b_variable");
    put("scripts/plugins", "c_beside");
    put("share/neurhai/plugins", "d_own");
    fs::write(place.path().join("scripts/x.rhai"), "architecture(\"x\", #{}, |p| [flatten()]);")
        .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = host(place.path());
        command.args(arguments).env("NEURHAI_PLUGINS", "variable").env("XDG_DATA_HOME", "share");
        said(&command.output().unwrap())
    };
    let all = run(&["--plugins", "given", "plugins"]);
    let order = ["a_given", "b_variable", "d_own"].map(|name| all.find(name).unwrap());
    assert!(order.is_sorted(), "{all}");
    put("scripts/plugins", "e_beside");
    fs::write(place.path().join("scripts/plugins/bad.so"), "text").unwrap();
    let loud = run(&["check", "scripts/x.rhai"]);
    assert!(loud.contains("scripts/plugins/bad.so"), "{loud}");
    let quiet = run(&["--no-plugins", "check", "scripts/x.rhai"]);
    assert!(!quiet.contains("refused"), "{quiet}");
    let output = host(place.path()).args(["list", "votes"]).env("NEURHAI_PLUGINS", "gone").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("there is no folder gone"), "{}", said(&output));
}
