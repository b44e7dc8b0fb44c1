//! Templates of Pods, and the object that a person wrote around them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::{PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::Resource;

use crate::{
    core::{selector::Labels, snapshot::Snapshot, transfer},
    detect::PodSubject,
    index::{Owner, owner_of},
};

/// What would run, or runs.
#[derive(Clone, Debug)]
pub struct Template {
    /// The object that holds it.
    pub owner: Owner,
    /// Its own controller, where it has one: then it is not what a person wrote.
    pub above: Option<Owner>,
    /// Labels of the Pods.
    pub labels: Labels,
    /// Annotations of the Pods.
    pub annotations: BTreeMap<String, String>,
    /// Spec of the Pods.
    pub spec: PodSpec,
    /// Templates of the claims that are made for each.
    pub claims: Vec<PersistentVolumeClaim>,
}

impl Template {
    /// Whether it is a Job that nothing owns, or a Pod of one.
    pub fn is_one_off(&self, snapshot: &Snapshot) -> bool {
        let by = match (self.owner.kind.as_str(), &self.above) {
            ("Job", None) => &self.owner,
            ("Pod", Some(above)) => above,
            _ => return false,
        };
        snapshot.is_one_off(&self.owner.namespace, &by.made_by())
    }

    /// As decisions see it: by the object that holds it.
    pub fn workload(&self, snapshot: &Snapshot) -> transfer::Workload<'_> {
        transfer::Workload {
            kind: &self.owner.kind,
            namespace: &self.owner.namespace,
            name: &self.owner.name,
            labels: &self.labels,
            one_off: self.is_one_off(snapshot),
        }
    }

    /// As detection sees it.
    pub fn subject(&self) -> PodSubject<'_> {
        PodSubject {
            namespace: &self.owner.namespace,
            spec: &self.spec,
            annotations: &self.annotations,
            labels: &self.labels,
            claim_templates: &self.claims,
            config_maps: None,
        }
    }
}

/// A kind that makes Pods, or is one.
pub trait Workload: Resource<DynamicType = ()> {
    /// Takes it apart.
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>);

    /// Whether its Pods are over for good.
    fn is_over(&self) -> bool {
        false
    }
}

/// The template that an object holds.
pub fn template<K: Workload>(object: K) -> Template {
    let (meta, pod, claims) = object.parts();
    let owner = Owner {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        uid: meta.uid.unwrap_or_default(),
    };
    let references = meta.owner_references.unwrap_or_default();
    let controller = references.iter().find(|reference| reference.controller == Some(true));
    let above = controller.map(|reference| owner_of(reference, &owner.namespace));
    let inner = pod.metadata.unwrap_or_default();
    Template {
        owner,
        above,
        labels: inner.labels.unwrap_or_default(),
        annotations: inner.annotations.unwrap_or_default(),
        spec: pod.spec.unwrap_or_default(),
        claims,
    }
}

impl Workload for Pod {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        let template = PodTemplateSpec { metadata: Some(self.metadata.clone()), spec: self.spec };
        (self.metadata, template, vec![])
    }

    fn is_over(&self) -> bool {
        let phase = self.status.as_ref().and_then(|s| s.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }
}

impl Workload for Deployment {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        (self.metadata, self.spec.template, vec![])
    }
}

impl Workload for ReplicaSet {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        (self.metadata, self.spec.template.unwrap_or_default(), vec![])
    }
}

impl Workload for StatefulSet {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        (self.metadata, self.spec.template, self.spec.volume_claim_templates.unwrap_or_default())
    }
}

impl Workload for DaemonSet {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        (self.metadata, self.spec.template, vec![])
    }
}

impl Workload for Job {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        (self.metadata, self.spec.map(|spec| spec.template).unwrap_or_default(), vec![])
    }

    fn is_over(&self) -> bool {
        let conditions = self.status.iter().flat_map(|s| s.conditions.iter().flatten());
        conditions.into_iter().any(|c| c.status == "True" && matches!(&*c.type_, "Complete" | "Failed"))
    }
}

impl Workload for CronJob {
    fn parts(self) -> (ObjectMeta, PodTemplateSpec, Vec<PersistentVolumeClaim>) {
        let template = self.spec.job_template.spec.map(|spec| spec.template);
        (self.metadata, template.unwrap_or_default(), vec![])
    }
}
