//! Which stores a Pod uses: every reference that a Pod spec can make, every host name in its literals, and what its
//! author declares.
//!
//! The specs are taken apart field by field without `..`: a field that Kubernetes adds fails the build until somebody
//! decided what it may reach. Each reference costs a hash look-up, however many stores there are.

mod container;
mod declared;
mod downward;
mod expand;
mod finder;
mod finding;
mod names;
mod outside;
mod pod;
mod volume;

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodSpec};

pub use downward::Handed;
pub use finding::Finding;

use crate::core::{
    ids::ObjectKey,
    selector::Labels,
    snapshot::Snapshot,
    transfer::{Sending, Use},
};

/// What is read of a ConfigMap: its texts by key.
pub type ConfigMapData = Arc<BTreeMap<String, String>>;

/// Finds a ConfigMap's texts; none = it is not known.
pub type ConfigMapLookup<'a> = dyn Fn(&ObjectKey) -> Option<ConfigMapData> + Sync + 'a;

/// What is asked about: a Pod, or the Pod that a template would make.
#[derive(Clone, Copy)]
pub struct PodSubject<'a> {
    /// Namespace of the Pod.
    pub namespace: &'a str,
    /// Its spec.
    pub spec: &'a PodSpec,
    /// Its annotations.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its labels.
    pub labels: &'a Labels,
    /// Templates of the claims that are made for it.
    pub claim_templates: &'a [PersistentVolumeClaim],
    /// Where the texts of ConfigMaps are found, with `--read-configmaps`.
    pub config_maps: Option<&'a ConfigMapLookup<'a>>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    /// The stores that are used, each once, by key.
    pub uses: Vec<Use>,
    /// The parties whose hosts are named, each host once. Of interest only where a store is used.
    pub sends: Vec<Sending>,
    /// References to Secrets for erasure: the Secret, its store, how it was found. Only the runner may make them.
    pub erasure_secrets: Vec<(ObjectKey, ObjectKey, String)>,
    /// What a person should hear of, though it changes no verdict: claims that do not reach so far, names of no store.
    pub findings: Vec<Finding>,
}

/// Which stores a Pod uses.
pub fn uses(snapshot: &Snapshot, subject: &PodSubject<'_>) -> Detection {
    let mut finder = finder::Finder::new(snapshot, subject);
    pod::walk(&mut finder, subject);
    declared::read(&mut finder, subject.annotations);
    finder.finish()
}

#[cfg(test)]
pub(crate) mod tests;
