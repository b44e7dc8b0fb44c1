//! The AdmissionReviews that are replayed: Pods of about five kilobytes as an API server sends them, every way to refer to a
//! Secret times every way to be pinned, each with the answer of the rule.

use serde_json::{Value, json};

use super::rule::{ABROAD, ALLOWED, CLAIMED, CLAIMS, REGION, UNCLAIMED, secret};

/// How a Pod refers to the Secret.
const WAYS: [Way; 6] =
    [Way::EnvFrom, Way::Env, Way::Volume, Way::Projected, Way::InitContainer, Way::ImagePull];

#[derive(Clone, Copy, Debug)]
enum Way {
    EnvFrom,
    Env,
    Volume,
    Projected,
    InitContainer,
    ImagePull,
}

/// Where a Pod may run.
#[derive(Clone, Copy, Debug)]
enum Pinned {
    Selector(&'static str),
    /// Regions of each required term.
    Terms(&'static [&'static [&'static str]]),
    Nowhere,
}

const PINNED: [Pinned; 8] = [
    Pinned::Selector(ALLOWED[0]),
    Pinned::Selector(ABROAD),
    Pinned::Terms(&[&[ALLOWED[0]]]),
    Pinned::Terms(&[&[ALLOWED[0], ABROAD]]),
    Pinned::Selector(ALLOWED[1]),
    Pinned::Terms(&[&[ALLOWED[0]], &[ALLOWED[1]]]),
    Pinned::Terms(&[&ALLOWED, &[ABROAD]]),
    Pinned::Nowhere,
];

/// A review and the rule's answer.
#[derive(Clone, Debug)]
pub struct Item {
    pub review: Vec<u8>,
    /// The Pod as its author sends it.
    pub pod: Value,
    pub allowed: bool,
    /// The store whose Secret it uses.
    pub store: Option<usize>,
    /// For who looks at a difference.
    pub what: String,
}

/// So many reviews: half of them use no claimed Secret.
pub fn corpus(size: usize) -> Vec<Item> {
    (0..size).map(item).collect()
}

fn item(number: usize) -> Item {
    let pinned = PINNED[number / 2 % PINNED.len()];
    let way = WAYS[number / 2 / PINNED.len() % WAYS.len()];
    let store = number * 7 % CLAIMS;
    let claimed = secret(store);
    let (namespace, name) = match number % 4 {
        0 => (CLAIMED, "app-settings".to_owned()),
        // The same name where nobody claims it.
        2 => (UNCLAIMED, claimed),
        _ => (CLAIMED, claimed),
    };
    let is_lawful = match pinned {
        Pinned::Selector(region) => ALLOWED.contains(&region),
        Pinned::Terms(terms) => terms.iter().all(|t| t.iter().all(|region| ALLOWED.contains(region))),
        Pinned::Nowhere => false,
    };
    let allowed = number.is_multiple_of(2) || is_lawful;
    let what = format!("{namespace}/app-{number}: Secret {name} by {way:?}, {pinned:?}");
    let pod = pod(&format!("app-{number}"), namespace, &name, way, pinned);
    Item {
        review: review(number, namespace, &pod).to_string().into_bytes(),
        pod,
        allowed,
        store: (number % 2 == 1).then_some(store),
        what,
    }
}

/// A lawful Pod that uses a claimed Secret, for an API server.
pub fn lawful(name: &str) -> Value {
    pod(name, CLAIMED, &secret(7), Way::EnvFrom, Pinned::Selector(ALLOWED[0]))
}

/// How many Pods a controller has.
pub const REPLICAS: usize = 10;

/// One of the Pods of many controllers: what they say differs from controller to controller.
pub fn replica(number: usize) -> Value {
    let owner = number / REPLICAS;
    let mut pod = lawful(&format!("app-{owner:05}-{number:06}"));
    pod["metadata"]["labels"]["app.kubernetes.io/instance"] = json!(format!("app-{owner:05}"));
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": format!("app-{owner:05}"), "uid": format!("5f1b2c3d-0000-4000-8000-{owner:012}"), "controller": true}]);
    pod["spec"]["containers"][0]["env"][0]["value"] =
        json!(format!("http://app-{owner:05}.example.com:8080/v1"));
    pod
}

/// A Pod that uses a claimed Secret and is pinned to a region that is not allowed.
pub fn abroad(name: &str) -> Value {
    pod(name, CLAIMED, &secret(7), Way::EnvFrom, Pinned::Selector(ABROAD))
}

/// A Pod that runs on a node: one that uses that store, or one that uses none.
pub fn running(store: Option<usize>) -> Value {
    let name = store.map_or_else(|| "app-settings".to_owned(), secret);
    pod("app", CLAIMED, &name, Way::EnvFrom, Pinned::Nowhere)
}

fn pod(name: &str, namespace: &str, secret: &str, way: Way, pinned: Pinned) -> Value {
    let plain = |n: usize| json!({"name": format!("SETTING_{n}"), "value": format!("value-{n} of http://service-{n}.example.com:8080/v1")});
    let mut env: Vec<Value> = (0..20).map(plain).collect();
    let mut env_from = vec![json!({"configMapRef": {"name": "settings"}})];
    let mut volumes = vec![
        json!({"name": "tmp", "emptyDir": {}}),
        json!({"name": "config", "configMap": {"name": "settings", "defaultMode": 420}}),
        json!({"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}}),
    ];
    let (mut init, mut pull) = (vec![], vec![]);
    match way {
        Way::EnvFrom => env_from.push(json!({"secretRef": {"name": secret}})),
        Way::Env => {
            env.push(json!({"name": "DB", "valueFrom": {"secretKeyRef": {"name": secret, "key": "url"}}}));
        }
        Way::Volume => {
            volumes.push(json!({"name": "db", "secret": {"secretName": secret, "defaultMode": 420}}));
        }
        Way::Projected => {
            volumes.push(json!({"name": "db", "projected": {"defaultMode": 420, "sources": [{"secret": {"name": secret}}]}}));
        }
        Way::InitContainer => {
            let mut migrate = container("migrate", &[], &[json!({"secretRef": {"name": secret}})]);
            // It ends before anybody could ask whether it lives.
            migrate["livenessProbe"].take();
            init.push(migrate);
        }
        Way::ImagePull => pull.push(json!({"name": secret})),
    }
    let mut spec = json!({
        "schedulerName": "nobody", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "serviceAccountName": "default",
        "serviceAccount": "default", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 30, "securityContext": {"runAsNonRoot": true},
        "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority", "priority": 0,
        "initContainers": init, "imagePullSecrets": pull, "volumes": volumes,
        "containers": [container("app", &env, &env_from), container("proxy", &[], &[])],
    });
    match pinned {
        Pinned::Selector(region) => spec["nodeSelector"] = json!({REGION: region}),
        Pinned::Terms(terms) => {
            let term = |regions: &&[&str]| {
                json!({"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                    {"key": REGION, "operator": "In", "values": regions}]})
            };
            let terms: Vec<Value> = terms.iter().map(term).collect();
            spec["affinity"] = json!({"nodeAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
        }
        Pinned::Nowhere => {}
    }
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": {"name": name, "namespace": namespace,
        "labels": {"app.kubernetes.io/name": "app", "app.kubernetes.io/part-of": "platform", "pod-template-hash": "5f6b8c7d9"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}}})
}

fn container(name: &str, env: &[Value], env_from: &[Value]) -> Value {
    json!({"name": name, "image": format!("registry.example.com/platform/{name}:1.2.3"), "imagePullPolicy": "IfNotPresent",
        "env": env, "envFrom": env_from, "args": ["serve", "--listen=:8080", "--log-level=info"],
        "ports": [{"containerPort": 8080, "name": format!("{name}-http"), "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10,
            "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "config", "mountPath": "/etc/app", "readOnly": true}]})
}

fn review(number: usize, namespace: &str, pod: &Value) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    let mut object = pod.clone();
    object["metadata"]["uid"] = json!(format!("5f1b2c3d-0000-4000-8000-{number:012}"));
    object["metadata"]["creationTimestamp"] = json!("2026-11-20T10:00:00Z");
    object["metadata"]["managedFields"] = json!([{"manager": "kube-controller-manager", "operation": "Update",
        "apiVersion": "v1", "time": "2026-11-20T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {
            "f:metadata": {"f:annotations": {".": {}, "f:prometheus.io/scrape": {}}, "f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {}, "f:name": {}, "f:env": {}}}}}}]);
    object["status"] = json!({"phase": "Pending", "qosClass": "Burstable"});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": format!("b1f0c7be-0000-4000-8000-{number:012}"), "kind": kind, "resource": resource,
        "requestKind": kind, "requestResource": resource, "name": format!("app-{number}"), "namespace": namespace,
        "operation": "CREATE", "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
            "uid": "0a1b2c3d", "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]},
        "object": object, "oldObject": null, "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}})
}
