use serde_json::json;

use super::*;

#[test]
fn a_store_is_told_of_its_own_flows_with_every_line() {
    let mut world = World::new();
    world.store("aaa");
    world.store("bbb");
    world.pod("both", 0, "us1", &["aaa-app", "bbb-app"]);
    for (this, that) in [("aaa", "bbb"), ("bbb", "aaa")] {
        let status = world.status(this);
        let finding = condition(&status, "NoViolation");
        assert_eq!((finding.status.as_str(), finding.reason.as_str()), ("False", "TransferNotCovered"));
        let said = &finding.message;
        for line in [
            "1 of 1 using Pods carry data that nothing covers",
            &format!("Deployment analytics/both: no safeguard for EEA data of identity/{this} in US"),
            "would make it lawful",
            "standardContractualClauses from ltd to inc",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
        assert!(!said.contains(&format!("identity/{that}")), "{said}");
    }
}

#[test]
fn the_message_is_the_same_at_a_later_look() {
    let mut world = World::new();
    world.store("aaa");
    world.pod("web", 0, "us1", &["aaa-app"]);
    let first = world.status("aaa");
    assert_eq!(world.status_after("aaa", Some(&first), "2026-11-15T00:10:00Z"), first);
    let mut clean = World::new();
    clean.store("aaa");
    let first = clean.status("aaa");
    assert_eq!(condition(&first, "NoViolation").status, "True");
    assert_eq!(clean.status_after("aaa", Some(&first), "2026-11-15T00:10:00Z"), first);
}

#[test]
fn counts_are_exact_and_offenders_bounded() {
    let mut world = World::new();
    world.store("aaa");
    for owner in 0..25 {
        for number in 0..2 {
            world.pod(&format!("web-{owner:02}"), number, "us1", &["aaa-app"]);
        }
    }
    world.pod("home", 0, "eu1", &["aaa-app"]);
    let status = world.status("aaa");
    let summary = status.transfers.as_ref().unwrap();
    assert_eq!((summary.using, summary.violating, summary.waived), (51, 50, 0));
    assert_eq!(summary.first.len(), 10);
    assert_eq!(summary.first[0], "Deployment analytics/web-00");
    let message = &condition(&status, "NoViolation").message;
    assert!(message.contains("50 of 51 using Pods") && message.contains("and 15 more owners"), "{message}");
    assert!(message.len() < 20_000, "{}", message.len());
}

#[test]
fn the_order_of_pods_changes_nothing() {
    let mut world = World::new();
    world.store("aaa");
    world.node("us2", "us-west-2");
    for (number, node) in ["us1", "us2", "us1", "eu1"].into_iter().enumerate() {
        world.pod("web", number, node, &["aaa-app"]);
    }
    let first = (world.judge(NOW), world.status("aaa"));
    world.pods.reverse();
    assert_eq!((world.judge(NOW), world.status("aaa")), first);
}

#[test]
fn the_regimes_shown_are_those_judged() {
    let regimes = |more| {
        let mut world = World::new();
        world.store_with("aaa", &more);
        world.pod("web", 0, "us1", &["aaa-app"]);
        let snapshot = world.snapshot();
        let mut judged: Vec<String> = world
            .running(&snapshot)
            .iter()
            .flat_map(|u| {
                let place = snapshot.nodes["us1"].place.clone();
                let labels = Default::default();
                let request = crate::core::transfer::Request {
                    workload: crate::core::transfer::Workload {
                        kind: "Pod",
                        namespace: "analytics",
                        name: "p",
                        labels: &labels,
                        one_off: false,
                    },
                    uses: &u.uses,
                    sends: &u.sends,
                    places: &[place],
                    now: at(NOW),
                };
                crate::core::transfer::decide(&snapshot, &request).flows
            })
            .map(|f| f.flow.regime.to_string())
            .collect();
        judged.sort();
        judged.dedup();
        assert_eq!(world.status("aaa").regimes, judged);
        judged
    };
    assert_eq!(regimes(json!({})), ["EEA"]);
    assert_eq!(regimes(json!({"origins": ["CH"]})), ["CH", "EEA"]);
    assert_eq!(regimes(json!({"exporterRef": {"name": "ghost"}})), ["CH", "EEA", "UK"]);
    assert_eq!(
        regimes(json!({"location": {"provider": "aws", "region": "eu-nowhere-1"}})),
        ["CH", "EEA", "UK"]
    );
}

#[test]
fn a_party_that_is_not_there_is_shown() {
    let mut world = World::new();
    world.store_with("aaa", &json!({"exporterRef": {"name": "ghost"}}));
    let status = world.status("aaa");
    let refs = condition(&status, "ResolvedRefs");
    assert_eq!(refs.status, "False");
    assert!(refs.message.ends_with("Party ghost (spec.exporterRef)"), "{}", refs.message);
}

#[test]
fn an_exception_is_counted_and_breaks_no_rule() {
    let mut world = World::new();
    world.store("aaa");
    world.exception("aaa");
    world.pod("web", 0, "us1", &["aaa-app"]);
    let status = world.status("aaa");
    let summary = status.transfers.as_ref().unwrap();
    assert_eq!((summary.violating, summary.waived), (0, 1));
    assert_eq!(condition(&status, "NoViolation").status, "True");
    assert_eq!(summary.next_change.as_deref(), Some("2026-11-16T00:00:00Z"));
}

#[test]
fn a_copy_that_nothing_covers_is_a_violation_of_its_own() {
    let mut world = World::new();
    let copies = json!([{"name": "dr", "kind": "Replica", "location": {"provider": "aws", "region": "us-east-1"},
        "partyRef": {"name": "inc"}}]);
    world.store_with("aaa", &json!({"copies": copies}));
    let status = world.status("aaa");
    assert_eq!(status.transfers.as_ref().unwrap().violating_copies, 1);
    assert_eq!(condition(&status, "NoViolation").message, "nothing covers copy dr");
    world.clauses("scc", 1);
    let status = world.status("aaa");
    assert_eq!(condition(&status, "NoViolation").status, "True");
    assert_eq!(status.transfers.unwrap().relied_on, ["safeguard/scc"]);
}

#[test]
fn an_answer_flips_at_its_instant_and_the_instant_is_announced() {
    let mut world = World::new();
    world.store("aaa");
    world.clauses_until("scc", 1, "2026-11-20T00:00:00Z");
    world.pod("web", 0, "us1", &["aaa-app"]);
    let before = world.judge(NOW);
    assert_eq!((before.violating_pods, before.next_change), (0, Some(at("2026-11-20T00:00:00Z"))));
    assert_eq!(world.judge("2026-11-19T23:59:59.999999999Z").violating_pods, 0);
    let after = world.judge("2026-11-20T00:00:00Z");
    assert_eq!((after.violating_pods, after.flows["uncovered"]), (1, 1));
}

#[test]
fn losing_the_last_safeguard_breaks_the_rule() {
    let mut world = World::new();
    world.store("aaa");
    world.clauses("scc", 1);
    world.pod("web", 0, "us1", &["aaa-app"]);
    assert_eq!(world.status("aaa").transfers.unwrap().relied_on, ["safeguard/scc"]);
    world.without_safeguard("scc");
    assert_eq!(world.status("aaa").transfers.unwrap().violating, 1);
}

/// The Secret `aaa-app` of kube-system, too, is the store's.
fn in_kube_system() -> Value {
    json!({"access": {"secrets": [{"name": "aaa-app", "namespace": "analytics"},
        {"name": "aaa-app", "namespace": "kube-system"}]}})
}

#[test]
fn a_use_in_an_exempt_namespace_is_a_finding_and_breaks_no_rule() {
    let mut world = World::new();
    world.store_with("aaa", &in_kube_system());
    world.pod_in("kube-system", "agent", 0, "us1", &["aaa-app"]);
    world.pod_in("kube-system", "agent", 1, "us1", &["aaa-app"]);
    let picture = world.judge(NOW);
    assert_eq!((picture.violating_pods, picture.flows["uncovered"]), (0, 0));
    assert_eq!(picture.findings["exempt-namespace"], 2);
    assert!(picture.owners.is_empty(), "nobody is warned: {:?}", picture.owners);
    let status = world.status("aaa");
    let summary = status.transfers.as_ref().unwrap();
    assert_eq!((summary.using, summary.violating), (0, 0));
    assert_eq!(condition(&status, "NoViolation").status, "True");
    let said = condition(&status, "UsedInExemptNamespace");
    assert_eq!(said.status, "True");
    assert_eq!(
        said.message,
        "2 Pods of exempt namespaces, where nothing is refused, use it:\n\
         Deployment kube-system/agent: container app, envFrom: Secret kube-system/aaa-app; nothing covers it"
    );
}

#[test]
fn a_lawful_use_in_an_exempt_namespace_is_told_as_well() {
    let mut world = World::new();
    world.store_with("aaa", &in_kube_system());
    world.pod_in("kube-system", "agent", 0, "eu1", &["aaa-app"]);
    world.pod("web", 0, "us1", &["aaa-app"]);
    let status = world.status("aaa");
    let said = condition(&status, "UsedInExemptNamespace");
    assert!(said.status == "True" && said.message.ends_with("; covered"), "{said:?}");
    let summary = status.transfers.as_ref().unwrap();
    assert_eq!((summary.using, summary.violating), (1, 1), "the others are judged as ever");
}

#[test]
fn a_claim_that_does_not_reach_is_told_on_the_store_that_makes_it() {
    let mut world = World::new();
    world.store("aaa");
    // As above, of a namespace that the cluster's operator does not trust with claims.
    world.store_in(
        "shop",
        "bbb",
        &json!({"access": {"secrets": [{"name": "bbb-app", "namespace": "analytics"}]}}),
    );
    for owner in 0..12 {
        world.pod(&format!("web-{owner:02}"), 0, "us1", &["bbb-app"]);
    }
    let picture = world.judge(NOW);
    assert_eq!((picture.violating_pods, picture.findings["claim-not-reaching"]), (0, 12));
    assert!(picture.owners.is_empty());
    let status = world.status_of("shop", "bbb", None, NOW);
    let said = condition(&status, "ClaimNotReaching");
    assert_eq!((said.status.as_str(), said.reason.as_str()), ("True", "NotInClaimsFrom"));
    for part in [
        "12 Pods of other namespaces refer to what spec.access claims",
        "since shop is not in --claims-from",
        "Deployment analytics/web-00: container app, envFrom: Secret analytics/bbb-app",
        "and 2 more owners",
    ] {
        assert!(said.message.contains(part), "{part}\n{}", said.message);
    }
    assert_eq!(condition(&status, "NoViolation").status, "True");
    assert_eq!(condition(&world.status("aaa"), "ClaimNotReaching").status, "False");
}

#[test]
fn a_declared_use_of_no_store_is_counted() {
    let mut world = World::new();
    world.store("aaa");
    world.pod("web", 0, "us1", &[]);
    let pod = Arc::make_mut(&mut world.pods[0]);
    pod.annotations.insert("carnet.dev/uses".into(), "identity/aab=read, nonsense".into());
    let findings = world.judge(NOW).findings;
    assert_eq!((findings["no-such-store"], findings["misdeclared"]), (1, 1));
    assert_eq!(world.judge(NOW).violating_pods, 0);
}

#[test]
fn every_kind_of_finding_is_a_word_of_the_metric() {
    let counted: Vec<_> = World::new().judge(NOW).findings.into_keys().collect();
    assert_eq!(counted, crate::platform::metrics::FINDINGS);
}

#[test]
fn a_violation_is_to_go_where_it_is_refused_and_its_node_is_there() {
    let mut world = World::new();
    world.store("aaa");
    world.pod("web", 0, "us1", &["aaa-app"]);
    world.pod("web", 1, "eu1", &["aaa-app"]);
    world.pod("web", 2, "gone", &["aaa-app"]);
    world.pod_in("kube-system", "web", 3, "us1", &["aaa-app"]);
    let names = |world: &World| {
        let lapsed = world.judge(NOW).lapsed;
        (lapsed.pods.into_iter().map(|p| p.key.to_string()).collect::<Vec<_>>(), lapsed.using)
    };
    assert_eq!(names(&world), (vec![], 3), "elsewhere it is reported alone");
    world.mode("analytics", "Enforce");
    assert_eq!(names(&world), (vec!["analytics/web-0".to_owned()], 3));
    world.exception("aaa");
    assert_eq!(names(&world), (vec![], 3), "waived");
    let mut world = World::new();
    world.store("aaa");
    world.mode("identity", "Enforce");
    world.pod("web", 0, "us1", &["aaa-app"]);
    assert_eq!(names(&world).0.len(), 1, "the store's namespace counts too");
    world.clauses("one", 10);
    assert_eq!(names(&world), (vec![], 1));
}

#[test]
fn who_evicts_says_on_each_store_how_that_stands() {
    use crate::controllers::transfers::evict::{Outlook, Standing};
    let outlook =
        |standing: Standing| Outlook { stores: [(ObjectKey::new("identity", "aaa"), standing)].into() };
    let said = |outlook: &Outlook| {
        let finding = outlook.finding(&ObjectKey::new("identity", "aaa"));
        (finding.status, finding.reason)
    };
    assert_eq!(said(&Outlook::default()), (Some(false), "NothingToEvict"));
    assert_eq!(said(&outlook(Standing { pods: 1, ..Standing::default() })), (Some(true), "Evicting"));
    let blocked = Standing { pods: 2, blocked: ["a: no".to_owned()].into(), ..Standing::default() };
    assert_eq!(said(&outlook(blocked.clone())), (Some(false), "EvictionBlocked"));
    let held = Standing { held: Some((30, 100, 25)), ..blocked };
    assert_eq!(said(&outlook(held)), (Some(false), "EvictionPaused"));
    let mut world = World::new();
    world.store("aaa");
    let status = world.status("aaa");
    assert!(status.conditions.iter().all(|c| c.type_ != "Evicting"), "who does not evict says nothing of it");
}

#[test]
fn who_uses_an_erasure_secret_and_is_no_deletion_job_breaks_a_rule_wherever_he_runs() {
    let mut world = World::new();
    world.store_with(
        "aaa",
        &json!({"engine": {"postgres": {"credentialsSecretRef": {"name": "aaa-erasure"}}}}),
    );
    assert_eq!(condition(&world.status("aaa"), "NoViolation").status, "True");
    world.pod_in("identity", "thief", 0, "eu1", &["aaa-erasure"]);
    let picture = world.judge(NOW);
    assert_eq!((picture.violating_pods, picture.findings["erasure-secret"]), (0, 1));
    let status = world.status("aaa");
    let said = condition(&status, "NoViolation");
    assert_eq!((said.status.as_str(), said.reason.as_str()), ("False", "ErasureSecretUsed"));
    assert!(
        said.message.contains("Deployment identity/thief: container app, envFrom: erasure Secret"),
        "{said:?}"
    );
    // A deletion Job's Pod is known by a label that the API server lets nobody else have.
    Arc::make_mut(&mut world.pods[0]).labels.insert("carnet.dev/run".into(), "r".into());
    assert_eq!(world.judge(NOW).findings["erasure-secret"], 0);
    assert_eq!(condition(&world.status("aaa"), "NoViolation").status, "True");
    world.pods.clear();
    world.pod_in("identity", "thief", 0, "us1", &["aaa-erasure"]);
    let status = world.status("aaa");
    let said = condition(&status, "NoViolation");
    assert_eq!(said.reason, "TransferNotCovered", "what nothing covers comes first");
    assert!(said.message.contains("1 running Pods that are no deletion Jobs'"), "{said:?}");
}

#[test]
fn an_address_of_a_store_behind_a_service_is_told_on_the_store() {
    let mut world = World::new();
    world.store_with(
        "aaa",
        &json!({"access": {"hosts": ["10.20.0.5:5432"], "secrets": [
        {"name": "aaa-app", "namespace": "analytics"}]}}),
    );
    world.endpoints("analytics", "harmless", "10.20.0.5", 5432);
    world.endpoints("analytics", "other", "10.20.0.5", 80);
    let names = |world: &mut World, owner: &str, value: &str| {
        world.pod(owner, 0, "us1", &[]);
        let spec = &mut Arc::make_mut(world.pods.last_mut().unwrap()).spec;
        Arc::make_mut(spec).containers[0].args = Some(vec![value.into()]);
    };
    names(&mut world, "same", "harmless:5432");
    names(&mut world, "far", "http://harmless.analytics.svc.cluster.local/");
    names(&mut world, "port", "other");
    let status = world.status("aaa");
    let said = condition(&status, "BehindService");
    assert_eq!((said.status.as_str(), said.reason.as_str()), ("True", "EndpointOfStore"));
    assert!(
        said.message.starts_with("2 Pods") && !said.message.contains("Deployment analytics/port"),
        "{said:?}"
    );
    assert_eq!(condition(&status, "NoViolation").status, "True", "it is a gap");
    assert_eq!(world.judge(NOW).findings["endpoint-of-store"], 2);
    // Who uses it anyway is judged for that.
    world.pods.clear();
    world.pod("same", 0, "eu1", &["aaa-app"]);
    let spec = &mut Arc::make_mut(&mut world.pods[0]).spec;
    Arc::make_mut(spec).containers[0].args = Some(vec!["harmless".into()]);
    assert_eq!(condition(&world.status("aaa"), "BehindService").status, "False");
}
