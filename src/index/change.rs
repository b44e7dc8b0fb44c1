//! What watches tell the index.

use std::{collections::BTreeMap, sync::Arc};

use super::{Entry, PodFacts, TableEvent};
use crate::{
    api::v1alpha1 as api,
    core::{
        claim::ClonedClaim,
        endpoints::Endpoints,
        snapshot::{Namespace, Node},
        volume::Volume,
    },
};

/// A change of one table.
#[derive(Debug)]
#[expect(missing_docs, reason = "one for each table")]
pub enum Change {
    Party(TableEvent<Entry<api::Party>>),
    DataStore(TableEvent<Entry<api::DataStore>>),
    TransferSafeguard(TableEvent<Entry<api::TransferSafeguard>>),
    TransferException(TableEvent<Entry<api::TransferException>>),
    DataPrivacyFrameworkSnapshot(TableEvent<Entry<api::DataPrivacyFrameworkSnapshot>>),
    RetentionPolicy(TableEvent<Entry<api::RetentionPolicy>>),
    LegalHold(TableEvent<Entry<api::LegalHold>>),
    Namespace(TableEvent<Namespace>),
    Node(TableEvent<Arc<Node>>),
    Volume(TableEvent<Arc<Volume>>),
    Clone(TableEvent<Arc<ClonedClaim>>),
    Endpoints(TableEvent<Arc<Endpoints>>),
    Pod(TableEvent<Arc<PodFacts>>),
    ConfigMap(TableEvent<Arc<BTreeMap<String, String>>>),
    Job(TableEvent<Arc<str>>),
}

/// What a change touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that anybody reads.
    Nothing,
    /// Declared objects, but not what they mean.
    Objects,
    /// Pods, or what tells which stores they use.
    Pods,
    /// The snapshot.
    Snapshot,
}

#[cfg(test)]
impl Change {
    /// Every list is whole: what a cluster in which nothing is declared says.
    pub(crate) fn every_list_is_done() -> [Self; 13] {
        [
            Self::Party(TableEvent::InitDone),
            Self::DataStore(TableEvent::InitDone),
            Self::TransferSafeguard(TableEvent::InitDone),
            Self::TransferException(TableEvent::InitDone),
            Self::DataPrivacyFrameworkSnapshot(TableEvent::InitDone),
            Self::RetentionPolicy(TableEvent::InitDone),
            Self::LegalHold(TableEvent::InitDone),
            Self::Namespace(TableEvent::InitDone),
            Self::Node(TableEvent::InitDone),
            Self::Volume(TableEvent::InitDone),
            Self::Clone(TableEvent::InitDone),
            Self::Endpoints(TableEvent::InitDone),
            Self::Pod(TableEvent::InitDone),
        ]
    }
}
