//! A cluster with a node in Ireland and one in Virginia, and the account data of the examples.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};

use crate::{
    admission::{BadReview, PodLookup, ReviewState, Reviewed, review, steer},
    api::v1alpha1::DataStore,
    core::{
        ids::{Country, ObjectKey},
        law::LawPack,
        settings::{ClaimsFrom, Mode, Settings},
        snapshot::{Namespace, Node, Snapshot, SnapshotBuilder},
        store::{Place, UnreadableStore},
    },
    index::{PodFacts, Sight, facts},
    parse::{self, RegionCheck},
};

/// Nobody's Pods.
#[derive(Default)]
pub struct Pods(pub HashMap<ObjectKey, Arc<PodFacts>>);

impl PodLookup for Pods {
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>> {
        self.0.get(key).cloned()
    }

    fn running(&self) -> Vec<Arc<PodFacts>> {
        self.0.values().cloned().collect()
    }
}

/// Everything that a review depends on.
pub struct World {
    pub settings: Settings,
    pub parties: Vec<Value>,
    pub stores: Vec<Value>,
    pub safeguards: Vec<Value>,
    pub exceptions: Vec<Value>,
    pub modes: Vec<(&'static str, Mode)>,
    pub terminating: Vec<&'static str>,
    pub nodes: Vec<Node>,
    pub pods: Pods,
    pub ready: bool,
    pub now: &'static str,
}

impl Default for World {
    fn default() -> Self {
        Self {
            settings: Settings {
                mode: Mode::Enforce,
                claims_from: ClaimsFrom::Namespaces(["identity".into()].into()),
                ..Settings::default()
            },
            parties: manifests(include_str!("../../../examples/party.yaml")),
            stores: vec![example_store()],
            safeguards: vec![],
            exceptions: vec![],
            modes: vec![],
            terminating: vec![],
            nodes: vec![node("eu", "eu-west-1", *b"IE"), node("us", "us-east-1", *b"US")],
            pods: Pods::default(),
            ready: true,
            now: "2026-11-10T00:00:00Z",
        }
    }
}

pub fn node(name: &str, region: &str, country: [u8; 2]) -> Node {
    Node {
        name: name.into(),
        labels: [("topology.kubernetes.io/region".to_owned(), region.to_owned())].into(),
        place: Place {
            provider: Some("aws".into()),
            region: Some(region.into()),
            country: Some(Country(country)),
        },
    }
}

/// Every manifest of an example file.
pub fn manifests(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

pub fn example_store() -> Value {
    manifests(include_str!("../../../examples/datastore.yaml")).remove(0)
}

pub fn clauses() -> Value {
    manifests(include_str!("../../../examples/transfersafeguard.yaml")).remove(0)
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

impl World {
    pub fn with_clauses() -> Self {
        Self { safeguards: vec![clauses()], ..Self::default() }
    }

    /// Puts a running Pod where the index would show it.
    pub fn with_pod(mut self, pod: &Value) -> Self {
        let facts = facts::pod(read(pod)).unwrap();
        self.pods.0.insert(facts.key.clone(), Arc::new(facts));
        self
    }

    fn builder(&self) -> SnapshotBuilder {
        static LAW: LazyLock<Arc<LawPack>> = LazyLock::new(|| Arc::new(parse::law::built_in().unwrap()));
        let law = LAW.clone();
        let parties = self.parties.iter();
        let parties = parties.map(|p| Arc::new(parse::party(&read(p), &law).unwrap())).collect();
        let (mut stores, mut unreadable_stores) = (vec![], vec![]);
        for value in &self.stores {
            let store: DataStore = read(value);
            match parse::store(&store, &law, RegionCheck::Strict) {
                Ok(store) => stores.push(Arc::new(store)),
                Err(errors) => {
                    let text = |p: &str| value.pointer(p).and_then(Value::as_str).unwrap();
                    let key = ObjectKey::new(text("/metadata/namespace"), text("/metadata/name"));
                    let (access, engines) = parse::store_traces(&key, &value["spec"]);
                    let why = errors.to_string().into();
                    unreadable_stores.push(Arc::new(UnreadableStore {
                        key,
                        why,
                        access,
                        engines,
                        last_good: None,
                    }));
                }
            }
        }
        let safeguards = self.safeguards.iter();
        let safeguards = safeguards.map(|s| Arc::new(parse::safeguard(&read(s), &law).unwrap())).collect();
        let exceptions = self.exceptions.iter();
        let exceptions =
            exceptions.map(|e| Arc::new(parse::exception(&read(e), &self.settings).unwrap())).collect();
        let namespaces = self
            .modes
            .iter()
            .map(|(name, mode)| ((*name).to_owned(), Namespace { mode: Some(*mode), terminating: false }));
        let going = self.terminating.iter();
        let going = going.map(|name| ((*name).to_owned(), Namespace { mode: None, terminating: true }));
        SnapshotBuilder {
            law,
            settings: Arc::new(self.settings.clone()),
            parties,
            stores,
            unreadable_stores,
            safeguards,
            exceptions,
            namespaces: namespaces.chain(going).collect(),
            nodes: self.nodes.iter().cloned().map(Arc::new).collect(),
            ..SnapshotBuilder::default()
        }
    }

    /// What decisions read.
    pub fn snapshot(&self) -> Snapshot {
        self.builder().build()
    }

    fn state(&self) -> ReviewState<'_> {
        ReviewState {
            snapshot: Arc::new(self.snapshot()),
            sight: if self.ready { Sight::Clear } else { Sight::Loading },
            pods: &self.pods,
            config_maps: None,
        }
    }

    /// What these bytes are answered.
    pub fn review(&self, body: &[u8]) -> Result<Reviewed, BadReview> {
        review(&self.state(), body, self.now.parse().unwrap())
    }

    /// What the mutating webhook answers to these bytes.
    pub fn steer(&self, body: &[u8]) -> Reviewed {
        steer(&self.state(), body, self.now.parse().unwrap()).unwrap()
    }

    /// The whole response to these bytes.
    pub fn bytes(&self, body: &[u8]) -> Result<Value, String> {
        let reviewed = self.review(body).map_err(|e| e.to_string())?;
        Ok(serde_json::from_slice(&reviewed.body).unwrap())
    }

    /// What a review fails with that nobody judges.
    #[track_caller]
    pub fn unjudged(&self, request: &Value) -> String {
        let reviewed = self.review(&body(request)).unwrap();
        assert!(reviewed.decision.fails_the_call() && !reviewed.decision.allowed);
        unjudged(&reviewed.body)
    }

    pub fn ask(&self, request: &Value) -> Answer {
        let review = self.bytes(&body(request)).unwrap();
        assert_eq!(review["response"]["uid"], "u-1");
        Answer(review["response"].clone())
    }

    pub fn create(&self, resource: &str, object: &Value) -> Answer {
        self.ask(&request(resource, object))
    }

    pub fn update(&self, resource: &str, old: &Value, new: &Value) -> Answer {
        let mut request = request(resource, new);
        request["operation"] = json!("UPDATE");
        request["oldObject"] = old.clone();
        self.ask(&request)
    }
}

/// The bytes of a review.
pub fn body(request: &Value) -> Vec<u8> {
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    review.to_string().into_bytes()
}

/// The message of a Status that an API server can read.
#[track_caller]
pub fn unjudged(body: &[u8]) -> String {
    let mut status: Value = serde_json::from_slice(body).unwrap();
    let message = status["message"].take().as_str().unwrap().to_owned();
    let rest = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "ServiceUnavailable",
        "code": 503, "message": null});
    assert_eq!(status, rest);
    message
}

