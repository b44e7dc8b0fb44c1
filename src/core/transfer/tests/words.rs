#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]

use expect_test::expect;

use super::*;
use crate::core::transfer::text::{first_line, message, summary_ok};

fn said(world: &World) -> String {
    world.ask(|snapshot, request| message(request, &decide(snapshot, request)))
}

#[test]
fn a_refusal_says_what_is_used_and_what_would_make_it_lawful() {
    let scc = edit(
        SCC,
        &[
            ("      ukAddendum: {version: B1.0, executedOn: '2024-02-01'}\n", ""),
            ("2028-01-14", "2026-11-14"),
        ],
    );
    let world = World::new(&[&scc]).store(&[("[EEA]", "[EEA, UK]")]);
    expect![[r#"
        Pod analytics/report-1: no safeguard for EEA and UK data of identity/accounts in US
        - workload: Pod analytics/report-1, run by inc
        - store identity/accounts: accounts
          found by: container app env DB: Secret identity/accounts-app
          whose data: EEA and UK
          from: ltd, in aws eu-west-1 (IE)
          to: inc, in aws us-east-1 (US)
          came near: safeguard/scc ended 2026-11-15T00:00:00Z (for EEA)
          came near: safeguard/scc ended 2026-11-15T00:00:00Z, has no UK Addendum (for UK)
          would make it lawful, any one of:
          - running it in IE, where the data is
          - a TransferSafeguard with standardContractualClauses from ltd to inc (ControllerToController or ControllerToProcessor), ukAddendum and an effective assessment of US for EEA and UK
          - a TransferSafeguard with inc's active dataPrivacyFramework certification for EU-US and UKExtension
        - judged at 2026-11-15T00:00:00Z by law pack 2026-08-05"#]].assert_eq(&said(&world));
}

#[test]
fn an_unknown_importer_and_place_are_said_to_be_unknown() {
    let mut world = World::new(&[SCC]).on("aws", "xx-nowhere-1");
    world.namespace = "elsewhere";
    expect![[r#"
        Pod elsewhere/report-1: no safeguard for EEA data of identity/accounts in an unknown country
        - workload: Pod elsewhere/report-1, nobody is known to run namespace elsewhere
        - store identity/accounts: accounts
          found by: container app env DB: Secret identity/accounts-app
          whose data: EEA
          from: ltd, in aws eu-west-1 (IE)
          to: an unknown importer, in aws xx-nowhere-1 (country unknown)
          came near: safeguard/scc names its importers, and nobody is known to be this one
          needed first: exactly one Party that names elsewhere in runs.namespaces, so that its safeguards count
          needed first: a node whose region the law pack knows, or --default-location
        - judged at 2026-11-15T00:00:00Z by law pack 2026-08-05"#]].assert_eq(&said(&world));
}

#[test]
fn what_is_not_refused_says_what_it_stands_on() {
    let ok = |world: World| summary_ok(&world.decide());
    assert_eq!(ok(World::new(&[SCC])), "carried by safeguard/scc (law pack 2026-08-05)");
    assert_eq!(ok(World::new(&[]).on("aws", "eu-west-2")), "carried by law/eu-uk (law pack 2026-08-05)");
    assert_eq!(ok(World::new(&[]).on("aws", "eu-west-1")), "no border is crossed (law pack 2026-08-05)");
    assert_eq!(ok(World::new(&[EXCEPTION])), "waived(fail) by exception/incident (law pack 2026-08-05)");
}

#[test]
fn the_first_line_fits_a_warning_whatever_the_names() {
    let world = World::new(&[]).store(&[("  origins: [EEA]\n", "")]);
    let long = "n".repeat(253);
    let line = world.ask(|snapshot, request| {
        let mut request = request.clone();
        request.workload.name = &long;
        request.workload.kind = "ReplicationController";
        let verdict = decide(snapshot, &request);
        assert_eq!(message(&request, &verdict).lines().next(), Some(&*first_line(&request, &verdict)));
        first_line(&request, &verdict)
    });
    assert!(line.len() <= 100, "{line}");
}

#[test]
fn no_verdict_says_compliant() {
    for world in [World::new(&[]), World::new(&[SCC]), World::new(&[EXCEPTION])] {
        assert!(!said(&world).to_lowercase().contains("complian"));
    }
}
