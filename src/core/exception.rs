//! TransferException, already read.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{ids::ObjectKey, selector::Selector};

/// Break-glass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Name of the object.
    pub name: Arc<str>,
    /// Ticket.
    pub ticket: String,
    /// Namespace of the workloads.
    pub namespace: String,
    /// Labels of the Pods.
    pub pods: Selector,
    /// Stores.
    pub stores: BTreeSet<ObjectKey>,
    /// End: `expiresAt`, or the cluster's maximum after creation where that is earlier.
    pub until: Timestamp,
}
