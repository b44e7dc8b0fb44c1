//! What the cluster would know once everything were applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Node, PersistentVolume, PersistentVolumeClaim},
    discovery::v1::EndpointSlice,
};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::object::Object;
use crate::{
    api::v1alpha1 as api,
    core::{ids::ObjectKey, law::LawPack, settings::Settings, snapshot::Snapshot},
    detect::ConfigMapData,
    index::{Change, Context, Entry, Kind, State, TableEvent, Watched, facts, key},
};

/// Tables as the operator's watches would fill them.
pub struct World {
    context: Context,
    state: State,
    /// Texts of ConfigMaps.
    pub config_maps: BTreeMap<ObjectKey, ConfigMapData>,
    /// Whether a Node is there.
    pub has_nodes: bool,
    /// Namespaces in which something is.
    pub seen: BTreeSet<String>,
}

impl World {
    /// A cluster in which nothing is.
    pub fn new(law: Arc<LawPack>, settings: Arc<Settings>) -> Self {
        let state = State::new(law.clone(), settings.clone());
        let context = Context { law, settings };
        Self { context, state, config_maps: BTreeMap::new(), has_nodes: false, seen: BTreeSet::new() }
    }

    /// Another cluster of the same law and settings, in which nothing is.
    pub fn empty(&self) -> Self {
        Self::new(self.context.law.clone(), self.context.settings.clone())
    }

    /// Puts an object in: as if it had been created.
    pub fn add(&mut self, object: &Object) {
        let Object { kind, value, .. } = object;
        let key = ObjectKey::new(object.namespace(), object.name());
        if !object.namespace().is_empty() {
            self.seen.insert(object.namespace().to_owned());
        }
        match kind.as_str() {
            "Party" => self.declared::<api::Party>(value),
            "DataStore" => self.declared::<api::DataStore>(value),
            "TransferSafeguard" => self.declared::<api::TransferSafeguard>(value),
            "TransferException" => self.declared::<api::TransferException>(value),
            "RetentionPolicy" => self.declared::<api::RetentionPolicy>(value),
            "LegalHold" => self.declared::<api::LegalHold>(value),
            "DataPrivacyFrameworkSnapshot" => self.declared::<api::DataPrivacyFrameworkSnapshot>(value),
            "Namespace" => {
                if let Some(namespace) = read::<Namespace>(value) {
                    self.state.apply(Change::Namespace(TableEvent::Apply(key, facts::namespace(&namespace))));
                }
            }
            "Node" => {
                if let Some(node) = read::<Node>(value) {
                    let node = facts::node(node, &self.context.law, &self.context.settings);
                    self.state.apply(Change::Node(TableEvent::Apply(key, Arc::new(node))));
                    self.has_nodes = true;
                }
            }
            "PersistentVolume" => {
                let volume = read::<PersistentVolume>(value)
                    .and_then(|volume| facts::volume(volume, &self.context.settings));
                if let Some(volume) = volume {
                    self.state.apply(Change::Volume(TableEvent::Apply(key, Arc::new(volume))));
                }
            }
            "PersistentVolumeClaim" => {
                if let Some(clone) = read::<PersistentVolumeClaim>(value).and_then(facts::cloned) {
                    self.state.apply(Change::Clone(TableEvent::Apply(key, Arc::new(clone))));
                }
            }
            "EndpointSlice" => {
                if let Some(endpoints) = read::<EndpointSlice>(value).and_then(facts::endpoints) {
                    self.state.apply(Change::Endpoints(TableEvent::Apply(key, Arc::new(endpoints))));
                }
            }
            "Job" if self.context.settings.derogations_for_jobs => {
                if let Some(uid) = read::<Job>(value).and_then(|job| facts::unowned_job(&job)) {
                    self.state.apply(Change::Job(TableEvent::Apply(key, uid)));
                }
            }
            "ConfigMap" => {
                if let Some(map) = read::<ConfigMap>(value) {
                    self.config_maps.insert(key, Arc::new(map.data.unwrap_or_default()));
                }
            }
            _ => {}
        }
    }

    fn declared<K: Kind + Resource + DeserializeOwned>(&mut self, value: &Value) {
        if let Some(object) = read::<Watched<K>>(value) {
            let entry = Entry::new(object, &self.context);
            self.state.apply(K::change(TableEvent::Apply(key(&entry.meta), entry)));
        }
    }

    /// Everything that decisions read.
    pub fn snapshot(&self) -> Snapshot {
        self.state.snapshot()
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}
