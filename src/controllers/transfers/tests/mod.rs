//! Sentences about what is said of running workloads, over objects as a cluster shows them.

mod packs;
mod said;
mod standing;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::findings;
use crate::{
    api::v1alpha1::{DataStore, DataStoreStatus, Party, TransferException, TransferSafeguard},
    core::{
        ids::ObjectKey,
        settings::{ClaimsFrom, Settings},
        snapshot::Snapshot,
    },
    detect,
    index::{Change, Context, Entry, Kind, PodFacts, State, TableEvent, Watched, facts},
    parse::law,
    picture::{Picture, StorePicture, Using, judge},
};

pub const NOW: &str = "2026-11-15T00:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A cluster with a node in Ireland (`eu1`) and one in Virginia (`us1`).
pub struct World {
    context: Context,
    state: State,
    pods: Vec<Arc<PodFacts>>,
}

impl World {
    pub fn new() -> Self {
        let context = Context {
            law: Arc::new(law::built_in().unwrap()),
            settings: Arc::new(Settings {
                claims_from: ClaimsFrom::Namespaces(["identity".into()].into()),
                ..Settings::default()
            }),
        };
        let state = State::new(context.law.clone(), context.settings.clone());
        let mut world = Self { context, state, pods: vec![] };
        for (name, region) in [("eu1", "eu-west-1"), ("us1", "us-east-1")] {
            world.node(name, region);
        }
        world.party("ltd", "IE", &["identity"]);
        world.party("inc", "US", &["analytics"]);
        world
    }

    pub fn node(&mut self, name: &str, region: &str) {
        self.node_saying(name, region, &format!("aws:///{region}a/{name}"));
    }

