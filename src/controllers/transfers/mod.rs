//! Re-judges running workloads whenever an answer can have changed: an object, a Pod, a node, or time alone.

mod changes;
mod findings;
mod judge;
mod owners;
mod publish;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio::sync::watch;

pub use findings::accepted as store_status;
pub use judge::{OwnerPicture, Picture, Standing, StorePicture, Told, Using, earliest, judge};

use self::owners::Owners;
use super::{Shared, StatusWriter, wake};
use crate::{
    api::v1alpha1::DataStore,
    core::snapshot::Snapshot,
    detect::{self, Detection, PodSubject},
    index::{Entry, PodFacts},
    platform::metrics::{DECLARED_KINDS, FindingLabel, FlowState, KindLabel},
};

const NAME: &str = "transfers";

/// Runs until shutdown; `standing` is told what running Pods stand on, once that is counted.
pub async fn run(shared: Shared, standing: watch::Sender<Option<Standing>>) {
    let mut changes = shared.index.subscribe();
    let mut owners = Owners::new(shared.client.clone());
    let mut status = StatusWriter::new::<DataStore>(shared.client.clone(), NAME);
    let publisher = publish::spawn(&shared);
    let mut before = BTreeMap::new();
    loop {
        changes.mark_unchanged();
        let snapshot = shared.index.snapshot();
        let running = running(&shared, &snapshot, &mut owners).await;
        let now = Timestamp::now();
        let picture = judge(&snapshot, &running, now);
        standing.send_if_modified(|told| {
            let differs = told.as_ref() != Some(&picture.standing);
            *told = Some(picture.standing.clone());
            differs
        });
        for (owner, note) in changes::changes(&before, &picture.owners) {
            publisher.publish(owner, note);
        }
        count(&shared, &snapshot, &picture, now);
        let failed = write(&shared, &snapshot, &picture, &mut status, now).await;
        let next = earliest(picture.next_change, next_release(&snapshot, now));
        // What could not be written is tried again soon.
        let retry = failed.then(|| now + std::time::Duration::from_secs(2));
        before = picture.owners;
        if !wake::wait(&mut changes, earliest(next, retry), &shared.shutdown).await {
            return;
        }
    }
}

/// Every Pod on a node that uses a store, or about which there is something to tell.
async fn running(shared: &Shared, snapshot: &Snapshot, owners: &mut Owners) -> Vec<Using> {
    let lookup = |key: &_| shared.index.config_map(key);
    let config_maps: Option<&detect::ConfigMapLookup<'_>> =
        if snapshot.settings.read_config_maps { Some(&lookup) } else { None };
    let mut found = vec![];
    for pod in shared.index.pods() {
        if pod.node().is_none() {
            continue;
        }
        let subject = PodSubject {
            namespace: &pod.key.namespace,
            spec: &pod.spec,
            annotations: &pod.annotations,
            labels: &pod.labels,
            claim_templates: &[],
            config_maps,
        };
        let detected = detect::uses(snapshot, &subject);
        if !detected.uses.is_empty() || !detected.findings.is_empty() {
            found.push((pod, detected));
        }
    }
    let direct: Vec<_> = found.iter().map(|(pod, _)| pod.owner.clone()).collect();
    owners.learn(&direct).await;
    let using = |(pod, Detection { uses, sends, findings, .. }): (Arc<PodFacts>, _)| Using {
        owner: owners.top(&pod.owner),
        pod,
        uses,
        sends,
        findings,
    };
    found.into_iter().map(using).collect()
}

/// The next instant at which a hold ends.
fn next_release(snapshot: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    snapshot.holds.values().filter_map(|h| h.released_from).filter(|t| *t > now).min()
}

fn count(shared: &Shared, snapshot: &Snapshot, picture: &Picture, now: Timestamp) {
    let of = &shared.metrics.transfers;
    let count = |n: i64| usize::try_from(n).unwrap_or_default();
    of.flows.counts(picture.flows.iter().map(|(state, flows)| (FlowState { state }, count(*flows))));
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
    picture: &Picture,
    status: &mut StatusWriter,
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
                findings::accepted(snapshot, store, about, &entry.meta, old, now)
            }
            Err(reason) => findings::invalid(reason, &entry.meta, old, now),
        };
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
