//! An installation as it should be, from recorded objects, for tests to break.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Facts, Replica, Trial};
use crate::{
    api::v1alpha1::crds,
    enforcement::{Expected, Live},
    parse::law,
    platform::status::{
        API_VERSION, Backlog, CacheStatus, CertificateStatus, EnforcementState, EnforcementStatus,
        OperatorStatus,
    },
};

/// An authority that ends on 2027-11-27.
const AUTHORITY: &str = include_str!("ca.pem");

const INSTALLED: &str = r"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: legal-holds.carnet.dev}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [carnet.dev], apiVersions: [v1alpha1], resources: [legalholds], operations: [DELETE]}
  validations: [{expression: has(oldObject.spec.release), message: 'not released: release it'}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: legal-holds.carnet.dev}
spec: {policyName: legal-holds.carnet.dev, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: carnet}
webhooks:
- name: pods.carnet.dev
  clientConfig: {service: {name: carnet-webhook, namespace: carnet-system, path: /review}}
  admissionReviewVersions: [v1]
  sideEffects: None
  namespaceSelector:
    matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, kube-node-lease, kube-public, carnet-system]}
  rules:
  - {apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}
";

/// The instant of the tests.
pub fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

pub fn object<K: DeserializeOwned>(value: &Value) -> K {
    serde_json::from_value(value.clone()).unwrap()
}

/// A Pod of the operator.
pub fn pod(name: &str, ready: bool) -> Value {
    json!({"metadata": {"name": name, "namespace": "carnet-system"},
        "spec": {"containers": [{"name": "operator", "image": "carnet-operator:0.1.0"}]},
        "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

/// A replica's report.
pub fn report(replica: &str, leads: bool) -> OperatorStatus {
    OperatorStatus {
        api_version: API_VERSION.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        law_pack: law::built_in().unwrap().version,
        mode: "Enforce".into(),
        replica: replica.into(),
        leads,
        now: now().to_string(),
        enforcement: EnforcementStatus { state: EnforcementState::Intact, ..EnforcementStatus::default() },
        caches: CacheStatus { loaded: true, stale: None },
        certificates: Some(CertificateStatus {
            leaf_ends: Some("2027-02-20T00:00:00Z".into()),
            authority_ends: Some("2027-11-27T15:54:23Z".into()),
            ..CertificateStatus::default()
        }),
        next_lapse: None,
        backlog: leads.then(Backlog::default),
        exempt_namespaces: ["carnet-system", "kube-node-lease", "kube-public", "kube-system"]
            .map(Into::into)
            .into(),
        erasure_namespaces: vec!["identity".into()],
    }
}

/// An installation with which nothing is wrong.
pub fn well() -> Facts {
    let installed = Expected::from_yaml(INSTALLED).unwrap();
    let mut live: Live = installed.objects().map(|(id, object)| (id.clone(), object.clone())).collect();
    for object in live.values_mut().filter(|object| object.get("webhooks").is_some()) {
        object["webhooks"][0]["clientConfig"]["caBundle"] = json!(ByteString(AUTHORITY.as_bytes().to_vec()));
    }
    let crds = crds().into_iter().map(|mut crd| {
        crd.status = Some(object(&json!({"conditions": [{"type": "Established", "status": "True"}]})));
        crd
    });
    Facts {
        now: now(),
        server_now: Ok(Some(now())),
        namespace: "carnet-system".into(),
        crds: Ok(crds.collect()),
        deployment: Ok(Some(object(
            &json!({"metadata": {"name": "carnet-operator", "namespace": "carnet-system"},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers": [
                {"name": "operator", "args": ["run", "--leader-elect", "--erasure-namespaces=identity"]}]}}},
            "status": {"readyReplicas": 2}}),
        ))),
        other_deployments: Ok(vec![]),
        pods: Ok(vec![object(&pod("carnet-a", true)), object(&pod("carnet-b", true))]),
        service: Ok(Some(object(&json!({"metadata": {"name": "carnet-webhook"}})))),
        slices: Ok(vec![object(&json!({"addressType": "IPv4", "metadata": {"name": "carnet-webhook-x"},
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]}))]),
        lease: Ok(Some(object(&json!({"metadata": {"name": "carnet-operator"}, "spec": {
            "holderIdentity": "carnet-a", "leaseDurationSeconds": 15,
            "renewTime": "2026-11-28T11:59:55.000000Z"}})))),
        live: Ok(live),
        installed: Ok(Some(installed)),
        replicas: vec![
            Replica { pod: "carnet-a".into(), answer: Ok(report("carnet-a", true)), forbidden: false },
            Replica { pod: "carnet-b".into(), answer: Ok(report("carnet-b", false)), forbidden: false },
        ],
        nodes: Ok(vec![object(&json!({"metadata": {"name": "eu1",
            "labels": {"topology.kubernetes.io/region": "eu-west-1"}}}))]),
        namespaces: Ok(vec![object(&json!({"metadata": {"name": "identity"}}))]),
        erasure_bindings: Ok(vec![binding("identity")]),
        parties: Ok(vec![]),
        stores: Ok(vec![]),
        policies: Ok(vec![]),
        runs: Ok(vec![]),
        holds: Ok(vec![]),
        safeguards: Ok(vec![]),
        exceptions: Ok(vec![]),
        backstops: Ok(vec![]),
        law: Some(law::built_in().unwrap().version),
        next_of_safeguards: Ok(vec![]),
        trial: Ok(Trial::Answered),
    }
}

/// What opens a namespace to deletion Jobs.
pub fn binding(namespace: &str) -> k8s_openapi::api::rbac::v1::RoleBinding {
    object(&json!({"metadata": {"name": "carnet-erasure", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "carnet-erasure"},
        "subjects": [{"kind": "ServiceAccount", "name": "carnet-operator", "namespace": "carnet-system"}]}))
}
