//! Kinds of Kubernetes that are judged or read, and whether an object is one of them.

use k8s_openapi::api::{apps::v1 as apps, batch::v1 as batch, core::v1 as core, discovery::v1 as discovery};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What an object is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is judged; with the plural of its kind.
    Workload(&'static str),
    /// It is read: what is judged depends on it.
    Read,
}

/// A kind of Kubernetes, of one version.
pub struct Known {
    /// What it is here.
    pub role: Role,
    /// Whether its objects are in a namespace.
    pub namespaced: bool,
    strict: fn(&Value) -> (Vec<String>, Option<String>),
}

impl Known {
    /// The kind; none where it is neither judged nor read.
    pub fn of(group: &str, version: &str, kind: &str) -> Option<Self> {
        fn new<T: DeserializeOwned>(role: Role, namespaced: bool) -> Known {
            Known { role, namespaced, strict: strict::<T> }
        }
        let workload = Role::Workload;
        let known = match (group, version, kind) {
            ("", "v1", "Pod") => new::<core::Pod>(workload("pods"), true),
            ("", "v1", "PodTemplate") => new::<core::PodTemplate>(workload("podtemplates"), true),
            ("", "v1", "ReplicationController") => {
                new::<core::ReplicationController>(workload("replicationcontrollers"), true)
            }
            ("apps", "v1", "Deployment") => new::<apps::Deployment>(workload("deployments"), true),
            ("apps", "v1", "StatefulSet") => new::<apps::StatefulSet>(workload("statefulsets"), true),
            ("apps", "v1", "DaemonSet") => new::<apps::DaemonSet>(workload("daemonsets"), true),
            ("apps", "v1", "ReplicaSet") => new::<apps::ReplicaSet>(workload("replicasets"), true),
            ("batch", "v1", "Job") => new::<batch::Job>(workload("jobs"), true),
            ("batch", "v1", "CronJob") => new::<batch::CronJob>(workload("cronjobs"), true),
            ("", "v1", "Namespace") => new::<core::Namespace>(Role::Read, false),
            ("", "v1", "Node") => new::<core::Node>(Role::Read, false),
            ("", "v1", "ConfigMap") => new::<core::ConfigMap>(Role::Read, true),
            ("", "v1", "Service") => new::<core::Service>(Role::Read, true),
            ("", "v1", "ServiceAccount") => new::<core::ServiceAccount>(Role::Read, true),
            ("", "v1", "PersistentVolumeClaim") => new::<core::PersistentVolumeClaim>(Role::Read, true),
            ("", "v1", "PersistentVolume") => new::<core::PersistentVolume>(Role::Read, false),
            ("discovery.k8s.io", "v1", "EndpointSlice") => new::<discovery::EndpointSlice>(Role::Read, true),
            _ => return None,
        };
        Some(known)
    }

    /// What strict validation refuses: fields that the kind does not have, and values that do not fit.
    pub fn wrong(&self, value: &Value) -> Vec<String> {
        let (unknown, misfit) = (self.strict)(value);
        unknown.into_iter().map(|path| format!("unknown field \"{path}\"")).chain(misfit).collect()
    }
}

/// Reads an object of a kind; the fields that it does not have, and why it does not fit.
pub fn strict<T: DeserializeOwned>(value: &Value) -> (Vec<String>, Option<String>) {
    let mut unknown = vec![];
    let read: Result<T, _> =
        serde_ignored::deserialize(value, |path| unknown.push(dotted(&path.to_string())));
    (unknown, read.err().map(|error| error.to_string()))
}

/// `spec.containers.0.image` as Kubernetes writes it. What serde passes through on its way is marked `?`.
fn dotted(path: &str) -> String {
    let mut text = String::new();
    for step in path.split('.').filter(|step| *step != "?") {
        if step.bytes().all(|b| b.is_ascii_digit()) {
            text.push('[');
            text.push_str(step);
            text.push(']');
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(step);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_a_kind_does_not_have_is_named_with_its_path() {
        let pod = Known::of("", "v1", "Pod").unwrap();
        let object = json!({"metadata": {"name": "a", "lables": {}}, "spec": {"containers": [
            {"name": "a", "env": [{"nmae": "X"}]}]}});
        assert_eq!(
            pod.wrong(&object)[..2],
            [
                "unknown field \"metadata.lables\"".to_owned(),
                "unknown field \"spec.containers[0].env[0].nmae\"".to_owned()
            ]
        );
        assert!(
            pod.wrong(&json!({"metadata": {}, "spec": {"containers": "none"}}))[0].contains("invalid type")
        );
        let good = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "a", "image": "b"}]}});
        assert!(pod.wrong(&good).is_empty());
    }

    #[test]
    fn a_version_that_is_not_served_is_not_known() {
        assert!(
            Known::of("apps", "v1beta1", "Deployment").is_none()
                && Known::of("extensions", "v1", "Pod").is_none()
        );
    }
}
