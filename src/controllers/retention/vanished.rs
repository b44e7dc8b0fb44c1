//! Holds that go without a release: pure. What a hold covered is kept until a person looks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::{
    api::v1alpha1::{DeletionRun, SeenHold},
    core::{
        hold::{Hold, HoldScopeResolution},
        snapshot::Snapshot,
        store::Store,
    },
};

/// The holds that cover a store, and those known before that went, or cover it no more, ahead of the day of their release.
/// A run that a person approved afterwards settles these.
pub fn seen_holds(
    known: &[SeenHold],
    snapshot: &Snapshot,
    store: &Store,
    runs: &[&DeletionRun],
    now: Timestamp,
) -> Vec<SeenHold> {
    let resolution = HoldScopeResolution::of_cluster(snapshot);
    let holds: BTreeMap<&str, &Hold> =
        snapshot.holds.values().map(|h| (h.uid.as_str(), h.as_ref())).collect();
    let covers =
        |hold: &Hold| hold.in_force(now) && store.datasets.iter().any(|d| hold.covers(store, d, &resolution));
    let mut seen = vec![];
    for before in known {
        match holds.get(before.uid.as_str()) {
            Some(hold) if covers(hold) => seen.push(SeenHold { vanished_at: None, ..before.clone() }),
            Some(hold) if !hold.in_force(now) => {}
            Some(_) | None => {
                let at = before.vanished_at.as_deref().and_then(|t| t.parse().ok()).unwrap_or(now);
                if !runs.iter().any(|r| approved_since(r, at)) {
                    seen.push(SeenHold { vanished_at: Some(at.to_string()), ..before.clone() });
                }
            }
        }
    }
    // A hold that only covers because it cannot be read, or because a name in it is not found yet, may well cover less
    // tomorrow: that is no loss.
    let new = holds.values().filter(|h| {
        !known.iter().any(|k| k.uid == h.uid)
            && h.is_readable
            && h.widened(&resolution).is_none()
            && covers(h)
    });
    seen.extend(new.map(|h| SeenHold { name: h.name.to_string(), uid: h.uid.clone(), vanished_at: None }));
    seen.sort_by(|a, b| (&a.name, &a.uid).cmp(&(&b.name, &b.uid)));
    // Those that vanished come first where there are more than the status takes.
    seen.sort_by_key(|h| h.vanished_at.is_none());
    seen.truncate(100);
    seen
}

/// Whether a person approved the run after an instant.
fn approved_since(run: &DeletionRun, at: Timestamp) -> bool {
    let approval = run.status.as_ref().and_then(|s| s.approval.as_ref());
    approval.filter(|a| a.approval.is_some()).is_some_and(|a| {
        // Both the approval itself and the plan that it speaks of came later.
        run.creation_timestamp().is_some_and(|t| t.0 >= Timestamp::from_second(at.as_second()).unwrap_or(at))
            && a.at.parse::<Timestamp>().is_ok_and(|given| given > at)
    })
}
