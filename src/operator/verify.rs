//! `carnet-operator verify-installation`: what `helm test` runs. One Pod is refused and one is admitted, for real.

use std::{io::Write, time::Duration};

use clap::Args;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    api::v1alpha1::DataStore,
    platform::{self, PlatformError},
};

/// Names that no message carries unless it speaks of them.
const STORE: &str = "verified-store";
const SECRET: &str = "verified-credentials";
const ABROAD: &str = "carries-data-abroad";
const UNRELATED: &str = "uses-nothing";

const PAUSE: Duration = Duration::from_millis(500);

/// Settings of `verify-installation`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// A namespace to do it in, with the label `carnet.dev/transfers: Enforce`.
    #[arg(long)]
    pub namespace: String,
    /// Where the store is: `provider/region` inside a regime.
    #[arg(long, value_parser = place)]
    pub store: (String, String),
    /// Where the Pod wants to run: a region to which nothing carries by itself.
    #[arg(long, value_parser = place)]
    pub abroad: (String, String),
    /// Label of nodes that names their region.
    #[arg(long, default_value = "topology.kubernetes.io/region")]
    pub region_label: String,
    /// How long the operator has to see the store and answer (ISO 8601).
    #[arg(long, default_value = "PT60S", value_parser = patience)]
    pub patience: Duration,
}

/// Why the installation is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The world around is not as it must be.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// An object of ours is not one.
    #[error("putting together {0}: {1}")]
    Object(&'static str, serde_json::Error),
    /// The API did not do it.
    #[error("{what}: {source}")]
    Api {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// It came in.
    #[error(
        "a Pod that would carry data abroad was admitted for {} s: look at `kubectl carnet doctor`, and whether the \
         namespace has the label carnet.dev/transfers: Enforce; with --mixed-placement Bind the region abroad must \
         have a node",
        .0.as_secs()
    )]
    Admitted(Duration),
    /// It was refused by something else.
    #[error("a Pod that would carry data abroad was refused, but not by Carnet: {0}")]
    RefusedByAnother(String),
    /// What is none of Carnet's business was stopped.
    #[error("a Pod that uses no personal data was refused: {0}")]
    Unrelated(Box<kube::Error>),
    /// The output cannot be written.
    #[error("writing the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Has one Pod refused and one admitted, and leaves nothing behind.
pub async fn verify(args: &VerifyArgs, out: &mut (impl Write + Send)) -> Result<(), VerifyError> {
    let client = platform::client().await?;
    let result = judged(&client, args, out).await;
    tidy(&client, &args.namespace).await;
    result
}

async fn judged(
    client: &Client,
    args: &VerifyArgs,
    out: &mut (impl Write + Send),
) -> Result<(), VerifyError> {
    declared(client, args).await?;
    let refusal = refused(client, args).await?;
    writeln!(out, "refused, as it must be: {ABROAD}\n{refusal}\n")?;

    let pods: Api<Pod> = Api::namespaced(client.clone(), &args.namespace);
    let unrelated = object("a Pod", pod(UNRELATED, (&args.region_label, &args.abroad.1), false))?;
    pods.create(&PostParams::default(), &unrelated).await.map_err(|e| VerifyError::Unrelated(Box::new(e)))?;
    writeln!(out, "admitted, as it must be: {UNRELATED}")?;
    Ok(())
}

