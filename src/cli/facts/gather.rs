//! The questions. Each may fail by itself: what is forbidden or not there is said, and the rest goes on.

use std::{fmt::Debug, sync::Arc};

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        admissionregistration::v1 as admission,
        apps::v1::Deployment,
        core::v1::{ConfigMap, Namespace, Node, Pod},
        discovery::v1::EndpointSlice,
        rbac::v1::RoleBinding,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DynamicObject, ListParams},
    client::Body,
    core::{ApiResource, Request},
};
use serde::de::DeserializeOwned;

use super::{
    Asked, CONFIGURATION, DEPLOYMENT, Facts, INSTALLED, LAW_PACK, LEASE, NAMESPACE, SERVICE, Trial, flags,
    replica,
};
use crate::{
    api::{labels::GROUP, v1alpha1 as api},
    cli::list::list,
    core::{law::LawPack, settings::Settings, transfer::force},
    enforcement::{Expected, Id, Kind, Live},
    index::{self, Context, Entry, State, TableEvent, Watched},
    parse::law,
};

/// Asks everything. `operator` is the operator's namespace where the person says it; `namespace` narrows what is declared.
pub async fn gather(
    client: &Client,
    operator: Option<&str>,
    namespace: Option<&str>,
    now: Timestamp,
) -> Facts {
    let live = live(client).await;
    let namespace_of_operator = match operator {
        Some(name) => name.to_owned(),
        None => live.as_ref().ok().and_then(serving_namespace).unwrap_or_else(|| NAMESPACE.into()),
    };
    let own = namespace_of_operator.as_str();
    let deployment = one::<Deployment>(client, own, DEPLOYMENT).await;
    let selector = deployment.as_ref().ok().and_then(Option::as_ref).and_then(selector_of);
    let selector = selector.unwrap_or_else(|| format!("app.kubernetes.io/name={DEPLOYMENT}"));
    let pods = some::<Pod>(client, Some(own), &selector).await;
    let replicas =
        join_all(pods.iter().flatten().filter(|pod| is_running(pod)).map(|pod| replica::ask(client, pod)))
            .await;
    let found = deployment.as_ref().ok().and_then(Option::as_ref);
    let law = law(client, own, found).await;
    Facts {
        now,
        server_now: server_now(client).await,
        crds: crds(client).await,
        other_deployments: others(client, own).await,
        service: one(client, own, SERVICE).await,
        slices: some::<EndpointSlice>(client, Some(own), &format!("kubernetes.io/service-name={SERVICE}"))
            .await,
        lease: one(client, own, LEASE).await,
        installed: installed(client, own).await,
        nodes: all::<Node>(client).await,
        namespaces: all::<Namespace>(client).await,
        erasure_bindings: all::<RoleBinding>(client)
            .await
            .map(|bindings| bindings.into_iter().filter(|b| b.name_any() == "carnet-erasure").collect()),
        parties: all(client).await,
        stores: some(client, namespace, "").await,
        policies: some(client, namespace, "").await,
        runs: some(client, namespace, "").await,
        holds: all(client).await,
        safeguards: all(client).await,
        exceptions: all(client).await,
        backstops: backstops(client).await,
        law: law.as_ref().ok().map(|law| law.version.clone()),
        next_of_safeguards: match law {
            Ok(law) => next_of_safeguards(client, law, flags::settings(found), now).await,
            Err(why) => Err(why),
        },
        trial: Ok(Trial::NotMade),
        namespace: namespace_of_operator,
        live,
        deployment,
        pods,
        replicas,
    }
}

fn is_running(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running")
}

fn said<K: Resource<DynamicType = ()>>(verb: &str, place: &str) -> impl FnOnce(kube::Error) -> String {
    let what = K::plural(&()).into_owned();
    let place = if place.is_empty() { String::new() } else { format!(" in namespace {place}") };
    let verb = verb.to_owned();
    move |error| match error {
        kube::Error::Api(status) if status.code == 403 => format!("you may not {verb} {what}{place}"),
        kube::Error::Api(status) => format!("cannot {verb} {what}{place}: {}", status.message),
        error => format!("cannot {verb} {what}{place}: {error}"),
    }
}

async fn one<K>(client: &Client, namespace: &str, name: &str) -> Asked<Option<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    Api::<K>::namespaced(client.clone(), namespace).get_opt(name).await.map_err(said::<K>("get", namespace))
}

async fn all<K>(client: &Client) -> Asked<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    list(&Api::<K>::all(client.clone())).await.map_err(said::<K>("list", ""))
}

async fn some<K>(client: &Client, namespace: Option<&str>, selector: &str) -> Asked<Vec<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api = match namespace {
        Some(name) => Api::<K>::namespaced(client.clone(), name),
        None => Api::<K>::all(client.clone()),
    };
    if selector.is_empty() {
        return list(&api).await.map_err(said::<K>("list", namespace.unwrap_or_default()));
    }
    let found = api.list(&ListParams::default().labels(selector)).await;
    found.map(|list| list.items).map_err(said::<K>("list", namespace.unwrap_or_default()))
}

