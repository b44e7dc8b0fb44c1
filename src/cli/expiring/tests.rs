use serde_json::{Value, json};

use super::*;
use crate::cli::world::testing::{NOW, at, base_with, clauses, node, pod};

fn abroad() -> Value {
    pod("analytics", "web", 0, "us1", &["accounts-app"])
}

fn report(more: impl IntoIterator<Item = Value>, within: &str) -> Report {
    let now = at(NOW);
    found(&base_with(more), now, later(now, period(within).unwrap().0))
}

/// When, of what, whether an alarm, what carries each that stands on it from then on.
type Line<'a> = (String, &'a str, bool, Vec<Option<&'a str>>);

fn line(e: &Expiring) -> Line<'_> {
    let then = e.stands.iter().map(|s| s.then.as_deref()).collect();
    (e.at.to_string(), e.of.as_str(), e.alarm, then)
}

/// Ends of the law itself come and go with the pack, and are left out.
fn lines(report: &Report) -> Vec<Line<'_>> {
    report.expiring.iter().filter(|e| !e.of.starts_with("law/")).map(line).collect()
}

#[test]
fn the_last_safeguard_that_ends_is_caught_by_nothing_and_the_one_before_by_the_last() {
    let two =
        [clauses("first", 1, "2026-12-01T00:00:00Z"), clauses("second", 2, "2027-01-15T00:00:00Z"), abroad()];
    let report = report(two, "P90D");
    assert_eq!(
        lines(&report),
        [
            (
                "2026-12-01T00:00:00Z".into(),
                "safeguard/first",
                false,
                vec![Some("carried by safeguard/second alone")]
            ),
            ("2027-01-15T00:00:00Z".into(), "safeguard/second", false, vec![None]),
        ]
    );
    assert_eq!(report.uncaught, 1);
    assert_eq!(report.expiring.last().unwrap().stands[0].workload, "Deployment analytics/web");
}

#[test]
fn what_lies_beyond_is_not_told() {
    let two = || {
        [clauses("first", 1, "2026-12-01T00:00:00Z"), clauses("second", 2, "2027-01-15T00:00:00Z"), abroad()]
    };
    assert_eq!(lines(&report(two(), "P16D")).len(), 1, "the end of the period belongs to it");
    assert_eq!(lines(&report(two(), "P15D")).len(), 0);
}

#[test]
fn a_safeguard_on_which_nothing_stands_ends_without_leaving_anything_uncovered() {
    let report = report([clauses("vain", 1, "2026-12-01T00:00:00Z")], "P90D");
    assert_eq!(lines(&report), [("2026-12-01T00:00:00Z".into(), "safeguard/vain", false, vec![])]);
    assert_eq!(report.uncaught, 0);
}

#[test]
fn a_certification_is_told_of_by_its_end_by_its_stale_check_and_by_its_old_check() {
    let dpf = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "dpf"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {"participantRef": {"name": "inc"},
            "coveredData": ["NonHR"], "recourse": {"provider": "JAMS"}, "checkedOn": "2026-11-01",
            "frameworks": [{"name": "EU-US", "status": "Active", "since": "2023-09-29", "recertifyBy": "2026-12-31"}]}}}});
    let report = report([dpf, abroad()], "P90D");
    assert_eq!(
        lines(&report),
        [
            // 30 days after the check, the day after the last one, 90 days after the check.
            (
                "2026-12-01T00:00:00Z".into(),
                "safeguard/dpf",
                true,
                vec![Some("carried by safeguard/dpf alone")]
            ),
            ("2027-01-01T00:00:00Z".into(), "safeguard/dpf", false, vec![None]),
            ("2027-01-30T00:00:00Z".into(), "safeguard/dpf", false, vec![]),
        ]
    );
    assert_eq!(report.uncaught, 1);
}

#[test]
fn an_assessment_is_an_alarm_on_its_day_and_an_end_after_its_grace() {
    let mut scc = clauses("scc", 1, "2029-01-15T00:00:00Z");
    scc["spec"]["assessments"][0]["reviewBy"] = json!("2026-11-30");
    let report = report([scc, abroad()], "P1Y");
    assert_eq!(
        lines(&report),
        [
            (
                "2026-12-01T00:00:00Z".into(),
                "safeguard/scc",
                true,
                vec![Some("carried by safeguard/scc alone")]
            ),
            // 90 days of grace after the end of that day.
            ("2027-03-01T00:00:00Z".into(), "safeguard/scc", false, vec![None]),
        ]
    );
}

#[test]
fn an_exception_that_ends_leaves_what_it_waived() {
    let exception = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException",
        "metadata": {"name": "incident", "creationTimestamp": NOW}, "spec": {"reason": "r", "ticket": "t",
            "workloads": {"namespace": "analytics"}, "stores": [{"namespace": "identity", "name": "accounts"}],
            "expiresAt": "2026-11-16T00:00:00Z"}});
    let report = report([exception, abroad()], "P7D");
    assert_eq!(lines(&report), [("2026-11-16T00:00:00Z".into(), "exception/incident", false, vec![None])]);
}

#[test]
fn a_hold_and_a_ground_to_keep_are_alarms_on_their_days_and_a_released_hold_is_none() {
    let hold = |name: &str, release: Value| {
        let mut hold = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": name},
            "spec": {"reason": "Litigation", "reference": "r", "placedOn": "2026-10-01", "reviewBy": "2026-11-20"}});
        if !release.is_null() {
            hold["spec"]["release"] = release;
        }
        hold
    };
    let released = hold("over", json!({"on": "2026-11-01", "reason": "settled"}));
    let mut policy: Value =
        serde_saphyr::from_str(include_str!("../../../examples/retentionpolicy.yaml")).unwrap();
    policy["spec"]["rules"][0]["grounds"][0]["reviewBy"] = json!("2026-11-25");
    let report = report([hold("matter", Value::Null), released, policy], "P30D");
    let all = lines(&report);
    assert_eq!(all[0], ("2026-11-21T00:00:00Z".into(), "hold/matter", true, vec![]));
    assert_eq!((all.len(), all[1].0.as_str(), all[1].2), (2, "2026-11-26T00:00:00Z", true), "{all:?}");
    assert_eq!(report.uncaught, 0);
}

#[test]
fn the_end_of_a_decision_names_what_stands_on_it() {
    let mut world = base_with([
        abroad(),
        node("uk1", "eu-west-2"),
        pod("analytics", "london", 0, "uk1", &["accounts-app"]),
    ]);
    let mut law = (*world.law).clone();
    let uk = law.country("GB").unwrap();
    for row in law.adequacy.values_mut().filter(|row| row.countries.contains(&uk)) {
        row.validity.until = Some(at("2026-12-01T00:00:00Z"));
    }
    world.law = std::sync::Arc::new(law);
    let now = at(NOW);
    let report = found(&world, now, at("2026-12-01T00:00:00Z"));
    let stood: Vec<_> = report.expiring.iter().filter(|e| !e.stands.is_empty()).collect();
    assert_eq!(stood.len(), 1, "{:?}", report.expiring);
    assert!(stood[0].of.starts_with("law/") && stood[0].uncaught);
    assert_eq!(stood[0].stands[0].workload, "Deployment analytics/london");
}
