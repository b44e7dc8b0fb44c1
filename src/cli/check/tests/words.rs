//! The command's own words: what it finds in texts, and how it ends.

use super::{
    super::{Code, Severity},
    DECLARED, USING, report,
};

fn words(report: &super::Report) -> Vec<(Severity, Code, usize)> {
    report.findings.iter().map(|f| (f.severity, f.code, f.spot.line)).collect()
}

#[test]
fn a_transfer_that_nothing_covers_is_a_violation_whatever_the_mode() {
    for flags in [&[][..], &["--transfers=Audit"]] {
        let flags: Vec<_> = flags.iter().copied().chain(["--provider=aws", "--region=us-east-1"]).collect();
        let report = report(&flags, &format!("{DECLARED}{USING}"));
        assert_eq!(report.exit_code(), 1);
        let [found] = &report.findings[..] else { panic!("{:?}", report.findings) };
        assert_eq!((found.code, found.severity), (Code::TransferNotCovered, Severity::Violation));
        assert!(
            found.message.starts_with("Deployment analytics/report: no safeguard for EEA data"),
            "{found:?}"
        );
    }
}

#[test]
fn inside_the_regime_nothing_is_said() {
    let text = format!("{DECLARED}{USING}");
    for flags in [&["--provider=aws", "--region=eu-west-1"][..], &["--country=DE"]] {
        let report = report(flags, &text);
        assert_eq!((report.exit_code(), &report.findings[..]), (0, &[][..]));
        assert_eq!(report.judged.len(), 4);
    }
}

#[test]
fn without_a_place_everything_is_unknown_and_the_hint_says_what_to_write() {
    let report = report(&[], &format!("{DECLARED}{USING}"));
    assert_eq!(report.exit_code(), 1);
    assert!(report.hints[0].contains("--region"));
}

#[test]
fn regions_of_the_cluster_that_differ_are_told_apart_by_the_manifest() {
    let flags = ["--provider=aws", "--region=eu-west-1,us-east-1"];
    assert_eq!(report(&flags, &format!("{DECLARED}{USING}")).exit_code(), 1);
    let pinned = USING.replace(
        "      containers:",
        "      nodeSelector: {topology.kubernetes.io/region: eu-west-1, disk: ssd}\n      containers:",
    );
    assert_eq!(report(&flags, &format!("{DECLARED}{pinned}")).findings, []);
}

#[test]
fn a_party_stands_for_namespaces_that_nobody_names_and_for_no_other() {
    let scc = r#"
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {name: scc}
spec:
  instrument:
    standardContractualClauses:
      executedOn: "2024-01-15"
      parties: [{exporters: [ltd], importers: [inc], module: ControllerToController}]
  assessments: [{regimes: [EEA], country: "US", completedOn: "2026-02-01", outcome: Effective, reviewBy: "2027-02-01"}]
  scope: {any: true}
---
"#;
    let us = ["--provider=aws", "--region=us-east-1"];
    let with = |party: &[&str], text: &str| {
        let flags: Vec<_> = us.iter().chain(party).copied().collect();
        report(&flags, text).exit_code()
    };
    let elsewhere = USING.replace("namespace: analytics", "namespace: reports");
    let text = format!("{DECLARED}{scc}{elsewhere}");
    assert_eq!(with(&[], &text), 1);
    assert_eq!(with(&["--party=inc"], &text), 0);
    let of_ltd = USING.replace("namespace: analytics", "namespace: identity");
    assert_eq!(with(&["--party=inc"], &format!("{DECLARED}{scc}{of_ltd}")), 1);
}

#[test]
fn an_invalid_object_wins_over_a_violation_and_is_found_on_its_line() {
    let text = format!("{DECLARED}{USING}").replace("country: \"IE\"", "country: NO");
    let report = report(&["--provider=aws", "--region=us-east-1"], &text);
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.findings[0].spot.line, 5);
    assert!(report.findings[0].message.contains("quote it"), "{:?}", report.findings);
}

