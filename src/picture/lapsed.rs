//! Running Pods that are to go.

use crate::{core::ids::ObjectKey, index::Owner};

/// Everything that is to go, as it was judged at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lapsed {
    /// The Pods, in the order of their names.
    pub pods: Vec<LapsedPod>,
    /// How many Pods use a store, these among them.
    pub using: usize,
}

/// A running Pod with a flow that nothing covers, where that is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LapsedPod {
    /// Its namespace and name.
    pub key: ObjectKey,
    /// Its uid: no other Pod of that name is meant.
    pub uid: String,
    /// Its top-level owner.
    pub owner: Owner,
    /// What made it.
    pub controller: Owner,
    /// Stores whose data it carries uncovered.
    pub stores: Vec<ObjectKey>,
}

impl LapsedPod {
    /// Whether somebody makes another one in its place. A Pod of its own would not come back, and a node's own comes back
    /// whatever anybody says.
    pub fn comes_back(&self) -> bool {
        self.controller.uid != self.uid && self.controller.kind != "Node"
    }
}
