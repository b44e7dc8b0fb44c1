use serde_json::{Value, json};

use super::{
    explanation::{Explanation, explain},
    write,
};
use crate::cli::world::{
    World,
    testing::{NOW, at, base_with, clauses, deployment, pod},
};

fn pod_as_template(world: &World, node: &str, secret: &str) -> Explanation {
    let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(json!({
        "metadata": {"name": "report", "namespace": "analytics", "uid": "u"},
        "spec": {"nodeName": node, "containers": [
            {"name": "app", "envFrom": [{"secretRef": {"name": secret}}]},
        ]},
    }))
    .unwrap();
    explain(world, &world.snapshot(), &crate::cli::world::template(pod), at(NOW))
}

fn text(explanation: &Explanation) -> String {
    let mut out = vec![];
    write(explanation, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn web(region: Option<&str>, more: Vec<Value>) -> Explanation {
    let world =
        base_with(more.into_iter().chain([deployment("analytics", "web", region, &["accounts-app"])]));
    explain(&world, &world.snapshot(), &world.templates[0], at(NOW))
}

#[test]
fn a_pod_abroad_is_told_the_store_the_way_and_the_webhooks_own_sentence() {
    let explanation = pod_as_template(&base_with([]), "us1", "accounts-app");
    let text = text(&explanation);
    assert!(explanation.violation);
    assert!(text.starts_with("Pod analytics/report\n  uses identity/accounts\n    by "), "{text}");
    assert!(text.contains("  runs in aws us-east-1 (US)\n"), "{text}");
    assert!(text.contains("judged at 2026-11-15T00:00:00Z by law pack"), "{text}");
}

#[test]
fn a_pod_at_home_is_told_that_it_crosses_no_border() {
    let explanation = pod_as_template(&base_with([]), "eu1", "accounts-app");
    assert!(!explanation.violation);
    assert!(text(&explanation).contains("no border is crossed"));
}

#[test]
fn a_pod_without_a_use_is_told_so() {
    let explanation = pod_as_template(&base_with([]), "us1", "something-else");
    assert!(!explanation.violation);
    assert_eq!(
        text(&explanation),
        "Pod analytics/report\n  uses no store that is declared, as far as its spec says\n"
    );
}

#[test]
fn a_deployment_that_may_run_at_home_and_abroad_is_given_the_affinity_that_keeps_it_at_home() {
    let explanation = web(None, vec![]);
    assert!(explanation.violation);
    assert_eq!(explanation.places, ["aws eu-west-1 (IE)", "aws us-east-1 (US)"]);
    assert_eq!(explanation.lawful_places, ["aws eu-west-1 (IE)"]);
    assert!(explanation.affinity.is_some_and(|yaml| yaml.contains("values: [eu-west-1]")));
    let ways = explanation.would_make_it_lawful.join("\n");
    assert!(ways.contains("standardContractualClauses from ltd to inc"), "{ways}");
}

#[test]
fn a_deployment_that_is_carried_is_told_on_what_it_stands_what_else_would_carry_it_and_when_that_changes() {
    let two = vec![clauses("first", 1, "2027-01-15T00:00:00Z"), clauses("second", 2, "2028-01-15T00:00:00Z")];
    let explanation = web(Some("us-east-1"), two);
    assert!(!explanation.violation);
    let flow = &explanation.flows[0].stands;
    assert_eq!((flow.state, flow.relied_on.as_deref()), ("carried", Some("safeguard/first")));
    assert_eq!(flow.fallbacks, ["safeguard/second"]);
    let next = explanation.next_change.unwrap();
    assert_eq!(next.at, at("2027-01-15T00:00:00Z"));
    assert_eq!(
        next.changes,
        [
            "EEA data of identity/accounts to aws us-east-1 (US): carried by safeguard/first, else safeguard/second -> \
          carried by safeguard/second alone (accounts)"
        ]
    );
    assert!(!next.violation);
}

#[test]
fn what_runs_of_it_is_judged_where_it_is() {
    let running = vec![
        pod("analytics", "web", 0, "us1", &["accounts-app"]),
        pod("analytics", "web", 1, "eu1", &["accounts-app"]),
    ];
    let explanation = web(Some("eu-west-1"), running);
    assert!(!explanation.violation, "the template is lawful");
    let pods: Vec<_> = explanation.pods.iter().map(|p| (p.place.as_str(), p.pods, p.violation)).collect();
    assert_eq!(pods, [("aws eu-west-1 (IE)", 1, false), ("aws us-east-1 (US)", 1, true)]);
    let other = web(Some("eu-west-1"), vec![pod("analytics", "elsewhere", 0, "us1", &["accounts-app"])]);
    assert!(other.pods.is_empty(), "Pods of others are not its own");
}
