//! One Carnet to a cluster: a second one, in another namespace, does nothing but say so.
//!
//! It stays alive and not ready instead of ending: its Pod is not restarted over and over, `kubectl describe pod` shows the
//! Event, `/readyz` and the log say the sentence, a rollout that waits fails, and it begins by itself once it is alone.

use std::time::Duration;

use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration,
    core::v1::{ObjectReference, Pod},
};
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::{config::RunArgs, intact::deployment};
use crate::platform::{EventKind, Events, Gate, Note, Readiness};

/// The webhook's configuration, where no flag names it: there is one to a cluster.
const CONFIGURATION: &str = "carnet";
/// How often it is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How many times it is asked before it is said again.
const SAID_EACH: u32 = 60;

/// Waits until no other Carnet has the cluster; false = the process is to end.
///
/// Nothing is watched, led or written before: neither `caBundle` nor a status.
pub async fn wait(
    client: &Client,
    args: &RunArgs,
    identity: &str,
    readiness: &Readiness,
    shutdown: &CancellationToken,
) -> bool {
    let name = args.webhook_configuration.as_deref().unwrap_or(CONFIGURATION);
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let events = Events::new(client.clone(), "installation", identity);
    let (mut asked, mut said): (u32, Option<String>) = (0, None);
    let mut gate: Option<Gate> = None;
    loop {
        let other = match shutdown.run_until_cancelled(api.get_opt(name)).await {
            None => return false,
            Some(Ok(there)) => there.and_then(|c| other_namespace(&c, &args.judging.own_namespace)),
            // Without an answer there is nothing to begin with; whatever comes next would fail alike.
            Some(Err(kube::Error::Api(status))) if status.code < 500 && status.code != 429 => {
                tracing::warn!(error = %status.message, name, "looking for another Carnet");
                None
            }
            Some(Err(error)) => {
                tracing::warn!(%error, name, "looking for another Carnet: trying again");
                if shutdown.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                    return false;
                }
                continue;
            }
        };
        let Some(other) = other else {
            if let Some(gate) = gate {
                gate.open();
                tracing::info!("no other Carnet has the cluster any more: starting");
            }
            return true;
        };
        let sentence = sentence(&other, &args.judging.own_namespace, name);
        if said.as_ref() != Some(&sentence) || asked.is_multiple_of(SAID_EACH) {
            if said.as_ref() != Some(&sentence) {
                if let Some(before) = gate.take() {
                    before.open();
                }
                gate = Some(readiness.gate(&sentence));
            }
            tracing::error!("{sentence}");
            let note = Note {
                kind: EventKind::Warning,
                reason: "AnotherCarnet",
                action: "Start",
                note: sentence.clone(),
            };
            let publish = async {
                for on in [deployment(&args.judging.own_namespace), own_pod(client, args, identity).await] {
                    events.publish(&on, &note).await;
                }
            };
            let _ = tokio::time::timeout(AGAIN, publish).await;
            said = Some(sentence);
        }
        asked = asked.wrapping_add(1);
        if shutdown.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
            return false;
        }
    }
}

/// The namespace of another Carnet that the API server asks; one by URL says nothing about a namespace.
fn other_namespace(configuration: &ValidatingWebhookConfiguration, own: &str) -> Option<String> {
    let mut services =
        configuration.webhooks.iter().flatten().filter_map(|webhook| webhook.client_config.service.as_ref());
    services.find(|service| service.namespace != own).map(|service| service.namespace.clone())
}

fn sentence(other: &str, own: &str, configuration: &str) -> String {
    format!(
        "another Carnet, in namespace {other}, has this cluster (ValidatingWebhookConfiguration {configuration} calls it), so \
         this one, in namespace {own}, does nothing: uninstall this one, or uninstall that one, and this one starts by itself"
    )
}

/// Our Pod, with its uid where it can be had: without it `kubectl describe pod` does not show an Event.
async fn own_pod(client: &Client, args: &RunArgs, identity: &str) -> ObjectReference {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &args.judging.own_namespace);
    let uid = pods.get_opt(identity).await.ok().flatten().and_then(|pod| pod.metadata.uid);
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        namespace: Some(args.judging.own_namespace.clone()),
        name: Some(identity.into()),
        uid,
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn configuration(clients: &serde_json::Value) -> ValidatingWebhookConfiguration {
        let webhooks: Vec<_> = clients
            .as_array()
            .unwrap()
            .iter()
            .map(|client| {
                json!({"name": "a.carnet.dev", "clientConfig": client, "sideEffects": "None",
                    "admissionReviewVersions": ["v1"]})
            })
            .collect();
        serde_json::from_value(json!({"metadata": {"name": "carnet"}, "webhooks": webhooks})).unwrap()
    }

    #[test]
    fn another_namespace_is_another_carnet_and_a_url_says_nothing() {
        let service =
            |namespace: &str| json!({"service": {"name": "carnet-webhook", "namespace": namespace}});
        let of = |clients| other_namespace(&configuration(&clients), "carnet-system");
        assert_eq!(of(json!([service("carnet-system"), service("carnet-system")])), None);
        assert_eq!(of(json!([service("carnet-system"), service("elsewhere")])), Some("elsewhere".into()));
        assert_eq!(of(json!([{"url": "https://127.0.0.1:1/review"}])), None);
        assert_eq!(of(json!([])), None);
    }

    #[test]
    fn the_sentence_says_who_where_and_what_to_do() {
        expect_test::expect!["another Carnet, in namespace a, has this cluster (ValidatingWebhookConfiguration carnet calls it), so this one, in namespace b, does nothing: uninstall this one, or uninstall that one, and this one starts by itself"]
            .assert_eq(&sentence("a", "b", "carnet"));
    }
}
