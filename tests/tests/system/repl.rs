//! `host repl`, with lines from a pipe and at a terminal.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::force::{send, until};
use crate::{PROGRAM, Place, at_home, host};

/// What comes back for these lines.
fn lines(folder: &Path, text: &str) -> Output {
    let mut command = host(folder);
    let command = command.arg("repl").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn lines_of_a_pipe_are_run_one_by_one() {
    let place = Place::new();
    let output = lines(
        place.path(),
        "let width = 4;\nlet net = [\n  conv(width, 3),\n  relu(),\n]\nnet\nprint(\"told\")\nexit\n1",
    );
    assert_eq!(text(&output.stdout), "[conv(4, 3), relu()]\ntold\n", "{}", text(&output.stderr));
    assert!(output.status.success());

    let output = lines(place.path(), "conv(0, 3)\n1 + 1\nhelp convv\nhelp relu\n[1,");
    assert_eq!(output.status.code(), Some(1));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.starts_with("2\nlayer relu()\n"), "{out}");
    for part in ["repl:1:6", " 1 | conv(0, 3)\n   |      ^", "did you mean \"conv\"?", "[E0101]"] {
        assert!(err.contains(part), "{part}\n{err}");
    }
}

#[test]
fn a_training_keeps_the_session_as_its_script() {
    let place = Place::new();
    std::fs::write(place.path().join("parts.rhai"), "fn body() { [conv(4, 3), relu()] }").unwrap();
    let train = super::TRAIN.replace("conv(4, 3,", "conv(width, 3,");
    let session = format!("import \"parts\" as parts;\nlet width = 4;\nnonsense\n{train}");
    let output = lines(place.path(), &session);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains("best by  validation"), "{out}{err}");
    let script = std::fs::read_to_string(place.path().join("maps/script.rhai")).unwrap();
    assert!(script.starts_with("import \"parts\" as parts;\nlet width = 4;\n// nonsense\n"));
    assert!(script.contains("epochs: 2"), "{script}");
    // What was typed is a script that does the same.
    std::fs::rename(place.path().join("maps"), place.path().join("first")).unwrap();
    let output = place.run(&script);
    assert!(output.status.success(), "{}", crate::said(&output));
}

/// The program at a terminal, which `script` of util-linux makes.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
    folder: PathBuf,
}

impl Terminal {
    fn open(folder: &Path) -> Option<Self> {
        // A shell that stays as the parent would end by Ctrl-C itself (dash does, bash does not).
        let child = at_home(&mut Command::new("script"), folder)
            .args(["-qec", "echo $$ > process; exec \"$PROGRAM\" repl", "/dev/null"])
            .env("PROGRAM", PROGRAM)
            .env("XDG_STATE_HOME", folder)
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        // Systems without it are few; there the test cannot say anything.
        let mut child = child.ok()?;
        let shown = Arc::new(Mutex::new(String::new()));
        let (keep, mut out) = (Arc::clone(&shown), child.stdout.take()?);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut bytes) {
                keep.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
            }
        });
        Some(Self { child, shown, folder: folder.into() })
    }

    /// Sends a signal to the program, once it has shown something.
    #[track_caller]
    fn signal(&self, signal: &str) {
        let process = std::fs::read_to_string(self.folder.join("process")).unwrap();
        send(process.trim().parse().unwrap(), &[signal]);
    }

    /// Waits until all of `parts` have been shown since the last time, in this order.
    #[track_caller]
    fn shows(&mut self, parts: &[&str]) {
        let begun = Instant::now();
        loop {
            let mut shown = self.shown.lock().unwrap();
            let end = parts
                .iter()
                .try_fold(0, |at, part| Some(shown[at..].find(part)? + at + part.len()));
            if let Some(end) = end {
                shown.drain(..end);
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no {parts:?} in {shown:?}");
            drop(shown);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Waits for the end. Until then the input stays open: `script` would type Ctrl-D at its end.
    #[track_caller]
    fn ends(mut self, code: i32) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it goes on: {:?}", self.shown);
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{:?}", self.shown);
    }
}

/// Says that it began, then goes on for ever: so slow on any machine that it comes nowhere near the
/// number of steps after which a script is stopped.
const ENDLESS: [&str; 2] = ["let x = ones([400, 400]); print(40 + 5); loop {", "x.matmul(x); }"];

/// Once it is shown, keys go to the editor; before that, they may go to the terminal itself.
const PROMPT: &str = "> ";

#[test]
fn at_a_terminal_there_are_completion_history_and_ctrl_c() {
    let place = Place::new();
    let Some(mut terminal) = Terminal::open(place.path()) else { return };
    terminal.shows(&[PROMPT]);
    terminal.types("let wide_kernel = 40 + 2\r");
    terminal.shows(&["\n", PROMPT]);
    terminal.types("wide_\t + 1\r");
    terminal.shows(&["43", PROMPT]);
    terminal.types("dropped\x03");
    terminal.shows(&["\n", PROMPT]);
    // The arrow brings back the line before.
    terminal.types("\x1b[A\r");
    terminal.shows(&["43", PROMPT]);
    terminal.types(&format!("{}\r", ENDLESS[0]));
    terminal.shows(&["\n"]);
    terminal.types(&format!("{}\r", ENDLESS[1]));
    terminal.shows(&["45"]);
    terminal.types("\x03");
    terminal.shows(&["interrupted", PROMPT]);
    terminal.types("wide_kernel + 2\r");
    terminal.shows(&["44", PROMPT]);
    terminal.types("\x04");
    terminal.ends(0);
    let history = std::fs::read_to_string(place.path().join("neurhai/history")).unwrap();
    assert!(history.contains("wide_kernel + 1") && !history.contains("dropped"), "{history}");

    let Some(mut terminal) = Terminal::open(place.path()) else { return };
    terminal.shows(&[PROMPT]);
    terminal.types("\x1b[A\r");
    terminal.shows(&["E0106", PROMPT]);
    terminal.types("exit\r");
    terminal.ends(0);
}

/// At the prompt there is nothing to save; what runs is stopped, and then there is no other prompt.
#[test]
fn sigterm_ends_a_session_at_a_terminal() {
    let place = Place::new();
    let Some(mut terminal) = Terminal::open(place.path()) else { return };
    terminal.shows(&[PROMPT]);
    terminal.types("40 + 2\r");
    terminal.shows(&["42", PROMPT]);
    // Only a key drops what is typed.
    terminal.signal("INT");
    terminal.types("40 + 3\r");
    terminal.shows(&["43", PROMPT]);
    terminal.signal("TERM");
    terminal.ends(143);

    let Some(mut terminal) = Terminal::open(place.path()) else { return };
    terminal.shows(&[PROMPT]);
    terminal.types(&format!("{}\r", ENDLESS.concat()));
    terminal.shows(&["45"]);
    terminal.signal("TERM");
    terminal.shows(&["SIGTERM: stopping", "interrupted"]);
    terminal.ends(143);
}

#[test]
fn sigterm_ends_a_session_that_waits_for_lines() {
    let place = Place::new();
    let mut command = host(place.path());
    let mut child =
        command.arg("repl").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"40 + 2\n").unwrap();
    let mut answer = [0; 3];
    child.stdout.take().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"42\n");
    send(child.id(), &["TERM"]);
    assert!(!until(&mut child, || false));
    let ended = child.wait().unwrap();
    // It may not have waited yet.
    assert!(ended.code() == Some(143) || ended.signal() == Some(15), "{ended}");
}
