//! The tables behind the snapshot.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    Entry, Kind, PodFacts, Table, TableEvent,
    change::{Change, Effect},
};
use crate::{
    api::v1alpha1 as api,
    core::{
        claim::ClonedClaim,
        endpoints::Endpoints,
        hold::Hold,
        ids::ObjectKey,
        law::LawPack,
        settings::Settings,
        snapshot::{Namespace, Node, Snapshot, SnapshotBuilder},
        store::UnreadableStore,
        volume::Volume,
    },
    parse,
};

/// One table for each watch.
pub struct State {
    law: Arc<LawPack>,
    settings: Arc<Settings>,
    /// Parties.
    pub parties: Table<Entry<api::Party>>,
    /// DataStores.
    pub stores: Table<Entry<api::DataStore>>,
    /// TransferSafeguards.
    pub safeguards: Table<Entry<api::TransferSafeguard>>,
    /// TransferExceptions.
    pub exceptions: Table<Entry<api::TransferException>>,
    /// DataPrivacyFrameworkSnapshots.
    pub framework_lists: Table<Entry<api::DataPrivacyFrameworkSnapshot>>,
    /// RetentionPolicies.
    pub policies: Table<Entry<api::RetentionPolicy>>,
    /// LegalHolds.
    pub holds: Table<Entry<api::LegalHold>>,
    /// Namespaces.
    pub namespaces: Table<Namespace>,
    /// Nodes.
    pub nodes: Table<Arc<Node>>,
    /// PersistentVolumes that are bound to a claim.
    pub volumes: Table<Arc<Volume>>,
    /// PersistentVolumeClaims that started with the files of others.
    pub clones: Table<Arc<ClonedClaim>>,
    /// EndpointSlices that no selector made.
    pub endpoints: Table<Arc<Endpoints>>,
    /// Pods that have not ended.
    pub pods: Table<Arc<PodFacts>>,
    /// Values of ConfigMaps, where they are watched.
    pub config_maps: Table<Arc<BTreeMap<String, String>>>,
    /// Uids of the Jobs that nothing owns, where they are watched.
    pub unowned_jobs: Table<Arc<str>>,
}

impl State {
    /// Empty tables. ConfigMaps and Jobs are waited for only where they are read.
    pub fn new(law: Arc<LawPack>, settings: Arc<Settings>) -> Self {
        let mut config_maps = Table::default();
        if !settings.read_config_maps {
            config_maps.unwatched();
        }
        let mut unowned_jobs = Table::default();
        if !settings.derogations_for_jobs {
            unowned_jobs.unwatched();
        }
        Self {
            law,
            settings,
            parties: Table::default(),
            stores: Table::default(),
            safeguards: Table::default(),
            exceptions: Table::default(),
            framework_lists: Table::default(),
            policies: Table::default(),
            holds: Table::default(),
            namespaces: Table::default(),
            nodes: Table::default(),
            volumes: Table::default(),
            clones: Table::default(),
            endpoints: Table::default(),
            pods: Table::default(),
            config_maps,
            unowned_jobs,
        }
    }

    /// Applies a change and tells what it touches.
    pub fn apply(&mut self, change: Change) -> Effect {
        let snapshot = |changed: bool| if changed { Effect::Snapshot } else { Effect::Nothing };
        let pods = |changed: bool| if changed { Effect::Pods } else { Effect::Nothing };
        match change {
            Change::Party(e) => declared(&mut self.parties, e),
            Change::DataStore(e) => {
                let e = remembering(&self.stores, e);
                declared(&mut self.stores, e)
            }
            Change::TransferSafeguard(e) => declared(&mut self.safeguards, e),
            Change::TransferException(e) => declared(&mut self.exceptions, e),
            Change::DataPrivacyFrameworkSnapshot(e) => declared(&mut self.framework_lists, e),
            Change::RetentionPolicy(e) => declared(&mut self.policies, e),
            Change::LegalHold(e) => declared(&mut self.holds, e),
            Change::Namespace(e) => snapshot(plain(&mut self.namespaces, e)),
            Change::Node(e) => snapshot(plain(&mut self.nodes, e)),
            Change::Volume(e) => snapshot(plain(&mut self.volumes, e)),
            Change::Clone(e) => snapshot(plain(&mut self.clones, e)),
            Change::Endpoints(e) => snapshot(plain(&mut self.endpoints, e)),
            Change::Pod(e) => pods(plain(&mut self.pods, e)),
            Change::ConfigMap(e) => {
                // What a ConfigMap says changes which stores the Pods that refer to it use.
                pods(plain(&mut self.config_maps, e))
            }
            Change::Job(e) => snapshot(plain(&mut self.unowned_jobs, e)),
        }
    }

