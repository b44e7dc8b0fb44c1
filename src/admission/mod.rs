//! The webhooks: review bytes in, response bytes out. [`review`] validates; [`steer`] changes a Pod, where that is chosen.
//!
//! Neither does I/O; `serve` (feature `operator`) puts TLS and HTTP around them.

mod binding;
#[cfg(feature = "operator")]
mod desk;
#[cfg(feature = "operator")]
mod drain;
mod envelope;
#[cfg(feature = "operator")]
mod guests;
#[cfg(feature = "operator")]
mod journal;
mod loosening;
mod review;
mod runner;
#[cfg(feature = "operator")]
mod server;
mod steer;
#[cfg(feature = "operator")]
mod tls;
mod transfers;
mod validate;
mod workload;

use std::sync::Arc;

pub use envelope::{BadReview, NotReady};
pub use review::{Decision, Reviewed, review};
#[cfg(feature = "operator")]
pub use server::{Handle, Served, serve};
pub use steer::steer;
#[cfg(feature = "operator")]
pub use tls::TlsPair;

use crate::{
    core::{ids::ObjectKey, snapshot::Snapshot},
    detect::ConfigMapLookup,
    index::{Index, PodFacts, Sight},
};

/// Finds Pods that are already there.
pub trait PodLookup: Send + Sync {
    /// What is known of a Pod; none = it is not known (yet).
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>>;

    /// Every Pod that is known; nobody where nothing runs.
    fn running(&self) -> Vec<Arc<PodFacts>> {
        vec![]
    }
}

impl PodLookup for Index {
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>> {
        Self::pod(self, key)
    }

    fn running(&self) -> Vec<Arc<PodFacts>> {
        self.pods()
    }
}

/// Everything that a review reads.
#[derive(Clone)]
pub struct ReviewState<'a> {
    /// What is declared, at one moment.
    pub snapshot: Arc<Snapshot>,
    /// Whether the snapshot may be judged by.
    pub sight: Sight,
    /// Pods that are there.
    pub pods: &'a dyn PodLookup,
    /// Texts of ConfigMaps; read with `--read-configmaps` alone.
    pub config_maps: Option<&'a ConfigMapLookup<'a>>,
}

#[cfg(feature = "operator")]
#[cfg(test)]
mod tests;
