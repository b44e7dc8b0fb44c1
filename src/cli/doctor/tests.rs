use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::v1alpha1::{BackstopSummary, DataStore, DeletionRun, Party, TransferException},
    cli::facts::{
        Trial,
        testing::{binding, object, pod, well},
    },
    enforcement::{Id, Kind},
    platform::status::StaleWatch,
};

/// What is said of an installation that was broken so, as `SEVERITY code`.
fn codes(break_it: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = well();
    break_it(&mut facts);
    let found = checks::all(&facts);
    found.findings.iter().map(|f| format!("{:?} {}", f.severity, f.code)).collect()
}

fn edit_live(facts: &mut Facts, kind: Kind, edit: impl FnOnce(&mut Value)) {
    let name = if kind == Kind::ValidatingWebhookConfiguration { "carnet" } else { "legal-holds.carnet.dev" };
    edit(facts.live.as_mut().unwrap().get_mut(&Id { kind, name: name.into() }).unwrap());
}

fn webhook(facts: &mut Facts, edit: impl FnOnce(&mut Value)) {
    edit_live(facts, Kind::ValidatingWebhookConfiguration, |c| edit(&mut c["webhooks"][0]));
}

/// Without the right to ask Pods, as many people are.
fn unasked(facts: &mut Facts) {
    facts.replicas.clear();
}

#[test]
fn an_installation_as_it_should_be_has_no_finding() {
    let found = checks::all(&well());
    assert_eq!((found.findings, found.unknown), (vec![], vec![]));
}

#[test]
fn definitions() {
    assert_eq!(codes(|f| f.crds = Ok(vec![])), ["Broken DefinitionsMissing"]);
    assert_eq!(codes(|f| f.crds.as_mut().unwrap()[0].status = None), ["Broken DefinitionsNotServed"]);
    let other = codes(|f| {
        let version = &mut f.crds.as_mut().unwrap()[0].spec.versions[0];
        version.schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap().description =
            Some("old".into());
    });
    assert_eq!(other, ["Warning DefinitionsOfOtherVersion"]);
}

#[test]
fn operator() {
    assert_eq!(codes(|f| f.deployment = Ok(None)), ["Broken OperatorMissing"]);
    let one = codes(|f| f.pods.as_mut().unwrap()[1] = object(&pod("carnet-b", false)));
    assert_eq!(one, ["Warning OperatorNotReady"]);
    let none = codes(|f| {
        f.pods = Ok(vec![]);
        unasked(f);
    });
    assert_eq!(none, ["Broken OperatorNotRunning"]);
}

#[test]
fn why_a_pod_is_not_ready_is_said() {
    let mut facts = well();
    let mut crashing = pod("carnet-b", false);
    crashing["status"]["containerStatuses"] = json!([{"name": "operator", "ready": false, "restartCount": 3,
        "image": "x", "imageID": "x",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "carnet-operator: law pack: no such region\n"}}}]);
    facts.pods.as_mut().unwrap()[1] = object(&crashing);
    let found = checks::all(&facts);
    expect!["Pod carnet-system/carnet-b is not ready: CrashLoopBackOff: back-off 40s; it last ended with 1: carnet-operator: law pack: no such region"]
        .assert_eq(&found.findings[0].what);
}

#[test]
fn the_way_from_the_api_server() {
    let gone =
        codes(|f| f.live.as_mut().unwrap().retain(|id, _| id.kind != Kind::ValidatingWebhookConfiguration));
    assert_eq!(gone, ["Broken WebhookMissing"]);
    let elsewhere = codes(|f| webhook(f, |w| w["clientConfig"]["service"]["namespace"] = "other".into()));
    assert_eq!(elsewhere, ["Broken WebhookElsewhere"]);
    assert_eq!(codes(|f| f.service = Ok(None)), ["Broken ServiceMissing"]);
    assert_eq!(codes(|f| f.slices = Ok(vec![])), ["Broken NoEndpoints"]);
    let not_ready = codes(|f| {
        let endpoint = &mut f.slices.as_mut().unwrap()[0].endpoints.as_mut().unwrap()[0];
        endpoint.conditions.as_mut().unwrap().ready = Some(false);
    });
    assert_eq!(not_ready, ["Broken NoEndpoints"]);
}

