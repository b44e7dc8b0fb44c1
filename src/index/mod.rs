//! From watches to an immutable [`Snapshot`]: one writer, many readers.
//!
//! Every watch reads its objects at once into domain values; an object that cannot be read is kept with its reason and
//! stalls nothing. One task alone changes the state, gathers what comes in a burst, and publishes a new snapshot.

mod change;
pub mod facts;
mod freshness;
mod read;
mod state;
mod table;
mod watched;
mod writer;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::watch as channel;

pub use change::{Change, Effect};
pub use facts::{Owner, PodFacts, owner as owner_of};
pub use freshness::{Freshness, STALE_AFTER, Sight};
pub use read::{Context, Entry, Kind, key};
pub use state::State;
pub use table::{Table, TableEvent};
pub use watched::Watched;
pub use writer::run as run_writer;

use crate::core::{
    ids::ObjectKey,
    law::LawPack,
    settings::Settings,
    snapshot::{Snapshot, SnapshotBuilder},
};

/// How often the index has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Snapshots published.
    pub snapshot: u64,
    /// Bursts of changes to Pods.
    pub pods: u64,
    /// Bursts of changes to declared objects that the snapshot need not show, such as their status.
    pub objects: u64,
}

/// What is known about the cluster.
pub struct Index {
    snapshot: ArcSwap<Snapshot>,
    state: RwLock<State>,
    revision: channel::Sender<Revision>,
    loaded: AtomicBool,
    freshness: Freshness,
}

impl Index {
    /// An index that knows the law and the settings, and nothing of the cluster yet.
    pub fn new(law: Arc<LawPack>, settings: Arc<Settings>) -> Self {
        Self::stale_after(STALE_AFTER, law, settings)
    }

    /// Like [`Self::new`], with another bound of silence.
    pub fn stale_after(bound: Duration, law: Arc<LawPack>, settings: Arc<Settings>) -> Self {
        let empty =
            SnapshotBuilder { law: law.clone(), settings: settings.clone(), ..SnapshotBuilder::default() };
        Self {
            snapshot: ArcSwap::from_pointee(empty.build()),
            freshness: Freshness::new(bound, settings.read_config_maps, settings.derogations_for_jobs),
            state: RwLock::new(State::new(law, settings)),
            revision: channel::Sender::new(Revision::default()),
            loaded: AtomicBool::new(false),
        }
    }

    /// The present snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Tells of every change from now on.
    pub fn subscribe(&self) -> channel::Receiver<Revision> {
        self.revision.subscribe()
    }

    /// How often it has changed.
    pub fn revision(&self) -> Revision {
        *self.revision.borrow()
    }

    /// Whether every watch has listed once.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// When each watch was last heard.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Whether decisions may be made from it now.
    pub fn sight(&self) -> Sight {
        if !self.is_loaded() {
            return Sight::Loading;
        }
        match self.freshness.stale() {
            None => Sight::Clear,
            Some((watch, silent)) => Sight::Stale { watch, silent },
        }
    }

    /// Waits until every watch has listed once.
    pub async fn loaded(&self) {
        let mut changes = self.subscribe();
        while !self.is_loaded() {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// A Pod that has not ended.
    pub fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>> {
        self.state().pods.get(key).cloned()
    }

    /// Every Pod that has not ended.
    pub fn pods(&self) -> Vec<Arc<PodFacts>> {
        self.state().pods.iter().map(|(_, pod)| pod.clone()).collect()
    }

    /// Values of a ConfigMap, where they are watched.
    pub fn config_map(&self, key: &ObjectKey) -> Option<Arc<BTreeMap<String, String>>> {
        self.state().config_maps.get(key).cloned()
    }

    /// The objects behind the snapshot. Do not hold it across an await.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, snapshot: Option<Snapshot>, pods: bool) {
        if let Some(snapshot) = snapshot {
            self.snapshot.store(Arc::new(snapshot));
            self.loaded.store(true, Ordering::Release);
            self.revision.send_modify(|r| r.snapshot += 1);
        } else if !pods {
            self.revision.send_modify(|r| r.objects += 1);
        }
        if pods {
            self.revision.send_modify(|r| r.pods += 1);
        }
    }
}

#[cfg(test)]
mod tests;
