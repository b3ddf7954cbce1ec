//! Runs that are mirrored on a tracking server: a real one, and some that nobody would wish for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use neurhai_core::files::Lock;
use serde_json::Value;

use crate::records::{lines, printed, succeeds};
use crate::{Place, TRAIN, host, python, said};

/// MLflow's own server on a database of its own, which ends with the value.
struct Mlflow {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Mlflow {
    /// Another test may take the port between the question for a free one and the server's start.
    fn start(python: &Path) -> Self {
        let first = Self::on_a_free_port(python);
        first.or_else(|_| Self::on_a_free_port(python)).unwrap_or_else(|log| panic!("{log}"))
    }

    /// The server, or what it said before it ended.
    fn on_a_free_port(python: &Path) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let database = format!("sqlite:///{}", folder.path().join("database").display());
        let mut command = Command::new(python);
        command
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"])
            .args(["--port", &port.to_string(), "--backend-store-uri", &database])
            .arg("--artifacts-destination")
            .arg(folder.path().join("artifacts"))
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // It starts further processes, which must end with it.
            .process_group(0);
        let mut server = Self { process: command.spawn().unwrap(), port, _folder: folder };
        let begun = Instant::now();
        while !server.answers() {
            let log = || fs::read_to_string(server._folder.path().join("log")).unwrap_or_default();
            if server.process.try_wait().unwrap().is_some() {
                return Err(log());
            }
            assert!(begun.elapsed() < Duration::from_secs(240), "it does not begin: {}", log());
            sleep(Duration::from_millis(200));
        }
        Ok(server)
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream
            .write_all(b"GET /api/2.0/mlflow/experiments/get?experiment_id=0 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
        let mut answer = String::new();
        asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok()
            && answer.contains("experiment_id")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        // A builtin: not every system has a program for it.
        let kill = format!("kill -KILL -{}", self.process.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.process.wait();
    }
}

/// What MLflow's own client says of the runs of experiments, with every value of their metrics.
const RUNS: &str = r#"
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
def history(run, key):
    return sorted([m.step, m.value, m.timestamp] for m in client.get_metric_history(run.info.run_id, key))
print(json.dumps([[{
    "name": run.info.run_name, "status": run.info.status, "end": run.info.end_time,
    "params": run.data.params, "tags": run.data.tags,
    "metrics": {key: history(run, key) for key in run.data.metrics if "BA" in key or "loss" in key},
} for run in client.search_runs([client.get_experiment_by_name(name).experiment_id])] for name in sys.argv[2:]]))"#;

/// The evaluations in the folder, as the server should have them: steps and values by the metric's name.
fn recorded(place: &Place, maps: &str) -> BTreeMap<String, Vec<(i64, f64)>> {
    let logs = place.path().join(maps).join("split-0/training_logs");
    let mut found: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for network in 0..8 {
        let file = logs.join(format!("network-{network}/metrics.jsonl"));
        // Of a run that was killed not every network was begun.
        for line in file.is_file().then(|| lines(&file)).into_iter().flatten() {
            let group = line["group"].as_str().unwrap();
            for metric in ["BA", "loss"] {
                let value = &line["metrics"][metric];
                let key = format!("network-{network}/{group}/{metric}");
                let value = value.as_f64().map(|value| (line["step"].as_i64().unwrap(), value));
                found.entry(key).or_default().extend(value);
            }
        }
    }
    found.retain(|_, values| !values.is_empty());
    found
}

fn script(epochs: usize) -> String {
    let parts = "caps(\"data/caps\").patches([10, 11, 9], [10, 11, 9])";
    let script = TRAIN.replace("caps(\"data/caps\")", parts);
    script.replace("epochs: 2", &format!("epochs: {epochs}, patience: 0, multi_network: true"))
}

/// While it trains, after it, again, and after it was trained further: MLflow has every value once.
#[test]
fn mlflow_has_every_value_once() {
    let Some(python) = python(&["mlflow"]) else { return };
    let server = Mlflow::start(&python);
    let place = Place::new();
    let target = format!("mlflow:{}#a study", server.url());
    let push =
        |maps: &str, target: &str| succeeds(&place, &["track", "push", maps, "--to", target]);
    place.script(&script(3));
    let text = succeeds(&place, &["run", "script.rhai", "--track", &target]);
    // On a machine with much else to do it may take longer than the program waits.
    if text.contains("not everything was sent") {
        push("maps", &target);
    }
    for _ in 0..2 {
        let text = push("maps", &target);
        assert!(text.contains("split 0: 0 values sent, http://127.0.0.1:"), "{text}");
    }
    succeeds(&place, &["resume", "maps", "--epochs", "5"]);
    let text = push("maps", &target);
    assert!(!text.contains(" 0 values sent"), "{text}");
    let folder = place.path().join("maps").canonicalize().unwrap();
    fs::rename(&folder, place.path().join("first")).unwrap();

    // Another run, without a server, which was killed: thousands of values, sent later.
    place.script(&script(100_000));
    let mut child = crate::force::start(&place);
    let times = place.path().join("maps/split-0/training_logs/network-0/times.tsv");
    let evaluations = || fs::read_to_string(&times).map_or(0, |text| text.lines().count() - 1);
    crate::force::wait(&mut child, || evaluations() > 80);
    child.kill().unwrap();
    child.wait().unwrap();
    let text = push("maps", &format!("mlflow:{}", server.url()));
    let sent: usize = text.split_once(": ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(sent > 2000, "{text}");

    let found = printed(&python, RUNS, &[&server.url(), "a study", "neurhai"]);
    let [[first], [killed]] =
        [0, 1].map(|i| <[Value; 1]>::try_from(found[i].as_array().unwrap().clone()).unwrap());
    for (run, maps) in [(&first, "first"), (&killed, "maps")] {
        for (key, expected) in recorded(&place, maps) {
            let found = run["metrics"][&key].as_array().unwrap().iter();
            let found = found.map(|one| (one[0].as_i64().unwrap(), one[1].as_f64().unwrap()));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{maps}: {key}");
        }
        assert_eq!(run["name"], "maps split-0");
    }
    assert_eq!((&first["status"], &killed["status"]), (&"FINISHED".into(), &"KILLED".into()));
    assert_eq!(first["metrics"]["network-0/validation/loss"].as_array().unwrap().len(), 5);
    assert!(killed["metrics"]["network-0/validation/loss"].as_array().unwrap().len() >= 80);
    // What it was told when it was made stays; what the resume changed is a tag.
    assert_eq!(
        (&first["params"]["epochs"], &first["params"]["data.mode"]),
        (&"3".into(), &"patch".into())
    );
    assert_eq!(first["tags"]["resumed.epochs"], "5");
    assert_eq!(first["tags"]["neurhai.maps"], folder.to_str().unwrap());
    assert_eq!(first["tags"]["environment.libtorch"], "2.13.0");
    assert_eq!(first["tags"]["neurhai.manifest"].as_str().unwrap().len(), 64);
    // The results of three epochs, and those of five.
    let results = &first["metrics"]["best-loss/validation/image/BA"];
    assert_eq!(results.as_array().unwrap().len(), 2, "{results}");
    assert!(first["end"].as_i64().unwrap() > 1_600_000_000_000);
}

/// A server that gives the same answer to everything, or none.
fn answering(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let Some(answer) = answer else {
                open.push(stream);
                continue;
            };
            let mut some = [0; 4096];
            let _ = stream.read(&mut some);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("mlflow:http://{address}")
}

/// Whatever the server does, training ends as without one; what is wrong is told once, and how to
/// send everything later.
#[test]
fn a_bad_server_costs_a_warning() {
    let place = Place::new();
    assert!(place.run(TRAIN).status.success());
    let table = "split-0/training_logs/training.tsv";
    let expected = fs::read(place.path().join("maps").join(table)).unwrap();
    let refuses = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n\
                   {\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"no \\u001b[31mred\"}";
    let servers = [
        // Nobody listens on this port.
        ("mlflow:http://127.0.0.1:1".to_owned(), "does not answer"),
        (
            answering(Some("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")),
            "500",
        ),
        (
            answering(Some(
                "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
            )),
            "as MLflow does not",
        ),
        (
            answering(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")),
            "as MLflow does not",
        ),
        (answering(Some(refuses)), "INVALID_PARAMETER_VALUE"),
        (answering(Some("garbage\r\n\r\n")), "does not answer"),
    ];
    for (target, words) in servers {
        fs::remove_dir_all(place.path().join("maps")).unwrap();
        let output = host(place.path())
            .args(["run", "script.rhai"])
            .env("NEURHAI_TRACK", &target)
            .output()
            .unwrap();
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        assert_eq!(text.matches("warning: E0608").count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains(words) && text.contains("the run goes on"), "{words}: {text}");
        assert!(text.contains("later: host track push maps --to 'mlflow:"), "{text}");
        assert_eq!(fs::read(place.path().join("maps").join(table)).unwrap(), expected);
        let output =
            host(place.path()).args(["track", "push", "maps", "--to", &target]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(
            said(&output).contains("E0608") && said(&output).contains(words),
            "{}",
            said(&output)
        );
    }
    let _lock = Lock::acquire(&place.path().join("maps/.track.lock")).unwrap();
    let output = host(place.path())
        .args(["track", "push", "maps", "--to", "mlflow:http://127.0.0.1:1"])
        .output();
    assert!(said(&output.unwrap()).contains("E0602"));
}

/// A server that takes calls and never answers holds the program up for ten seconds at its end.
#[test]
fn a_silent_server_is_not_waited_for() {
    let place = Place::new();
    place.script(TRAIN);
    let target = answering(None);
    let mut command = host(place.path());
    command.args(["run", "script.rhai", "--track", &target]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // From the moment on that training is done, which may take long on a machine with much else to do.
    let (mut trained, mut text) = (None, String::new());
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("written to maps") {
            trained = Some(Instant::now());
        }
        text += &(line + "\n");
    }
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains("warning: not everything was sent"), "{text}");
    let longer = trained.expect(&text).elapsed();
    assert!(longer < Duration::from_secs(20), "{longer:?}");
    let finished: Value =
        serde_json::from_str(&succeeds(&place, &["describe", "maps", "--json"])).unwrap();
    assert_eq!(finished["splits"][0]["state"], "finished");
}