#[test]
fn the_way_that_was_tried() {
    let why = "failed calling webhook \"validate.carnet.dev\": context deadline exceeded";
    let not_reached = |f: &mut Facts| f.trial = Ok(Trial::NotReached(why.into()));
    assert_eq!(codes(not_reached), ["Broken WebhookNotReached"]);
    assert_eq!(codes(|f| f.trial = Ok(Trial::NotAsked)), ["Broken WebhookNotAsked"]);
    assert_eq!(codes(|f| f.trial = Ok(Trial::NotAllowed)), ["Notice WebhookNotTried"]);
    // Where no replica is ready, that is why.
    let nobody = codes(|f| {
        not_reached(f);
        f.slices = Ok(vec![]);
    });
    assert_eq!(nobody, ["Broken NoEndpoints"]);
    let mut facts = well();
    not_reached(&mut facts);
    webhook(&mut facts, |w| w["failurePolicy"] = "Ignore".into());
    let open = checks::all(&facts).findings;
    let open = open.iter().find(|f| f.code == "WebhookNotReached").unwrap();
    assert!(open.what.contains("Pods come in") && open.what.contains(why), "{}", open.what);
    assert!(open.next.contains("port 9443"), "{}", open.next);
    facts.trial = Ok(Trial::NotReached("x509: certificate signed by unknown authority".into()));
    let found = checks::all(&facts).findings;
    let found = found.iter().find(|f| f.code == "WebhookNotReached").unwrap();
    assert!(found.next.contains("caBundle"), "{}", found.next);
    facts.trial = Err("you may not create parties".into());
    assert_eq!(checks::all(&facts).unknown, ["you may not create parties"]);
}

#[test]
fn backstop() {
    let summary = |left_out, first: &[&str]| BackstopSummary {
        left_out,
        first_left_out: first.iter().map(ToString::to_string).collect(),
        ..BackstopSummary::default()
    };
    let of = |all: &[(&str, BackstopSummary)]| {
        Ok(all.iter().map(|(namespace, s)| ((*namespace).into(), "carnet".into(), s.clone())).collect())
    };
    let switched_on = |f: &mut Facts| {
        let pod = &mut f.deployment.as_mut().unwrap().as_mut().unwrap().spec;
        let args = pod.template.spec.as_mut().unwrap().containers[0].args.as_mut().unwrap();
        args.push("--backstop".into());
    };
    assert_eq!(codes(switched_on), ["Broken BackstopMissing"]);
    let there = codes(|f| {
        switched_on(f);
        f.backstops = of(&[("carnet-system", summary(0, &[]))]);
    });
    assert_eq!(there, [""; 0]);
    let mut facts = well();
    facts.backstops =
        of(&[("identity", summary(2, &["identity/a", "identity/b"])), ("shop", summary(1, &["identity/c"]))]);
    let found = checks::all(&facts).findings;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "BackstopLeftOut");
    expect!["TransferBackstop identity/carnet, shop/carnet has no room for 3 stores or classes of namespaces (identity/a, identity/b, identity/c): the webhook alone judges them, and while no replica answers no Pod comes in"]
        .assert_eq(&found[0].what);
    webhook(&mut facts, |w| w["failurePolicy"] = "Ignore".into());
    let found = checks::all(&facts).findings;
    assert!(found.iter().any(|f| f.what.ends_with("nobody judges them")), "{found:?}");
}

#[test]
fn exempt_namespaces_by_the_report_and_without_one_by_the_flag() {
    let by_report = codes(|f| f.replicas[0].answer.as_mut().unwrap().exempt_namespaces.push("shop".into()));
    assert_eq!(by_report, ["Warning ExemptNamespacesDiffer"]);
    assert_eq!(codes(unasked), [""; 0], "the defaults on both sides");
    let by_flag = codes(|f| {
        unasked(f);
        let pod = &mut f.deployment.as_mut().unwrap().as_mut().unwrap().spec;
        let args = pod.template.spec.as_mut().unwrap().containers[0].args.as_mut().unwrap();
        args.push("--exempt-namespaces=kube-system".into());
    });
    assert_eq!(by_flag, ["Warning ExemptNamespacesDiffer"]);
}

