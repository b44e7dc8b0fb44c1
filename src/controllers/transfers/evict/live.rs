//! The last look before an eviction: at the Pod as it is, and whether the caches are up with what its answer stands on.

use std::{collections::BTreeMap, fmt::Debug};

use jiff::Timestamp;
use k8s_openapi::{api::core::v1 as k8s, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, Resource,
    api::{ListParams, PartialObjectMeta},
};
use serde::de::DeserializeOwned;

use crate::{
    api::v1alpha1 as api,
    controllers::Shared,
    core::{ids::ObjectKey, snapshot::Snapshot},
    detect,
    index::{Entry, Kind, Sight, Table, facts},
    picture::{LapsedPod, Using, is_to_go},
};

/// What was seen.
pub enum Live {
    /// It is still to go; the sentence that says why.
    Violates(String),
    /// It goes already, or is gone.
    Goes,
    /// Something covers it now, or it is none of ours.
    Lawful,
    /// What would decide it is not known for sure.
    Unsure(String),
}

/// Names of objects with what tells one state of them from another.
type States = BTreeMap<ObjectKey, (Option<String>, Option<i64>)>;

/// Looks at everything by which the Pod is judged, and judges it.
pub async fn look(shared: &Shared, pod: &LapsedPod) -> Result<Live, kube::Error> {
    if shared.index.sight() != Sight::Clear {
        return Ok(Live::Unsure("the caches are not fresh".into()));
    }
    let client = &shared.client;
    let Some(there) = of::<k8s::Pod>(client, &pod.key).get_opt(&pod.key.name).await? else {
        return Ok(Live::Goes);
    };
    let is_meant = there.metadata.uid.as_deref() == Some(pod.uid.as_str());
    if !is_meant || there.metadata.deletion_timestamp.is_some() {
        return Ok(Live::Goes);
    }
    let Some(facts) = facts::pod(there) else { return Ok(Live::Goes) };
    let snapshot = shared.index.snapshot();
    if let Some(why) = unreadable(&snapshot, &pod.stores) {
        return Ok(Live::Unsure(why));
    }
    if let Some(why) = behind(shared, &snapshot, pod, facts.node().unwrap_or_default()).await? {
        return Ok(Live::Unsure(why));
    }
    let lookup = |key: &_| shared.index.config_map(key);
    let config_maps: Option<&detect::ConfigMapLookup<'_>> =
        if snapshot.settings.read_config_maps { Some(&lookup) } else { None };
    let found = detect::uses(&snapshot, &facts.subject(config_maps));
    let using = Using::new(pod.owner.clone(), facts.into(), found);
    Ok(is_to_go(&snapshot, &using, Timestamp::now()).map_or(Live::Lawful, Live::Violates))
}

/// An object that cannot be read may be the one that would carry the data, or waive that nothing does.
fn unreadable(snapshot: &Snapshot, stores: &[ObjectKey]) -> Option<String> {
    if let Some(store) = stores.iter().find(|store| snapshot.unreadable_stores.contains_key(*store)) {
        return Some(format!("DataStore {store} cannot be read"));
    }
    let of_transfers = ["Party", "TransferSafeguard", "TransferException"];
    let (kind, _, name) = snapshot.invalid.keys().find(|(kind, ..)| of_transfers.contains(&kind.as_str()))?;
    Some(format!("{kind} {name} cannot be read"))
}

/// What the caches do not know as it is; none = they know all by which the Pod is judged.
async fn behind(
    shared: &Shared,
    snapshot: &Snapshot,
    pod: &LapsedPod,
    node: &str,
) -> Result<Option<String>, kube::Error> {
    let client = &shared.client;
    let (parties, safeguards, exceptions) = tokio::try_join!(
        states::<api::Party>(client),
        states::<api::TransferSafeguard>(client),
        states::<api::TransferException>(client)
    )?;
    let mut stores = States::new();
    for key in &pod.stores {
        let there = of::<api::DataStore>(client, key).get_metadata_opt(&key.name).await?;
        stores.extend(there.map(|object| (key.clone(), state(&object.metadata))));
    }
    let known = {
        let state = shared.index.state();
        let used = states_of(&state.stores).into_iter().filter(|(key, _)| pod.stores.contains(key)).collect();
        [
            ("parties", states_of(&state.parties) == parties),
            ("transfersafeguards", states_of(&state.safeguards) == safeguards),
            ("transferexceptions", states_of(&state.exceptions) == exceptions),
            ("datastores", {
                let used: States = used;
                used == stores
            }),
        ]
    };
    if let Some((what, _)) = known.iter().find(|(_, same)| !same) {
        return Ok(Some(format!("the cache of {what} is behind")));
    }
    let nodes: Api<k8s::Node> = Api::all(client.clone());
    let place = nodes.get_opt(node).await?.map(|n| facts::node(n, &snapshot.law, &snapshot.settings).place);
    if place.is_none() || place.as_ref() != snapshot.nodes.get(node).map(|n| &n.place) {
        return Ok(Some("the cache of nodes is behind".into()));
    }
    let namespaces: Api<k8s::Namespace> = Api::all(client.clone());
    let stores = pod.stores.iter().map(|store| &*store.namespace);
    for name in stores.chain([&*pod.key.namespace]) {
        let there = namespaces.get_opt(name).await?.map(|n| facts::namespace(&n));
        if there.as_ref() != snapshot.namespaces.get(name) {
            return Ok(Some("the cache of namespaces is behind".into()));
        }
    }
    Ok(None)
}

fn of<K>(client: &Client, key: &ObjectKey) -> Api<K>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(client.clone(), &key.namespace)
}

/// As they are in the cluster; a list without a version is read from the database itself.
async fn states<K>(client: &Client) -> Result<States, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let all = api.list_metadata(&ListParams::default()).await?;
    let one = |object: PartialObjectMeta<K>| (key(&object.metadata), state(&object.metadata));
    Ok(all.items.into_iter().map(one).collect())
}

/// As the cache has them.
fn states_of<K: Kind>(table: &Table<Entry<K>>) -> States {
    table.iter().map(|(key, entry)| (key.clone(), state(&entry.meta))).collect()
}

fn key(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// A spec that is written anew has another generation.
fn state(meta: &ObjectMeta) -> (Option<String>, Option<i64>) {
    (meta.uid.clone(), meta.generation)
}
