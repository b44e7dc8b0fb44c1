//! The one task that changes the state.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Index,
    change::{Change, Effect},
};

/// A burst is gathered for this long.
const GATHER: Duration = Duration::from_millis(20);

/// Applies changes and publishes snapshots until `shutdown` or until no watch is left.
pub async fn run(index: Arc<Index>, mut queue: mpsc::Receiver<Change>, shutdown: CancellationToken) {
    let mut gather = GATHER;
    loop {
        let first = tokio::select! {
            () = shutdown.cancelled() => return,
            first = queue.recv() => match first {
                Some(first) => first,
                None => return,
            },
        };
        let mut burst = Burst::default();
        burst.note(index.state_mut().apply(first));
        let end = tokio::time::Instant::now() + gather;
        while let Ok(Some(next)) = tokio::time::timeout_at(end, queue.recv()).await {
            burst.note(index.state_mut().apply(next));
        }
        let started = Instant::now();
        publish(&index, burst);
        // Where building takes long, more is gathered, so that at most half the time goes into building.
        gather = GATHER.max(started.elapsed());
    }
}

#[derive(Clone, Copy, Default)]
struct Burst {
    snapshot: bool,
    pods: bool,
    objects: bool,
}

impl Burst {
    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::Objects => self.objects = true,
            Effect::Pods => self.pods = true,
            Effect::Snapshot => self.snapshot = true,
        }
    }
}

fn publish(index: &Index, burst: Burst) {
    let state = index.state();
    if !state.is_listed() {
        return;
    }
    let first = !index.is_loaded();
    let snapshot = (burst.snapshot || first).then(|| state.snapshot());
    drop(state);
    if snapshot.is_some() || burst.pods || burst.objects {
        index.publish(snapshot, burst.pods);
    }
}
