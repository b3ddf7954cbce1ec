//! Each limit of the sandbox, and that nothing reaches outside it.

use std::time::Duration;

use super::*;
use crate::sandbox::Limits;

/// The script must be stopped with this in the report.
#[track_caller]
fn stopped(script: &str, limits: Limits, part: &str) {
    let report = Bench::new(|s| s.limits = limits).run(script);
    let report = report.expect_err(script);
    assert!(report.contains("E0102") && report.contains(part), "{report}");
    assert!(report.contains("--> s.rhai:"), "{report}");
}

#[test]
fn endless_work_ends() {
    let limits = Limits { operations: 1_000_000, ..Limits::default() };
    for script in [
        "loop {}",
        "let i = 0;\nwhile true { i += 1; }",
        "for i in 0..9_000_000_000_000 { i + 1; }",
        "fn f() { loop { } }\nf();",
        "let a = [1, 2, 3];\nloop { a.map(|x| x + 1); }",
    ] {
        stopped(script, limits, "more than 1000000 steps");
    }
    // Steps that are slow run into the clock.
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    stopped(
        "let a = [];\na.pad(15000, 1);\nloop { a[0] += 1; }",
        limits,
        "the script ran for more than",
    );
}

#[test]
fn values_do_not_grow_without_bound() {
    // With fewer elements than by default this takes less long.
    let limits = Limits { elements: 4_000, ..Limits::default() };
    for (script, part) in [
        ("let a = [];\nloop { a.push(1); }", "4000 elements"),
        ("let a = [1];\nloop { a += a; }", "4000 elements"),
        ("let a = [1];\nloop { a = [a, a]; }", "4000 elements"),
        ("let a = [];\nloop { a = [a]; }", "4000 elements"),
        ("let m = #{};\nloop { m = #{ m: m, n: m }; }", "4000 entries"),
        ("let s = \"x\";\nloop { s += s; }", "text grew too long"),
        ("let s = [\"x\"];\nloop { s[0] += s[0]; s.push(s[0]); }", "text grew too long"),
        ("[].pad(1_000_000_000, 0);", "4000 elements"),
        ("blob(1_000_000_000);", "4000 elements"),
        ("let s = \"\";\ns.pad(1_000_000_000, 'x');", "text grew too long"),
        ("fn f(n) { f(n + 1) }\nf(0);", "too deeply"),
        ("let f = |x| x;\nlet l = relu();\nloop { l = sequential([l, l]); }", "holds"),
        ("let l = relu();\nloop { l = skip([l]); }", "deep"),
    ] {
        stopped(script, limits, part);
    }
}

#[test]
fn memory_is_bounded_where_no_single_value_is_too_large() {
    let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let script = "let s = \"x\";\nfor i in 0..17 { s += s; }\nlet a = [];\nfor i in 0..20000 { a.push(caps(s)); }";
    stopped(script, limits, "MB of memory");
    // Rhai does not count entries that are added one by one.
    stopped("let m = #{};\nlet i = 0;\nloop { m[`k${i}`] = i; i += 1; }", limits, "MB of memory");
}

#[test]
fn functions_that_are_called_later_are_bounded_too() {
    let limits = Limits { operations: 100_000, ..Limits::default() };
    let script =
        "architecture(\"endless\", #{}, |p| { loop {} });\ninspect(\"endless\", [1, 9, 9]);";
    stopped(script, limits, "more than 100000 steps");
}

#[test]
fn a_loop_over_functions_that_take_long_ends() {
    let limits = Limits { operations: 1_000_000, ..Limits::default() };
    let script = "loop { try { phantoms(\"\", #{ seed: \"x\" }); check(#{ a: 1 }); } catch {} }";
    stopped(script, limits, "more than 1000000 steps");
}

#[test]
fn a_limit_cannot_be_caught() {
    let limits = Limits { operations: 10_000, ..Limits::default() };
    stopped("try { loop {} } catch { print(1); }", limits, "steps");
}

#[test]
fn what_is_not_deterministic_or_reaches_outside_is_absent() {
    for script in ["eval(\"1\")", "sleep(1)", "timestamp()", "rand()", "open(\"/etc/passwd\")"] {
        assert!(run(script).is_err(), "{script}");
    }
}

#[test]
fn the_stop_flag_interrupts() {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let bench = Bench::new(|s| s.stop = Arc::clone(&stop));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let failure = bench.runtime.run("s.rhai", "loop {}").unwrap_err();
    assert_eq!(failure.code(), neurhai_core::Code::Interrupted);
}

/// Rhai's own size check gives up where a list holds a variable that a closure shares; scripts must
/// not be able to bring that about.
#[test]
fn shared_variables_within_lists_do_no_harm() {
    for script in [
        "let x = 1; let f = || x; let a = [x]; a.push(x); a[0] = x; a += x; a += [x]; a",
        "let x = [1]; let f = || x; let a = [x]; x.push(2); a.push(x); x.push(a); x",
        "let m = #{ a: 1 }; let f = || m; let l = [m]; m.b = l; l.push(m); m.c = m; m",
        "let s = \"a\"; let f = || s; let l = [s, [s]]; l[1].push(s); l.insert(0, s); l",
        "let l = relu(); let f = || l; let net = [l]; net += l; sequential(net); sequential([l, l])",
    ] {
        run(script).unwrap_or_else(|report| panic!("{report}"));
    }
}

#[test]
fn a_script_may_end_early() {
    prints("print(1); exit(); print(2);", "1");
    prints("print(1); return; print(2);", "1");
}
