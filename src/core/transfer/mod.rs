//! Whether data may go where a workload runs: [`decide`], pure, over a [`Snapshot`].

mod carry;
mod clock;
mod decide;
mod force;
mod near;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
mod verdict;

use std::sync::Arc;

use jiff::Timestamp;

pub use decide::{decide, decide_as, judged_regimes};
pub use force::{Force, force};
pub use verdict::{Flow, FlowVerdict, NearMiss, Outcome, Remedy, Verdict};

use super::{ids::ObjectKey, selector::Labels, snapshot::Snapshot, store::Place};

/// What is asked: may this workload, with these uses, run in any of these places?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// The stores that it uses, each once.
    pub uses: &'a [Use],
    /// The places in which it may run; each is judged. An unknown place has no country.
    pub places: &'a [Place],
    /// The instant for which it is asked.
    pub now: Timestamp,
}

/// A workload as decisions see it.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    /// Kind for people (`Pod`, `Deployment`).
    pub kind: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name, or `generateName` with a star.
    pub name: &'a str,
    /// Labels of the Pod (template).
    pub labels: &'a Labels,
}

/// A store that a workload uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The store.
    pub store: ObjectKey,
    /// How it was found, for people: `container app env DB: Secret identity/accounts-app`. Sorted, never empty.
    pub via: Vec<String>,
}

/// Judges a copy of a store: its holder as importer, its place, its store's namespace.
pub fn decide_copy(snapshot: &Snapshot, store: &ObjectKey, copy: &str, now: Timestamp) -> Verdict {
    decide::copy(snapshot, store, copy, now)
}

/// Name of what carried a flow: `safeguard/NAME` or `law/ROW`.
pub type ReliedOn = Arc<str>;
