use serde_json::json;

use super::world::{World, deployment, idle, manifests, pod, request, using};
use crate::core::settings::Mode;

fn in_the_us() -> serde_json::Value {
    pod(&using(Some("us-east-1")))
}

#[test]
fn account_data_to_the_us_is_refused_with_store_border_and_how_it_was_found() {
    let answer = World::default().create("/pods", &in_the_us());
    answer.is_refused(403);
    assert_eq!(answer.0["status"]["reason"], "Forbidden");
    let first = answer.message().lines().next().unwrap();
    assert!(first.contains("Pod analytics/exporter-0") && first.contains("identity/accounts"), "{first}");
    for part in
        ["us-east-1", "container app, envFrom: Secret analytics/accounts-readonly", "accounts and sign-ins"]
    {
        assert!(answer.message().contains(part), "{part} in {}", answer.message());
    }
    assert_eq!(answer.note("verdict"), "violation");
}

#[test]
fn the_same_pod_is_admitted_under_a_safeguard_which_the_answer_names() {
    let answer = World::with_clauses().create("/pods", &in_the_us());
    answer.is_allowed();
    assert_eq!(answer.note("relied-on"), "safeguard/intragroup-scc");
    assert_eq!(answer.note("verdict"), "lawful");
    assert!(!answer.note("law").is_empty());
}

#[test]
fn the_instant_at_which_a_safeguard_ends_decides() {
    let at = |now| World { now, ..World::with_clauses() }.create("/pods", &in_the_us()).allowed();
    assert!(at("2027-01-14T23:59:59Z"));
    assert!(!at("2027-01-15T00:00:00Z"));
}

#[test]
fn a_pod_that_uses_nothing_is_admitted_without_a_word() {
    let answer = World::default().create("/pods", &pod(&idle()));
    assert_eq!(answer.is_allowed().0, json!({"uid": "u-1", "allowed": true}));
}

#[test]
fn audit_is_silent_and_warn_speaks() {
    let mut world = World::default();
    world.settings.mode = Mode::Audit;
    let audit = world.create("/pods", &in_the_us());
    assert!(audit.is_allowed().warnings().is_empty());
    assert_eq!(audit.note("verdict"), "violation");
    world.settings.mode = Mode::Warn;
    let warn = world.create("/pods", &in_the_us());
    assert!(warn.is_allowed().warnings()[0].contains("identity/accounts"));
}

#[test]
fn the_strictest_of_cluster_store_and_workload_counts() {
    for (modes, allowed) in [
        (vec![("analytics", Mode::Enforce)], false),
        (vec![("identity", Mode::Enforce)], false),
        (vec![("identity", Mode::Warn), ("analytics", Mode::Audit)], true),
        (vec![("elsewhere", Mode::Enforce)], true),
    ] {
        let mut world = World { modes: modes.clone(), ..World::default() };
        world.settings.mode = Mode::Audit;
        assert_eq!(world.create("/pods", &in_the_us()).allowed(), allowed, "{modes:?}");
    }
    let loosened = World { modes: vec![("analytics", Mode::Audit)], ..World::default() };
    loosened.create("/pods", &in_the_us()).is_refused(403);
}

#[test]
fn a_dry_run_is_warned_where_the_real_one_is_refused_unless_it_shall_be_refused_too() {
    let mut world = World::default();
    let mut dry = request("/pods", &in_the_us());
    dry["dryRun"] = json!(true);
    assert!(world.ask(&dry).is_allowed().warnings()[0].starts_with("would be refused: "));
    world.settings.dry_run_denies = true;
    world.ask(&dry).is_refused(403);
}

#[test]
fn an_exempt_namespace_is_let_pass_and_noted() {
    let mut in_system = in_the_us();
    in_system["metadata"]["namespace"] = json!("kube-system");
    in_system["metadata"]["annotations"] = json!({"carnet.dev/uses": "identity/accounts=read"});
    let answer = World::default().create("/pods", &in_system);
    answer.is_allowed();
    assert_eq!((answer.note("verdict"), answer.note("uses")), ("exempt", "identity/accounts"));
}

#[test]
fn until_everything_is_loaded_what_must_be_judged_fails_the_call_and_the_rest_is_let_pass() {
    let world = World { ready: false, ..World::default() };
    for (resource, object) in [("/pods", pod(&idle())), ("apps/deployments", deployment(&idle()))] {
        let message = world.unjudged(&request(resource, &object));
        assert!(message.contains("still loading"), "{message}");
    }
    let mut in_system = pod(&idle());
    in_system["metadata"]["namespace"] = json!("kube-system");
    world.create("/pods", &in_system).is_allowed();
    world
        .create("/services", &json!({"kind": "Service", "metadata": {"namespace": "analytics"}}))
        .is_allowed();
}

#[test]
fn a_waived_flow_is_admitted_and_said() {
    let exceptions = manifests(include_str!("../../../examples/transferexception.yaml"));
    let world = World { exceptions, ..World::default() };
    let answer = world.create("/pods", &in_the_us());
    assert!(answer.is_allowed().warnings()[0].contains("incident-4711"));
    assert_eq!(answer.note("verdict"), "waived");
}

#[test]
fn a_claim_that_is_only_reported_refuses_nothing() {
    let mut world = World::default();
    world.settings.claims_from = crate::core::settings::ClaimsFrom::Namespaces([].into());
    let answer = world.create("/pods", &in_the_us());
    assert!(answer.is_allowed().note("findings").contains("reported only"));
}

#[test]
fn a_use_that_is_declared_wrongly_is_warned_of() {
    let mut object = pod(&idle());
    object["metadata"]["annotations"] = json!({"carnet.dev/uses": "identity/acounts=read"});
    let answer = World::default().create("/pods", &object);
    assert!(answer.is_allowed().warnings()[0].contains("no DataStore identity/acounts"));
}
