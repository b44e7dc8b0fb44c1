use serde_json::Value;

use super::compose::{LEFT_OUT, MOST, of_namespaces, of_safeguards};
use crate::{
    controllers::transfers::tests::{NOW, World, at},
    picture::standings,
};

fn reports(world: &World) -> std::collections::BTreeMap<String, Value> {
    let snapshot = world.snapshot();
    let running = world.running(&snapshot);
    let (flows, _) = standings(&snapshot, &running, at(NOW));
    of_namespaces(&flows, "law")
}

fn results(report: &Value) -> Vec<(&str, &str)> {
    let all = report["results"].as_array().unwrap();
    all.iter().map(|r| (r["result"].as_str().unwrap(), r["resources"][0]["name"].as_str().unwrap())).collect()
}

#[test]
fn a_namespace_has_one_report_with_what_is_broken_before_what_is_warned_of_and_passes_are_counted() {
    let mut world = World::new();
    world.store("aaa");
    world.clauses("scc", 1);
    world.pod("home", 0, "eu1", &["aaa-app"]);
    world.pod("single", 0, "us1", &["aaa-app"]);
    world.pod("single", 1, "us1", &["aaa-app"]);
    world.store_in("identity", "bbb", &serde_json::json!({"origins": ["UK"]}));
    world.pod("broken", 0, "us1", &["bbb-app"]);
    let reports = reports(&world);
    let report = &reports["analytics"];
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["analytics"]);
    assert_eq!(results(report), [("fail", "broken"), ("warn", "single")]);
    assert_eq!(
        report["summary"],
        serde_json::json!({"pass": 1, "fail": 1, "warn": 1, "error": 0, "skip": 0})
    );
    assert_eq!(
        report["results"][1]["message"],
        "EEA data of identity/aaa to US: one safeguard alone carries it"
    );
    assert_eq!(report["results"][1]["properties"]["reliedOn"], "safeguard/scc");
    assert_eq!(report["metadata"]["annotations"][LEFT_OUT], "0");
}

#[test]
fn what_is_beyond_the_most_is_counted_and_the_report_stays_small() {
    let mut world = World::new();
    world.store("aaa");
    for n in 0..MOST + 7 {
        world.pod(&format!("workload-with-a-long-name-{n:04}"), 0, "us1", &["aaa-app"]);
    }
    let reports = reports(&world);
    let report = &reports["analytics"];
    assert_eq!(report["results"].as_array().unwrap().len(), MOST);
    assert_eq!(report["summary"]["fail"], MOST + 7);
    assert_eq!(report["metadata"]["annotations"][LEFT_OUT], "7");
    assert!(report.to_string().len() < 200_000);
}

#[test]
fn a_look_later_says_the_same_where_the_answers_are_the_same() {
    let mut world = World::new();
    world.store("aaa");
    world.clauses("scc", 1);
    world.pod("web", 0, "us1", &["aaa-app"]);
    let snapshot = world.snapshot();
    let at_one = of_safeguards(&snapshot, at(NOW));
    assert_eq!(at_one, of_safeguards(&snapshot, at("2026-11-20T00:00:00Z")));
    assert_eq!(at_one["summary"]["pass"], 1);
    assert_eq!(of_safeguards(&snapshot, at("2028-01-15T00:00:00Z"))["summary"]["fail"], 1);
}
