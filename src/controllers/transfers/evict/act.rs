//! The Eviction API.

use std::time::Duration;

use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::Eviction},
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions},
};
use kube::{Api, Client, api::PostParams};
use serde_json::Value;

use crate::{picture::LapsedPod, platform::failpoint};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came of it.
pub enum Acted {
    /// It goes.
    Evicted,
    /// It was gone, or another one has its name.
    Gone,
    /// A budget forbids it, in the API server's words.
    Blocked(String),
    /// Anything else; whether it goes shows when it is looked at again.
    Failed(String),
}

/// Asks for the eviction of this very Pod.
pub async fn evict(client: &Client, pod: &LapsedPod) -> Acted {
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.key.namespace);
    // Not by kube's own `evict`: what it calls `delete_options` the API server does not read, and with it the uid.
    let eviction = Eviction {
        metadata: ObjectMeta {
            name: Some(pod.key.name.to_string()),
            namespace: Some(pod.key.namespace.to_string()),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            preconditions: Some(Preconditions { uid: Some(pod.uid.clone()), ..Preconditions::default() }),
            ..DeleteOptions::default()
        }),
    };
    let params = PostParams::default();
    failpoint("evict-before");
    let asked = api.create_subresource::<_, Value>("eviction", &pod.key.name, &params, &eviction);
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    failpoint("evict-after");
    match answer {
        Ok(Ok(_)) => Acted::Evicted,
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Acted::Gone,
        Ok(Err(kube::Error::Api(status))) if is_of_a_budget(&status) => {
            Acted::Blocked(status.message.clone())
        }
        Ok(Err(error)) => Acted::Failed(error.to_string()),
        Err(_) => Acted::Failed(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Whether a budget said no: with 429, as a busy API server does too, or with 500 where two budgets speak of one Pod.
fn is_of_a_budget(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let by_cause = causes.into_iter().any(|cause| cause.reason == "DisruptionBudget");
    (status.code == 429 && (by_cause || status.message.contains("disruption budget")))
        || (status.code == 500 && status.message.contains("more than one PodDisruptionBudget"))
}
