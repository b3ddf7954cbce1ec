//! What a person sees when a script is wrong.

use super::*;

#[test]
fn a_misspelt_option_of_a_layer_is_underlined() {
    reports(
        "let body = [\n    conv(8, 3, #{ paddin: 1 }),\n];",
        r#"
error[E0103] layer conv has no option "paddin"; did you mean "padding"?
  --> s.rhai:2:19
 2 |     conv(8, 3, #{ paddin: 1 }),
   |                   ^^^^^^
  help: its options are: out_channels, kernel_size, stride, padding, dilation, groups, bias
"#,
    );
}

#[test]
fn a_value_given_by_position_is_underlined() {
    reports(
        "conv(8, [3, 0, 3]);",
        r#"
error[E0104] option "kernel_size" of layer conv must be a whole number of at least 1, or a list with one per axis, not [3,0,3]
  --> s.rhai:1:9
 1 | conv(8, [3, 0, 3]);
   |         ^
"#,
    );
}

#[test]
fn several_problems_are_numbered() {
    reports(
        "conv(8, \"3\", #{ paddin: 1, bias: 2 });",
        r#"
3 problems
1. [E0103] layer conv has no option "paddin"; did you mean "padding"?
  --> s.rhai:1:17
 1 | conv(8, "3", #{ paddin: 1, bias: 2 });
   |                 ^^^^^^
  help: its options are: out_channels, kernel_size, stride, padding, dilation, groups, bias
2. [E0104] option "kernel_size" of layer conv must be a whole number of at least 1, or a list with one per axis, not "3"
  --> s.rhai:1:9
 1 | conv(8, "3", #{ paddin: 1, bias: 2 });
   |         ^^^
3. [E0104] option "bias" of layer conv must be true or false, not 2
  --> s.rhai:1:28
 1 | conv(8, "3", #{ paddin: 1, bias: 2 });
   |                            ^^^^
"#,
    );
}

#[test]
fn a_misspelt_function_is_suggested_before_anything_runs() {
    reports(
        "fn block(n) {\n    [conb(n, 3)]\n}\ntrain(#{}).tabel();\nprnt(1);",
        r#"
3 problems
1. [E0106] there is no function "conb"; did you mean "conv"?
  --> s.rhai:2:6
 2 |     [conb(n, 3)]
   |      ^^^^
2. [E0106] there is no function "tabel"; did you mean "table"?
  --> s.rhai:4:12
 4 | train(#{}).tabel();
   |            ^^^^^
3. [E0106] there is no function "prnt"; did you mean "print"?
  --> s.rhai:5:1
 5 | prnt(1);
   | ^^^^
  help: `host list` shows all layers and functions
"#,
    );
}

#[test]
fn a_function_for_other_values_shows_the_calls_that_led_there() {
    reports(
        "fn block(n) {\n    caps(n)\n}\nlet net = block(8);",
        r#"
error[E0104] caps cannot be called with a whole number
  --> s.rhai:2:5
 2 |     caps(n)
   |     ^^^^
  in block, s.rhai:4:11
  help: it is called as caps(folder, [#{ preprocessing, … }])
"#,
    );
}

#[test]
fn options_of_data_are_checked_where_they_are_given() {
    let report = run("let d = caps(\"x\", #{ preprocesing: \"t1-linear\" });").unwrap_err();
    let expected = r#"
error[E0103] data has no option "preprocesing"; did you mean "preprocessing"?
  --> s.rhai:1:22
 1 | let d = caps("x", #{ preprocesing: "t1-linear" });
   |                      ^^^^^^^^^^^^
  help: its options are: caps, "#;
    assert!(report.starts_with(expected.trim_start()), "{report}");
    let report = run("let d = caps(\"x\").patches(0, 50);").unwrap_err();
    assert!(report.contains("\n   |                           ^\n"), "{report}");
}

#[test]
fn too_many_values_show_how_the_layer_is_called() {
    reports(
        "relu(3);",
        r#"
error[E0104] relu cannot be called with 3
  --> s.rhai:1:1
 1 | relu(3);
   | ^^^^
  help: it is called as relu()
"#,
    );
}

#[test]
fn a_script_that_does_not_parse() {
    reports(
        "let a = [1, 2\nprint(a);",
        r#"
error[E0101] expecting ',' to separate the items of this array literal
  --> s.rhai:2:1
 2 | print(a);
   | ^^^^^
"#,
    );
}

#[test]
fn an_unknown_variable_is_found_before_anything_runs() {
    reports(
        "let width = 4;\nprint(widht);",
        r#"
error[E0106] there is no variable "widht"; did you mean "width"?
  --> s.rhai:2:7
 2 | print(widht);
   |       ^^^^^
"#,
    );
}

#[test]
fn a_functions_own_scope_is_explained() {
    reports(
        "let width = 4;\nfn block() { [conv(width, 3)] }",
        r#"
error[E0106] there is no variable "width"
  --> s.rhai:2:20
 2 | fn block() { [conv(width, 3)] }
   |                    ^^^^^
  help: a function made with fn sees only its own parameters; a closure, |x| …, sees more
"#,
    );
}

#[test]
fn an_option_that_an_architecture_does_not_have() {
    reports(
        "architecture(\"a\", #{ width: 8 }, |p| [conv(p.widht, 3)]);\ninspect(\"a\", [1, 9, 9]);",
        r#"
error[E0106] there is no entry "widht"; did you mean "width"?
  --> s.rhai:1:46
 1 | architecture("a", #{ width: 8 }, |p| [conv(p.widht, 3)]);
   |                                              ^^^^^
  in the architecture "a", s.rhai:1:1
  in inspect, s.rhai:2:1
"#,
    );
}

#[test]
fn a_shape_that_does_not_fit_points_at_the_layers_line() {
    reports(
        "architecture(\"a\", #{}, |p| [\n    residual([\n        conv(4, 3),\n        conv(4, 9),\n    ]),\n]);\ninspect(\"a\", [1, 9, 9]);",
        r#"
error[E0202] a kernel that reaches over 9 voxels does not fit into 7 (axis 0 of 7×7)
  --> s.rhai:4:9
 4 |         conv(4, 9),
   |         ^^^^
  at layer convolutions.0.body.1
  in inspect, s.rhai:7:1
  help: use fewer pooling or strided layers before this one, a smaller kernel_size, more padding, or larger input
"#,
    );
}

#[test]
fn problems_in_options_of_inspect_point_at_their_keys() {
    reports(
        "architecture(\"a\", #{ width: 8 }, |p| [conv(p.width, 3)]);\ninspect(\"a\", [1, 9, 9], #{\n    options: #{ widht: 3 },\n});",
        r#"
error[E0103] architecture "a" has no option "widht"; did you mean "width"?
  --> s.rhai:3:17
 3 |     options: #{ widht: 3 },
   |                 ^^^^^
  help: its options are: width
"#,
    );
}

#[test]
fn a_name_taken_twice_names_both_origins() {
    reports(
        "architecture(\"a\", #{}, |p| [relu()]);\n\narchitecture(\"a\", #{}, |p| [relu()]);",
        r#"
error[E0107] the architecture "a" of s.rhai:3 is already registered: s.rhai:1
  --> s.rhai:3:1
 3 | architecture("a", #{}, |p| [relu()]);
   | ^^^^^^^^^^^^
  help: choose another name, or say that it replaces the other
"#,
    );
}

#[test]
fn what_is_no_layer_is_named_with_its_place_in_the_list() {
    reports(
        "architecture(\"a\", #{}, |p| [relu(), [relu(), 3]]);\ninspect(\"a\", [1, 9, 9]);",
        r#"
error[E0203] architecture "a", element 1: expected a layer, found 3
  --> s.rhai:1:1
 1 | architecture("a", #{}, |p| [relu(), [relu(), 3]]);
   | ^^^^^^^^^^^^
  in the architecture "a", s.rhai:1:1
  in inspect, s.rhai:2:1
  help: a layer is made by a function such as conv(8, 3) or relu()
"#,
    );
}

#[test]
fn errors_can_be_caught_and_have_a_code() {
    prints(
        "try { conv(0, 3); } catch (e) { print(`${e.code} ${e.message}`); }",
        "E0104 option \"out_channels\" of layer conv must be a whole number of at least 1, not 0",
    );
    prints("try { throw \"mine\"; } catch (e) { print(e); }", "mine");
}

#[test]
fn a_missing_argument_says_how_to_give_it() {
    reports(
        "let caps = arg(\"caps\");",
        r#"
error[E0105] the script needs the argument --caps
  --> s.rhai:1:12
 1 | let caps = arg("caps");
   |            ^^^
  help: host run s.rhai -- --caps …
"#,
    );
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let script = format!("let a = [{}]; conv(0, 3);", "1, ".repeat(100));
    let report = run(&script).unwrap_err();
    assert!(report.lines().all(|line| line.chars().count() <= 102), "{report}");
    let mark = report.lines().find(|line| line.contains('^')).unwrap();
    let line = report.lines().find(|line| line.contains("conv(0")).unwrap();
    let at = |line: &str, part: char| line.chars().position(|c| c == part).unwrap();
    assert_eq!(line.chars().nth(at(mark, '^')), Some('0'), "{report}");
}

#[test]
fn problems_with_files_are_one_line_each_with_one_excerpt() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let script = format!(
        "let d = caps(\"/nowhere/caps\");\ntrain(#{{\n    data: d, splits: \"/nowhere/splits\", output: \"{}\",\n    architecture: \"none\",\n}});",
        folder.path().display()
    );
    let report = run(&script).unwrap_err();
    for part in [
        "3 |     data: d, splits: \"/nowhere/splits\", output: ",
        "1 | let d = caps(\"/nowhere/caps\");\n   |              ^^^^^^^^^^^^^^^",
        "[E0601]",
        "there is no architecture \"none\"",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
}

#[test]
fn many_problems_end_with_a_count() {
    use neurhai_core::{Code, Error, Problems};
    let mut problems = Problems::default();
    for i in 0..45 {
        problems
            .push(Error::new(Code::ImageMissing, format!("sub-{i:02} has no image")).help("same"));
    }
    let failure = Failure::from(problems.into_result().unwrap_err());
    let text = failure
        .render(&crate::report::Sources::default(), Style { color: false, width: 80, full: false });
    assert_eq!(text.lines().count(), 23, "{text}");
    assert!(
        text.ends_with(
            "20. [E0306] sub-19 has no image\n  help: same\nand 25 more, which --verbose shows\n"
        ),
        "{text}"
    );
}
