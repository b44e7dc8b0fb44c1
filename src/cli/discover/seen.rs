//! What may hold data: Secrets by their names, types, labels and the names of their keys; claims; Services. No value of a
//! Secret is asked for: its list is a table of metadata, and the names of its keys are in the record of who wrote them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use kube::{
    Api, Client, ResourceExt,
    api::ListParams,
    core::{Request, metadata::PartialObjectMeta},
};
use serde::Deserialize;
use serde_json::Value;

use super::DiscoverError;
use crate::{cli::list::list, core::ids::ObjectKey};

/// A Secret, without what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSeen {
    /// Namespace and name.
    pub key: ObjectKeySeen,
    /// Its type.
    pub type_: String,
    /// Names of its keys; none = its record of writers does not say them.
    pub keys: Option<BTreeSet<String>>,
}

/// Namespace, name and labels of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectKeySeen {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A Service with the ports that it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSeen {
    /// Namespace, name, labels.
    pub key: ObjectKeySeen,
    /// Ports.
    pub ports: BTreeSet<i32>,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSeen {
    /// Namespace, name, labels.
    pub key: ObjectKeySeen,
}

/// Everything that may hold data.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Secrets.
    pub secrets: Vec<SecretSeen>,
    /// Services.
    pub services: Vec<ServiceSeen>,
    /// Claims.
    pub claims: Vec<ClaimSeen>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

impl ObjectKeySeen {
    /// Without its labels.
    pub fn object(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.as_str(), self.name.as_str())
    }

    fn of(object: &impl ResourceExt) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            labels: object.labels().clone(),
        }
    }
}

/// Types of Secrets that are of no database.
const OTHER_TYPES: [&str; 8] = [
    "helm.sh/release.v1",
    "kubernetes.io/service-account-token",
    "kubernetes.io/tls",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/ssh-auth",
    "bootstrap.kubernetes.io/token",
    "helm.toolkit.fluxcd.io/token",
];

/// A list as `kubectl get` has it: columns, and metadata alone of each object.
const AS_TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// Looks at `namespace`, or at all of them.
pub async fn look(client: &Client, namespace: Option<&str>) -> Result<Seen, DiscoverError> {
    let mut seen = Seen::default();
    match secrets(client, namespace).await {
        Ok(secrets) => seen.secrets = secrets,
        Err(kube::Error::Api(status)) if status.code == 403 => {
            seen.notes
                .push("you may not list secrets: databases that only a Secret shows are not found".into());
        }
        Err(source) => return Err(failed("list secrets", source)),
    }
    if seen.secrets.iter().any(|secret| secret.keys.is_none()) {
        seen.notes.push(
            "of some Secrets the record of writers is missing, and with it the names of their keys; values are never read, so \
             these are judged by name, type and labels"
                .into(),
        );
    }
    for service in list(&api::<Service>(client, namespace)).await.map_err(|e| failed("list services", e))? {
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).map(|port| port.port);
        seen.services.push(ServiceSeen { ports: ports.collect(), key: ObjectKeySeen::of(&service) });
    }
    let claims = list(&api::<PersistentVolumeClaim>(client, namespace)).await;
    for claim in claims.map_err(|e| failed("list persistentvolumeclaims", e))? {
        seen.claims.push(ClaimSeen { key: ObjectKeySeen::of(&claim) });
    }
    Ok(seen)
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name))
}

fn failed(attempt: &str, source: kube::Error) -> DiscoverError {
    DiscoverError::Cluster { attempt: attempt.into(), source: Box::new(source) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    #[serde(default)]
    metadata: ListMeta,
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: PartialObjectMeta,
}

async fn secrets(client: &Client, namespace: Option<&str>) -> Result<Vec<SecretSeen>, kube::Error> {
    let path = match namespace {
        Some(name) => format!("/api/v1/namespaces/{name}/secrets"),
        None => "/api/v1/secrets".into(),
    };
    let others: Vec<String> = OTHER_TYPES.iter().map(|other| format!("type!={other}")).collect();
    let mut page = ListParams::default().limit(500).fields(&others.join(","));
    let mut all = vec![];
    loop {
        let mut request = Request::new(path.clone()).list(&page).map_err(kube::Error::BuildRequest)?;
        if let Ok(accepted) = AS_TABLE.parse() {
            request.headers_mut().insert("accept", accepted);
        }
        let table: Table = client.request(request).await?;
        let type_at = table.column_definitions.iter().position(|column| column.name == "Type");
        all.extend(table.rows.iter().map(|row| secret(row, type_at)));
        match table.metadata.next.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(all),
        }
    }
}

fn secret(row: &Row, type_at: Option<usize>) -> SecretSeen {
    let cell = type_at.and_then(|at| row.cells.get(at)).and_then(Value::as_str);
    SecretSeen {
        type_: cell.unwrap_or_default().into(),
        keys: keys(&row.object),
        key: ObjectKeySeen::of(&row.object),
    }
}

/// Names of keys, from the record of who wrote which field.
fn keys(object: &PartialObjectMeta) -> Option<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    let mut recorded = false;
    for entry in object.metadata.managed_fields.iter().flatten() {
        let Some(fields) = &entry.fields_v1 else { continue };
        recorded = true;
        for part in ["f:data", "f:stringData"] {
            let named = fields.0.get(part).and_then(Value::as_object).into_iter().flat_map(|o| o.keys());
            keys.extend(named.filter_map(|key| key.strip_prefix("f:")).map(Into::into));
        }
    }
    recorded.then_some(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_keys_are_read_from_the_record_of_writers() {
        let row: Row = serde_json::from_value(json!({"cells": ["app", "Opaque", 2, "1d"], "object": {
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "app", "namespace": "n", "labels": {"a": "b"}, "managedFields": [
                {"manager": "x", "operation": "Apply", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:data": {".": {}, "f:password": {}, "f:username": {}}, "f:type": {}}},
                {"manager": "y", "operation": "Update", "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:labels": {}}}}]}}}))
        .unwrap();
        let secret = secret(&row, Some(1));
        assert_eq!(secret.keys, Some(["password".to_owned(), "username".into()].into()));
        assert_eq!((secret.type_.as_str(), secret.key.object()), ("Opaque", ObjectKey::new("n", "app")));
    }

    #[test]
    fn without_a_record_they_are_not_known() {
        let row: Row =
            serde_json::from_value(json!({"cells": ["app"], "object": {"metadata": {"name": "app"}}}))
                .unwrap();
        assert_eq!(secret(&row, None).keys, None);
    }
}
