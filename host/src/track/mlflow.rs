//! MLflow by its REST interface, <https://mlflow.org/docs/latest/rest-api.html>: a run for each split.
//!
//! What a server has is asked of the server, so the same experiment can be sent as often as one
//! likes, from wherever its folder is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use neurhai_core::files::{Lock, is_locked};
use neurhai_core::records::{Course, Point, Run, courses};
use neurhai_core::{Code, Error, Result};
use serde_json::{Value, json};
use ureq::Agent;

use super::params::{key, params, tags};
use super::{Sent, Target};

/// How long a server may take to be reached, and to answer.
const REACHED: Duration = Duration::from_secs(5);
const ANSWERED: Duration = Duration::from_secs(20);
/// An answer is never so long; more is not read.
const MOST_BYTES: u64 = 64 << 20;
/// What one call may hold.
const METRICS: usize = 1000;
const PARAMS: usize = 100;

/// See [`super::push`].
pub(super) fn push(maps: &Path, target: &Target, running: bool) -> Result<Vec<Sent>> {
    let run = courses(maps)?;
    // Two at once could make two runs of one. A folder that cannot be written to has no second sender.
    let _lock = match Lock::acquire(&maps.join(".track.lock")) {
        Err(error) if error.code() == Code::OutputLocked => return Err(error),
        lock => lock.ok(),
    };
    let server = Server::new(target);
    let experiment = server.experiment(&target.experiment)?;
    let running = running || is_locked(&maps.join(".lock"));
    let send =
        |course| Mirror { server: &server, experiment: &experiment, maps, run: &run, course };
    run.courses.iter().map(|course| send(course).send(running)).collect()
}

struct Server<'t> {
    agent: Agent,
    target: &'t Target,
    authorization: Option<String>,
}

impl<'t> Server<'t> {
    fn new(target: &'t Target) -> Self {
        let agent = Agent::config_builder()
            .timeout_connect(Some(REACHED))
            .timeout_global(Some(ANSWERED))
            .http_status_as_error(false)
            .user_agent(concat!("neurhai/", env!("CARGO_PKG_VERSION")))
            .build();
        // As MLflow's own clients take it.
        let token = std::env::var("MLFLOW_TRACKING_TOKEN").ok().filter(|token| !token.is_empty());
        let authorization = token.map(|token| format!("Bearer {token}"));
        Self { agent: agent.into(), target, authorization }
    }

    /// What an endpoint answers; `Err` within, with MLflow's own code, where it refuses.
    fn call(
        &self,
        endpoint: &str,
        given: &Given<'_>,
    ) -> Result<std::result::Result<Value, Refusal>> {
        let url = format!("{}/api/2.0/mlflow/{endpoint}", self.target.url);
        let authorization = self.authorization.as_deref();
        let failed = |error: ureq::Error| {
            self.failed("does not answer").because(error).help(
                "check the address, and that the server runs; what is on the disk stays as it is",
            )
        };
        let answer = match given {
            Given::Query(name, value) => {
                let call = self.agent.get(&url).query(name, value);
                authorization.into_iter().fold(call, |c, a| c.header("authorization", a)).call()
            }
            Given::Body(body) => {
                let call = self.agent.post(&url).content_type("application/json");
                let call =
                    authorization.into_iter().fold(call, |c, a| c.header("authorization", a));
                call.send(body.to_string())
            }
        };
        let mut answer = answer.map_err(failed)?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        let text = text.map_err(failed)?;
        let value: Option<Value> = serde_json::from_str(&text).ok();
        let said = |key: &str| {
            let value = value.as_ref().and_then(|value| value.get(key)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        if status.is_success() {
            let wrong = || {
                let start: String = text.chars().take(80).collect();
                let error = self.failed("answers as MLflow does not");
                error
                    .because(format!("{endpoint}: {start}"))
                    .help("name the address of an MLflow server, as MLFLOW_TRACKING_URI does")
            };
            return value.map(Ok).ok_or_else(wrong);
        }
        let (code, message) = (said("error_code"), said("message"));
        Ok(Err(Refusal { endpoint: endpoint.into(), status: status.as_u16(), code, message }))
    }

    /// The same where every refusal is an error.
    fn done(&self, endpoint: &str, given: &Given<'_>) -> Result<Value> {
        self.call(endpoint, given)?.map_err(|refusal| self.refused(&refusal))
    }

    fn failed(&self, how: &str) -> Error {
        let message = format!("the tracking server {} {how}", self.target);
        Error::new(Code::Tracking, message)
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let Refusal { endpoint, status, code, message } = refusal;
        let error = self.failed("refuses");
        let error = error.because(format!("{endpoint}: {status} {code} {message}").trim_end());
        match status {
            401 | 403 => error.help("set MLFLOW_TRACKING_TOKEN to a token of yours"),
            _ => error,
        }
    }

    /// A text that an answer must have.
    fn text(&self, value: &Value, pointer: &str) -> Result<String> {
        let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| {
            self.failed("answers as MLflow does not").because(format!("{pointer} is missing"))
        })
    }

    /// The id of an experiment, which is made where there is none.
    fn experiment(&self, name: &str) -> Result<String> {
        let find = || self.call("experiments/get-by-name", &Given::Query("experiment_name", name));
        let id = |found: &Value| self.text(found, "/experiment/experiment_id");
        match find()? {
            Ok(found) => return id(&found),
            Err(refusal) if refusal.code == "RESOURCE_DOES_NOT_EXIST" => {}
            Err(refusal) => return Err(self.refused(&refusal)),
        }
        match self.call("experiments/create", &Given::Body(json!({ "name": name })))? {
            Ok(made) => self.text(&made, "/experiment_id"),
            // Somebody else was faster.
            Err(refusal) if refusal.code == "RESOURCE_ALREADY_EXISTS" => {
                id(&find()?.map_err(|refusal| self.refused(&refusal))?)
            }
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }
}

enum Given<'g> {
    Query(&'g str, &'g str),
    Body(Value),
}

/// What MLflow says where it does not do as asked.
struct Refusal {
    endpoint: String,
    status: u16,
    code: String,
    message: String,
}

/// The run on the server that mirrors a split.
struct Mirror<'m> {
    server: &'m Server<'m>,
    experiment: &'m str,
    maps: &'m Path,
    run: &'m Run,
    course: &'m Course,
}

