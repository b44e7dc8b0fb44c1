//! What is installed: the webhook and the policies of the API server.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::yaml::{all, list, project, text, texts};

fn of_kind(kind: &str) -> Vec<Value> {
    all("deploy/base").into_iter().filter(|d| text(d, "/kind") == kind).collect()
}

fn webhooks() -> Vec<Value> {
    let mut configurations = of_kind("ValidatingWebhookConfiguration");
    assert_eq!(configurations.len(), 1);
    list(&configurations.remove(0), "/webhooks").to_vec()
}

#[test]
fn a_webhook_lets_pass_in_doubt_only_what_the_backstop_looks_at() {
    let backstop = project("charts/carnet/policies/31-backstop.yaml").is_file();
    for hook in webhooks() {
        let passes = backstop && text(&hook, "/name") != "validate.carnet.dev";
        assert_eq!(hook["failurePolicy"], if passes { "Ignore" } else { "Fail" }, "{hook}");
        assert_eq!(hook["sideEffects"], "None", "{hook}");
        assert_eq!(hook["matchPolicy"], "Equivalent", "{hook}");
        assert_eq!(hook["timeoutSeconds"], 5, "{hook}");
        assert_eq!(text(&hook, "/clientConfig/service/path"), "/review", "{hook}");
    }
}

#[test]
fn the_webhook_judges_every_way_in_for_a_pod_and_for_its_template() {
    let judged: BTreeSet<String> = webhooks()
        .iter()
        .flat_map(|hook| list(hook, "/rules").to_vec())
        .flat_map(|rule| {
            let resources: Vec<String> = texts(&rule, "/resources").into_iter().map(String::from).collect();
            resources.into_iter().map(move |r| format!("{r} {}", texts(&rule, "/operations").join("+")))
        })
        .collect();
    for expected in [
        "pods CREATE",
        "pods/ephemeralcontainers UPDATE",
        "pods/binding CREATE",
        "bindings CREATE",
        "deployments CREATE+UPDATE",
        "statefulsets CREATE+UPDATE",
        "daemonsets CREATE+UPDATE",
        "replicasets CREATE+UPDATE",
        "replicationcontrollers CREATE+UPDATE",
        "jobs CREATE+UPDATE",
        "cronjobs CREATE+UPDATE",
        "datastores CREATE+UPDATE",
    ] {
        assert!(judged.contains(expected), "{expected} is not in {judged:?}");
    }
}

#[test]
fn no_webhook_stands_in_the_way_of_a_hold() {
    for hook in webhooks() {
        for rule in list(&hook, "/rules") {
            let resources = texts(rule, "/resources");
            assert!(!resources.iter().any(|r| r.contains("legalholds") || r.contains('*')), "{resources:?}");
        }
    }
}

#[test]
fn workloads_are_exempt_by_the_name_of_their_namespace_alone() {
    for hook in webhooks().iter().filter(|h| text(h, "/name") != "validate.carnet.dev") {
        let expressions = list(hook, "/namespaceSelector/matchExpressions");
        assert_eq!(expressions.len(), 1, "{hook}");
        assert_eq!(text(&expressions[0], "/key"), "kubernetes.io/metadata.name");
        let exempt = ["kube-system", "kube-node-lease", "kube-public", "carnet-system"];
        assert_eq!(texts(&expressions[0], "/values"), exempt);
        let selector = hook["objectSelector"].as_object();
        assert!(selector.is_some_and(serde_json::Map::is_empty), "an object can choose its labels: {hook}");
        // Who is asked about is what no object can write about itself.
        for condition in list(hook, "/matchConditions") {
            assert!(
                text(condition, "/expression").contains("'system:nodes' in request.userInfo"),
                "{condition}"
            );
        }
    }
}

#[test]
fn every_policy_denies_and_says_so_in_words() {
    let bound: BTreeSet<String> = of_kind("ValidatingAdmissionPolicyBinding")
        .iter()
        .map(|b| {
            assert_eq!(texts(b, "/spec/validationActions"), ["Deny"], "{b}");
            text(b, "/spec/policyName").to_owned()
        })
        .collect();
    let policies = of_kind("ValidatingAdmissionPolicy");
    assert_eq!(bound.len(), policies.len());
    for policy in policies {
        assert!(bound.contains(text(&policy, "/metadata/name")), "bound to nothing: {policy}");
        // What is asked of the Pods and workloads of others must never stop them by being broken itself.
        let passes = ["backstop-pods.carnet.dev", "loosening.carnet.dev"];
        let broken = if passes.contains(&text(&policy, "/metadata/name")) { "Ignore" } else { "Fail" };
        assert_eq!(text(&policy, "/spec/failurePolicy"), broken, "{policy}");
        for validation in list(&policy, "/spec/validations") {
            let message = text(validation, "/message");
            assert!(message.contains(':'), "what is wrong, then what to do: `{message}`");
        }
    }
}

