//! Re-judges running workloads whenever an answer can have changed: an object, a Pod, a node, or time alone.

mod changes;
mod evict;
mod findings;
mod law;
mod nodes;
mod owners;
mod publish;
#[cfg(test)]
pub(super) mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use tokio::sync::watch;

pub use evict::{Limits, Outlook};
pub use findings::accepted as store_status;
pub use nodes::contradicted as contradicted_nodes;

use self::{evict::Evicting, owners::Owners};
use super::{Shared, StatusWriter, lapses, reports::Flows, wake};
use crate::{
    api::v1alpha1::DataStore,
    core::snapshot::Snapshot,
    detect,
    index::{Entry, Owner},
    picture::{Known, Lapsed, Picture, Standing, StorePicture, Using, earliest, judge, standings},
    platform::metrics::{DECLARED_KINDS, FindingLabel, FlowState, KindLabel},
};

const NAME: &str = "transfers";

/// Takes how each flow stands.
pub type FlowsSender = watch::Sender<Option<Arc<Flows>>>;

/// Runs until shutdown; `standing` is told what running Pods stand on, once that is counted, and `flows` how each flow stands,
/// where anybody asks. With `limits`, Pods whose data nothing covers are evicted.
pub async fn run(
    shared: Shared,
    standing: watch::Sender<Option<Standing>>,
    (flows, limits): (Option<FlowsSender>, Option<Limits>),
) {
    let mut changes = shared.index.subscribe();
    let mut owners = Owners::new(shared.client.clone());
    let mut status = StatusWriter::new::<DataStore>(shared.client.clone(), NAME);
    let publisher = publish::spawn(&shared);
    let (lapsed, to_go) = watch::channel(Arc::new(Lapsed::default()));
    // What is never evicted is never said to be.
    let (outlook, mut evictions) = watch::channel(None);
    if let Some(limits) = limits {
        let outlook = outlook.clone();
        let evicting = Evicting { limits, lapsed: to_go, outlook, publisher: publisher.clone() };
        let shared = shared.clone();
        tokio::spawn(async move {
            // Whatever ends here, by a panic too, ends the process: the next one starts whole.
            let _end = shared.shutdown.clone().drop_guard();
            evict::run(shared, evicting).await;
        });
    }
    let mut known = Known::default();
    let mut before = BTreeMap::new();
    let mut nodes_before = BTreeSet::new();
    let mut has_told_of_law = false;
    loop {
        changes.mark_unchanged();
        let snapshot = shared.index.snapshot();
        let running = running(&shared, &snapshot, (&mut known, &mut owners)).await;
        let now = Timestamp::now();
        let picture = match &flows {
            None => judge(&snapshot, &running, now),
            Some(flows) => {
                let (all, picture) = standings(&snapshot, &running, now);
                flows.send_replace(Some(Arc::new(all)));
                picture
            }
        };
        standing.send_if_modified(|told| {
            let differs = told.as_ref() != Some(&picture.standing);
            *told = Some(picture.standing.clone());
            differs
        });
        lapsed.send_if_modified(|told| {
            let differs = **told != picture.lapsed;
            *told = Arc::new(picture.lapsed.clone());
            differs
        });
        if !std::mem::replace(&mut has_told_of_law, true) {
            let stores: Vec<_> = shared.index.state().stores.iter().map(|(_, e)| e.clone()).collect();
            for (owner, note) in law::changes(&stores, &picture, &snapshot.law.version) {
                publisher.publish(owner, note);
            }
        }
        for (owner, note) in changes::changes(&before, &picture.owners) {
            publisher.publish(owner, note);
        }
        let nodes_now = nodes::contradicted(&snapshot);
        for (node, note) in nodes::changes(&nodes_before, &nodes_now) {
            publisher.publish_once(node, note);
        }
        shared.metrics.transfers.contradicted_nodes.count(nodes_now.len());
        nodes_before = nodes_now;
        count(&shared, &snapshot, &picture, now);
        let outlook = evictions.borrow_and_update().clone();
        let told = (&picture, outlook.as_ref());
        let failed = write(&shared, &snapshot, told, (&mut status, &publisher), now).await;
        let next = earliest(picture.next_change, next_release(&snapshot, now));
        let next = earliest(next, findings::next_word(&snapshot, &picture, now));
        // What could not be written is tried again soon.
        let retry = failed.then(|| now + std::time::Duration::from_secs(2));
        before = picture.owners;
        let goes_on = tokio::select! {
            goes_on = wake::wait(&mut changes, earliest(next, retry), &shared.shutdown) => goes_on,
            _ = evictions.changed() => true,
        };
        if !goes_on {
            return;
        }
    }
}