/// A value of a metric.
struct Metric {
    key: String,
    value: f64,
    at: i64,
    step: i64,
}

impl Mirror<'_> {
    fn send(&self, running: bool) -> Result<Sent> {
        let run = match self.find()? {
            Some(run) => run,
            None => self.create()?,
        };
        let id = self.server.text(&run, "/info/run_id")?;
        self.send_params(&run, &id)?;
        let metrics = missing(self.course, &run);
        for some in metrics.chunks(METRICS) {
            let metrics: Vec<Value> = some.iter().map(Metric::json).collect();
            self.log(json!({"run_id": id, "metrics": metrics}))?;
        }
        let (status, end) = match (self.course.finished, running) {
            (true, _) => ("FINISHED", Some(self.course.results_at)),
            (false, true) => ("RUNNING", None),
            (false, false) => ("KILLED", self.course.points.iter().map(|point| point.at).max()),
        };
        let mut update = json!({"run_id": id, "status": status});
        if let Some(end) = end.filter(|end| *end > 0) {
            update["end_time"] = json!(end);
        }
        self.server.done("runs/update", &Given::Body(update))?;
        let (url, experiment) = (&self.server.target.url, self.experiment);
        let page = format!("{url}/#/experiments/{experiment}/runs/{id}");
        Ok(Sent { split: self.course.split, values: metrics.len(), page })
    }

    /// The run with the tags of this split, if the server has one.
    fn find(&self) -> Result<Option<Value>> {
        let filter = format!(
            "tags.`neurhai.run` = '{}' and tags.`neurhai.split` = '{}'",
            self.run.id, self.course.split
        );
        let search = json!({
            "experiment_ids": [self.experiment],
            "filter": filter,
            "max_results": 1,
            "order_by": ["attributes.start_time"],
        });
        let found = self.server.done("runs/search", &Given::Body(search))?;
        Ok(found.pointer("/runs/0").cloned())
    }

    fn create(&self) -> Result<Value> {
        let name = self.maps.canonicalize().ok();
        let name = name.as_deref().unwrap_or(self.maps).file_name().unwrap_or_default();
        let began = self.course.points.iter().map(|point| point.at).filter(|at| *at > 0).min();
        let create = json!({
            "experiment_id": self.experiment,
            "run_name": format!("{} split-{}", name.to_string_lossy(), self.course.split),
            "start_time": began.unwrap_or(self.course.results_at),
            "tags": tags(self.run, self.course.split, self.maps),
        });
        let made = self.server.done("runs/create", &Given::Body(create))?;
        Ok(made.get("run").cloned().unwrap_or_default())
    }

    /// Parameters can be given once: one that a resume has changed since becomes a tag.
    fn send_params(&self, run: &Value, id: &str) -> Result<()> {
        let known = run.pointer("/data/params").and_then(Value::as_array);
        let text = |entry: &Value, key: &str| Some(entry.get(key)?.as_str()?.to_owned());
        let known = known.into_iter().flatten();
        let known: BTreeMap<String, String> =
            known.filter_map(|entry| Some((text(entry, "key")?, text(entry, "value")?))).collect();
        let entry = |key: &str, value: &str| json!({"key": key, "value": value});
        let (mut new, mut changed) = (Vec::new(), tags(self.run, self.course.split, self.maps));
        for (name, value) in params(self.run) {
            match known.get(&name) {
                None => new.push(entry(&name, &value)),
                Some(known) if *known != value => {
                    changed.push(entry(&format!("resumed.{name}"), &value));
                }
                Some(_) => {}
            }
        }
        for some in new.chunks(PARAMS) {
            self.log(json!({"run_id": id, "params": some}))?;
        }
        self.log(json!({"run_id": id, "tags": changed}))
    }

    fn log(&self, batch: Value) -> Result<()> {
        self.server.done("runs/log-batch", &Given::Body(batch)).map(|_| ())
    }
}

