//! Says of the passive kinds whether they are accepted, and whether they are in force.

use jiff::Timestamp;

use super::{Shared, StatusWriter, transfers::earliest, wake};
use crate::{
    api::v1alpha1::{CommonStatus, LegalHold, Party, TransferException, TransferSafeguard},
    core::{
        exception::Exception,
        hold::{Hold, HoldScopeResolution},
        party::Party as DomainParty,
        safeguard::Safeguard,
        snapshot::Snapshot,
    },
    index::{Entry, Kind},
    platform::conditions::{Finding, set},
};

const NAME: &str = "declared";

/// A passive kind.
trait Passive: Kind {
    /// Its status, where it has one.
    fn status(&self) -> Option<&CommonStatus>;

    /// What there is to say beside `Ready`, and when that changes by time alone.
    fn findings(
        value: &Self::Value,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> (Vec<Finding>, Option<Timestamp>);
}

/// Runs until shutdown.
pub async fn run(shared: Shared) {
    let client = || shared.client.clone();
    let mut parties = StatusWriter::new::<Party>(client(), NAME);
    let mut safeguards = StatusWriter::new::<TransferSafeguard>(client(), NAME);
    let mut exceptions = StatusWriter::new::<TransferException>(client(), NAME);
    let mut holds = StatusWriter::new::<LegalHold>(client(), NAME);
    let mut changes = shared.index.subscribe();
    loop {
        changes.mark_unchanged();
        let snapshot = shared.index.snapshot();
        let now = Timestamp::now();
        let (of_parties, of_safeguards, of_exceptions, of_holds) = {
            let state = shared.index.state();
            let all = (
                entries(state.parties.iter()),
                entries(state.safeguards.iter()),
                entries(state.exceptions.iter()),
                entries(state.holds.iter()),
            );
            drop(state);
            all
        };
        let mut next = tell(&of_parties, &snapshot, &mut parties, now).await;
        next = earliest(next, tell(&of_safeguards, &snapshot, &mut safeguards, now).await);
        next = earliest(next, tell(&of_exceptions, &snapshot, &mut exceptions, now).await);
        next = earliest(next, tell(&of_holds, &snapshot, &mut holds, now).await);
        if !wake::wait(&mut changes, next, &shared.shutdown).await {
            return;
        }
    }
}

fn entries<'a, K: Kind>(
    table: impl Iterator<Item = (&'a crate::core::ids::ObjectKey, &'a Entry<K>)>,
) -> Vec<Entry<K>> {
    table.map(|(_, entry)| entry.clone()).collect()
}

/// Writes what is new. Answers when to look again.
async fn tell<K: Passive>(
    entries: &[Entry<K>],
    snapshot: &Snapshot,
    writer: &mut StatusWriter,
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
        if let Err(error) = writer.write(&entry.meta, old, &wanted).await {
            tracing::warn!(%error, "declared");
            next = earliest(next, Some(now + std::time::Duration::from_secs(2)));
        }
    }
    next
}

fn found<K: Passive>(
    entry: &Entry<K>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> (Vec<Finding>, Option<Timestamp>) {
    match &entry.value {
        Ok(value) => {
            let (more, next) = K::findings(value, snapshot, now);
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

fn until(until: Option<Timestamp>) -> String {
    until.map_or("without an end".into(), |t| format!("until {t}"))
}

impl Passive for Party {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(
        party: &DomainParty,
        snapshot: &Snapshot,
        _now: Timestamp,
    ) -> (Vec<Finding>, Option<Timestamp>) {
        let contested: Vec<_> = party
            .namespaces
            .iter()
            .filter(|n| snapshot.runs.get(*n).is_none_or(|p| *p != party.name))
            .map(String::as_str)
            .collect();
        let finding = if contested.is_empty() {
            Finding::yes("NamespacesUnique", "Unique", "no other Party runs these namespaces")
        } else {
            let message =
                format!("another Party runs it too, so nobody is taken to: {}", contested.join(", "));
            Finding::no("NamespacesUnique", "Contested", message)
        };
        (vec![finding], None)
    }
}

impl Passive for TransferSafeguard {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(
        safeguard: &Safeguard,
        _snapshot: &Snapshot,
        now: Timestamp,
    ) -> (Vec<Finding>, Option<Timestamp>) {
        let validity = &safeguard.validity;
        let finding = match validity.from.filter(|from| now < *from) {
            Some(from) => Finding::no("InForce", "NotYet", format!("from {from}")),
            None if validity.contains(now) => Finding::yes("InForce", "InForce", until(validity.until)),
            None => Finding::no("InForce", "Ended", until(validity.until)),
        };
        (vec![finding], validity.next_change(now))
    }
}

impl Passive for TransferException {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(
        exception: &Exception,
        _snapshot: &Snapshot,
        now: Timestamp,
    ) -> (Vec<Finding>, Option<Timestamp>) {
        let end = exception.until;
        let finding = if now < end {
            Finding::yes("InForce", "InForce", until(Some(end)))
        } else {
            Finding::no("InForce", "Ended", until(Some(end)))
        };
        (vec![finding], Some(end).filter(|t| *t > now))
    }
}

impl Passive for LegalHold {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(hold: &Hold, snapshot: &Snapshot, now: Timestamp) -> (Vec<Finding>, Option<Timestamp>) {
        let in_force = if hold.in_force(now) {
            Finding::yes("InForce", "InForce", until(hold.released_from))
        } else {
            Finding::no("InForce", "Released", until(hold.released_from))
        };
        let known = HoldScopeResolution::of_cluster(snapshot);
        let covered: Vec<_> = {
            let mut all: Vec<_> = snapshot
                .stores
                .values()
                .flat_map(|s| s.datasets.iter().map(move |d| (s, d)))
                .filter(|(s, d)| hold.covers(s, d, &known))
                .map(|(s, d)| format!("{}/{}", s.key, d.name))
                .collect();
            all.sort();
            all
        };
        let mut message = format!("{} datasets", covered.len());
        if !covered.is_empty() {
            message =
                format!("{message}: {}", covered.iter().take(10).cloned().collect::<Vec<_>>().join(", "));
        }
        let covers = if covered.is_empty() {
            Finding::no("Covers", "Nothing", message)
        } else {
            Finding::yes("Covers", "Datasets", message)
        };
        (vec![in_force, covers], hold.released_from.filter(|t| *t > now))
    }
}
