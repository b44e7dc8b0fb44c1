use serde_json::{Value, json};

use super::*;
use crate::cli::world::testing::{
    NOW, at, base_with, clauses, cron_job, deployment, node, party, pod, store,
};

fn abroad() -> Vec<Value> {
    vec![
        pod("analytics", "web", 0, "us1", &["accounts-app"]),
        pod("analytics", "web", 1, "us1", &["accounts-app"]),
    ]
}

fn without(world: &World, gone: &[&str]) -> Report {
    let gone: Vec<Without> = gone.iter().map(|w| w.parse().unwrap()).collect();
    let (other, _) = edit::other(world, &gone, None, &[], "default").unwrap();
    compared(world, &other, at(NOW), at(NOW))
}

fn effects(report: &Report) -> Vec<(Effect, &str, Option<&str>)> {
    report.flips.iter().map(|f| (f.effect, f.workload.as_str(), f.caught_by.as_deref())).collect()
}

const FAR: &str = "2028-01-15T00:00:00Z";

#[test]
fn without_its_only_safeguard_a_workload_becomes_a_violation() {
    let world = base_with(abroad().into_iter().chain([clauses("scc", 1, FAR)]));
    let report = without(&world, &["safeguard/scc"]);
    assert_eq!(effects(&report), [(Effect::BecomesViolation, "Deployment analytics/web", None)]);
    assert_eq!((report.flips[0].pods, report.becomes_violation), (2, 1));
    let from = report.flips[0].from.as_ref().unwrap();
    assert_eq!(
        (from.state, from.relied_on.as_deref(), report.flips[0].to.state),
        ("carried", Some("safeguard/scc"), "uncovered")
    );
    assert!(report.last_legs.is_empty());
}

#[test]
fn the_fallback_that_catches_it_is_named_and_is_its_last_leg() {
    let world = base_with(abroad().into_iter().chain([clauses("first", 1, FAR), clauses("second", 2, FAR)]));
    let report = without(&world, &["safeguard/first"]);
    assert_eq!(
        effects(&report),
        [(Effect::CaughtOnLastLeg, "Deployment analytics/web", Some("safeguard/second"))]
    );
    assert_eq!(report.becomes_violation, 0);
    assert_eq!(report.last_legs["safeguard/second"], ["Deployment analytics/web".to_owned()].into());
    let second = without(&world, &["safeguard/second"]);
    assert_eq!(
        effects(&second),
        [(Effect::LosesFallback, "Deployment analytics/web", Some("safeguard/first"))]
    );
    let both = without(&world, &["safeguard/first", "safeguard/second"]);
    assert_eq!(both.becomes_violation, 1);
}

/// ltd's data in London, which the EEA finds adequate; and a certification of inc.
fn by_law() -> Vec<Value> {
    let dpf = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "inc-dpf"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {"participantRef": {"name": "inc"},
            "coveredData": ["NonHR"], "recourse": {"provider": "JAMS"}, "checkedOn": "2026-11-01",
            "frameworks": [{"name": "EU-US", "status": "Active", "since": "2023-09-29", "recertifyBy": "2100-01-01"}]}}}});
    let london = node("uk1", "eu-west-2");
    vec![dpf, london, pod("analytics", "london", 0, "uk1", &["accounts-app"])]
}

#[test]
fn a_row_or_a_framework_of_the_law_that_falls_names_every_workload_that_stands_on_it_and_no_other() {
    let idle = cron_job("analytics", "nightly", "us-east-1", &["accounts-app"]);
    let home = pod("analytics", "home", 0, "eu1", &["accounts-app"]);
    let world = base_with(abroad().into_iter().chain(by_law()).chain([idle, home]));
    let uk = without(&world, &["law/eu-uk"]);
    assert_eq!(effects(&uk), [(Effect::BecomesViolation, "Deployment analytics/london", None)]);
    let framework = without(&world, &["law/EU-US"]);
    assert_eq!(
        effects(&framework),
        [
            (Effect::BecomesViolation, "CronJob analytics/nightly", None),
            (Effect::BecomesViolation, "Deployment analytics/web", None),
        ],
        "what does not run now is judged too"
    );
    assert_eq!(framework.flips[0].pods, 0);
}

