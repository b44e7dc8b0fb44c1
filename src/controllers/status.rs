//! Writes status, and only when it says something new.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::platform::{failpoint, manager};

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The API refused it.
    #[error("writing the status of {kind} {namespace}/{name}: {source}")]
    Write {
        /// Kind.
        kind: String,
        /// Namespace; empty for cluster-scoped kinds.
        namespace: String,
        /// Name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// It cannot be put into words.
    #[error("serialising a status: {0}")]
    Serialise(#[from] serde_json::Error),
}

/// Writes the status of one kind for one controller.
pub struct StatusWriter {
    client: Client,
    resource: ApiResource,
    manager: String,
    /// What was written over which version: the watch may not have shown it yet.
    written: HashMap<(String, String), (Option<String>, Value)>,
}

impl StatusWriter {
    /// Writes status of `K` as `controller`.
    pub fn new<K: Resource<DynamicType = ()>>(client: Client, controller: &str) -> Self {
        Self {
            client,
            resource: ApiResource::erase::<K>(&()),
            manager: manager(controller),
            written: HashMap::new(),
        }
    }

    /// Writes `wanted` where it differs from `current`. Tells whether it wrote.
    pub async fn write<S: Serialize>(
        &mut self,
        meta: &ObjectMeta,
        current: Option<&S>,
        wanted: &S,
    ) -> Result<bool, StatusError> {
        let wanted = serde_json::to_value(wanted)?;
        if current.map(serde_json::to_value).transpose()?.as_ref() == Some(&wanted) {
            return Ok(false);
        }
        let namespace = meta.namespace.clone().unwrap_or_default();
        let name = meta.name.clone().unwrap_or_default();
        let id = (namespace.clone(), name.clone());
        let version = meta.resource_version.clone();
        if self.written.get(&id).is_some_and(|(over, what)| *over == version && *what == wanted) {
            return Ok(false);
        }
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.client.clone(), &self.resource)
        } else {
            Api::namespaced_with(self.client.clone(), &namespace, &self.resource)
        };
        let patch = json!({
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            // Another object of the same name is not meant.
            "metadata": { "name": name, "uid": meta.uid },
            "status": wanted,
        });
        let params = PatchParams::apply(&self.manager).force();
        failpoint("status-before");
        match api.patch_status(&name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => {
                failpoint("status-after");
                self.written.insert(id, (version, wanted));
                Ok(true)
            }
            // It is gone, or another one has its name: there is nothing to say about it.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {
                self.written.remove(&id);
                Ok(false)
            }
            Err(source) => Err(StatusError::Write {
                kind: self.resource.kind.clone(),
                namespace,
                name,
                source: Box::new(source),
            }),
        }
    }

    /// Forgets objects that are gone.
    pub fn retain(&mut self, exists: impl Fn(&str, &str) -> bool) {
        self.written.retain(|(namespace, name), _| exists(namespace, name));
    }
}