/// A CREATE of `object`; `resource` is `group/resource[/sub]`, the core group empty.
pub fn request(resource: &str, object: &Value) -> Value {
    let mut parts = resource.split('/');
    let mut next = || parts.next().unwrap_or_default();
    let (group, resource, sub) = (next(), next(), next());
    json!({
        "uid": "u-1",
        "kind": {"group": group, "version": "v1", "kind": object["kind"]},
        "resource": {"group": group, "version": "v1", "resource": resource},
        "subResource": sub,
        "name": object["metadata"]["name"],
        "namespace": object["metadata"]["namespace"],
        "operation": "CREATE",
        "userInfo": {"username": "somebody"},
        "object": object,
        "oldObject": null,
        "dryRun": false,
    })
}

/// A response.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Answer {
    pub fn allowed(&self) -> bool {
        self.0["allowed"].as_bool().unwrap()
    }

    pub fn message(&self) -> &str {
        self.0["status"]["message"].as_str().unwrap_or_default()
    }

    pub fn warnings(&self) -> Vec<&str> {
        let all = self.0["warnings"].as_array().into_iter().flatten();
        all.map(|w| w.as_str().unwrap()).inspect(|w| assert!(w.chars().count() < 120, "{w}")).collect()
    }

    pub fn note(&self, key: &str) -> &str {
        self.0["auditAnnotations"][key].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn is_allowed(&self) -> &Self {
        assert!(self.allowed(), "{}", self.message());
        self
    }

    #[track_caller]
    pub fn is_refused(&self, code: u16) -> &Self {
        assert!(!self.allowed(), "{:?}", self.0);
        assert_eq!(self.0["status"]["code"], code, "{}", self.message());
        self
    }
}

/// A Pod spec that uses the account data from `analytics`, pinned to a region where one is given.
pub fn using(region: Option<&str>) -> Value {
    let mut spec = json!({"containers": [
        {"name": "app", "image": "app", "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]});
    if let Some(region) = region {
        spec["nodeSelector"] = json!({"topology.kubernetes.io/region": region});
    }
    spec
}

/// A Pod spec that uses nothing.
pub fn idle() -> Value {
    json!({"containers": [{"name": "app", "image": "app"}]})
}

pub fn pod(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": {"name": "exporter-0", "namespace": "analytics", "labels": {"app": "exporter"}}})
}

pub fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "exporter", "namespace": "analytics"},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "exporter"}}, "spec": spec}}})
}
