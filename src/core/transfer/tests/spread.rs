//! Who receives beside the workload: remote access, control, hosts, onward recipients, other stores and their copies.

use super::*;
use crate::core::transfer::{FlowVerdict, Way, decide_at_rest, decide_copy, text};

const CONTRACT: &str =
    "contract: {reference: c-1, limitedPurposes: true, samePrinciples: true, notice: true}";

fn party(name: &str, country: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: carnet.dev/v1alpha1, kind: Party, metadata: {{name: {name}}}, spec: {{legalName: {name}, country: \
         \"{country}\"{rest}}}}}"
    )
}

fn clauses(from: &str, to: &str, module: &str, country: &str) -> String {
    format!(
        "
apiVersion: carnet.dev/v1alpha1
kind: TransferSafeguard
metadata: {{name: {from}-{to}-{module}}}
spec:
  instrument:
    standardContractualClauses:
      executedOn: '2024-01-15'
      parties: [{{exporters: [{from}], importers: [{to}], module: {module}}}]
  assessments:
  - {{regimes: [EEA], country: {country}, completedOn: '2026-02-01', outcome: Effective}}
  scope: {{any: true}}
"
    )
}

/// A Pod of ltd in Ireland, beside its data; with these parties and safeguards.
fn at_home(more: &[String]) -> World {
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let mut world = World::new(&more).on("aws", "eu-west-1");
    world.namespace = "identity";
    world
}

/// What is uncovered, each way once: `remote access of helpdesk IN`.
fn uncovered(flows: &[FlowVerdict]) -> Vec<String> {
    let mut found: Vec<String> = flows
        .iter()
        .filter(|f| matches!(f.outcome, Outcome::Uncovered { .. }))
        .map(|FlowVerdict { flow, .. }| {
            let to = flow.to.country.map_or_else(|| "?".into(), |c| c.to_string());
            format!("{} {to}", text::way(&flow.way, &flow.exporter, flow.importer.as_ref()))
        })
        .collect();
    found.dedup();
    found
}

fn sending(party: &str) -> Vec<Sending> {
    vec![Sending { party: party.into(), host: "api.x.example".into(), via: vec!["env X".into()] }]
}

/// As ltd is, with more in its spec.
fn with_ltd(mut world: World, rest: &str) -> World {
    world.manifests[0] = party("ltd", "IE", &format!(", runs: {{namespaces: [identity]}}{rest}"));
    world
}

#[test]
fn a_party_without_access_edges_or_control_adds_no_flow() {
    assert_eq!(at_home(&[]).decide().flows.len(), 1);
}

#[test]
fn each_country_of_remote_access_is_judged_and_so_is_that_of_control() {
    let world = with_ltd(at_home(&[]), ", accessFrom: [DE, GB, IN], controlledFrom: US");
    // The United Kingdom is adequate, Germany inside.
    assert_eq!(uncovered(&world.decide().flows), ["remote access of ltd IN", "control of ltd US"]);
}

#[test]
fn access_to_what_the_exporter_holds_is_judged_without_any_workload() {
    let mut world = with_ltd(at_home(&[party("vendor", "IN", "")]), ", accessFrom: [IN]");
    let at_rest = |world: &World| {
        uncovered(&decide_at_rest(&world.snapshot(), &World::uses()[0].store, world.now).flows)
    };
    assert_eq!(at_rest(&world), ["remote access of ltd IN"]);
    world = with_ltd(world, &format!(", onwardTo: [{{partyRef: {{name: vendor}}, {CONTRACT}}}]"));
    assert_eq!(at_rest(&world), ["onward transfer of ltd IN"]);
    world.manifests.push(clauses("ltd", "vendor", "ControllerToController", "IN"));
    assert_eq!(at_rest(&world), [""; 0]);
}

#[test]
fn a_copy_is_followed_to_those_who_look_at_it() {
    let helpdesk = party("helpdesk", "IE", ", accessFrom: [IN]");
    let copy = "\n  copies:\n  - {name: dr, kind: Replica, location: {provider: aws, region: eu-central-1}, partyRef: {name: helpdesk}}";
    let world = at_home(&[helpdesk]).store(&[("\n  datasets:", &format!("{copy}\n  datasets:"))]);
    let verdict = decide_copy(&world.snapshot(), &World::uses()[0].store, "dr", world.now);
    assert_eq!(uncovered(&verdict.flows), ["remote access of helpdesk IN"]);
    let ways: Vec<_> = verdict.flows.iter().map(|f| f.flow.way.clone()).collect();
    assert!(ways.contains(&Way::Copy(World::uses()[0].store.clone(), "dr".into())), "{ways:?}");
}

#[test]
fn an_edge_to_nobody_is_uncovered_and_asks_for_the_party() {
    let inc = party(
        "inc",
        "DE",
        &format!(
            ", runs: {{namespaces: [analytics]}}, onwardTo: [{{partyRef: {{name: ghost}}, {CONTRACT}}}]"
        ),
    );
    let mut world = World::new(&[]).on("aws", "eu-central-1");
    world.manifests[1] = inc;
    let verdict = world.decide();
    assert_eq!(uncovered(&verdict.flows), ["onward transfer of inc ?"]);
    let said = world.ask(|_, request| text::message(request, &verdict));
    assert!(said.contains("a Party ghost that says where it is established"), "{said}");
}

#[test]
fn circles_of_recipients_end() {
    let edge = |to: &str| format!("{{partyRef: {{name: {to}}}, {CONTRACT}}}");
    let parties = [
        party(
            "a",
            "DE",
            &format!(", runs: {{namespaces: [analytics]}}, onwardTo: [{}, {}]", edge("b"), edge("ltd")),
        ),
        party("b", "FR", &format!(", onwardTo: [{}, {}]", edge("a"), edge("c"))),
        party("c", "ES", &format!(", onwardTo: [{}, {}], accessFrom: [IN]", edge("a"), edge("b"))),
    ];
    let mut world = World::new(&[&parties[1], &parties[2]]).on("aws", "eu-central-1");
    world.manifests[1] = parties[0].clone();
    assert_eq!(uncovered(&world.decide().flows), ["remote access of c IN"]);
}

#[test]
fn an_edge_of_other_categories_hands_nothing_on() {
    let inc = |categories: &str| {
        let edge = format!("{{partyRef: {{name: vendor}}, categories: ['{categories}']}}");
        party("inc", "DE", &format!(", runs: {{namespaces: [analytics]}}, onwardTo: [{edge}]"))
    };
    let vendor = party("vendor", "DE", "");
    let mut world = World::new(&[&vendor]).on("aws", "eu-central-1");
    world.manifests[1] = inc("account.*");
    assert!(world.decide().is_violation(), "without a contract");
    world.manifests[1] = inc("billing.*");
    assert!(!world.decide().is_violation());
}

#[test]
fn what_a_host_s_party_does_with_it_is_judged_too() {
    let mut world = at_home(&[party("mailer", "DE", ", accessFrom: [IN]")]);
    world.sends = sending("mailer");
    assert_eq!(uncovered(&world.decide().flows), ["remote access of mailer IN"]);
    world.manifests.push(clauses("ltd", "mailer", "ControllerToProcessor", "IN"));
    assert!(!world.decide().is_violation());
}

#[test]
fn of_a_namespace_that_nobody_runs_nothing_that_names_an_exporter_is_meant() {
    let carried = clauses("ltd", "mailer", "ControllerToProcessor", "IN");
    let mut world = at_home(&[party("mailer", "IN", ""), carried]);
    world.sends = sending("mailer");
    assert!(!world.decide().is_violation());
    world.namespace = "nobody";
    assert!(world.decide().is_violation());
}

#[test]
fn what_is_read_goes_where_it_is_written_and_what_is_only_written_goes_nowhere() {
    let store = |name: &str, region: &str, copies: &str| {
        edit(
            STORE,
            &[
                ("name: accounts", &format!("name: {name}")),
                ("eu-west-1", region),
                ("  datasets:", &format!("{copies}  datasets:")),
            ],
        )
    };
    let mirror = "  copies:\n  - {name: m, kind: Replica, location: {country: IN}, partyRef: {name: ltd}}\n";
    let mut world = at_home(&[store("queue", "eu-central-1", mirror), store("archive", "us-east-1", "")]);
    let used =
        |name: &str, access| Use { store: ObjectKey::new("identity", name), via: vec!["x".into()], access };
    let mut ask = |uses: Vec<Use>| {
        world.uses = uses;
        uncovered(&world.decide().flows)
    };
    assert_eq!(ask(vec![used("accounts", UseAccess::Read), used("queue", UseAccess::Read)]), [""; 0]);
    assert_eq!(
        ask(vec![used("accounts", UseAccess::Read), used("queue", UseAccess::Write)]),
        ["copy m of identity/queue IN"]
    );
    assert_eq!(ask(vec![used("accounts", UseAccess::Write), used("queue", UseAccess::Write)]), [""; 0]);
    assert_eq!(
        ask(vec![
            used("accounts", UseAccess::Read),
            used("queue", UseAccess::Read),
            used("queue", UseAccess::Write),
            used("archive", UseAccess::Write)
        ]),
        [
            "what is written to identity/archive US",
            "copy m of identity/queue IN",
            "what is written to identity/archive US"
        ]
    );
}

#[test]
fn the_role_at_the_second_hop_follows_from_the_module_of_the_first() {
    let world = |first: &str, second: &str| {
        let edge = format!("{{partyRef: {{name: vendor}}, {CONTRACT}}}");
        let (to_inc, to_vendor) =
            (clauses("ltd", "inc", first, "US"), clauses("inc", "vendor", second, "IN"));
        let mut world = World::new(&[&party("vendor", "IN", ""), &to_inc, &to_vendor]);
        world.manifests[1] =
            party("inc", "US", &format!(", runs: {{namespaces: [analytics]}}, onwardTo: [{edge}]"));
        !world.decide().is_violation()
    };
    assert!(world("ControllerToController", "ControllerToProcessor"));
    assert!(world("ControllerToProcessor", "ProcessorToProcessor"));
    assert!(!world("ControllerToController", "ProcessorToProcessor"));
    assert!(!world("ControllerToProcessor", "ControllerToController"));
}

#[test]
fn an_exception_waives_a_missing_contract_as_it_waives_anything() {
    let vendor = party("vendor", "IN", "");
    let mut world = World::new(&[&vendor, SCC, EXCEPTION]);
    world.manifests[1] =
        party("inc", "US", ", runs: {namespaces: [analytics]}, onwardTo: [{partyRef: {name: vendor}}]");
    let verdict = world.decide();
    assert!(verdict.is_waived() && !verdict.is_violation());
    assert!(world.clone().when("2026-12-01").decide().is_violation());
}

#[test]
fn collected_from_the_people_themselves_is_no_transfer_where_the_store_is_and_one_anywhere_else() {
    let direct =
        [("{aws", "{aws"), ("subjects: [Customer]", "subjects: [Customer], collected: DirectFromSubject")];
    let here = [("exporterRef: {name: ltd}", "exporterRef: {name: inc}"), ("eu-west-1", "us-east-1")];
    let world = World::new(&[]).store(&here).store(&direct[1..]);
    let verdict = world.decide();
    assert!(verdict.flows.iter().any(|f| f.outcome == Outcome::CollectedDirectly), "{verdict:#?}");
    assert!(world.clone().on("aws", "ap-south-1").decide().is_violation());
    assert!(World::new(&[]).store(&here).decide().is_violation(), "it does not say so");
}

#[test]
fn a_change_of_control_is_told_of_until_somebody_looked_again() {
    let change = |on: &str| {
        let mut world = World::new(&[SCC]);
        let rest =
            format!(", runs: {{namespaces: [analytics]}}, changeOfControl: {{on: '{on}', reference: m-2}}");
        world.manifests[1] = party("inc", "US", &rest);
        let Outcome::Carried { warnings, .. } = world.outcome() else { panic!("it carries all the same") };
        (warnings, world.decide().next_change)
    };
    assert_eq!(change("2026-02-01").0, [""; 0], "assessed on that day");
    assert_eq!(
        change("2026-02-02").0,
        ["not reviewed since inc changed hands on 2026-02-02T00:00:00Z (m-2)"]
    );
    assert_eq!(change("2026-12-24"), (vec![], Some(at("2026-12-24"))));
}

#[test]
fn a_refusal_says_by_which_way_it_would_go() {
    let mut world = at_home(&[party("mailer", "IN", "")]);
    world.sends = sending("mailer");
    expect_test::expect![[r"
        Pod identity/report-1: no safeguard for EEA data of identity/accounts in IN
        - workload: Pod identity/report-1, run by ltd
        - store identity/accounts: accounts
          found by: container app env DB: Secret identity/accounts-app
          whose data: EEA
          from: ltd, in aws eu-west-1 (IE)
          to: mailer, in IN
          by: api.x.example, a host of mailer
          named by: env X
          would make it lawful, any one of:
          - a TransferSafeguard with standardContractualClauses from ltd to mailer (ControllerToController or ControllerToProcessor) and an effective assessment of IN for EEA"]]
    .assert_eq(&world.ask(|snapshot, request| text::lines(request, &decide(snapshot, request))));
}