#[test]
fn what_kubectl_refuses_when_strict_is_invalid() {
    for (from, to, says) in [
        ("  datasets:", "  datsets: []\n  datasets:", "unknown field \"spec.datsets\""),
        (
            "      containers:",
            "      contaniers: []\n      containers:",
            "unknown field \"spec.template.spec.contaniers\"",
        ),
        ("  role: Controller", "  role: Controller\n  role: Controller", "key \"role\" already set in map"),
        ("carnet.dev/v1alpha1\nkind: Party", "carnet.dev/v1\nkind: Party", "no matches for kind"),
        ("region: eu-west-1}", "region: eu-nowhere-9}", "eu-nowhere-9"),
        ("kind: Deployment", "knid: Deployment", "Object 'kind' is missing"),
        ("runs: {namespaces: [analytics]}", "runs: {namespaces: [identity]}", "already run by Party"),
    ] {
        let text = format!("{DECLARED}{USING}");
        let wrong = text.replacen(from, to, 1);
        assert_ne!(text, wrong, "{from}");
        let report = report(&["--country=IE"], &wrong);
        assert_eq!(report.exit_code(), 2, "{to}: {:?}", report.findings);
        assert!(report.findings.iter().any(|f| f.message.contains(says)), "{to}: {:?}", report.findings);
    }
}

#[test]
fn a_list_is_read_item_by_item_and_other_kinds_are_counted() {
    let text = r#"
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
  spec: {containers: [{name: a, image: b, env: [{name: X, value: "y"}]}]}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: a}
---
apiVersion: v1
kind: PodList
items:
- metadata: {name: b}
  spec: {containers: []}
"#;
    let report = report(&["--country=IE"], text);
    let judged: Vec<_> = report.judged.iter().map(|j| (j.object.as_str(), j.spot.line)).collect();
    assert_eq!(judged, [("Pod default/a", 5), ("Pod default/b", 16)]);
    assert_eq!(report.skipped.get("Ingress.networking.k8s.io"), Some(&1));
}

#[test]
fn what_stands_twice_is_a_warning_and_the_last_counts() {
    let twice = format!("{DECLARED}{}", DECLARED.replace("country: \"IE\"", "country: \"FR\""));
    let report = report(&["--country=IE"], &twice);
    assert_eq!(report.exit_code(), 0, "{:?}", report.findings);
    assert!(
        words(&report)
            .iter()
            .all(|(severity, code, _)| (*severity, *code) == (Severity::Warning, Code::DeclaredTwice))
    );
    assert_eq!(report.findings.len(), 3);
}

#[test]
fn time_is_what_at_says() {
    let until = r#"
apiVersion: carnet.dev/v1alpha1
kind: TransferException
metadata: {name: once}
spec:
  reason: "an outage"
  ticket: "T-1"
  workloads: {namespace: analytics}
  stores: [{namespace: identity, name: accounts}]
  expiresAt: "2026-11-28T00:00:00Z"
---
"#;
    let text = format!("{DECLARED}{until}{USING}");
    let at = |at: &str| report(&["--provider=aws", "--region=us-east-1", "--at", at], &text);
    assert_eq!(at("2026-11-27T00:00:00Z").exit_code(), 0);
    assert!(at("2026-11-27T00:00:00Z").findings[0].message.contains("waives"));
    assert_eq!(at("2026-11-28T00:00:00Z").exit_code(), 1);
}

#[test]
fn a_copy_that_nothing_covers_is_found_where_it_stands() {
    let copy = "  copies: \n  - {name: dr, kind: Replica, location: {provider: aws, region: us-east-1}, partyRef: {name: inc}}\n  datasets:";
    let report = report(&["--country=IE"], &DECLARED.replace("  datasets:", copy));
    assert_eq!(words(&report), [(Severity::Violation, Code::TransferNotCovered, 23)]);
    assert!(report.findings[0].message.starts_with("nothing covers copy dr"));
}
