//! A law pack that took the place of another one.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::Facts;

/// Stores whose status still speaks of another law pack than the replicas judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawChange {
    /// The pack of the replicas.
    pub now: String,
    /// Packs by which stores were judged last.
    pub before: Vec<String>,
    /// These stores, `namespace/name`.
    pub stores: Vec<String>,
}

impl Facts {
    /// What another law pack has taken the place of, as far as the status of stores still says so; none while replicas judge by
    /// several packs.
    pub fn law_change(&self) -> Option<LawChange> {
        let packs: BTreeSet<&str> = self.reports().map(|report| report.law_pack.as_str()).collect();
        let now = packs.first().filter(|_| packs.len() == 1)?;
        let mut before = BTreeSet::new();
        let mut stores = vec![];
        for store in self.stores.iter().flatten() {
            let judged_by = store.status.as_ref().and_then(|s| s.transfers.as_ref()?.law.as_deref());
            if let Some(law) = judged_by.filter(|law| law != now) {
                before.insert(law.to_owned());
                stores.push(format!("{}/{}", store.namespace().unwrap_or_default(), store.name_any()));
            }
        }
        let (now, before) = ((*now).to_owned(), before.into_iter().collect());
        (!stores.is_empty()).then_some(LawChange { now, before, stores })
    }
}
