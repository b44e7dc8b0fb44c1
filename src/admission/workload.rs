//! Pods and templates of Pods, as far as they are judged: status, managed fields and the rest are skipped unread.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodSpec};
use serde::Deserialize;

use crate::{
    api::labels,
    core::{
        selector::Labels,
        snapshot::{MadeBy, Snapshot},
    },
    detect::{ConfigMapLookup, Detection, PodSubject, uses},
};

/// What is read of an object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub name: Option<String>,
    pub uid: Option<String>,
    pub generate_name: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<BTreeMap<String, String>>,
    pub owner_references: Option<Vec<Owner>>,
    pub deletion_timestamp: Option<String>,
}

/// What is read of an owner.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub controller: Option<bool>,
}

/// A Pod, or what a template makes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub metadata: Option<Meta>,
    pub spec: Option<PodSpec>,
}

/// What is judged of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    /// Metadata of the object itself.
    pub meta: Meta,
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub spec: PodSpec,
    pub claim_templates: Vec<PersistentVolumeClaim>,
}

/// Any of the kinds that hold a template, and a PodTemplate itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    metadata: Option<Meta>,
    template: Option<Template>,
    spec: Option<Spec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    template: Option<Template>,
    job_template: Option<JobTemplate>,
    volume_claim_templates: Option<Vec<PersistentVolumeClaim>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: Option<JobSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: Option<Template>,
}

/// Reads a Pod.
pub(super) fn pod(raw: &str) -> serde_json::Result<Subject> {
    let Template { metadata, spec } = serde_json::from_str(raw)?;
    let mut meta = metadata.unwrap_or_default();
    let labels = meta.labels.take().unwrap_or_default();
    let annotations = meta.annotations.take().unwrap_or_default();
    Ok(Subject { meta, labels, annotations, spec: spec.unwrap_or_default(), claim_templates: vec![] })
}

/// Reads the template of a workload; none = it has none.
pub(super) fn template(raw: &str) -> serde_json::Result<Option<Subject>> {
    let Object { metadata, template, spec } = serde_json::from_str(raw)?;
    let Spec { template: in_spec, job_template, volume_claim_templates } = spec.unwrap_or_default();
    let in_job = job_template.and_then(|j| j.spec).and_then(|s| s.template);
    let Some(Template { metadata: inner, spec }) = template.or(in_spec).or(in_job) else { return Ok(None) };
    let inner = inner.unwrap_or_default();
    Ok(Some(Subject {
        meta: metadata.unwrap_or_default(),
        labels: inner.labels.unwrap_or_default(),
        annotations: inner.annotations.unwrap_or_default(),
        spec: spec.unwrap_or_default(),
        claim_templates: volume_claim_templates.unwrap_or_default(),
    }))
}

impl Subject {
    /// Whether it is a Job that nothing owns, or the Pod of one and of nothing else, as far as that is known.
    pub fn is_one_off(&self, snapshot: &Snapshot, kind: &str, namespace: &str) -> bool {
        let owners = self.meta.owner_references.as_deref().unwrap_or_default();
        let made = |meta: &Meta| {
            meta.annotations.as_ref().is_some_and(|all| all.contains_key(labels::MADE_BY_CRON_JOB))
        };
        match (kind, owners) {
            ("Job", []) => !made(&self.meta),
            ("Pod", [Owner { api_version, kind, name, uid, controller: Some(true) }]) => {
                snapshot.is_one_off(namespace, &MadeBy { api_version, kind, name, uid })
            }
            _ => false,
        }
    }

    /// Name for people.
    pub fn name(&self) -> String {
        match (self.meta.name.as_deref(), self.meta.generate_name.as_deref()) {
            (Some(name), _) if !name.is_empty() => name.to_owned(),
            (_, Some(prefix)) if !prefix.is_empty() => format!("{prefix}*"),
            _ => "(unnamed)".to_owned(),
        }
    }

    /// Whether nothing that is judged differs.
    pub fn same_as(&self, old: &Self) -> bool {
        let Self { meta: _, labels, annotations, spec, claim_templates } = self;
        *labels == old.labels
            && *annotations == old.annotations
            && *spec == old.spec
            && *claim_templates == old.claim_templates
    }

    /// The stores that it uses.
    pub fn detect(
        &self,
        snapshot: &Snapshot,
        namespace: &str,
        config_maps: Option<&ConfigMapLookup<'_>>,
    ) -> Detection {
        let subject = PodSubject {
            namespace,
            spec: &self.spec,
            annotations: &self.annotations,
            labels: &self.labels,
            claim_templates: &self.claim_templates,
            config_maps: config_maps.filter(|_| snapshot.settings.read_config_maps),
        };
        uses(snapshot, &subject)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{ids::ObjectKey, settings::Settings, snapshot::SnapshotBuilder};

    const JOB: &str =
        r#"{"apiVersion": "batch/v1", "kind": "Job", "name": "once", "uid": "u", "controller": true}"#;

    fn snapshot(derogations_for_jobs: bool) -> Snapshot {
        SnapshotBuilder {
            settings: Arc::new(Settings { derogations_for_jobs, ..Settings::default() }),
            unowned_jobs: [(ObjectKey::new("a", "once"), "u".into())].into(),
            ..SnapshotBuilder::default()
        }
        .build()
    }

    fn is_one_off(kind: &str, namespace: &str, owners: &str) -> bool {
        let subject = pod(&format!(r#"{{"metadata": {{"ownerReferences": [{owners}]}}}}"#)).unwrap();
        subject.is_one_off(&snapshot(true), kind, namespace)
    }

    #[test]
    fn a_job_of_nobody_and_its_pods_are_one_off() {
        assert!(is_one_off("Job", "a", "") && is_one_off("Pod", "a", JOB));
        let off = pod(&format!(r#"{{"metadata": {{"ownerReferences": [{JOB}]}}}}"#)).unwrap();
        assert!(!off.is_one_off(&snapshot(false), "Pod", "a"), "derogations are not let carry");
    }

    #[test]
    fn whatever_could_come_again_or_is_not_known_is_no_one_off() {
        let edited = |from: &str, to: &str| {
            assert!(JOB.contains(from));
            is_one_off("Pod", "a", &JOB.replace(from, to))
        };
        assert!(!is_one_off("Pod", "a", ""), "a Pod of nobody");
        assert!(!is_one_off("Pod", "b", JOB), "a Job of another namespace");
        assert!(!edited("\"u\"", "\"v\""), "another Job of that name");
        assert!(!edited("\"u\"", "\"\""));
        assert!(!edited("once", "unknown"));
        assert!(!edited("true", "false"), "an owner that does not control it");
        assert!(!edited("batch/v1", "batch.example.com/v1"), "somebody else's kind of that name");
        assert!(!edited("Job", "CronJob"));
        assert!(!is_one_off("Pod", "a", &format!("{JOB}, {JOB}")), "two owners");
        let by_cron = JOB.replace("Job", "CronJob");
        assert!(!is_one_off("Job", "a", &by_cron), "a Job that something made");
        for kind in ["Deployment", "CronJob", "StatefulSet", "DaemonSet", "ReplicaSet"] {
            assert!(!is_one_off(kind, "a", ""), "{kind}");
        }
    }
}
