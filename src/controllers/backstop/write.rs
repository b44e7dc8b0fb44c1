//! Writes the objects that differ from what is wanted, and deletes those that are not.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, stream};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;

use super::{NAME, live::Seen};
use crate::{
    api::{
        labels,
        v1alpha1::{TransferBackstop, TransferBackstopSpec},
    },
    core::ids::ObjectKey,
    platform::{failpoint, manager},
};

/// Writes at a time.
const TOGETHER: usize = 8;

/// An object that could not be brought to what it should be.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Writing it failed.
    #[error("writing TransferBackstop {key}: {source}")]
    Apply {
        /// The object.
        key: ObjectKey,
        /// Why.
        source: Box<kube::Error>,
    },
    /// Deleting it failed.
    #[error("deleting TransferBackstop {key}: {source}")]
    Delete {
        /// The object.
        key: ObjectKey,
        /// Why.
        source: Box<kube::Error>,
    },
}

/// Brings the cluster to what is wanted. Tells how many objects could not be brought there.
///
/// What a namespace has no object for is in the object for the cluster, in `own` namespace; so that goes last, and nothing is
/// in neither.
pub async fn write(
    client: &Client,
    wanted: &BTreeMap<ObjectKey, TransferBackstopSpec>,
    live: &HashMap<ObjectKey, Seen>,
    own: &str,
) -> usize {
    let differing = wanted.iter().filter_map(|(key, spec)| {
        let seen = live.get(key);
        (seen.and_then(|s| s.spec.as_ref()) != Some(spec)).then_some((key, spec, seen))
    });
    let (last, first): (Vec<_>, Vec<_>) = differing.partition(|(key, ..)| &*key.namespace == own);
    let mut applied = vec![];
    for together in [first, last] {
        let applying: Vec<_> =
            together.into_iter().map(|(key, spec, seen)| apply(client, key, spec, seen)).collect();
        applied.extend(stream::iter(applying).buffer_unordered(TOGETHER).collect::<Vec<_>>().await);
    }
    let unwanted = live.iter().filter(|(key, _)| !wanted.contains_key(*key));
    let deleting: Vec<_> = unwanted.map(|(key, seen)| delete(client, key, seen)).collect();
    let deleted: Vec<_> = stream::iter(deleting).buffer_unordered(TOGETHER).collect().await;
    let failed = applied.into_iter().chain(deleted).filter_map(Result::err);
    failed.inspect(|error| tracing::warn!(%error, "backstop")).count()
}

async fn apply(
    client: &Client,
    key: &ObjectKey,
    spec: &TransferBackstopSpec,
    seen: Option<&Seen>,
) -> Result<(), WriteError> {
    let api: Api<TransferBackstop> = Api::namespaced(client.clone(), &key.namespace);
    let mut patch = json!({
        "apiVersion": "carnet.dev/v1alpha1",
        "kind": "TransferBackstop",
        "metadata": {
            "name": &*key.name,
            "labels": {labels::MANAGED_BY: labels::MANAGER, "app.kubernetes.io/part-of": "carnet"},
        },
        "spec": spec,
    });
    // Another object of the same name is looked at first.
    if let Some(seen) = seen {
        patch["metadata"]["uid"] = seen.uid.clone().into();
    }
    let params = PatchParams::apply(&manager(NAME)).force();
    failpoint("backstop-write-before");
    match api.patch(&key.name, &params, &Patch::Apply(&patch)).await {
        Ok(_) => {
            failpoint("backstop-write-after");
            tracing::info!(namespace = %key.namespace, name = %key.name, "backstop written");
            Ok(())
        }
        // The namespace went, or another object took the name: the watch tells what to do.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(source) => Err(WriteError::Apply { key: key.clone(), source: Box::new(source) }),
    }
}

async fn delete(client: &Client, key: &ObjectKey, seen: &Seen) -> Result<(), WriteError> {
    let api: Api<TransferBackstop> = Api::namespaced(client.clone(), &key.namespace);
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(seen.uid.clone()), resource_version: None }),
        ..DeleteParams::default()
    };
    failpoint("backstop-delete-before");
    match api.delete(&key.name, &params).await {
        Ok(_) => {
            failpoint("backstop-delete-after");
            Ok(())
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(source) => Err(WriteError::Delete { key: key.clone(), source: Box::new(source) }),
    }
}