/// Objects as they come: a typed one would drop the fields of a newer API server.
async fn live(client: &Client) -> Asked<Live> {
    let mut live = Live::new();
    for kind in Kind::ALL {
        let resource = match kind {
            Kind::ValidatingAdmissionPolicy => {
                ApiResource::erase::<admission::ValidatingAdmissionPolicy>(&())
            }
            Kind::ValidatingAdmissionPolicyBinding => {
                ApiResource::erase::<admission::ValidatingAdmissionPolicyBinding>(&())
            }
            Kind::ValidatingWebhookConfiguration => {
                ApiResource::erase::<admission::ValidatingWebhookConfiguration>(&())
            }
            Kind::MutatingWebhookConfiguration => {
                ApiResource::erase::<admission::MutatingWebhookConfiguration>(&())
            }
        };
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let failed = |error| match error {
            kube::Error::Api(status) if status.code == 403 => format!("you may not list {}", kind.plural()),
            error => format!("cannot list {}: {error}", kind.plural()),
        };
        for object in list(&api).await.map_err(failed)? {
            let id = Id { kind, name: object.name_any() };
            live.insert(id, serde_json::to_value(&object).map_err(|e| e.to_string())?);
        }
    }
    Ok(live)
}

/// The namespace that the webhook's configuration calls.
fn serving_namespace(live: &Live) -> Option<String> {
    let id = Id { kind: Kind::ValidatingWebhookConfiguration, name: CONFIGURATION.into() };
    let namespace = live.get(&id)?.pointer("/webhooks/0/clientConfig/service/namespace")?;
    namespace.as_str().map(Into::into)
}

fn selector_of(deployment: &Deployment) -> Option<String> {
    let labels = deployment.spec.selector.match_labels.as_ref()?;
    Some(labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","))
}

async fn crds(client: &Client) -> Asked<Vec<CustomResourceDefinition>> {
    let all = all::<CustomResourceDefinition>(client).await?;
    Ok(all.into_iter().filter(|crd| crd.spec.group == GROUP).collect())
}

async fn others(client: &Client, own: &str) -> Asked<Vec<Deployment>> {
    let all = some::<Deployment>(client, None, "app.kubernetes.io/part-of=carnet").await?;
    Ok(all
        .into_iter()
        .filter(|d| d.name_any() == DEPLOYMENT && d.namespace().as_deref() != Some(own))
        .collect())
}

async fn installed(client: &Client, own: &str) -> Asked<Option<Expected>> {
    let (name, key) = INSTALLED;
    let Some(map) = one::<ConfigMap>(client, own, name).await? else { return Ok(None) };
    let Some(text) = map.data.as_ref().and_then(|data| data.get(key)) else { return Ok(None) };
    Expected::from_yaml(text).map(Some).map_err(|error| format!("ConfigMap {own}/{name}: {error}"))
}

/// The clock of the API server, by the header of an answer.
async fn server_now(client: &Client) -> Asked<Option<Timestamp>> {
    let request = Request::new("/version").list(&ListParams::default()).map_err(|e| e.to_string())?;
    let answer =
        client.send(request.map(Body::from)).await.map_err(|e| format!("cannot get /version: {e}"))?;
    let date = answer.headers().get("date").and_then(|value| value.to_str().ok());
    Ok(date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()).map(|zoned| zoned.timestamp()))
}

/// Summaries alone: the rest is long.
async fn backstops(client: &Client) -> Asked<Vec<(String, String, api::BackstopSummary)>> {
    let all = all::<api::TransferBackstop>(client).await?;
    Ok(all.into_iter().map(|b| (b.namespace().unwrap_or_default(), b.name_any(), b.spec.summary)).collect())
}

/// The law pack by which the operator judges: the built-in one, or that of the chart.
pub async fn law(client: &Client, own: &str, deployment: Option<&Deployment>) -> Asked<LawPack> {
    if deployment.and_then(|d| flags::value(d, "--law-pack")).is_none() {
        return law::built_in().map_err(|e| e.to_string());
    }
    let (name, key) = LAW_PACK;
    let map = one::<ConfigMap>(client, own, name).await?;
    let text = map.as_ref().and_then(|map| map.data.as_ref()?.get(key));
    let text = text.ok_or_else(|| {
        format!("the operator judges by a law pack of its own (--law-pack), which is not in ConfigMap {own}/{name}: when safeguards lapse by it is not known")
    })?;
    law::from_yaml(text).map_err(|error| format!("ConfigMap {own}/{name}: {error}"))
}

/// By the code of the operator: the status of a safeguard does not say it.
async fn next_of_safeguards(
    client: &Client,
    law: LawPack,
    settings: Settings,
    now: Timestamp,
) -> Asked<Vec<(String, Timestamp)>> {
    let (law, settings) = (Arc::new(law), Arc::new(settings));
    let context = Context { law: law.clone(), settings: settings.clone() };
    let mut state = State::new(law, settings);
    declared::<api::Party>(client, &context, &mut state).await?;
    declared::<api::TransferSafeguard>(client, &context, &mut state).await?;
    declared::<api::DataPrivacyFrameworkSnapshot>(client, &context, &mut state).await?;
    let snapshot = state.snapshot();
    Ok(snapshot
        .safeguards
        .values()
        .filter_map(|s| Some((s.name.to_string(), force(&snapshot, s, now).next_change?)))
        .collect())
}

async fn declared<K>(client: &Client, context: &Context, state: &mut State) -> Asked<()>
where
    K: index::Kind + Resource<DynamicType = ()>,
{
    let api = Api::<Watched<K>>::all(client.clone());
    for object in list(&api).await.map_err(said::<K>("list", ""))? {
        let entry = Entry::new(object, context);
        state.apply(K::change(TableEvent::Apply(entry.key(), entry)));
    }
    Ok(())
}