#[test]
fn enforcement() {
    let missing = codes(|f| {
        f.live.as_mut().unwrap().retain(|id, _| id.kind != Kind::ValidatingAdmissionPolicyBinding);
    });
    assert_eq!(missing, ["Broken EnforcementMissing"]);
    let edited = codes(|f| {
        edit_live(f, Kind::ValidatingAdmissionPolicy, |p| p["spec"]["failurePolicy"] = "Ignore".into());
    });
    assert_eq!(edited, ["Broken EnforcementChanged"]);
    assert_eq!(codes(|f| f.installed = Ok(None)), ["Notice EnforcementNotWatched"]);
}

#[test]
fn certificates() {
    let empty = |f: &mut Facts| {
        webhook(f, |w| {
            w["clientConfig"].as_object_mut().unwrap().remove("caBundle");
        });
    };
    assert_eq!(codes(empty), ["Broken CaBundle"]);
    let nothing_installed = codes(|f| {
        empty(f);
        f.installed = Ok(None);
    });
    assert_eq!(nothing_installed, ["Broken CaBundle", "Notice EnforcementNotWatched"]);
    let at = |f: &mut Facts, now: &str| {
        f.now = now.parse().unwrap();
        f.server_now = Ok(None);
        unasked(f);
        f.lease.as_mut().unwrap().as_mut().unwrap().spec.as_mut().unwrap().renew_time =
            Some(object(&json!(format!("{}.000000Z", now.trim_end_matches('Z')))));
    };
    assert_eq!(codes(|f| at(f, "2027-11-25T00:00:00Z")), ["Warning CertificateNearEnd"]);
    assert_eq!(codes(|f| at(f, "2027-11-28T00:00:00Z")), ["Broken CertificateExpired"]);
    let problem = codes(|f| {
        let certificates = f.replicas[1].answer.as_mut().unwrap().certificates.as_mut().unwrap();
        certificates.problem = Some("Secret carnet-webhook-ca cannot be read".into());
    });
    assert_eq!(problem, ["Warning CertificateProblem"]);
}

#[test]
fn leader_and_clocks() {
    let lease = |renewed: &str, holder: &str| {
        json!({"metadata": {"name": "carnet-operator"}, "spec": {"holderIdentity": holder,
            "leaseDurationSeconds": 15, "renewTime": renewed}})
    };
    let stale = codes(|f| f.lease = Ok(Some(object(&lease("2026-11-28T11:58:00.000000Z", "carnet-a")))));
    assert_eq!(stale, ["Broken LeaseStale"]);
    let nobody = codes(|f| f.lease = Ok(Some(object(&lease("2026-11-28T11:59:58.000000Z", "")))));
    assert_eq!(nobody, ["Broken NoLeader"]);
    let stranger = codes(|f| f.lease = Ok(Some(object(&lease("2026-11-28T11:59:58.000000Z", "laptop")))));
    assert_eq!(stranger, ["Warning LeaderUnknown"]);
    let here = codes(|f| f.now = "2026-11-28T12:05:00Z".parse().unwrap());
    assert_eq!(here, ["Warning ClockOfThisMachine"]);
    let there = codes(|f| f.replicas[0].answer.as_mut().unwrap().now = "2026-11-28T12:05:00Z".into());
    assert_eq!(there, ["Warning ClockOfReplica"]);
}

#[test]
fn replicas() {
    let stale = codes(|f| {
        let caches = &mut f.replicas[0].answer.as_mut().unwrap().caches;
        caches.stale = Some(StaleWatch { watch: "pods".into(), silent_seconds: 200 });
    });
    assert_eq!(stale, ["Broken WatchSilent"]);
    let loading = codes(|f| f.replicas[0].answer.as_mut().unwrap().caches.loaded = false);
    assert_eq!(loading, ["Warning CachesLoading"]);
    let skew =
        codes(|f| f.replicas.iter_mut().for_each(|r| r.answer.as_mut().unwrap().version = "0.0.1".into()));
    assert_eq!(skew, ["Warning VersionSkew"]);
    let two = codes(|f| f.replicas[0].answer.as_mut().unwrap().version = "0.0.1".into());
    assert_eq!(two, ["Warning ReplicasOfSeveralVersions"]);
    let law =
        codes(|f| f.replicas.iter_mut().for_each(|r| r.answer.as_mut().unwrap().law_pack = "2020".into()));
    assert_eq!(law, ["Notice LawPackSkew"]);
    assert_eq!(codes(|f| f.replicas[0].answer = Err("connection refused".into())), ["Warning ReplicaSilent"]);
}

