//! Events about evictions: on what people know, each once for each change.

use std::collections::BTreeSet;

use super::Outlook;
use crate::{
    api::v1alpha1::DataStore,
    controllers::{Shared, transfers::publish::Publisher},
    core::ids::ObjectKey,
    index::Owner,
    picture::{Lapsed, LapsedPod},
    platform::{EventKind, Note},
};

/// Says what happens, and what does not.
pub struct Say {
    publisher: Publisher,
    /// Pods that stay, by uid.
    staying: BTreeSet<String>,
    paused: BTreeSet<ObjectKey>,
    evicted: BTreeSet<(Owner, String)>,
    blocked: BTreeSet<(Owner, String)>,
}

impl Say {
    /// Has said nothing yet.
    pub fn new(publisher: Publisher) -> Self {
        Self {
            publisher,
            staying: BTreeSet::new(),
            paused: BTreeSet::new(),
            evicted: BTreeSet::new(),
            blocked: BTreeSet::new(),
        }
    }

    /// That a workload's Pods go.
    pub fn evicted(&mut self, pod: &LapsedPod, sentence: &str) {
        let note = format!("{sentence}; its Pods are evicted, and others come once something covers it");
        if self.evicted.insert((pod.owner.clone(), note.clone())) {
            self.publish(&pod.owner, "Evicted", note);
        }
    }

    /// That a workload's Pods cannot go.
    pub fn blocked(&mut self, pod: &LapsedPod, why: &str) {
        let note = format!(
            "nothing covers the data of its Pods, and they cannot be evicted: {why} They are tried again"
        );
        if self.blocked.insert((pod.owner.clone(), note.clone())) {
            self.publish(&pod.owner, "EvictionBlocked", note);
        }
    }

    /// What waits, and who stays. Forgets what is over, so that it is said again when it comes again.
    pub fn of(&mut self, shared: &Shared, lapsed: &Lapsed, outlook: &Outlook) {
        let staying: Vec<&LapsedPod> = lapsed.pods.iter().filter(|pod| !pod.comes_back()).collect();
        for pod in &staying {
            if self.staying.insert(pod.uid.clone()) {
                let itself = Owner {
                    api_version: "v1".into(),
                    kind: "Pod".into(),
                    namespace: pod.key.namespace.to_string(),
                    name: pod.key.name.to_string(),
                    uid: pod.uid.clone(),
                };
                let note = "nothing covers its data, and it is not evicted: no controller would make another one in its \
                            place; delete it, or declare what covers it";
                self.publish(&itself, "NotEvicted", note.into());
            }
        }
        self.staying.retain(|uid| staying.iter().any(|pod| pod.uid == *uid));
        for (store, standing) in &outlook.stores {
            match standing.paused() {
                // What lasts for seconds is in the condition alone.
                Some(why) if standing.held.is_some() => {
                    if self.paused.insert(store.clone())
                        && let Some(on) = owner(shared, store)
                    {
                        self.publish(&on, "EvictionPaused", why);
                    }
                }
                Some(_) | None => drop(self.paused.remove(store)),
            }
        }
        self.paused.retain(|store| outlook.stores.contains_key(store));
        let is_there = |owner: &Owner| lapsed.pods.iter().any(|pod| pod.owner == *owner);
        self.evicted.retain(|(owner, _)| is_there(owner));
        self.blocked.retain(|(owner, _)| is_there(owner));
    }

    fn publish(&self, on: &Owner, reason: &'static str, note: String) {
        let note = Note { kind: EventKind::Warning, reason, action: "Evict", note };
        self.publisher.publish(on.clone(), note);
    }
}

/// A store, as what an Event is about.
fn owner(shared: &Shared, key: &ObjectKey) -> Option<Owner> {
    use kube::Resource;
    let uid = shared.index.state().stores.get(key)?.meta.uid.clone()?;
    Some(Owner {
        api_version: DataStore::api_version(&()).into_owned(),
        kind: DataStore::kind(&()).into_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        uid,
    })
}
