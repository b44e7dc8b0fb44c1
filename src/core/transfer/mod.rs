//! Whether data may go where a workload runs: [`decide`], pure, over a [`Snapshot`].

mod carry;
mod clock;
mod decide;
mod force;
mod hop;
mod lapse;
mod near;
mod roles;
mod spread;
mod standing;
mod strictness;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
mod verdict;

use std::sync::Arc;

use jiff::Timestamp;

pub use decide::{decide, decide_as, judged_regimes};
pub use force::{Force, disagreements, force};
pub use lapse::{Lapse, TOLD_DAYS, ends_of_safeguard, lapses};
pub use standing::next_flip;
pub use strictness::mode;
pub use verdict::{Flow, FlowVerdict, Modules, NearMiss, Outcome, Remedy, Verdict, Way};

use super::{
    ids::{ObjectKey, PartyName},
    selector::Labels,
    snapshot::Snapshot,
    store::Place,
};

/// What is asked: may this workload, with these uses, run in any of these places?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// The stores that it uses, each once.
    pub uses: &'a [Use],
    /// The parties to which it sends what it uses, by their hosts.
    pub sends: &'a [Sending],
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
    /// It is a Job that nothing repeats, or a Pod of one: see [`crate::core::snapshot::Snapshot::is_one_off`]. False where that
    /// is not known.
    pub one_off: bool,
}

/// A store that a workload uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The store.
    pub store: ObjectKey,
    /// How it was found, for people: `container app env DB: Secret identity/accounts-app`. Sorted, never empty.
    pub via: Vec<String>,
    /// What is done there.
    pub access: UseAccess,
}

/// What a workload does with a store. Only its author can say that it writes, and what he says takes nothing away from what
/// was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseAccess {
    /// It reads, as far as is known.
    #[default]
    Read,
    /// It only writes, as far as is known.
    Write,
    /// It reads and writes.
    ReadWrite,
}

impl UseAccess {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::ReadWrite }
    }

    /// Whether data leaves the store by it.
    pub fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    /// Whether other data gets there by it.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// A party to which a workload sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sending {
    /// The party.
    pub party: PartyName,
    /// Its host, as declared.
    pub host: Arc<str>,
    /// How it was found, for people. Sorted, never empty.
    pub via: Vec<String>,
}

/// Judges what happens to a store's data without any workload of this cluster: remote access, control and onward recipients
/// of its exporter.
pub fn decide_at_rest(snapshot: &Snapshot, store: &ObjectKey, now: Timestamp) -> Verdict {
    decide::at_rest(snapshot, store, now)
}

/// Judges a copy of a store: its holder as importer, its place, its store's namespace.
pub fn decide_copy(snapshot: &Snapshot, store: &ObjectKey, copy: &str, now: Timestamp) -> Verdict {
    decide::copy(snapshot, store, copy, now)
}

/// Name of what carried a flow: `safeguard/NAME` or `law/ROW`.
pub type ReliedOn = Arc<str>;
