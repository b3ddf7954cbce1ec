//! Scripts in, text out.

use std::sync::{Arc, Mutex};

use crate::functions::arguments::Arguments;
use crate::report::{Failure, Style};
use crate::runtime::{Mode, Runtime, Settings};

mod autoencoders;
mod errors;
mod imports;
mod limits;
mod networks;
mod registered_wrongly;
mod registrations;
mod tasks;
mod tensor_limits;
mod tensors;
mod training;

/// A runtime that keeps what scripts print.
struct Bench {
    runtime: Runtime,
    printed: Arc<Mutex<String>>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let printed = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&printed);
        let mut settings = Settings {
            mode: Mode::Run,
            print: Box::new(move |text, _| {
                let mut printed = keep.lock().unwrap();
                printed.push_str(text);
                printed.push('\n');
            }),
            ..Settings::default()
        };
        change(&mut settings);
        let runtime = Runtime::new(settings);
        Self { runtime: runtime.unwrap_or_else(|failure| panic!("{failure:?}")), printed }
    }

    fn show(&self, failure: &Failure) -> String {
        failure.render(self.runtime.sources(), Style { color: false, width: 100, full: false })
    }

    /// What the script prints, or the report.
    fn run(&self, script: &str) -> Result<String, String> {
        self.printed.lock().unwrap().clear();
        match self.runtime.run("s.rhai", script) {
            Ok(_) => Ok(self.printed.lock().unwrap().clone()),
            Err(failure) => Err(self.show(&failure)),
        }
    }
}

fn run(script: &str) -> Result<String, String> {
    Bench::new(|_| {}).run(script)
}

#[track_caller]
fn prints(script: &str, expected: &str) {
    match run(script) {
        Ok(found) => assert_eq!(found.trim_end(), expected.trim()),
        Err(report) => panic!("{report}"),
    }
}

/// The whole report must be this.
#[track_caller]
fn reports(script: &str, expected: &str) {
    let report = run(script).expect_err("the script should fail");
    let trim = |text: &str| -> String {
        let lines: Vec<_> = text.trim_matches('\n').lines().map(str::trim_end).collect();
        lines.join("\n")
    };
    assert_eq!(trim(&report), trim(expected), "\n{report}");
}

#[test]
fn arguments_reach_the_script_in_the_type_of_their_default() {
    let words = ["--caps", "data/caps", "--epochs", "3", "--lr", "1", "--rois", "a, b"];
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    let bench = Bench::new(|s| s.arguments = Arguments::parse(&words).unwrap());
    let script = r#"
        print(arg("caps")); print(arg("epochs", 10)); print(arg("lr", 0.1)); print(arg("rois", []));
        print(arg("other", 7)); print(args().epochs + 1);
    "#;
    assert_eq!(bench.run(script).unwrap(), "data/caps\n3\n1.0\n[\"a\", \"b\"]\n7\n4\n");
}

/// Whatever can be named can be asked about, and says where it comes from.
#[test]
fn everything_is_explained() {
    let bench = Bench::new(|_| {});
    let catalog = bench.runtime.catalog();
    let explain = |name: &str| crate::show::explain::anything(&catalog, name).unwrap();
    for (kind, name) in neurhai_core::contract::entries(&catalog) {
        let text = explain(&name);
        assert!(text.contains(&format!("{kind} ")), "{kind} {name}: {text}");
        assert!(text.contains("\nfrom     "), "{kind} {name}: {text}");
    }
    let optimizers = neurhai_core::optimizer::infos().into_iter().map(|info| info.name);
    let schedules = neurhai_core::schedule::infos().into_iter().map(|info| info.name);
    let samplers = neurhai_core::sampler::infos().into_iter().map(|info| info.name);
    let methods = neurhai_core::interpret::infos().into_iter().map(|info| info.name);
    for name in optimizers.chain(schedules).chain(samplers).chain(methods) {
        let text = explain(&name);
        // These have none.
        let without = ["random", "cohorts", "gradients"].contains(&name.as_str());
        let options = if without { "" } else { "\noptions\n" };
        for part in [&format!(" {name:?}\n\n"), options, "\nexample  ", "\nsource   "] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
    assert!(explain("weighted").starts_with("sampler \"weighted\"\n\nAs many draws"));
    assert!(
        explain("StepLR").contains("schedule: \"StepLR\", schedule_options: #{ step_size: 10 }")
    );
    for function in crate::functions::all() {
        assert!(explain(function.name).contains(function.usage), "{}", function.name);
    }
    // A name may be several things.
    let conv = explain("conv");
    for part in ["layer conv(out_channels, ", "transpose rule of \"conv\"", "function conv(x, "] {
        assert!(conv.contains(part), "{part}\n{conv}");
    }
}