#[test]
fn nothing_that_is_installed_waits_for_a_finalizer() {
    for document in all("deploy/base").iter().chain(&all("deploy/opt-in")).chain(&all("examples")) {
        assert!(document.pointer("/metadata/finalizers").is_none(), "{document}");
    }
}

#[test]
fn what_takes_declarations_and_evidence_with_it_is_pruned_by_no_git_ops_engine() {
    let mut kept = of_kind("CustomResourceDefinition");
    assert_eq!(kept.len(), carnet::api::v1alpha1::crds().len());
    for definition in &kept {
        assert_eq!(text(definition, "/metadata/annotations/helm.sh~1resource-policy"), "keep");
    }
    kept.extend(of_kind("Namespace"));
    for object in kept {
        let flux = text(&object, "/metadata/annotations/kustomize.toolkit.fluxcd.io~1prune");
        let argo = text(&object, "/metadata/annotations/argocd.argoproj.io~1sync-options");
        let name = text(&object, "/metadata/name");
        assert_eq!((flux, argo), ("disabled", "Prune=false,Delete=false"), "{name}");
    }
}

#[test]
fn the_webhook_finds_the_operator_under_the_identity_that_has_its_rights() {
    let parts = all("deploy/base");
    let part = |kind: &str, name: &str| {
        let is_it = |d: &&Value| text(d, "/kind") == kind && text(d, "/metadata/name") == name;
        parts.iter().find(is_it).expect("a part of the operator")
    };
    let (service, deployment) = (part("Service", "carnet-webhook"), part("Deployment", "carnet-operator"));
    for hook in webhooks() {
        assert_eq!(hook.pointer("/clientConfig/service/name"), service.pointer("/metadata/name"));
        assert_eq!(hook.pointer("/clientConfig/service/namespace"), service.pointer("/metadata/namespace"));
        assert_eq!(hook.pointer("/clientConfig/service/port"), service.pointer("/spec/ports/0/port"));
    }
    let labels = deployment.pointer("/spec/template/metadata/labels").expect("labels");
    for (name, value) in service.pointer("/spec/selector").and_then(Value::as_object).expect("a selector") {
        assert_eq!(labels.get(name), Some(value));
    }
    assert_eq!(text(deployment, "/spec/template/spec/serviceAccountName"), "carnet-operator");
}

#[test]
fn what_the_operator_compares_with_is_what_is_applied() {
    let copy = of_kind("ConfigMap");
    let copy = copy.iter().find(|c| text(c, "/metadata/name") == "carnet-enforcement").expect("a ConfigMap");
    let said = crate::helm::parse(text(copy, "/data/enforcement.yaml"));
    let kinds =
        ["ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    let mut applied: Vec<Value> = kinds.iter().flat_map(|kind| of_kind(kind)).collect();
    assert_eq!(applied.len(), said.len());
    applied.retain(|object| !said.contains(object));
    assert!(applied.is_empty(), "{applied:?}");
}

#[test]
fn no_authority_is_written_where_the_operator_writes_it() {
    for hook in webhooks() {
        assert!(hook.pointer("/clientConfig/caBundle").is_none(), "{hook}");
    }
}

#[test]
fn the_operator_stands_under_the_restricted_standard_and_twice() {
    let deployment = of_kind("Deployment").remove(0);
    let at = |pointer: &str| deployment.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/spec/replicas"), 2);
    assert_eq!(at("/spec/strategy/rollingUpdate/maxUnavailable"), 0);
    let pod = "/spec/template/spec";
    assert_eq!(at(&format!("{pod}/securityContext/runAsNonRoot")), true);
    assert_eq!(at(&format!("{pod}/securityContext/seccompProfile/type")), "RuntimeDefault");
    let container = format!("{pod}/containers/0/securityContext");
    assert_eq!(at(&format!("{container}/allowPrivilegeEscalation")), false);
    assert_eq!(at(&format!("{container}/readOnlyRootFilesystem")), true);
    assert_eq!(at(&format!("{container}/capabilities/drop/0")), "ALL");
    let spread: BTreeSet<String> = list(&deployment, &format!("{pod}/topologySpreadConstraints"))
        .iter()
        .map(|c| {
            assert_eq!(text(c, "/whenUnsatisfiable"), "ScheduleAnyway");
            // Else replicas that go push the new ones together.
            assert_eq!(texts(c, "/matchLabelKeys"), ["pod-template-hash"]);
            text(c, "/topologyKey").to_owned()
        })
        .collect();
    let both = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(String::from);
    assert_eq!(spread, both.into());
    let budget = of_kind("PodDisruptionBudget").remove(0);
    assert_eq!(budget.pointer("/spec/maxUnavailable"), Some(&1.into()));
}
