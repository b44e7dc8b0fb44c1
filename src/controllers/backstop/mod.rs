//! Keeps the parameter objects of the API server's own policies at what `decide` says: compiled anew when the snapshot
//! changes or time passes, written only where they differ, put right when somebody edits or deletes one.

mod acknowledged;
mod live;
mod render;

mod write;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;

use self::live::Live;
use super::{Shared, transfers::Standing, transfers::earliest};
use crate::{
    api::v1alpha1::TransferBackstopSpec,
    core::{
        backstop::{Compiled, compile},
        ids::ObjectKey,
        snapshot::Snapshot,
    },
};

const NAME: &str = "backstop";
/// Name of the objects that the policies for Pods read.
pub const OBJECT: &str = "carnet";
/// Name of the object in our own namespace that says what running Pods stand on. It changes with every Pod, the others
/// seldom.
pub const STANDING: &str = "carnet-standing";
/// Changes are gathered for so long.
const GATHER: Duration = Duration::from_millis(250);
/// A count that only moves up and down is written no more often than this.
const COUNTS: Duration = Duration::from_secs(30);
/// Sleeps are no longer than this: a clock that is set must not let an end go by for long.
const LONGEST: Duration = Duration::from_secs(1);
/// What could not be written is tried again after this.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until shutdown.
pub async fn run(shared: Shared, mut standing: watch::Receiver<Standing>) {
    tokio::spawn(acknowledged::run(shared.clone(), standing.clone()));
    let mut live = Live::follow(shared.client.clone(), shared.shutdown.clone());
    let mut changes = shared.index.subscribe();
    let mut last = Last::default();
    loop {
        changes.mark_unchanged();
        let counts = standing.borrow_and_update().clone();
        let listed = *live.changes.borrow_and_update() > 0;
        let started = Instant::now();
        let failed = if listed {
            last.compile(shared.index.snapshot()).await;
            let wanted = last.wanted(&shared, &counts);
            write::write(&shared.client, &wanted, &live.objects()).await
        } else {
            false
        };
        // At most half the time goes into this.
        let pause = GATHER.max(started.elapsed());
        if shared.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        let retry = failed.then(|| Timestamp::now() + RETRY);
        loop {
            let now = Timestamp::now();
            if earliest(last.compiled.next_change, retry).is_some_and(|at| at <= now) || last.owes_counts() {
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

/// What was compiled, from what, and which counts were told.
#[derive(Default)]
struct Last {
    snapshot: Option<Arc<Snapshot>>,
    compiled: Arc<Compiled>,
    specs: BTreeMap<ObjectKey, TransferBackstopSpec>,
    told: Option<(Instant, Standing)>,
    /// What was told is not what was heard last.
    late: bool,
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

    fn owes_counts(&self) -> bool {
        self.late && self.told.as_ref().is_some_and(|(at, _)| at.elapsed() >= COUNTS)
    }

    fn wanted(&mut self, shared: &Shared, counts: &Standing) -> BTreeMap<ObjectKey, TransferBackstopSpec> {
        let told = match self.told.take() {
            Some((at, told)) if told == *counts => (at, told),
            Some((at, told)) if at.elapsed() < COUNTS && told.names_the_same(counts) => (at, told),
            _ => (Instant::now(), counts.clone()),
        };
        self.late = told.1 != *counts;
        let mut wanted = self.specs.clone();
        let settings = &shared.index.snapshot().settings;
        let key = ObjectKey::new(settings.own_namespace.as_str(), STANDING);
        wanted.insert(key, render::standing(&told.1));
        self.told = Some(told);
        wanted
    }
}

/// Every parameter object that should be there.
fn specs(snapshot: &Snapshot, compiled: &Compiled) -> BTreeMap<ObjectKey, TransferBackstopSpec> {
    let terminating = |namespace: &str| snapshot.namespaces.get(namespace).is_some_and(|n| n.terminating);
    let own = &snapshot.settings.own_namespace;
    compiled
        .namespaces
        .iter()
        .filter(|(namespace, _)| !terminating(namespace))
        .chain([(own, &compiled.cluster)])
        .map(|(namespace, table)| {
            let next = (namespace == own).then_some(compiled.next_change).flatten();
            (ObjectKey::new(namespace.as_str(), OBJECT), render::table(table, next))
        })
        .collect()
}

/// What does not fit is nobody's secret.
fn report(before: &Compiled, after: &Compiled) {
    let of = |compiled: &Compiled| -> usize {
        let tables = compiled.namespaces.values().chain([&compiled.cluster]);
        tables.map(|t| t.left_out.len()).sum()
    };
    let left_out = of(after);
    if left_out > 0 && left_out != of(before) {
        let first = after.namespaces.values().chain([&after.cluster]).find_map(|t| t.left_out.first());
        tracing::warn!(left_out, first, "the backstop has no room for all: only the webhook judges the rest");
    }
}
