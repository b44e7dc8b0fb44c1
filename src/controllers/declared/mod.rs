//! Says of the passive kinds whether they are accepted, and whether they are in force.

mod findings;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};

pub use self::findings::{Findings, Passive};
use super::{Shared, StatusWriter, lapses, wake};
use crate::{
    api::v1alpha1::{
        CommonStatus, DataPrivacyFrameworkSnapshot, LegalHold, Party, TransferException, TransferSafeguard,
    },
    core::snapshot::Snapshot,
    index::Entry,
    picture::earliest,
    platform::{
        Events,
        conditions::{Finding, set},
    },
};

const NAME: &str = "declared";

/// Runs until shutdown.
pub async fn run(shared: Shared) {
    let client = || shared.client.clone();
    let mut parties = StatusWriter::new::<Party>(client(), NAME);
    let mut safeguards = StatusWriter::new::<TransferSafeguard>(client(), NAME);
    let mut exceptions = StatusWriter::new::<TransferException>(client(), NAME);
    let mut lists = StatusWriter::new::<DataPrivacyFrameworkSnapshot>(client(), NAME);
    let mut holds = StatusWriter::new::<LegalHold>(client(), NAME);
    let events = Events::new(client(), NAME, &shared.identity);
    let mut changes = shared.index.subscribe();
    loop {
        changes.mark_unchanged();
        let snapshot = shared.index.snapshot();
        let now = Timestamp::now();
        let (of_parties, of_safeguards, of_exceptions, of_lists, of_holds) = {
            let state = shared.index.state();
            let all = (
                entries(state.parties.iter()),
                entries(state.safeguards.iter()),
                entries(state.exceptions.iter()),
                entries(state.framework_lists.iter()),
                entries(state.holds.iter()),
            );
            drop(state);
            all
        };
        let mut next = tell(&of_parties, &snapshot, (&mut parties, &events), now).await;
        next = earliest(next, tell(&of_safeguards, &snapshot, (&mut safeguards, &events), now).await);
        next = earliest(next, tell(&of_exceptions, &snapshot, (&mut exceptions, &events), now).await);
        next = earliest(next, tell(&of_lists, &snapshot, (&mut lists, &events), now).await);
        next = earliest(next, tell(&of_holds, &snapshot, (&mut holds, &events), now).await);
        if !wake::wait(&mut changes, next, &shared.shutdown).await {
            return;
        }
    }
}

fn entries<'a, K: Passive>(
    table: impl Iterator<Item = (&'a crate::core::ids::ObjectKey, &'a Entry<K>)>,
) -> Vec<Entry<K>> {
    table.map(|(_, entry)| entry.clone()).collect()
}

/// Writes what is new. Answers when to look again.
async fn tell<K: Passive>(
    entries: &[Entry<K>],
    snapshot: &Snapshot,
    (writer, events): (&mut StatusWriter, &Events),
    now: Timestamp,
) -> Option<Timestamp> {
    let mut next = None;
    for entry in entries {
        let old = entry.object.as_ref().and_then(|o| o.status());
        let (found, at) = found(entry, snapshot, now);
        next = earliest(next, at);
        let before = old.map_or(&[][..], |s| &s.conditions);
        let wanted = CommonStatus {
            observed_generation: entry.meta.generation,
            conditions: set(before, &found, entry.meta.generation, now),
        };
        if let Some(note) = lapses::news(before, &wanted.conditions) {
            events.publish_once(&regarding::<K>(&entry.meta), &note).await;
        }
        if let Err(error) = writer.write(&entry.meta, old, &wanted).await {
            tracing::warn!(%error, "declared");
            next = earliest(next, Some(now + std::time::Duration::from_secs(2)));
        }
    }
    next
}

fn regarding<K: Passive>(meta: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        ..ObjectReference::default()
    }
}

fn found<K: Passive>(entry: &Entry<K>, snapshot: &Snapshot, now: Timestamp) -> Findings {
    match &entry.value {
        Ok(value) => {
            let (more, next) = K::findings(entry.object.as_deref(), value, snapshot, now);
            let mut all = vec![Finding::yes("Ready", "Accepted", "accepted and operating")];
            all.extend(more);
            (all, next)
        }
        Err(reason) => (
            vec![
                Finding::no("Ready", "Invalid", reason.to_string()),
                Finding::yes("Stalled", "Invalid", reason.to_string()),
            ],
            None,
        ),
    }
}
