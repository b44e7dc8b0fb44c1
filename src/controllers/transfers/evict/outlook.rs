//! How evictions stand, as each store's condition says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{core::ids::ObjectKey, platform::conditions::Finding};

const TYPE: &str = "Evicting";
/// Blocked Pods that are named.
const NAMED: usize = 10;

/// How evictions stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// By store; one that is not here has nobody to evict.
    pub stores: BTreeMap<ObjectKey, Standing>,
}

/// How the evictions of one store's users stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Pods that are to go, those that are on their way among them.
    pub pods: usize,
    /// Too many at once: how many, of how many that use a store, and how many percent may.
    pub held: Option<(usize, usize, u8)>,
    /// Why nothing at all is evicted just now.
    pub put_off: Option<String>,
    /// Pods whose budget forbids it, each with what the API server says.
    pub blocked: BTreeSet<String>,
}

impl Standing {
    /// Why it waits; none = it does not.
    pub fn paused(&self) -> Option<String> {
        match (self.held, &self.put_off) {
            (Some((pods, using, at_most)), _) => Some(format!(
                "one change would evict {pods} of {using} Pods that use a store, and --evict-at-most is {at_most} percent: \
                 mend what lapsed, or raise it"
            )),
            (None, Some(why)) => Some(format!("evictions wait, since {why}")),
            (None, None) => None,
        }
    }
}

impl Outlook {
    /// What a store's condition says.
    pub fn finding(&self, store: &ObjectKey) -> Finding {
        let Some(standing) = self.stores.get(store) else {
            return Finding::no(TYPE, "NothingToEvict", "no Pod is to be evicted");
        };
        if let Some(why) = standing.paused() {
            return Finding::no(TYPE, "EvictionPaused", why);
        }
        if !standing.blocked.is_empty() {
            let mut lines =
                vec![format!("{} Pods cannot be evicted now, and are tried again:", standing.blocked.len())];
            lines.extend(standing.blocked.iter().take(NAMED).cloned());
            return Finding::no(TYPE, "EvictionBlocked", lines.join("\n"));
        }
        Finding::yes(TYPE, "Evicting", format!("{} Pods are being evicted", standing.pods))
    }
}
