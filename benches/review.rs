//! Review bytes in to response bytes out: a Pod of 4 KB with 200 names, by number of stores.

use std::sync::Arc;

use carnet::{
    admission::{PodLookup, ReviewState, review},
    core::{
        ids::ObjectKey,
        settings::{ClaimsFrom, Mode, Settings},
        snapshot::{Node, Snapshot, SnapshotBuilder},
        store::Place,
    },
    index::{PodFacts, Sight},
    parse::{self, RegionCheck},
};
use divan::{Bencher, black_box};
use serde_json::{Value, json};

const STORES: [usize; 2] = [100, 10_000];
const SAFEGUARDS: usize = 1_000;

fn main() {
    divan::main();
}

struct NoPods;

impl PodLookup for NoPods {
    fn pod(&self, _: &ObjectKey) -> Option<Arc<PodFacts>> {
        None
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a manifest of this file")
}

fn snapshot(stores: usize) -> Arc<Snapshot> {
    let law = Arc::new(parse::law::built_in().expect("the built-in pack"));
    let party = |name: &str, country: &str, namespace: &str| {
        let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": country, "runs": {"namespaces": [namespace]}}});
        Arc::new(parse::party(&read(object), &law).expect("a party"))
    };
    let store = |n: usize| {
        let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
            "metadata": {"name": format!("store-{n}"), "namespace": "identity"},
            "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller",
                "location": {"provider": "aws", "region": "eu-west-1"}, "origins": ["EEA"],
                "engine": {"objectStore": {"provider": "S3", "bucket": format!("bucket-{n}"),
                    "endpoint": "https://s3.example.com", "credentialsSecretRef": {"name": format!("erase-{n}")}}},
                "access": {"secrets": [{"name": format!("secret-{n}")}], "services": [{"name": format!("db-{n}")}],
                    "hosts": [format!("db-{n}.example.com:5432")]},
                "datasets": [{"name": "people", "categories": ["account.contact"], "subjects": ["Customer"]}]}});
        Arc::new(parse::store(&read(object), &law, RegionCheck::Strict).expect("a store"))
    };
    let safeguard = |n: usize| {
        let importer = if n == 0 { "inc".to_owned() } else { format!("party-{n}") };
        let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard",
            "metadata": {"name": format!("clauses-{n}")},
            "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
                    "parties": [{"exporters": ["ltd"], "importers": [importer], "module": "ControllerToController"}]}},
                "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01",
                    "outcome": "Effective", "reviewBy": "2027-02-01"}],
                "scope": {"any": true}, "preference": 20}});
        Arc::new(parse::safeguard(&read(object), &law).expect("a safeguard"))
    };
    let node = |name: &str, region: &str| {
        let country = law.region(Some("aws"), region);
        Arc::new(Node {
            name: name.into(),
            labels: [("topology.kubernetes.io/region".to_owned(), region.to_owned())].into(),
            place: Place { provider: Some("aws".into()), region: Some(region.into()), country },
        })
    };
    let settings = Settings { mode: Mode::Enforce, claims_from: ClaimsFrom::All, ..Settings::default() };
    let builder = SnapshotBuilder {
        settings: Arc::new(settings),
        parties: vec![party("ltd", "IE", "identity"), party("inc", "US", "analytics")],
        stores: (0..stores).map(store).collect(),
        safeguards: (0..SAFEGUARDS).map(safeguard).collect(),
        nodes: vec![node("eu", "eu-west-1"), node("us", "us-east-1")],
        law: law.clone(),
        ..SnapshotBuilder::default()
    };
    Arc::new(builder.build())
}

/// A review of about 4 KB whose Pod holds 200 names, one of them a store's.
fn body(used: &str, namespace: &str) -> Vec<u8> {
    let env = |n: usize| json!({"name": format!("V{n}"), "value": format!("a{n}.example.io b{n}.x:80 c{n}-name d{n}-name e{n}-name")});
    let mut env: Vec<Value> = (0..40).map(env).collect();
    env.push(json!({"name": "DB", "value": used}));
    let object = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app-0", "namespace": namespace, "labels": {"app": "app"},
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:containers": {"k:app": {"f:env": {}}}}}}]},
        "spec": {"nodeSelector": {"topology.kubernetes.io/region": "us-east-1"}, "serviceAccountName": "app",
            "containers": [{"name": "app", "image": "registry.example.com/app:1", "env": env,
                "envFrom": [{"secretRef": {"name": "app"}}],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "ports": [{"containerPort": 8080}],
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}]}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "b1f0c7be-0000-4000-8000-000000000000", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "name": "app-0", "namespace": namespace,
        "operation": "CREATE", "userInfo": {"username": "somebody", "groups": ["system:authenticated"]},
        "object": object, "oldObject": null, "dryRun": false}});
    review.to_string().into_bytes()
}

fn measure(bencher: Bencher<'_, '_>, stores: usize, used: &str, namespace: &str, allowed: bool) {
    let (snapshot, body) = (snapshot(stores), body(used, namespace));
    assert!((3_500..4_500).contains(&body.len()), "{}", body.len());
    let now = "2026-11-10T00:00:00Z".parse().expect("an instant");
    let state = ReviewState { snapshot, sight: Sight::Clear, pods: &NoPods, config_maps: None };
    assert_eq!(review(&state, &body, now).expect("a review").decision.allowed, allowed);
    bencher.bench(|| review(&state, black_box(&body), black_box(now)));
}

/// Uses nothing: what most Pods of a cluster are.
#[divan::bench(args = STORES)]
fn no_use(bencher: Bencher<'_, '_>, stores: usize) {
    measure(bencher, stores, "nothing.example.com", "analytics", true);
}

/// Uses a store abroad under clauses.
#[divan::bench(args = STORES)]
fn carried(bencher: Bencher<'_, '_>, stores: usize) {
    measure(bencher, stores, "db-7.example.com:5432", "analytics", true);
}

/// Uses a store abroad without any safeguard: the whole message is written.
#[divan::bench(args = STORES)]
fn refused(bencher: Bencher<'_, '_>, stores: usize) {
    measure(bencher, stores, "db-7.example.com:5432", "shop", false);
}
