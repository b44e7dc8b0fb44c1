//! The cluster as the operator judges it: by its flags and its law, what is declared, nodes, and what runs. Kept as it was
//! listed, so that it can be read again by another law or with other objects.

mod declared;
mod flags;
mod gather;
mod template;
#[cfg(test)]
pub mod testing;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume};

pub use declared::{Declared, EditError, without};
pub use flags::Judging;
pub use gather::{Look, WorldError, from_file, gather, retained};
pub use template::{Template, Workload, template};

use crate::{
    core::{
        claim::ClonedClaim, endpoints::Endpoints, ids::ObjectKey, law::LawPack, settings::Settings,
        snapshot::Snapshot,
    },
    detect::{self, ConfigMapData, Detection},
    index::{Change, Context, Owner, PodFacts, State, TableEvent, facts, key},
    picture::{Using, detected},
};

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The law.
    pub law: Arc<LawPack>,
    /// The operator's settings.
    pub settings: Arc<Settings>,
    /// What is declared.
    pub declared: Declared,
    /// Namespaces.
    pub namespaces: Vec<Namespace>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// PersistentVolumes, where they may be listed.
    pub volumes: Vec<PersistentVolume>,
    /// PersistentVolumeClaims that started with the files of others, where they may be listed.
    pub clones: Vec<Arc<ClonedClaim>>,
    /// Endpoints that no selector made, by their EndpointSlices, where these may be listed.
    pub endpoints: Vec<(ObjectKey, Arc<Endpoints>)>,
    /// Pods that have not ended.
    pub pods: Vec<Arc<PodFacts>>,
    /// What makes Pods, and is made by nothing else.
    pub templates: Vec<Template>,
    /// Owners of owners, by the uid of the lower one.
    pub owners: HashMap<String, Owner>,
    /// Uids of Jobs that nothing owns.
    pub unowned_jobs: HashMap<ObjectKey, Arc<str>>,
    /// Texts of ConfigMaps, where the operator reads them.
    pub config_maps: BTreeMap<ObjectKey, ConfigMapData>,
    /// What could not be looked at, and what is assumed instead.
    pub notes: Vec<String>,
}

impl World {
    /// What decisions read.
    pub fn snapshot(&self) -> Snapshot {
        let context = Context { law: self.law.clone(), settings: self.settings.clone() };
        let mut state = State::new(self.law.clone(), self.settings.clone());
        self.declared.apply(&context, &mut state);
        for namespace in &self.namespaces {
            let event = TableEvent::Apply(key(&namespace.metadata), facts::namespace(namespace));
            state.apply(Change::Namespace(event));
        }
        for node in &self.nodes {
            let node = facts::node(node.clone(), &self.law, &self.settings);
            let event = TableEvent::Apply(ObjectKey::new("", node.name.clone()), Arc::new(node));
            state.apply(Change::Node(event));
        }
        for volume in &self.volumes {
            if let Some(volume) = facts::volume(volume.clone(), &self.settings) {
                let event = TableEvent::Apply(ObjectKey::new("", volume.name.clone()), Arc::new(volume));
                state.apply(Change::Volume(event));
            }
        }
        for clone in &self.clones {
            state.apply(Change::Clone(TableEvent::Apply(clone.claim.clone(), clone.clone())));
        }
        for (slice, endpoints) in &self.endpoints {
            state.apply(Change::Endpoints(TableEvent::Apply(slice.clone(), endpoints.clone())));
        }
        for (job, uid) in &self.unowned_jobs {
            state.apply(Change::Job(TableEvent::Apply(job.clone(), uid.clone())));
        }
        state.snapshot()
    }

    /// Every running Pod that uses a store, with its top-level owner.
    pub fn running(&self, snapshot: &Snapshot) -> Vec<Using> {
        let lookup = |key: &ObjectKey| self.config_maps.get(key).cloned();
        let config_maps: Option<&detect::ConfigMapLookup<'_>> =
            if snapshot.settings.read_config_maps { Some(&lookup) } else { None };
        let found = detected(snapshot, self.pods.iter().cloned(), config_maps);
        found.into_iter().map(|(pod, found)| Using::new(self.top(&pod.owner), pod, found)).collect()
    }

    /// What a template uses.
    pub fn detect(&self, snapshot: &Snapshot, template: &Template) -> Detection {
        let lookup = |key: &ObjectKey| self.config_maps.get(key).cloned();
        let mut subject = template.subject();
        if snapshot.settings.read_config_maps {
            subject.config_maps = Some(&lookup);
        }
        detect::uses(snapshot, &subject)
    }

    /// The object that a person wrote, as far as that is known.
    pub fn top(&self, direct: &Owner) -> Owner {
        let mut top = direct;
        // A Pod of a Job of a CronJob, and nothing deeper that we know; a circle must not hold us.
        for _ in 0..4 {
            match self.owners.get(&top.uid) {
                Some(above) => top = above,
                None => break,
            }
        }
        top.clone()
    }

    /// Templates of which no Pod runs now: a CronJob between two runs, what was scaled to nothing.
    pub fn idle(&self) -> impl Iterator<Item = &Template> {
        let running: HashSet<String> =
            self.pods.iter().filter(|pod| pod.node().is_some()).map(|pod| self.top(&pod.owner).uid).collect();
        self.templates.iter().filter(move |template| !running.contains(&template.owner.uid))
    }
}