    /// Whether every watch has listed once.
    pub fn is_listed(&self) -> bool {
        self.parties.is_listed()
            && self.stores.is_listed()
            && self.safeguards.is_listed()
            && self.exceptions.is_listed()
            && self.framework_lists.is_listed()
            && self.policies.is_listed()
            && self.holds.is_listed()
            && self.namespaces.is_listed()
            && self.nodes.is_listed()
            && self.volumes.is_listed()
            && self.clones.is_listed()
            && self.endpoints.is_listed()
            && self.pods.is_listed()
            && self.config_maps.is_listed()
            && self.unowned_jobs.is_listed()
    }

    /// The snapshot of the tables as they are.
    pub fn snapshot(&self) -> Snapshot {
        let mut invalid = BTreeMap::new();
        let parties = read(&self.parties, &mut invalid);
        let stores = read(&self.stores, &mut invalid);
        let unreadable_stores = self.stores.iter().filter_map(|(key, e)| unreadable(key, e)).collect();
        let safeguards = read(&self.safeguards, &mut invalid);
        let exceptions = read(&self.exceptions, &mut invalid);
        let framework_lists = read(&self.framework_lists, &mut invalid);
        let policies = read(&self.policies, &mut invalid);
        let mut holds = read(&self.holds, &mut invalid);
        holds.extend(
            self.holds
                .iter()
                .filter(|(_, e)| e.value.is_err())
                // What it meant to keep is not known.
                .map(|(key, e)| {
                    Arc::new(Hold::unreadable(key.name.clone(), e.meta.uid.clone().unwrap_or_default()))
                }),
        );
        SnapshotBuilder {
            law: self.law.clone(),
            settings: self.settings.clone(),
            parties,
            stores,
            unreadable_stores,
            safeguards,
            exceptions,
            framework_lists,
            policies,
            holds,
            namespaces: self.namespaces.iter().map(|(k, n)| (k.name.to_string(), n.clone())).collect(),
            unowned_jobs: self.unowned_jobs.iter().map(|(key, uid)| (key.clone(), uid.clone())).collect(),
            nodes: self.nodes.iter().map(|(_, n)| n.clone()).collect(),
            volumes: self.volumes.iter().map(|(_, v)| v.clone()).collect(),
            clones: self.clones.iter().map(|(_, c)| c.clone()).collect(),
            endpoints: self.endpoints.iter().map(|(_, e)| e.clone()).collect(),
            invalid,
        }
        .build()
    }
}

fn read<K: Kind>(
    table: &Table<Entry<K>>,
    invalid: &mut BTreeMap<(String, String, String), String>,
) -> Vec<Arc<K::Value>> {
    let mut all = vec![];
    for (key, entry) in table {
        match &entry.value {
            Ok(value) => all.push(value.clone()),
            Err(reason) => {
                let id = (K::kind(&()).into_owned(), key.namespace.to_string(), key.name.to_string());
                invalid.insert(id, reason.to_string());
            }
        }
    }
    all
}

/// What is left of a DataStore that cannot be read; none where it can be.
fn unreadable(key: &ObjectKey, entry: &Entry<api::DataStore>) -> Option<Arc<UnreadableStore>> {
    let why = entry.value.as_ref().err()?.clone();
    let (access, engines) = parse::store_traces(key, entry.written.as_deref().unwrap_or(&Value::Null));
    Some(Arc::new(UnreadableStore {
        key: key.clone(),
        why,
        access,
        engines,
        last_good: entry.last_good.clone(),
    }))
}

/// Carries what an object meant over an edit that means nothing. Another object of the same name inherits nothing.
fn remembering<K: Kind>(table: &Table<Entry<K>>, mut event: TableEvent<Entry<K>>) -> TableEvent<Entry<K>> {
    if let TableEvent::Apply(key, new) | TableEvent::InitApply(key, new) = &mut event
        && new.value.is_err()
        && let Some(old) = table.get(key).filter(|old| old.meta.uid == new.meta.uid)
    {
        new.last_good = old.value.clone().ok().or_else(|| old.last_good.clone());
    }
    event
}

/// A status that changes is no reason to build everything anew.
fn declared<K: Kind>(table: &mut Table<Entry<K>>, event: TableEvent<Entry<K>>) -> Effect {
    let same = match &event {
        TableEvent::Apply(key, new) => table.get(key).is_some_and(|old| old.means_the_same(new)),
        _ => false,
    };
    match (table.apply(event), same) {
        (false, _) => Effect::Nothing,
        (true, true) => Effect::Objects,
        (true, false) => Effect::Snapshot,
    }
}

/// A heartbeat is no change.
fn plain<V: PartialEq>(table: &mut Table<V>, event: TableEvent<V>) -> bool {
    if let TableEvent::Apply(key, new) = &event
        && table.get(key) == Some(new)
    {
        return false;
    }
    table.apply(event)
}
