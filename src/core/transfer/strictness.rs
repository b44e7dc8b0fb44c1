//! How strictly a verdict is answered.

use super::{Outcome, Verdict};
use crate::core::{settings::Mode, snapshot::Snapshot};

/// The strictest of the cluster's, the workload's namespace's and the violating stores' namespaces'.
pub fn mode(snapshot: &Snapshot, namespace: &str, verdict: &Verdict) -> Mode {
    let of = |namespace: &str| snapshot.namespaces.get(namespace).and_then(|n| n.mode);
    let stores = verdict.flows.iter().filter(|f| matches!(f.outcome, Outcome::Uncovered { .. }));
    stores
        .filter_map(|f| of(&f.flow.store.namespace))
        .chain(of(namespace))
        .chain([snapshot.settings.mode])
        .max()
        .unwrap_or(Mode::Enforce)
}