/// Every Pod on a node that uses a store, or about which there is something to tell.
async fn running(
    shared: &Shared,
    snapshot: &Arc<Snapshot>,
    (known, owners): (&mut Known, &mut Owners),
) -> Vec<Using> {
    let lookup = |key: &_| shared.index.config_map(key);
    let config_maps: Option<&detect::ConfigMapLookup<'_>> =
        if snapshot.settings.read_config_maps { Some(&lookup) } else { None };
    let found = known.detected(snapshot, shared.index.pods(), config_maps);
    let direct: Vec<_> = found.iter().map(|(pod, _)| pod.owner.clone()).collect();
    owners.learn(&direct).await;
    found.into_iter().map(|(pod, found)| Using::new(owners.top(&pod.owner), pod, found)).collect()
}

/// The next instant at which a hold ends.
fn next_release(snapshot: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    snapshot.holds.values().filter_map(|h| h.released_from).filter(|t| *t > now).min()
}

fn count(shared: &Shared, snapshot: &Snapshot, picture: &Picture, now: Timestamp) {
    let of = &shared.metrics.transfers;
    let count = |n: i64| usize::try_from(n).unwrap_or_default();
    of.flows.counts(picture.flows.iter().map(|(state, flows)| (FlowState { state }, count(*flows))));
    of.single_legged.count(count(picture.single_legged));
    of.violating_pods.count(count(picture.violating_pods));
    of.findings.counts(picture.findings.iter().map(|(finding, n)| (FindingLabel { finding }, count(*n))));
    of.next_lapse.instant(picture.next_change);
    of.judged.instant(Some(now));
    let invalid = |of: &str| snapshot.invalid.keys().filter(|(kind, ..)| kind == of).count();
    let kinds = DECLARED_KINDS.map(|kind| (KindLabel { kind }, invalid(kind)));
    shared.metrics.declared.invalid.counts(kinds);
}

/// Tells whether something could not be written.
async fn write(
    shared: &Shared,
    snapshot: &Snapshot,
    (picture, outlook): (&Picture, Option<&Outlook>),
    (status, publisher): (&mut StatusWriter, &publish::Publisher),
    now: Timestamp,
) -> bool {
    let entries: Vec<Entry<DataStore>> = shared.index.state().stores.iter().map(|(_, e)| e.clone()).collect();
    let mut failed = false;
    for entry in &entries {
        let old = entry.object.as_ref().and_then(|o| o.status.as_ref());
        let wanted = match &entry.value {
            Ok(store) => {
                let nothing = StorePicture::default();
                let about = picture.stores.get(&entry.key()).unwrap_or(&nothing);
                // As it is judged: a location that is contradicted is none.
                let store = snapshot.stores.get(&entry.key()).unwrap_or(store);
                findings::accepted(snapshot, store, (about, outlook), &entry.meta, old, now)
            }
            Err(reason) => findings::invalid(reason, &entry.meta, old, now),
        };
        let before = old.map_or(&[][..], |status| &status.conditions);
        if let Some(note) = lapses::news(before, &wanted.conditions) {
            publisher.publish_once(store_as_owner(&entry.meta), note);
        }
        if let Err(error) = status.write(&entry.meta, old, &wanted).await {
            tracing::warn!(%error, "transfers");
            failed = true;
        }
    }
    let keys: std::collections::HashSet<(Arc<str>, Arc<str>)> =
        entries.iter().map(|e| (e.key().namespace, e.key().name)).collect();
    status.retain(|namespace, name| keys.contains(&(namespace.into(), name.into())));
    failed
}

/// A DataStore, as what an Event is about.
fn store_as_owner(meta: &ObjectMeta) -> Owner {
    Owner {
        api_version: DataStore::api_version(&()).into_owned(),
        kind: DataStore::kind(&()).into_owned(),
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
    }
}
