//! What the runner reads from the cluster, live.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;

use crate::{
    api::v1alpha1::{DeletionRun, LegalHold},
    core::{
        hold::Hold,
        policy::{Limits, Policy},
        store::Store,
    },
    parse,
};

/// A read that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ViewError(pub String);

/// The run, and the instant at which the API server gave it by its own clock.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// The run.
    pub run: DeletionRun,
    /// When it was given.
    pub answered_at: Timestamp,
}

/// Policies of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// Those that can be read.
    pub readable: Vec<Policy>,
    /// Whether one cannot: it may keep.
    pub some_unreadable: bool,
}

impl Policies {
    /// Bounds of the policy with this uid.
    pub fn limits_of(&self, uid: &str) -> Limits {
        self.readable.iter().find(|p| p.uid == uid).map(|p| p.limits).unwrap_or_default()
    }
}

/// Stores of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stores {
    /// Those that can be read.
    pub readable: Vec<Store>,
    /// Whether one cannot: it may keep.
    pub some_unreadable: bool,
}

/// Live reads: each answer is what the API server holds now, never a cache's.
pub trait ClusterView: Send + Sync {
    /// The run.
    fn run(&self) -> impl Future<Output = Result<LiveRun, ViewError>> + Send;
    /// Policies of its namespace.
    fn policies(&self) -> impl Future<Output = Result<Policies, ViewError>> + Send;
    /// Stores of its namespace.
    fn stores(&self) -> impl Future<Output = Result<Stores, ViewError>> + Send;
    /// All holds; one that cannot be read holds everything.
    fn holds(&self) -> impl Future<Output = Result<Vec<Hold>, ViewError>> + Send;
}

/// Reads one item of a list of holds. What cannot be read holds everything.
pub fn read_hold(item: serde_json::Value) -> Hold {
    let text = |field: &str| {
        let value = item.pointer(&format!("/metadata/{field}")).and_then(|v| v.as_str());
        Arc::<str>::from(value.unwrap_or_default())
    };
    let unreadable = Hold::unreadable(text("name"), text("uid").to_string());
    let hold = serde_json::from_value::<LegalHold>(item).ok().and_then(|h| parse::hold(&h).ok());
    hold.unwrap_or(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_that_cannot_be_read_holds_everything_under_its_name() {
        let hold =
            read_hold(serde_json::json!({"metadata": {"name": "m", "uid": "u"}, "spec": {"reason": "New"}}));
        assert_eq!(hold, Hold::unreadable("m", "u"));
    }
}