/// The values that the server does not have, step by step: of each metric those after the last one
/// that it has, since they are always sent in this order. Results, which a group that is predicted
/// anew has others of at the same step, are sent where they differ.
fn missing(course: &Course, run: &Value) -> Vec<Metric> {
    let known = run.pointer("/data/metrics").and_then(Value::as_array).into_iter().flatten();
    // Whole numbers of 64 bits, and those that are none, may come as texts.
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let real = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let last: BTreeMap<&str, (i64, Option<f64>)> = known
        .filter_map(|entry| {
            let value = entry.get("value").and_then(real);
            Some((entry.get("key")?.as_str()?, (whole(entry.get("step")?)?, value)))
        })
        .collect();
    let later =
        |metric: &Metric| last.get(&*metric.key).is_none_or(|(step, _)| metric.step > *step);
    let mut metrics: Vec<Metric> = course.points.iter().flat_map(of_point).collect();
    let end = metrics.iter().map(|metric| metric.step).max().unwrap_or(0);
    metrics.retain(later);
    let results = course.results.iter().filter(|_| course.finished);
    let results = results.map(|(name, value)| Metric {
        key: key(name),
        value: *value,
        at: course.results_at,
        step: end,
    });
    let other = |metric: &Metric| {
        let known = last.get(&*metric.key).filter(|(step, _)| *step == metric.step);
        // Databases may round the last digit.
        let known = known.and_then(|(_, value)| *value);
        known.is_some_and(|known| (known - metric.value).abs() > 1e-12 * metric.value.abs())
    };
    metrics.extend(results.filter(|metric| later(metric) || other(metric)));
    metrics.sort_by_key(|metric| metric.step);
    metrics
}

impl Metric {
    fn json(&self) -> Value {
        json!({"key": self.key, "value": self.value, "timestamp": self.at, "step": self.step})
    }
}

/// The values of an evaluation: `validation/BA`, of one of several networks `network-3/validation/BA`.
fn of_point(point: &Point) -> Vec<Metric> {
    let measured = &point.measured;
    let of = measured.network.map_or_else(String::new, |network| format!("network-{network}/"));
    let metric = |name: &str, value| Metric {
        key: key(&format!("{of}{name}")),
        value,
        at: point.at,
        step: measured.step as i64,
    };
    let scores = measured.metrics.iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
    let scores = scores.map(|(name, value)| metric(&format!("{}/{name}", measured.group), value));
    let rate =
        (measured.group == "validation").then(|| metric("learning_rate", measured.learning_rate));
    scores.chain(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_are_others_are_sent_again() {
        let course = |ba: f64| Course {
            split: 0,
            finished: true,
            points: Vec::new(),
            results: vec![("best-loss/test/image/BA".into(), ba), ("new".into(), 1.0)],
            results_at: 7,
        };
        let known = json!({ "data": { "metrics": [
            { "key": "best-loss/test/image/BA", "value": 0.1 + 0.2, "step": "0" },
        ] } });
        let sent = |ba| -> Vec<(String, f64, i64)> {
            let found = missing(&course(ba), &known).into_iter();
            found.map(|metric| (metric.key, metric.value, metric.step)).collect()
        };
        assert_eq!(sent(0.3), [("new".to_owned(), 1.0, 0)], "the same but for rounding");
        assert_eq!(
            sent(0.75),
            [("best-loss/test/image/BA".to_owned(), 0.75, 0), ("new".to_owned(), 1.0, 0)]
        );
    }
}
