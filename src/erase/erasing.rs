//! The step `erase`: carries out the plan in short batches, each of which asks again whether it may.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tracing::info;

use super::{
    cluster::ClusterView,
    engine::{Batch, Engine, Failed, Purpose, Work, another_place},
    error::EraseError,
    holds::new_hold,
    order::{Order, OrderTarget},
    pace::Pace,
    planning::clock,
    runner::latest,
    stop::Stop,
};
use crate::{
    api::v1alpha1::{PlannedDataset, RunPlan},
    handover::{EraseEnd, EraseReport},
    platform::failpoint,
};

/// Items that move behind the walk are found by another one; more walks than this mean that something keeps making
/// items due.
const WALKS: u32 = 5;
/// Tries of a batch that somebody's lock or a deadlock stops.
const TRIES: u32 = 6;
/// How long is waited until replicas are asked again.
const LAG_PAUSE: Duration = Duration::from_millis(500);

/// A target with what was planned for it.
type Planned<'a> = (&'a OrderTarget, &'a PlannedDataset);

/// An order with the plan that was approved for it, and no hold on it.
pub(super) struct Approved<'a> {
    order: &'a Order,
    plan: RunPlan,
}

impl<'a> Approved<'a> {
    /// Checks plan and holds, before the Secret is looked at.
    pub async fn check(order: &'a Order, hash: &str, view: &impl ClusterView) -> Result<Self, EraseError> {
        let approved = Self { order, plan: order.approved_plan(hash)? };
        match new_hold(view, order, &approved.targets()).await? {
            Some(held) => Err(held),
            None => Ok(approved),
        }
    }

    /// What the plan lets the runner delete from.
    fn targets(&self) -> Vec<Planned<'_>> {
        let all = self.order.targets.iter().zip(&self.plan.datasets);
        all.filter(|(_, planned)| planned.held_by.is_none()).collect()
    }

    /// Carries the plan out. An error means that nothing was deleted.
    pub async fn erase<E: Engine>(
        &self,
        access: &E::Access,
        view: &impl ClusterView,
        stop: &Stop,
    ) -> Result<EraseReport, EraseError> {
        let Self { order, plan } = self;
        let targets = self.targets();
        let mut lock = E::open(access, Purpose::Lock).await?;
        if !lock.lock(lock_key(order)).await? {
            return Err(EraseError::Busy);
        }
        failpoint("erase-locked");
        let mut session = E::open(access, Purpose::Delete).await?;
        clock(&mut session, order).await?;
        if session.identity().await? != plan.server {
            return Err(EraseError::Server("is not the one that was planned on".into()));
        }
        if order.limits.max_replication_lag_ms.is_some() {
            // A store that cannot say is refused before the first item.
            session.lag().await?;
        }
        let (work, gone_before) = prepare(&mut session, order, &targets).await?;
        if stop.is_asked() {
            return Err(EraseError::Interrupted);
        }
        let mut report = EraseReport {
            run_uid: order.run_uid.clone(),
            plan_hash: plan.hash.clone(),
            end: EraseEnd::Done,
            message: String::new(),
            deleted_at_least: 0,
            deleted_at_most: 0,
            gone_before,
            held: plan.held,
            remaining: None,
            verified: false,
            watermark: None,
        };
        let mut erasing = Erasing { view, order, targets: &targets, stop, lock, report: &mut report };
        match erasing.delete_all(&mut session, &work).await {
            Ok(()) => {
                drop(session);
                close(&mut report, access, order, plan, &work).await;
            }
            Err(error) => {
                report.end = match &error {
                    EraseError::Held { .. } => EraseEnd::Held,
                    EraseError::Interrupted => EraseEnd::Interrupted,
                    _ => EraseEnd::Broken,
                };
                report.message = error.to_string();
            }
        }
        failpoint("erase-verified");
        info!(end = %report.end, deleted = report.deleted_at_least, remaining = report.remaining, "ended");
        Ok(report)
    }
}

