use proptest::{prelude::*, test_runner::Config};

use super::*;
use crate::core::{
    selector::Labels,
    transfer::{
        Request, Workload, decide,
        tests::properties::{manifest, world},
    },
};

/// Whether `decide` lets a Pod of `namespace` run in this place.
fn admits(snapshot: &Snapshot, namespace: &str, place: &Place, now: Timestamp) -> bool {
    let uses = World::uses();
    let labels = Labels::from([("app".to_owned(), "exporter".to_owned())]);
    let workload = Workload { kind: "Pod", namespace, name: "p", labels: &labels, one_off: false };
    let places = std::slice::from_ref(place);
    !decide(snapshot, &Request { workload, uses: &uses, sends: &[], places, now }).is_violation()
}

/// As the policy answers a Pod that is pinned to the region.
fn passes(compiled: &Compiled, namespace: &str, region: &str, at: Timestamp) -> bool {
    let waived = rule(&compiled.cluster, namespace, &accounts()).and_then(|r| r.waived_until);
    waived.is_some_and(|until| at < until) || allows(compiled, namespace, region, at)
}

proptest! {
    #![proptest_config(Config { cases: 150, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_that_decide_admits_is_refused_and_nothing_else_is_allowed(world in world()) {
        let world = enforced(world);
        let nodes = [("aws", "eu-west-1"), ("aws", "us-east-1"), ("aws", "ca-central-1"), ("aws", "eu-west-2"), ("aws", "xx")];
        let snapshot = snapshot(&world, &nodes);
        let compiled = compile(&snapshot, world.now);
        let until = compiled.next_change.unwrap_or_else(|| "2099-01-01T00:00:00Z".parse().unwrap());
        let last = until - jiff::SignedDuration::from_secs(1);
        for namespace in ["analytics", "identity", "other", "made-tomorrow"] {
            for node in snapshot.nodes.values() {
                let region = node.place.region.as_deref().unwrap();
                for at in [world.now, last.max(world.now)] {
                    let lawful = admits(&snapshot, namespace, &node.place, at);
                    let passed = passes(&compiled, namespace, region, at);
                    prop_assert!(passed || !lawful, "{namespace} {region} {at} is refused");
                    // An exception may speak of other Pods than this one.
                    let waived = snapshot.exceptions_in.contains_key(namespace);
                    prop_assert!(lawful || !passed || waived, "{namespace} {region} {at} passes");
                }
            }
        }
    }

    #[test]
    fn an_end_comes_no_later_than_decide_says(world in world(), days in 0..800_i64) {
        let world = enforced(world);
        let snapshot = snapshot(&world, &[("aws", "us-east-1"), ("aws", "eu-west-2")]);
        let compiled = compile(&snapshot, world.now);
        let at = world.now + jiff::SignedDuration::from_hours(24 * days);
        for node in snapshot.nodes.values() {
            let region = node.place.region.as_deref().unwrap();
            // What is allowed is allowed without a break from the instant of compiling on.
            let allowed = allows(&compiled, "analytics", region, at);
            prop_assert!(!allowed || admits(&snapshot, "analytics", &node.place, at), "{region} {at}");
        }
    }

    #[test]
    fn a_safeguard_more_takes_no_region_away(world in world(), more in manifest()) {
        let world = enforced(world);
        let name = |m: &String| m.lines().nth(3).map(str::to_owned);
        prop_assume!(!world.manifests.iter().any(|m| name(m) == name(&more)));
        prop_assume!(more.contains("TransferSafeguard"));
        let mut with = world.clone();
        with.manifests.push(more);
        let (before, after) = (compiled(&world), compiled(&with));
        for namespace in ["analytics", "identity", "other"] {
            for region in ["eu-west-1", "us-east-1", "ca-central-1", "eu-west-2"] {
                let shrinks = allows(&before, namespace, region, world.now) && !allows(&after, namespace, region, world.now);
                prop_assert!(!shrinks, "{namespace} {region}");
            }
        }
    }
}