/// Declares the store. The API server does not reach the webhook before the proxies of its node lead there, which is a second
/// or two after the first replica is ready.
async fn declared(client: &Client, args: &VerifyArgs) -> Result<(), VerifyError> {
    let stores: Api<DataStore> = Api::namespaced(client.clone(), &args.namespace);
    let store = object("the DataStore", store(&args.store))?;
    let end = tokio::time::Instant::now() + args.patience;
    loop {
        match stores.create(&PostParams::default(), &store).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code >= 500 && tokio::time::Instant::now() < end => {
                tracing::debug!(message = status.message, "not declared");
            }
            Err(source) => {
                return Err(VerifyError::Api { what: "declaring a DataStore", source: Box::new(source) });
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tries until the operator has seen the store: what was refused in words that name it.
async fn refused(client: &Client, args: &VerifyArgs) -> Result<String, VerifyError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &args.namespace);
    let abroad: Pod = object("a Pod", pod(ABROAD, (&args.region_label, &args.abroad.1), true))?;
    let end = tokio::time::Instant::now() + args.patience;
    loop {
        let last = match pods.create(&PostParams::default(), &abroad).await {
            Ok(_) => {
                let deleted = pods.delete(ABROAD, &at_once()).await;
                deleted.map_err(|e| VerifyError::Api { what: "deleting a Pod", source: Box::new(e) })?;
                VerifyError::Admitted(args.patience)
            }
            Err(kube::Error::Api(status)) if status.message.contains(STORE) => return Ok(status.message),
            Err(kube::Error::Api(status)) => VerifyError::RefusedByAnother(status.message),
            Err(source) => VerifyError::Api { what: "creating a Pod", source: Box::new(source) },
        };
        if tokio::time::Instant::now() > end {
            return Err(last);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What cannot be removed goes with the namespace.
async fn tidy(client: &Client, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for name in [ABROAD, UNRELATED] {
        if let Err(error) = pods.delete(name, &at_once()).await {
            tracing::debug!(%error, name, "not deleted");
        }
    }
    let stores: Api<DataStore> = Api::namespaced(client.clone(), namespace);
    if let Err(error) = stores.delete(STORE, &DeleteParams::default()).await {
        tracing::debug!(%error, name = STORE, "not deleted");
    }
}

fn at_once() -> DeleteParams {
    DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() }
}

fn object<T: serde::de::DeserializeOwned>(what: &'static str, value: Value) -> Result<T, VerifyError> {
    serde_json::from_value(value).map_err(|e| VerifyError::Object(what, e))
}

/// A store of nothing that is real: its Secret, its server and its exporter need not be there.
fn store((provider, region): &(String, String)) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore", "metadata": {"name": STORE}, "spec": {
        "exporterRef": {"name": "nobody"}, "role": "Controller",
        "location": {"provider": provider, "region": region},
        "engine": {"external": {"description": "made by verify-installation, and removed by it"}},
        "access": {"secrets": [{"name": SECRET}]},
        "datasets": [{"name": "none", "categories": ["account.contact"]}]}})
}

/// A Pod that is never scheduled, so that it never runs, whatever is said of it.
fn pod(name: &str, (label, region): (&str, &str), uses: bool) -> Value {
    let from = if uses { json!([{"secretRef": {"name": SECRET}}]) } else { json!([]) };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "schedulingGates": [{"name": "carnet.dev/verification"}],
        "nodeSelector": {label: region},
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "none", "image": "none", "envFrom": from,
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}})
}

fn place(text: &str) -> Result<(String, String), String> {
    text.split_once('/')
        .filter(|(provider, region)| !provider.is_empty() && !region.is_empty())
        .map(|(provider, region)| (provider.to_owned(), region.to_owned()))
        .ok_or_else(|| format!("`{text}`: write provider/region"))
}

fn patience(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
    span.ok_or_else(|| format!("`{text}`: write a time such as PT60S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{self, RegionCheck, law};

    #[test]
    fn what_is_created_is_what_the_types_read() {
        let law = law::built_in().unwrap();
        let place = ("aws".to_owned(), "eu-west-1".to_owned());
        let declared: DataStore = object("the DataStore", store(&place)).unwrap();
        assert!(parse::store(&declared, &law, RegionCheck::Strict).is_ok());
        let read: Pod = object("a Pod", pod(ABROAD, ("label", "region"), true)).unwrap();
        assert_eq!(read.spec.unwrap().scheduling_gates.unwrap().len(), 1);
    }

    #[test]
    fn the_names_say_whether_a_message_speaks_of_them() {
        for other in [SECRET, ABROAD, UNRELATED] {
            assert!(
                !other.contains(STORE),
                "a message that names {other} would pass for one about the store"
            );
        }
    }

    #[test]
    fn a_place_is_a_provider_and_a_region() {
        assert_eq!(place("p/r-1"), Ok(("p".into(), "r-1".into())));
        for wrong in ["r-1", "/r", "p/", ""] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