/// One runner for a store: the lock goes with its session.
fn lock_key(order: &Order) -> [u8; 8] {
    let digest = Sha256::digest(format!("carnet/erase/{}", order.store.uid).as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    key
}

/// Everything is checked before the first item of any target goes.
async fn prepare<'a, E: Engine>(
    session: &mut E,
    order: &Order,
    targets: &[(&'a OrderTarget, &PlannedDataset)],
) -> Result<(Vec<Work<'a, E>>, i64), EraseError> {
    let mut works = vec![];
    let mut gone = 0;
    for (target, planned) in targets.iter().copied() {
        let work = Work::look_up(session, target, latest(order)).await?;
        let pin = E::pin(target, &work.place);
        let same = pin.object_id == planned.object_id && pin.predicate_hash == planned.predicate_hash;
        if !same || target.dataset != planned.dataset {
            return Err(another_place(target));
        }
        let due = session.due(&work).await?;
        if due > planned.due {
            return Err(EraseError::Exceeded { dataset: target.dataset.clone(), due, planned: planned.due });
        }
        gone += planned.due - due;
        works.push(work);
    }
    Ok((works, gone))
}

/// Verifies on a session of its own.
async fn close<E: Engine>(
    report: &mut EraseReport,
    access: &E::Access,
    order: &Order,
    plan: &RunPlan,
    work: &[Work<'_, E>],
) {
    match remaining(access, plan, work).await {
        Ok(remaining) => {
            report.remaining = Some(remaining);
            report.verified = remaining == 0;
            report.message = if remaining == 0 {
                report.watermark = Some(order.decided_at.to_string());
                "everything due at the cut-offs is gone".into()
            } else {
                report.end = EraseEnd::Broken;
                format!("an independent count still finds {remaining} due items")
            };
        }
        Err(error) => {
            report.end = EraseEnd::Broken;
            report.message = format!("deleted, but not verified: {error}");
        }
    }
}

async fn remaining<E: Engine>(
    access: &E::Access,
    plan: &RunPlan,
    work: &[Work<'_, E>],
) -> Result<i64, EraseError> {
    let mut session = E::open(access, Purpose::Count).await?;
    if session.identity().await? != plan.server {
        return Err(EraseError::Server("of the independent count is not the one that was planned on".into()));
    }
    let mut sum = 0;
    for item in work {
        if session.inspect(item.target).await? != item.place {
            return Err(EraseError::Server("has other tables than those of the plan".into()));
        }
        sum += session.remaining(item).await?;
    }
    Ok(sum)
}

/// What the batches need around them.
struct Erasing<'a, E, V> {
    view: &'a V,
    order: &'a Order,
    targets: &'a [Planned<'a>],
    stop: &'a Stop,
    lock: E,
    report: &'a mut EraseReport,
}

impl<E: Engine, V: ClusterView> Erasing<'_, E, V> {
    async fn delete_all(&mut self, session: &mut E, works: &[Work<'_, E>]) -> Result<(), EraseError> {
        for work in works {
            for _ in 0..WALKS {
                self.walk(session, work).await?;
                if session.due(work).await? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn walk(&mut self, session: &mut E, work: &Work<'_, E>) -> Result<(), EraseError> {
        let mut pace = Pace::new(E::SIZES, self.order.limits.items_per_second);
        let mut walk = session.walk(work).await?;
        while !E::is_done(&walk) {
            self.may_go_on(session).await?;
            failpoint("erase-batch-before");
            let begun = Instant::now();
            let Batch { items, is_certain, took } = patiently(session, work, &mut walk, pace).await?;
            self.report.deleted_at_most += items;
            if !is_certain {
                let state = "the reply was lost: the last batch is gone or not".into();
                return Err(EraseError::Database { doing: "committing", state });
            }
            self.report.deleted_at_least += items;
            pace.after(took, items);
            tokio::time::sleep(pace.least(items).saturating_sub(begun.elapsed())).await;
        }
        Ok(())
    }

    /// Asked before every batch: are we to end, does a hold stand, is the lock ours, do replicas keep up?
    async fn may_go_on(&mut self, session: &mut E) -> Result<(), EraseError> {
        loop {
            if self.stop.is_asked() {
                return Err(EraseError::Interrupted);
            }
            if !self.lock.keeps_lock().await {
                return Err(EraseError::Database {
                    doing: "keeping the store's lock",
                    state: "it is lost".into(),
                });
            }
            if let Some(held) = new_hold(self.view, self.order, self.targets).await? {
                return Err(held);
            }
            let Some(most) = self.order.limits.max_replication_lag_ms else { return Ok(()) };
            if session.lag().await?.is_none_or(|lag| lag <= Duration::from_millis(most)) {
                return Ok(());
            }
            tokio::time::sleep(LAG_PAUSE).await;
        }
    }
}

/// A batch, tried again where somebody's lock stops it.
async fn patiently<E: Engine>(
    session: &mut E,
    work: &Work<'_, E>,
    walk: &mut E::Walk,
    pace: Pace,
) -> Result<Batch, EraseError> {
    let mut tries = 0;
    loop {
        match session.batch(work, walk, pace).await {
            Ok(batch) => return Ok(batch),
            Err(Failed::Retry(_)) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
            }
            Err(Failed::Retry(error) | Failed::End(error)) => return Err(error),
        }
    }
}