#[test]
fn who_may_not_ask_a_pod_learns_that_and_the_rest_goes_on() {
    let mut facts = well();
    for replica in &mut facts.replicas {
        replica.answer = Err("you may not `get pods/proxy` in namespace carnet-system".into());
        replica.forbidden = true;
    }
    let found = checks::all(&facts);
    assert_eq!(found.findings, []);
    assert_eq!(found.unknown, ["you may not `get pods/proxy` in namespace carnet-system"]);
    assert_eq!(write(&found, Output::Text, &mut vec![]).unwrap(), Answer::Undetermined);
}

#[test]
fn erasure() {
    assert_eq!(codes(|f| f.erasure_bindings = Ok(vec![])), ["Broken ErasureNotAllowed"]);
    let not_told = codes(|f| f.erasure_bindings.as_mut().unwrap().push(binding("billing")));
    assert_eq!(not_told, ["Warning ErasureNotTold"]);
    let nowhere = codes(|f| {
        f.erasure_bindings = Ok(vec![]);
        f.namespaces = Ok(vec![]);
    });
    assert_eq!(nowhere, ["Warning ErasureNamespaceMissing"]);
}

#[test]
fn declared() {
    let store: DataStore = object(&json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
            "engine": {"external": {"description": "x"}},
            "datasets": [{"name": "d", "categories": ["account.contact"]}]},
        "status": {"conditions": [{"type": "Stalled", "status": "True", "reason": "Invalid",
            "message": "spec.location: no such region", "lastTransitionTime": "2026-11-24T00:00:00Z"}]}}));
    assert_eq!(codes(|f| f.stores = Ok(vec![store])), ["Broken Unreadable"]);
    let party = |kind: &str, status: &str| -> Party {
        object(&json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "ltd"},
            "spec": {"legalName": "x", "country": "IE"},
            "status": {"conditions": [{"type": kind, "status": status, "reason": "R", "message": "m",
                "lastTransitionTime": "2026-11-24T00:00:00Z"}]}}))
    };
    let of = |party| codes(|f| f.parties = Ok(vec![party]));
    assert_eq!(of(party("Stalled", "True")), ["Broken Unreadable"]);
    assert_eq!(of(party("NamespacesUnique", "False")), ["Broken NamespaceContested"]);
    assert_eq!(of(party("NamespacesUnique", "True")), [""; 0]);
    let exception = |until: &str| -> TransferException {
        object(
            &json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException", "metadata": {"name": "e"},
            "spec": {"reason": "r", "ticket": "t", "workloads": {"namespace": "a"},
                "stores": [{"namespace": "identity", "name": "s"}], "expiresAt": until},
            "status": {"conditions": [{"type": "ResolvedRefs", "status": "False", "reason": "StoreNotFound",
                "message": "DataStore identity/s", "lastTransitionTime": "2026-11-24T00:00:00Z"}]}}),
        )
    };
    let now = codes(|f| f.exceptions = Ok(vec![exception("2026-12-01T00:00:00Z")]));
    assert_eq!(now, ["Warning NameNotFound"]);
    assert_eq!(codes(|f| f.exceptions = Ok(vec![exception("2026-11-01T00:00:00Z")])), [""; 0]);
    let pinned = json!({"name": "x", "uid": "y"});
    let run: DeletionRun = object(&json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionRun",
        "metadata": {"name": "run-1", "namespace": "identity"},
        "spec": {"policy": pinned, "store": pinned, "action": "Apply", "decidedAt": "2026-11-20T01:00:00Z",
            "stateHash": format!("sha256:{}", "0".repeat(64)), "targets": []},
        "status": {"phase": "AwaitingApproval"}}));
    assert_eq!(codes(|f| f.runs = Ok(vec![run])), ["Warning ApprovalOverdue"]);
}

#[test]
fn nodes_and_leftovers() {
    let node = object(&json!({"metadata": {"name": "somewhere"}}));
    assert_eq!(codes(|f| f.nodes.as_mut().unwrap().push(node)), ["Warning NodesWithoutRegion"]);
    let node = object(
        &json!({"metadata": {"name": "torn", "labels": {"topology.kubernetes.io/region": "eu-west-1"}},
        "spec": {"providerID": "aws:///us-east-1a/i-0"}}),
    );
    assert_eq!(codes(|f| f.nodes.as_mut().unwrap().push(node)), ["Warning NodeRegionContradicted"]);
    let second = object(&json!({"metadata": {"name": "carnet-operator", "namespace": "other"}}));
    assert_eq!(codes(|f| f.other_deployments = Ok(vec![second])), ["Warning SecondInstallation"]);
    let left = codes(|f| {
        let id = Id { kind: Kind::ValidatingAdmissionPolicy, name: "old.carnet.dev".into() };
        f.live.as_mut().unwrap().insert(id, json!({}));
    });
    assert_eq!(left, ["Warning LeftoverPolicies"]);
}

