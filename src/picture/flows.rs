//! Flows one by one: who carries what whither, and on what it stands.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::judge::{Judged, Picture, Using, judge_each};
use crate::core::{
    ids::ObjectKey,
    snapshot::Snapshot,
    transfer::{Flow, Outcome, Verdict},
};

/// Who carries data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Workloads with this top-level owner, in this namespace.
    Owner {
        /// `Deployment`.
        kind: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// A copy of a store, by its name.
    Copy(ObjectKey, String),
    /// A store, without any workload of this cluster.
    Store(ObjectKey),
}

impl Who {
    /// The namespace that it is of.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Owner { namespace, .. } => namespace,
            Self::Copy(store, _) | Self::Store(store) => &store.namespace,
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Owner { kind, namespace, name } => write!(f, "{kind} {namespace}/{name}"),
            Self::Copy(store, copy) => write!(f, "copy {copy} of {store}"),
            Self::Store(store) => write!(f, "store {store}"),
        }
    }
}

/// How one flow stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its outcome.
    pub outcome: Outcome,
    /// How many Pods carry it; none for a copy, and for a workload that does not run.
    pub pods: usize,
    /// Whether it is in a namespace where nothing is refused.
    pub is_exempt: bool,
}

/// How every flow of what runs, and of every copy, stands at `now`: Pods of one owner in one place are one.
pub fn standings(
    snapshot: &Snapshot,
    running: &[Using],
    now: Timestamp,
) -> (BTreeMap<(Who, Flow), Standing>, Picture) {
    let mut all: BTreeMap<(Who, Flow), Standing> = BTreeMap::new();
    let picture = judge_each(snapshot, running, now, &mut |judged, verdict: &Verdict| {
        let (who, pods, is_exempt) = match judged {
            Judged::Pod(using) => (owner(using), 1, false),
            Judged::Exempt(using) => (owner(using), 1, true),
            Judged::Copy(store, copy) => (Who::Copy(store.clone(), copy.to_owned()), 0, false),
            Judged::AtRest(store) => (Who::Store(store.clone()), 0, false),
        };
        for f in &verdict.flows {
            let key = (who.clone(), f.flow.clone());
            all.entry(key)
                .and_modify(|standing| {
                    standing.pods += pods;
                    // Labels of Pods differ, and an exception may speak of some: the worst is told.
                    if worse(&f.outcome, &standing.outcome) {
                        standing.outcome = f.outcome.clone();
                    }
                })
                .or_insert_with(|| Standing { outcome: f.outcome.clone(), pods, is_exempt });
        }
    });
    (all, picture)
}

fn owner(using: &Using) -> Who {
    let owner = &using.owner;
    Who::Owner { kind: owner.kind.clone(), namespace: owner.namespace.clone(), name: owner.name.clone() }
}

/// Whether one outcome is worse than another: the later of [`Outcome::STATES`].
fn worse(one: &Outcome, other: &Outcome) -> bool {
    let rank = |outcome: &Outcome| Outcome::STATES.iter().position(|state| *state == outcome.state());
    rank(one) > rank(other)
}
