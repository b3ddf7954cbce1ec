//! Modules: beside the script, from the program, and not from anywhere else.

use std::path::Path;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn run_in(folder: &Path, script: &str) -> Result<String, String> {
    Bench::new(|s| s.folder = Some(folder.to_owned())).run(script)
}

#[test]
fn a_module_is_run_once_and_its_architectures_find_its_functions() {
    let folder = folder(&[(
        "lib/mine.rhai",
        r#"
        print("loaded");
        fn act() { relu() }
        fn block(n) { [conv(n, 3), act()] }
        architecture("from_module", #{ width: 4 }, |p| [conv(p.width, 3), act(), flatten(), linear(p.outputs)]);
        "#,
    )]);
    let script = r#"
        import "lib/mine" as a;
        import "lib/mine.rhai" as b;
        print(a::block(2));
        architecture("here", #{}, |p| b::block(3));
        print(inspect("here", [1, 9, 9]).parameters);
        print(inspect("from_module", [1, 9, 9, 9], #{ outputs: 3, options: #{ width: 1 } }).output);
    "#;
    let printed = run_in(folder.path(), script).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(printed, "loaded\n[conv(2, 3), relu()]\n30\n[3]\n");
}

#[test]
fn nothing_outside_the_scripts_folder_is_imported() {
    let outer = folder(&[("secret.rhai", "let x = 1;"), ("scripts/a.rhai", "")]);
    let scripts = outer.path().join("scripts");
    let absolute = outer.path().join("secret");
    for path in ["../secret", "a/../../secret", "./a", "/etc/hostname", absolute.to_str().unwrap()]
    {
        let report = run_in(&scripts, &format!("import {path:?} as x;")).unwrap_err();
        assert!(report.contains("leaves the script's folder"), "{report}");
        assert!(report.contains("s.rhai:1:"), "{report}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outer.path().join("secret.rhai"), scripts.join("link.rhai"))
            .unwrap();
        let report = run_in(&scripts, "import \"link\" as x;").unwrap_err();
        assert!(report.contains("leaves the script's folder"), "{report}");
    }
}

#[test]
fn a_missing_module_and_one_that_imports_itself_are_told() {
    let folder = folder(&[("a.rhai", "import \"b\" as b;"), ("b.rhai", "import \"a\" as a;")]);
    let report = run_in(folder.path(), "import \"c\" as c;").unwrap_err();
    assert!(report.contains("E0301") && report.contains("no module \"c\""), "{report}");
    let report = run_in(folder.path(), "import \"a\" as a;").unwrap_err();
    assert!(report.contains("imports itself") && report.contains("b.rhai:1:8"), "{report}");
}

#[test]
fn an_error_in_a_module_shows_its_own_line() {
    let folder = folder(&[("lib.rhai", "// first\nfn f(x) { x + y }")]);
    let report = run_in(folder.path(), "import \"lib\" as lib;\nlib::f(1);").unwrap_err();
    assert!(report.contains("lib.rhai:2:"), "{report}");
    assert!(report.contains("fn f(x) { x + y }"), "{report}");
    let folder = self::folder(&[("lib.rhai", "fn f(x) { conv(x, 0) }")]);
    let report = run_in(folder.path(), "import \"lib\" as lib;\nlib::f(1);").unwrap_err();
    assert!(report.contains("lib.rhai:1:") && report.contains("in f, s.rhai:2:"), "{report}");
}
