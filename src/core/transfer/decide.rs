//! The decision.

use jiff::Timestamp;

use super::{Request, Verdict};
use crate::core::{ids::ObjectKey, snapshot::Snapshot};

/// Judges a workload: every dataset of every store it uses, under every regime, in every place.
pub fn decide(snapshot: &Snapshot, request: &Request<'_>) -> Verdict {
    Verdict { flows: vec![], law: snapshot.law.version.clone(), at: request.now, next_change: None }
}

pub(super) fn copy(snapshot: &Snapshot, _store: &ObjectKey, _copy: &str, now: Timestamp) -> Verdict {
    Verdict { flows: vec![], law: snapshot.law.version.clone(), at: now, next_change: None }
}