#[test]
fn the_worst_comes_first_and_each_finding_says_what_to_do() {
    let mut facts = well();
    facts.nodes = Ok(vec![object(&json!({"metadata": {"name": "somewhere"}}))]);
    facts.slices = Ok(vec![]);
    facts.lease = Err("you may not get leases in namespace carnet-system".into());
    let mut out = vec![];
    let answer = write(&checks::all(&facts), Output::Text, &mut out).unwrap();
    assert_eq!(answer.exit_code(), 1);
    expect![[r"
        BROKEN NoEndpoints
          Service carnet-system/carnet-webhook has no ready endpoint: no replica answers the API server
          next: see why the operator's Pods are not ready, and that they match the Service's selector: `kubectl -n carnet-system describe service carnet-webhook`
        WARNING NodesWithoutRegion
          no region is known of node somewhere: a Pod that may run there is judged as if it ran anywhere
          next: label them with topology.kubernetes.io/region, or set transfers.defaultLocation (--default-location)
        NOT LOOKED AT
          you may not get leases in namespace carnet-system
        1 broken, 1 to mend soon, 0 to look at.
    "]]
    .assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn machines_get_the_same_as_json() {
    let mut out = vec![];
    write(&checks::all(&well()), Output::Json, &mut out).unwrap();
    let report: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        report,
        json!({"apiVersion": "doctor.carnet.dev/v1", "answer": "Well", "findings": [], "unknown": []})
    );
}

#[test]
fn a_law_pack_that_took_the_place_of_another_is_named_until_every_store_is_judged_by_it() {
    let judged_by = |law: &str| -> DataStore {
        object(
            &json!({"metadata": {"name": "accounts", "namespace": "identity"}, "spec": {"exporterRef": {"name": "ltd"},
            "role": "Controller", "location": {"country": "IE"}, "engine": {}, "datasets": []},
            "status": {"transfers": {"using": 0, "violating": 0, "waived": 0, "violatingCopies": 0, "law": law}}}),
        )
    };
    let now = crate::parse::law::built_in().unwrap().version;
    assert_eq!(codes(|f| f.stores = Ok(vec![judged_by(&now)])), [""; 0]);
    let mut facts = well();
    facts.stores = Ok(vec![judged_by("2020-01-01"), judged_by(&now)]);
    let found = checks::all(&facts).findings;
    assert_eq!((found.len(), found[0].code), (1, "LawPackChanged"));
    assert!(
        found[0].what.ends_with("DataStore identity/accounts was last judged by 2020-01-01"),
        "{}",
        found[0].what
    );
    // While replicas differ, that is what is said.
    facts.replicas[0].answer.as_mut().unwrap().law_pack = "2999-01-01".into();
    let found: Vec<_> = checks::all(&facts).findings.iter().map(|f| f.code).collect();
    assert_eq!(found, ["ReplicasOfSeveralLaws"]);
}

#[test]
fn a_certification_that_the_public_list_does_not_bear_out_is_named() {
    let certified = |status: &str| {
        object(&json!({"metadata": {"name": "inc-dpf"}, "spec": {"scope": {"any": true}, "instrument": {}},
            "status": {"conditions": [{"type": "PublicList", "status": status, "reason": "SaysOtherwise",
                "message": "EU-US Withdrawn; see DataPrivacyFrameworkSnapshot public-list",
                "lastTransitionTime": "2026-11-24T00:00:00Z"}]}}))
    };
    for fine in ["True", "Unknown"] {
        assert_eq!(codes(|f| f.safeguards = Ok(vec![certified(fine)])), [""; 0]);
    }
    let mut facts = well();
    facts.safeguards = Ok(vec![certified("False")]);
    let found = checks::all(&facts).findings;
    assert_eq!((found.len(), found[0].code), (1, "PublicListDisagrees"));
    assert!(found[0].what.contains("TransferSafeguard inc-dpf") && found[0].what.contains("EU-US Withdrawn"));
}