    pub fn node_saying(&mut self, name: &str, region: &str, provider_id: &str) {
        let node = serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/region": region}},
            "spec": {"providerID": provider_id}}))
        .unwrap();
        let node = Arc::new(facts::node(node, &self.context.law, &self.context.settings));
        self.state.apply(Change::Node(TableEvent::Apply(ObjectKey::new("", name), node)));
    }

    /// Somebody writes this address behind a Service.
    pub fn endpoints(&mut self, namespace: &str, service: &str, address: &str, port: u16) {
        let slice = serde_json::from_value(json!({
            "metadata": {"name": service, "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "endpoints": [{"addresses": [address]}], "ports": [{"port": port}]}))
        .unwrap();
        let endpoints = Arc::new(facts::endpoints(slice).unwrap());
        let at = ObjectKey::new(namespace, service);
        self.state.apply(Change::Endpoints(TableEvent::Apply(at, endpoints)));
    }

    fn apply<K: Kind + DeserializeOwned>(&mut self, object: &Value) {
        let object: K = serde_json::from_value(object.clone()).unwrap();
        let entry = Entry::new(Watched::Fits(Box::new(object)), &self.context);
        assert!(entry.value.is_ok(), "{:?}", entry.value);
        self.state.apply(K::change(TableEvent::Apply(entry.key(), entry)));
    }

    /// A namespace with a mode.
    pub fn mode(&mut self, name: &str, mode: &str) {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name,
            "labels": {"carnet.dev/transfers": mode}}}))
        .unwrap();
        let namespace = facts::namespace(&namespace);
        self.state.apply(Change::Namespace(TableEvent::Apply(ObjectKey::new("", name), namespace)));
    }

    pub fn party(&mut self, name: &str, country: &str, namespaces: &[&str]) {
        self.apply::<Party>(
            &json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": country, "runs": {"namespaces": namespaces}}}),
        );
    }

    /// A store of account data in Ireland, used by the Secret `NAME-app` of the namespace analytics.
    pub fn store(&mut self, name: &str) {
        self.store_with(name, &json!({}));
    }

    pub fn store_with(&mut self, name: &str, more: &Value) {
        self.store_in("identity", name, more);
    }

    pub fn store_in(&mut self, namespace: &str, name: &str, more: &Value) {
        let mut store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
            "metadata": {"name": name, "namespace": namespace, "generation": 1},
            "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "origins": ["EEA"],
                "location": {"provider": "aws", "region": "eu-west-1"},
                "engine": {"external": {"description": "a test"}},
                "access": {"secrets": [{"name": format!("{name}-app"), "namespace": "analytics"}]},
                "datasets": [{"name": "accounts", "categories": ["account.contact"], "subjects": ["Customer"]}]}});
        for (key, value) in more.as_object().unwrap() {
            store["spec"][key] = value.clone();
        }
        self.apply::<DataStore>(&store);
    }

    /// The store says so in its status.
    pub fn said(&mut self, name: &str, status: &DataStoreStatus) {
        let entry = self.state.stores.get(&ObjectKey::new("identity", name)).unwrap();
        let mut object = (**entry.object.as_ref().unwrap()).clone();
        object.status = Some(status.clone());
        self.apply::<DataStore>(&serde_json::to_value(object).unwrap());
    }

    /// The stores as the index has them.
    pub fn entries(&self) -> Vec<Entry<DataStore>> {
        self.state.stores.iter().map(|(_, entry)| entry.clone()).collect()
    }

    pub fn clauses(&mut self, name: &str, preference: i32) {
        self.clauses_until(name, preference, "2028-01-15T00:00:00Z");
    }

    pub fn clauses_until(&mut self, name: &str, preference: i32, until: &str) {
        self.apply::<TransferSafeguard>(&json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard",
            "metadata": {"name": name}, "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
                "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
                "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
                "scope": {"any": true}, "preference": preference, "validUntil": until}}));
    }

    pub fn without_safeguard(&mut self, name: &str) {
        self.state.apply(Change::TransferSafeguard(TableEvent::Delete(ObjectKey::new("", name))));
    }

    pub fn exception(&mut self, store: &str) {
        self.apply::<TransferException>(
            &json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException",
            "metadata": {"name": "incident", "creationTimestamp": NOW}, "spec": {"reason": "r", "ticket": "t",
                "workloads": {"namespace": "analytics"}, "stores": [{"namespace": "identity", "name": store}],
                "expiresAt": "2026-11-16T00:00:00Z"}}),
        );
    }

    /// A Pod of a Deployment on this node that uses these Secrets.
    pub fn pod(&mut self, owner: &str, number: usize, node: &str, secrets: &[&str]) {
        self.pod_in("analytics", owner, number, node, secrets);
    }

    pub fn pod_in(&mut self, namespace: &str, owner: &str, number: usize, node: &str, secrets: &[&str]) {
        let from: Vec<Value> = secrets.iter().map(|s| json!({"secretRef": {"name": s}})).collect();
        let pod = serde_json::from_value(json!({
            "metadata": {"name": format!("{owner}-{number}"), "namespace": namespace, "uid": format!("{owner}-{number}"),
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner,
                    "uid": format!("uid-{owner}"), "controller": true}]},
            "spec": {"nodeName": node, "containers": [{"name": "app", "envFrom": from}]}}))
        .unwrap();
        self.pods.push(Arc::new(facts::pod(pod).unwrap()));
    }

    pub fn snapshot(&self) -> Snapshot {
        self.state.snapshot()
    }

    pub fn running(&self, snapshot: &Snapshot) -> Vec<Using> {
        let all = self.pods.iter().map(|pod| {
            Using::new(pod.owner.clone(), pod.clone(), detect::uses(snapshot, &pod.subject(None)))
        });
        all.collect()
    }

    pub fn judge(&self, now: &str) -> Picture {
        let snapshot = self.snapshot();
        judge(&snapshot, &self.running(&snapshot), at(now))
    }

    /// What a store's status says after it said `old`.
    pub fn status_after(&self, store: &str, old: Option<&DataStoreStatus>, now: &str) -> DataStoreStatus {
        self.status_of("identity", store, old, now)
    }

    pub fn status_of(
        &self,
        namespace: &str,
        store: &str,
        old: Option<&DataStoreStatus>,
        now: &str,
    ) -> DataStoreStatus {
        let (snapshot, picture) = (self.snapshot(), self.judge(now));
        let key = ObjectKey::new(namespace, store);
        let nothing = StorePicture::default();
        let about = picture.stores.get(&key).unwrap_or(&nothing);
        let meta = ObjectMeta { generation: Some(1), ..ObjectMeta::default() };
        findings::accepted(&snapshot, &snapshot.stores[&key], (about, None), &meta, old, at(now))
    }

    pub fn status(&self, store: &str) -> DataStoreStatus {
        self.status_after(store, None, NOW)
    }
}

pub fn condition<'a>(status: &'a DataStoreStatus, type_: &str) -> &'a Condition {
    status.conditions.iter().find(|c| c.type_ == type_).unwrap()
}
