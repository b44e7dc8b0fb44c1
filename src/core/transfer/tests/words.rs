#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]

use expect_test::expect;

use super::*;
use crate::core::transfer::{
    UseAccess,
    text::{first_line, lines, message, summary_ok},
};

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
          would make a part of it lawful:
          - for UK: a TransferSafeguard with internationalDataTransferAgreement from ltd to inc and an effective assessment of US for UK
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
fn a_near_miss_names_the_datasets_and_a_way_the_part_that_it_serves() {
    let world = World::new(&[&edit(SCC, &[("'account.*'", "'online.*'")])]).store(&[(
        "  datasets:\n",
        "  datasets:\n  - {name: files, role: Processor, controllerRef: {name: acme}, categories: [online.usage], subjects: [Customer]}\n",
    )]);
    expect![[r#"
        Pod analytics/report-1: no safeguard for EEA data of identity/accounts in US
        - workload: Pod analytics/report-1, run by inc
        - store identity/accounts: accounts and files
          found by: container app env DB: Secret identity/accounts-app
          whose data: EEA
          from: ltd, in aws eu-west-1 (IE)
          to: inc, in aws us-east-1 (US)
          came near: safeguard/scc does not cover account.contact (for dataset accounts)
          came near: safeguard/scc has no module under which a Processor exports to inc, who is not the controller (acme) (for dataset files)
          would make it lawful, any one of:
          - running it in IE, where the data is
          - a TransferSafeguard with inc's active dataPrivacyFramework certification for EU-US
          would make a part of it lawful:
          - for dataset accounts: a TransferSafeguard with standardContractualClauses from ltd to inc (ControllerToController or ControllerToProcessor) and an effective assessment of US for EEA
          - for dataset files: a TransferSafeguard with standardContractualClauses from ltd to inc (ProcessorToProcessor) and an effective assessment of US for EEA
        - judged at 2026-11-15T00:00:00Z by law pack 2026-08-05"#]].assert_eq(&said(&world));
}

#[test]
fn each_instrument_is_proposed_where_it_may_help() {
    let ways = |world: &World| said(world);
    let plain = ways(&World::new(&[]));
    for instrument in ["internationalDataTransferAgreement", "bindingCorporateRules", "derogation"] {
        assert!(!plain.contains(instrument), "{plain}");
    }
    let mut group = World::new(&[]);
    for party in &mut group.manifests[..2] {
        *party = edit(party, &[("legalName", "group: ours, legalName")]);
    }
    let said_of_group = ways(&group);
    assert!(
        said_of_group.contains(
            "a TransferSafeguard with bindingCorporateRules of group ours, if they are approved and bind both, and an \
             effective assessment of US for EEA"
        ),
        "{said_of_group}"
    );
    let mut job = World::new(&[]);
    job.settings.derogations_for_jobs = true;
    assert!(!ways(&job).contains("derogation"), "what may be repeated has none");
    job.one_off = true;
    assert!(
        ways(&job)
            .contains("a TransferSafeguard with a derogation, if a ground of it fits this one transfer")
    );
    let back =
        World::new(&[]).store(&[("role: Controller", "role: Processor\n  controllerRef: {name: inc}")]);
    assert!(ways(&back).contains("from ltd to inc (ProcessorToController)"));
}

#[test]
fn the_same_entity_is_told_of_no_agreement_with_itself() {
    let mut world = World::new(&[]);
    world.namespace = "identity";
    let text = said(&world);
    let ways: Vec<_> = text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        ways,
        [
            "  - the operator's --same-entity=Report, where it is held that ltd makes no transfer to ltd",
            "  - running it in IE, where the data is",
        ]
    );
}

#[test]
fn a_certification_is_proposed_to_organisations_of_its_country_only() {
    let ways = |country: &str| {
        let mut world = World::new(&[]);
        world.manifests[1] = edit(INC, &[("country: US", &format!("country: {country}"))]);
        said(&world).contains("dataPrivacyFramework")
    };
    assert!(ways("US") && !ways("IN") && !ways("DE"));
}

#[test]
fn a_text_about_one_store_says_nothing_of_another() {
    let other = edit(STORE, &[("name: accounts, namespace", "name: billing, namespace")]);
    let mut world = World::new(&[&other]);
    world.manifests.swap(2, 3);
    let uses = ["accounts", "billing"].map(|name| Use {
        store: ObjectKey::new("identity", name),
        via: vec![],
        access: UseAccess::Read,
    });
    world.ask(|snapshot, request| {
        let mut request = request.clone();
        request.uses = &uses;
        let verdict = decide(snapshot, &request);
        for (this, that) in [("accounts", "billing"), ("billing", "accounts")] {
            let about = verdict.about(&ObjectKey::new("identity", this));
            let text = lines(&request, &about);
            assert!(
                text.contains(&format!("identity/{this}")) && !text.contains(&format!("identity/{that}"))
            );
            assert!(!text.contains("judged at"), "it would change with each look");
        }
    });
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
