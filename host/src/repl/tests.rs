//! Pieces in, values and reports out.

use super::*;
use crate::report::Style;
use crate::runtime::Settings;

/// Runs the pieces one after another; what the last one gives.
#[track_caller]
fn check(pieces: &[&str], expected: &str) {
    let runtime = Runtime::new(Settings::default()).unwrap();
    let mut session = Session::new(&runtime);
    let mut last = String::new();
    for piece in pieces {
        last = match session.run(piece) {
            Ok(value) => value.unwrap_or_default(),
            Err(failure) => {
                failure.render(runtime.sources(), Style { color: false, width: 100, full: false })
            }
        };
    }
    assert_eq!(last.trim_end(), expected.trim(), "\n{last}");
}

#[test]
fn values_are_shown_as_a_script_would_write_them() {
    check(&["1 + 2"], "3");
    check(&["\"a\\\"b\""], r#""a\"b""#);
    check(&["[conv(8, 3), \"x\", 1.5]"], "[conv(8, 3), \"x\", 1.5]");
    check(&["#{ a: 1 }"], "#{\"a\": 1}");
    check(&["let x = 3;"], "");
    check(&["inspect(\"Conv4_FC3\", [1, 50, 50, 50]).output"], "[2]");
}

#[test]
fn variables_functions_closures_and_constants_stay() {
    check(&["let x = 3;", "x += 1;", "x"], "4");
    check(&["const W = 3;", "W + 1"], "4");
    check(&["fn twice(n) { 2 * n }", "fn four(n) { twice(twice(n)) }", "four(3)"], "12");
    check(&["fn f() { 1 }", "fn f() { 2 }", "f()"], "2");
    check(&["let x = 1; let add = |n| n + x;", "x = 10;", "add.call(5)"], "15");
    check(&["let x = 1;", "let x = \"new\";", "x"], "\"new\"");
    check(
        &[
            "architecture(\"a\", #{ width: 4 }, |p| [conv(p.width, 3)]);",
            "inspect(\"a\", [1, 9, 9]).parameters",
        ],
        "40",
    );
}

#[test]
fn imports_stay_too() {
    check(
        &[
            "import \"zoo/blocks\" as blocks; let n = 3;",
            "fn f() {\n  import \"zoo/\" + missing as gone;\n}",
            "// import \"nothing\" as x;",
            "blocks::conv_pool(n).len() > 2",
        ],
        "true",
    );
}

/// There may be a thousand variables; that one hides another does not count.
#[test]
fn the_same_name_can_be_given_again_and_again() {
    let runtime = Runtime::new(Settings::default()).unwrap();
    let mut session = Session::new(&runtime);
    for i in 0..1100 {
        session.run(&format!("let x = {i};")).unwrap();
    }
    assert_eq!(session.run("x").unwrap().unwrap(), "1099");
}

#[test]
fn an_error_is_shown_in_its_own_line_and_counts_for_nothing() {
    check(
        &["let x = 1;", "let y = 2; x = 5;\nconv(0, 3);"],
        r#"
error[E0104] option "out_channels" of layer conv must be a whole number of at least 1, not 0
  --> repl:3:6
 3 | conv(0, 3);
   |      ^
"#,
    );
    // The variable is gone, the change of an earlier one is not.
    check(
        &["let x = 1;", "let y = 2; x = 5;\nconv(0, 3);", "y"],
        r#"
error[E0106] there is no variable "y"
  --> repl:4:1
 4 | y
   | ^
"#,
    );
    check(&["let x = 1;", "x = 5; conv(0, 3);", "x"], "5");
    check(&["fn f() { 1 }", "fn f() { 2 } throw 1;", "f()"], "1");
}

#[test]
fn an_error_in_an_earlier_function_is_shown_there() {
    check(
        &["let a = 1;", "fn block(n) {\n    conv(n, 3)\n}", "nonsense(", "block(0)"],
        r#"
error[E0104] option "out_channels" of layer conv must be a whole number of at least 1, not 0
  --> repl:3:10
 3 |     conv(n, 3)
   |          ^
  in block, repl:6:1
"#,
    );
}

#[test]
fn misspelt_names_are_found_among_the_earlier_pieces() {
    check(
        &["let width = 3;", "fn widen(n) { n }", "widem(widht)"],
        r#"
error[E0106] there is no variable "widht"; did you mean "width"?
  --> repl:3:7
 3 | widem(widht)
   |       ^^^^^
"#,
    );
    check(
        &["fn widen(n) { n }", "widem(1)"],
        r#"
error[E0106] there is no function "widem"; did you mean "widen"?
  --> repl:2:1
 2 | widem(1)
   | ^^^^^
  help: `host list` shows all layers and functions
"#,
    );
}

#[test]
fn all_names_can_be_completed() {
    let runtime = Runtime::new(Settings::default()).unwrap();
    let mut session = Session::new(&runtime);
    session.run("import \"zoo/blocks\" as blocks; let width = 3; fn widen(n) { n }").unwrap();
    let names = session.names();
    for name in ["train", "conv", "width", "widen", "blocks", "while", "print", "to_upper"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(names.is_sorted());
    assert!(names.iter().all(|name| !name.contains('$')), "{names:?}");
}

#[test]
fn help_and_exit_are_understood_as_people_type_them() {
    let runtime = Runtime::new(Settings::default()).unwrap();
    let mut session = Session::new(&runtime);
    for (piece, expected) in [
        ("help", Request::Help(None)),
        ("help()", Request::Help(None)),
        ("help conv", Request::Help(Some("conv"))),
        ("help(\"conv\")", Request::Help(Some("conv"))),
        ("help E0202", Request::Help(Some("E0202"))),
        ("exit", Request::Exit),
        (" quit();", Request::Exit),
        ("helper(1)", Request::Run),
        ("1 + 1", Request::Run),
        ("", Request::Run),
    ] {
        assert_eq!(session.request(piece), expected, "{piece}");
    }
    session.run("let help = 1;").unwrap();
    assert_eq!(session.request("help"), Request::Run);
}
