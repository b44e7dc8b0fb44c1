//! The line for each decision: as `docs/reference/logs.md` has it.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use super::world::{World, clauses, idle, pod, request, using};
use crate::{
    admission::journal,
    core::settings::Mode,
    platform::{
        metrics::{ANSWERS, MODES, VERDICTS},
        telemetry::{LogFormat, subscriber},
    },
};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written of a review under a filter: one line, or none.
fn line(world: &World, request: &Value, filter: &str) -> Option<Value> {
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let decision = world.review(body.to_string().as_bytes()).unwrap().decision;
    assert!(VERDICTS.contains(&decision.verdict), "{}", decision.verdict);
    assert!(MODES.contains(&journal::mode(decision.mode)));
    let written = Written::default();
    let writer = written.clone();
    let (subscriber, _control) = subscriber(LogFormat::Json, filter, move || writer.clone()).unwrap();
    let took = Duration::from_micros(250);
    tracing::subscriber::with_default(subscriber, || journal::write(&decision, took));
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(text.lines().count() <= 1, "{text}");
    text.lines().next().map(|line| serde_json::from_str(line).unwrap())
}

fn in_the_us() -> Value {
    request("/pods", &pod(&using(Some("us-east-1"))))
}

fn documented() -> BTreeSet<&'static str> {
    let page = include_str!("../../../docs/reference/logs.md");
    let (_, rest) = page.split_once("## Decisions").unwrap();
    // The first table; the next one is of verdicts.
    let (_, rest) = rest.split_once("| field |").unwrap();
    let rows = rest.split("\n\n").next().unwrap().lines();
    rows.filter_map(|row| row.strip_prefix("| `")?.split_once('`').map(|(field, _)| field)).collect()
}

#[test]
fn every_decision_has_the_documented_fields_and_no_other() {
    let answered = [
        in_the_us(),
        request("/pods", &pod(&idle())),
        request("/secrets", &json!({"kind": "Secret"})),
        json!({"uid": "u-1", "kind": 7}),
    ];
    for request in answered {
        let line = line(&World::default(), &request, "debug").unwrap();
        let fields: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, documented(), "{line}");
        assert_eq!(
            (&line["message"], &line["target"]),
            (&json!("admission decided"), &json!(journal::TARGET))
        );
    }
}

#[test]
fn a_refusal_names_what_was_asked_what_it_would_use_and_why_not() {
    let line = line(&World::default(), &in_the_us(), "info").unwrap();
    for (field, value) in [
        ("level", json!("INFO")),
        ("uid", json!("u-1")),
        ("kind", json!("Pod")),
        ("namespace", json!("analytics")),
        ("name", json!("exporter-0")),
        ("operation", json!("CREATE")),
        ("dry_run", json!(false)),
        ("allowed", json!(false)),
        ("verdict", json!("violation")),
        ("mode", json!("Enforce")),
        ("stores", json!("identity/accounts")),
        ("relied_on", json!("")),
        ("duration_seconds", json!(0.000_25)),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["reason"].as_str().unwrap().contains("identity/accounts"), "{line}");
    assert!(!line["law"].as_str().unwrap().is_empty());
}

#[test]
fn what_is_admitted_under_a_safeguard_names_it() {
    let line = line(&World::with_clauses(), &in_the_us(), "info").unwrap();
    assert_eq!(
        line["relied_on"],
        clauses()["metadata"]["name"].as_str().map(|n| format!("safeguard/{n}")).unwrap()
    );
    assert_eq!((&line["allowed"], &line["reason"]), (&json!(true), &json!("")));
}

#[test]
fn what_touches_no_declared_object_is_written_for_those_alone_who_ask_for_it() {
    let nothing = request("/pods", &pod(&idle()));
    for (filter, written) in [("info", false), ("debug", true), ("info,carnet::decision=debug", true)] {
        assert_eq!(line(&World::default(), &nothing, filter).is_some(), written, "{filter}");
    }
    let mut world = World::default();
    world.settings.mode = Mode::Audit;
    assert!(line(&world, &in_the_us(), "info").is_some(), "whatever the mode, a store is touched");
    for (filter, written) in [("info,carnet::decision=off", false), ("off,carnet::decision=info", true)] {
        assert_eq!(line(&world, &in_the_us(), filter).is_some(), written, "{filter}");
    }
}

#[test]
fn neither_the_user_nor_what_an_object_holds_is_in_it() {
    let secret = "do-not-log-me";
    let mut broken = pod(&using(Some("us-east-1")));
    broken["spec"]["containers"][0]["env"] = json!([{"name": "PASSWORD", "value": secret}]);
    let mut worse = broken.clone();
    worse["spec"]["containers"][0]["env"] = json!(secret);
    for (object, verdict) in [(broken, "violation"), (worse, "unreadable")] {
        let mut request = request("/pods", &object);
        request["userInfo"] = json!({"username": "jane.doe@example.org", "groups": ["people"]});
        let line = line(&World::default(), &request, "trace").unwrap();
        assert_eq!(line["verdict"], verdict, "{line}");
        assert!(!line.to_string().contains(secret) && !line.to_string().contains("jane"), "{line}");
    }
}

#[test]
fn the_audit_log_of_the_server_finds_the_line() {
    let answer = World::default().ask(&in_the_us());
    assert_eq!(answer.note("review"), "u-1");
    assert!(World::default().ask(&request("/pods", &pod(&idle()))).0.get("auditAnnotations").is_none());
}

#[test]
fn what_was_not_judged_is_in_it_and_no_refusal() {
    let world = World { ready: false, ..World::default() };
    let line = line(&world, &in_the_us(), "info").unwrap();
    assert_eq!((&line["verdict"], &line["allowed"]), (&json!("not-ready"), &json!(false)));
    assert!(line["reason"].as_str().unwrap().contains("still loading"), "{line}");
    let body = json!({"request": in_the_us()}).to_string();
    let answers = [World::with_clauses(), World::default(), world]
        .map(|world| world.review(body.as_bytes()).unwrap().decision.answer());
    assert_eq!(answers, ANSWERS);
}
