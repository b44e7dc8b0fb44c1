//! Keeps the parameter objects of the API server's own policies at what `decide` says: compiled anew when the snapshot
//! changes or time passes, written only where they differ, put right when somebody edits or deletes one.

mod acknowledged;
mod counts;
mod live;
mod render;
mod write;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;

use self::{
    counts::Counts,
    live::{Live, Seen},
};
use super::Shared;
use crate::{
    api::v1alpha1::TransferBackstopSpec,
    core::{
        backstop::{Compiled, compile},
        ids::ObjectKey,
        snapshot::Snapshot,
    },
    picture::{Standing, earliest},
    platform::metrics::BackstopMetrics,
};

const NAME: &str = "backstop";
/// Name of the objects that the policies for Pods read.
pub const OBJECT: &str = "carnet";
/// Name of the object in our own namespace that says what running Pods stand on. It changes with every Pod, the others
/// seldom.
pub const STANDING: &str = "carnet-standing";
/// Changes are gathered for so long.
const GATHER: Duration = Duration::from_millis(250);
/// Sleeps are no longer than this: a clock that is set must not let an end go by for long.
const LONGEST: Duration = Duration::from_secs(1);
/// What could not be written is tried again after this.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until shutdown; `standing` has nothing until what runs was counted once.
pub async fn run(shared: Shared, mut standing: watch::Receiver<Option<Standing>>) {
    tokio::spawn(acknowledged::run(shared.clone(), standing.clone()));
    let mut live = Live::follow(shared.client.clone(), shared.shutdown.clone());
    let mut changes = shared.index.subscribe();
    let (mut last, mut counts) = (Last::default(), Counts::default());
    loop {
        changes.mark_unchanged();
        let heard = standing.borrow_and_update().clone();
        let listed = *live.changes.borrow_and_update() > 0;
        let started = Instant::now();
        last.compile(shared.index.snapshot()).await;
        let left = if listed {
            let told = counts.tell(heard.as_ref(), Instant::now());
            last.write(&shared, told, live.objects()).await
        } else {
            // What is there is not known, so none of it is known to be right.
            last.specs.len().max(1)
        };
        last.tell(&shared.metrics.backstop, left);
        // At most half the time goes into this.
        let pause = GATHER.max(started.elapsed());
        if shared.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        let retry = (listed && left > 0).then(|| Timestamp::now() + RETRY);
        loop {
            let now = Timestamp::now();
            if earliest(last.compiled.next_change, retry).is_some_and(|at| at <= now)
                || counts.are_owed(Instant::now())
            {
                break;
            }
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return } else { break },
                changed = standing.changed() => if changed.is_err() { return } else { break },
                changed = live.changes.changed() => if changed.is_err() { return } else { break },
                () = tokio::time::sleep(LONGEST) => {}
            }
        }
    }
}

/// What was compiled, and from what.
#[derive(Default)]
struct Last {
    snapshot: Option<Arc<Snapshot>>,
    compiled: Arc<Compiled>,
    specs: BTreeMap<ObjectKey, TransferBackstopSpec>,
}

impl Last {
    async fn compile(&mut self, snapshot: Arc<Snapshot>) {
        let same = self.snapshot.as_ref().is_some_and(|last| Arc::ptr_eq(last, &snapshot));
        let now = Timestamp::now();
        if same && self.compiled.next_change.is_none_or(|at| now < at) {
            return;
        }
        let started = Instant::now();
        let from = snapshot.clone();
        let compiled = tokio::task::spawn_blocking(move || {
            let compiled = compile(&from, now);
            let specs = specs(&from, &compiled);
            (compiled, specs)
        });
        match compiled.await {
            Ok((compiled, specs)) => {
                tracing::debug!(millis = started.elapsed().as_millis(), objects = specs.len(), "compiled");
                report(&self.compiled, &compiled);
                self.compiled = Arc::new(compiled);
                self.specs = specs;
                self.snapshot = Some(snapshot);
            }
            Err(error) => tracing::error!(%error, "compiling the backstop broke off"),
        }
    }

    /// Brings the objects to what they should be; how many are left. Counts that are not known are left as they are.
    async fn write(
        &self,
        shared: &Shared,
        counts: Option<&Standing>,
        mut there: HashMap<ObjectKey, Seen>,
    ) -> usize {
        let Some(snapshot) = &self.snapshot else {
            // Compiling broke off: nothing is known to be unwanted.
            return there.len().max(1);
        };
        let mut wanted = self.specs.clone();
        let own = snapshot.settings.own_namespace.as_str();
        let key = ObjectKey::new(own, STANDING);
        match counts {
            Some(counts) => drop(wanted.insert(key, render::standing(counts))),
            None => drop(there.remove(&key)),
        }
        write::write(&shared.client, &wanted, &there, own).await
    }

    fn tell(&self, metrics: &BackstopMetrics, left: usize) {
        metrics.left_out.count(left_out(&self.compiled));
        metrics.unwritten.count(left);
    }
}

/// Every parameter object that should be there.
fn specs(snapshot: &Snapshot, compiled: &Compiled) -> BTreeMap<ObjectKey, TransferBackstopSpec> {
    let own = &snapshot.settings.own_namespace;
    compiled
        .namespaces
        .iter()
        .chain([(own, &compiled.cluster)])
        .map(|(namespace, table)| {
            let next = (namespace == own).then_some(compiled.next_change).flatten();
            (ObjectKey::new(namespace.as_str(), OBJECT), render::table(table, next))
        })
        .collect()
}

/// What does not fit is nobody's secret.
fn report(before: &Compiled, after: &Compiled) {
    let now = left_out(after);
    if now > 0 && now != left_out(before) {
        let first = after.tables().find_map(|table| table.left_out.first());
        tracing::warn!(
            left_out = now,
            first,
            "the backstop has no room for all: only the webhook judges the rest"
        );
    }
}

fn left_out(compiled: &Compiled) -> usize {
    compiled.tables().map(|table| table.left_out.len()).sum()
}