#[test]
fn a_law_pack_without_a_decision_says_the_same_as_the_decision_taken_away() {
    let world = base_with(abroad().into_iter().chain(by_law()));
    let text = include_str!("../../../law/pack.yaml");
    let uk = text.split("  - id: ").find(|row| row.starts_with("eu-uk\n")).unwrap();
    let file = std::env::temp_dir().join(format!("carnet-simulate-{}.yaml", std::process::id()));
    let new =
        text.replace(&format!("  - id: {uk}"), "").replace("version: \"2026-08-05\"", "version: \"new\"");
    assert_ne!(text, new);
    std::fs::write(&file, new).unwrap();
    let (other, _) = edit::other(&world, &[], Some(&file), &[], "default").unwrap();
    std::fs::remove_file(&file).unwrap();
    let report = compared(&world, &other, at(NOW), at(NOW));
    assert_eq!(report.law[1], "new");
    assert_eq!(effects(&report), [(Effect::BecomesViolation, "Deployment analytics/london", None)]);
}

#[test]
fn time_alone_takes_a_safeguard_away() {
    let world = base_with(abroad().into_iter().chain([clauses("scc", 1, "2027-01-15T00:00:00Z")]));
    let then = |time: &str| compared(&world, &world, at(NOW), at(time)).becomes_violation;
    assert_eq!((then("2027-01-14T23:59:59Z"), then("2027-01-15T00:00:00Z")), (0, 1));
}

#[test]
fn manifests_are_put_over_what_is_declared_and_a_namespace_is_filled_in() {
    let world = base_with(abroad());
    let added =
        [clauses("new", 1, FAR), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})];
    let (other, left_out) = edit::other(&world, &[], None, &added, "default").unwrap();
    let report = compared(&world, &other, at(NOW), at(NOW));
    assert_eq!((effects(&report), left_out), (vec![(Effect::Improves, "Deployment analytics/web", None)], 1));
    let mut narrower = store("accounts");
    narrower["metadata"].as_object_mut().unwrap().remove("namespace");
    narrower["spec"]["origins"] = json!(["EEA", "UK"]);
    let with = base_with(abroad().into_iter().chain([clauses("scc", 1, FAR)]));
    let (other, _) = edit::other(&with, &[], None, &[narrower], "identity").unwrap();
    let report = compared(&with, &other, at(NOW), at(NOW));
    assert_eq!(effects(&report), [(Effect::BecomesViolation, "Deployment analytics/web", None)]);
    assert_eq!((report.flips[0].regime.as_str(), report.flips[0].from.is_none()), ("UK", true));
}

#[test]
fn another_party_is_another_importer() {
    let world = base_with(abroad().into_iter().chain([clauses("scc", 1, FAR)]));
    assert_eq!(without(&world, &["party/inc"]).becomes_violation, 1);
    let (other, _) = edit::other(&world, &[], None, &[party("inc", "US", &[])], "default").unwrap();
    assert_eq!(compared(&world, &other, at(NOW), at(NOW)).becomes_violation, 1);
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_an_error() {
    let world = base_with(abroad());
    let other = |gone: &str, manifests: &[Value]| {
        let gone: Vec<Without> = if gone.is_empty() { vec![] } else { vec![gone.parse().unwrap()] };
        edit::other(&world, &gone, None, manifests, "default").map(drop).unwrap_err().to_string()
    };
    assert_eq!(other("safeguard/none", &[]), "there is no TransferSafeguard none to take away");
    assert!(
        other("law/none", &[])
            .starts_with("law pack 2026-08-05 has no row and no framework none; it has EU-US")
    );
    let wrong = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "x"}, "spec": {"legalName": "x", "country": "XX"}});
    assert!(other("", &[wrong]).starts_with("Party x in the manifests cannot be read"));
    for wrong in ["scc", "safeguard/", "secret/x"] {
        assert!(wrong.parse::<Without>().is_err(), "{wrong}");
    }
}

#[test]
fn a_workload_in_an_exempt_namespace_is_named_and_breaks_nothing() {
    let carried = [
        pod("kube-system", "agent", 0, "us1", &["billing-app"]),
        clauses("scc", 1, FAR),
        party("sys", "US", &["kube-system"]),
    ];
    let mut billing = store("billing");
    billing["spec"]["access"]["secrets"][0]["namespace"] = json!("kube-system");
    let mut all = carried.to_vec();
    all[1]["spec"]["instrument"]["standardContractualClauses"]["parties"][0]["importers"] = json!(["sys"]);
    let world = base_with(all.into_iter().chain([billing]));
    let report = without(&world, &["safeguard/scc"]);
    assert_eq!(effects(&report), [(Effect::BecomesViolation, "Deployment kube-system/agent", None)]);
    assert_eq!(report.becomes_violation, 0);
}

#[test]
fn a_template_that_runs_is_told_by_its_pods_alone() {
    let world = base_with(
        abroad()
            .into_iter()
            .chain([clauses("scc", 1, FAR), deployment("analytics", "web", None, &["accounts-app"])]),
    );
    let report = without(&world, &["safeguard/scc"]);
    assert_eq!(report.flips.len(), 1);
    assert_eq!(report.flips[0].pods, 2);
}
