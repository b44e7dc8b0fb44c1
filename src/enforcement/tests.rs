use expect_test::expect;
use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::*;

const POLICY: &str = r"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: holds.carnet.dev, labels: {app.kubernetes.io/version: 0.1.0}}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [carnet.dev], apiVersions: [v1alpha1], resources: [legalholds], operations: [DELETE, UPDATE]}
  matchConditions:
  - {name: ours, expression: 'true'}
  validations:
  - {expression: has(oldObject.spec.release), message: release it first}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: holds.carnet.dev}
spec: {policyName: holds.carnet.dev, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: carnet}
webhooks:
- name: pods.carnet.dev
  clientConfig: {service: {name: carnet-webhook, namespace: carnet-system, path: /review}}
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  namespaceSelector:
    matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, carnet-system]}
  rules:
  - {apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}
";

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nYQ\nYg\n-----END CERTIFICATE-----\n";
const OTHER: &str = "-----BEGIN CERTIFICATE-----\nYw==\n-----END CERTIFICATE-----\n";

fn authority() -> String {
    fingerprints(AUTHORITY).into_iter().next().unwrap()
}

fn expected() -> Expected {
    Expected::from_yaml(POLICY).unwrap()
}

/// What a server would answer: the defaults filled in, the bundle written, administration added.
fn live() -> Live {
    let mut live = Live::new();
    for (id, object) in expected().objects() {
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = "7".into();
        object["metadata"]["managedFields"] = json!([{}]);
        match id.kind {
            Kind::ValidatingAdmissionPolicy => {
                object["status"] = json!({"observedGeneration": 1, "typeChecking": {}});
                object["spec"]["failurePolicy"] = "Fail".into();
                object["spec"]["matchConstraints"]["matchPolicy"] = "Equivalent".into();
                object["spec"]["matchConstraints"]["namespaceSelector"] = json!({});
                object["spec"]["matchConstraints"]["objectSelector"] = json!({});
                object["spec"]["matchConstraints"]["resourceRules"][0]["scope"] = "*".into();
            }
            Kind::ValidatingAdmissionPolicyBinding => {}
            Kind::ValidatingWebhookConfiguration | Kind::MutatingWebhookConfiguration => {
                let hook = &mut object["webhooks"][0];
                hook["matchPolicy"] = "Equivalent".into();
                hook["objectSelector"] = json!({});
                hook["timeoutSeconds"] = 10.into();
                hook["clientConfig"]["service"]["port"] = 443.into();
                hook["clientConfig"]["caBundle"] = bundle(&format!("{OTHER}{AUTHORITY}"));
                hook["rules"][0]["scope"] = "*".into();
            }
        }
        live.insert(id.clone(), object);
    }
    live
}

fn bundle(pem: &str) -> Value {
    json!(ByteString(pem.as_bytes().to_vec()))
}

fn id(kind: Kind) -> Id {
    let name = if kind == Kind::ValidatingWebhookConfiguration { "carnet" } else { "holds.carnet.dev" };
    Id { kind, name: name.into() }
}

/// What is said after this edit of the object of this kind.
fn after(kind: Kind, edit: impl FnOnce(&mut Value)) -> String {
    let mut live = live();
    edit(live.get_mut(&id(kind)).unwrap());
    compare(&expected(), &live, Some(&authority())).iter().map(|d| format!("{d}\n")).collect()
}

#[test]
fn what_the_server_fills_in_is_no_deviation() {
    assert_eq!(compare(&expected(), &live(), Some(&authority())), []);
    assert_eq!(compare(&expected(), &live(), None), []);
}

#[test]
fn a_missing_object_is_named_and_others_peoples_objects_are_not() {
    let mut live = live();
    live.remove(&id(Kind::ValidatingAdmissionPolicyBinding));
    live.insert(Id { kind: Kind::ValidatingAdmissionPolicyBinding, name: "theirs".into() }, json!({}));
    let found = compare(&expected(), &live, None);
    assert!(found.len() == 1 && found[0].is_missing());
    expect!["ValidatingAdmissionPolicyBinding holds.carnet.dev is missing"].assert_eq(&found[0].to_string());
}

#[test]
fn every_edited_field_of_a_policy_is_named() {
    let text = after(Kind::ValidatingAdmissionPolicy, |policy| {
        policy["spec"]["failurePolicy"] = "Ignore".into();
        policy["spec"]["matchConditions"] = json!([
            {"name": "ours", "expression": "false"}, {"name": "never", "expression": "false"},
        ]);
        policy["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = json!(["UPDATE"]);
        policy["spec"]["matchConstraints"]["objectSelector"] = json!({"matchLabels": {"a": "b"}});
        policy["spec"]["validations"] = json!([]);
    });
    expect![[r#"
        ValidatingAdmissionPolicy holds.carnet.dev: spec.failurePolicy is "Ignore", installed was "Fail"
        ValidatingAdmissionPolicy holds.carnet.dev: spec.matchConditions[never] was added: {"expression":"false","name":"never"}
        ValidatingAdmissionPolicy holds.carnet.dev: spec.matchConditions[ours].expression is "false", installed was "true"
        ValidatingAdmissionPolicy holds.carnet.dev: spec.matchConstraints.objectSelector.matchLabels was added: {"a":"b"}
        ValidatingAdmissionPolicy holds.carnet.dev: spec.matchConstraints.resourceRules[0].operations is ["UPDATE"], installed was ["DELETE","UPDATE"]
        ValidatingAdmissionPolicy holds.carnet.dev: spec.validations is gone, installed was [{"expression":"has(oldObject.spec.release)","message":"release it first"}]
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_binding_that_only_warns_or_reaches_less_is_named() {
    let text = after(Kind::ValidatingAdmissionPolicyBinding, |binding| {
        binding["spec"]["validationActions"] = json!(["Warn"]);
        binding["spec"]["matchResources"] = json!({
            "matchPolicy": "Equivalent", "objectSelector": {}, "namespaceSelector": {"matchLabels": {"x": "y"}},
        });
    });
    expect![[r#"
        ValidatingAdmissionPolicyBinding holds.carnet.dev: spec.matchResources was added: {"matchPolicy":"Equivalent","namespaceSelector":{"matchLabels":{"x":"y"}},"objectSelector":{}}
        ValidatingAdmissionPolicyBinding holds.carnet.dev: spec.validationActions is ["Warn"], installed was ["Deny"]
    "#]]
    .assert_eq(&text);
}

#[test]
fn every_edited_field_of_a_webhook_is_named() {
    let text = after(Kind::ValidatingWebhookConfiguration, |configuration| {
        let hook = &mut configuration["webhooks"][0];
        hook["timeoutSeconds"] = 1.into();
        hook["clientConfig"]["service"]["namespace"] = "elsewhere".into();
        hook["clientConfig"]["caBundle"] = bundle(OTHER);
        hook["namespaceSelector"]["matchExpressions"][0]["values"] =
            json!(["kube-system", "carnet-system", "shop"]);
        hook["matchConditions"] = json!([{"name": "n", "expression": "false"}]);
    });
    expect![[r#"
        ValidatingWebhookConfiguration carnet: webhooks[pods.carnet.dev].clientConfig.caBundle is 1 other certificate, installed was the authority of the operator's certificate
        ValidatingWebhookConfiguration carnet: webhooks[pods.carnet.dev].clientConfig.service.namespace is "elsewhere", installed was "carnet-system"
        ValidatingWebhookConfiguration carnet: webhooks[pods.carnet.dev].matchConditions was added: [{"expression":"false","name":"n"}]
        ValidatingWebhookConfiguration carnet: webhooks[pods.carnet.dev].namespaceSelector.matchExpressions[0].values is ["kube-system","carnet-system","shop"], installed was ["kube-system","carnet-system"]
        ValidatingWebhookConfiguration carnet: webhooks[pods.carnet.dev].timeoutSeconds is 1, installed was 10
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_bundle_must_be_there_and_be_a_certificate() {
    let empty = after(Kind::ValidatingWebhookConfiguration, |c| {
        c["webhooks"][0]["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    });
    assert!(empty.contains("caBundle is gone"), "{empty}");
    let nonsense = after(Kind::ValidatingWebhookConfiguration, |c| {
        c["webhooks"][0]["clientConfig"]["caBundle"] = bundle("nonsense");
    });
    assert!(nonsense.contains("caBundle is none, installed was a PEM certificate"), "{nonsense}");
}

#[test]
fn the_order_of_words_in_a_list_means_nothing() {
    let text = after(Kind::ValidatingAdmissionPolicy, |policy| {
        policy["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = json!(["UPDATE", "DELETE"]);
    });
    assert_eq!(text, "");
}

#[test]
fn an_object_of_another_release_says_so() {
    let text = after(Kind::ValidatingAdmissionPolicy, |policy| {
        policy["metadata"]["labels"]["app.kubernetes.io/version"] = "0.2.0".into();
        policy["spec"]["failurePolicy"] = "Ignore".into();
    });
    assert!(text.ends_with("(of release 0.2.0, not of ours)\n"), "{text}");
}

#[test]
fn long_expressions_are_shown_where_they_part() {
    let long = |end: &str| Value::from(format!("{}{end}", "x".repeat(500)));
    let (a, b) = excerpt::both(&long("one"), &long("two"));
    assert!(a.starts_with("...") && a.contains("one") && b.contains("two"), "{a} {b}");
    assert!(a.len() < 130 && b.len() < 130);
}

#[test]
fn a_text_that_does_not_say_what_was_installed_is_refused_with_the_reason() {
    let of = |text: &str| Expected::from_yaml(text).unwrap_err().to_string();
    assert!(of("kind: ConfigMap\napiVersion: v1").contains("document 1 is a ConfigMap of v1"));
    assert!(of("---\n---\n").contains("no object in it"));
    assert!(of("a: [").contains("no YAML"));
    assert!(of(&format!("{POLICY}---{POLICY}")).contains("is there twice"));
    assert!(
        of("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}")
            .contains("no spec")
    );
}
