//! The two steps, from the order to the report.

use std::path::PathBuf;

use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, IsolationLevel};
use tracing::{info, warn};

use super::{
    cluster::ClusterView,
    connect::{Purpose, clock, connect, identity},
    count,
    credentials::Credentials,
    delete::{Batch, Walk},
    error::EraseError,
    order::{Order, OrderTarget},
    predicate::{self, Predicate},
    stop::Stop,
    table::{Table, inspect},
    verify,
};
use crate::{
    api::v1alpha1::{PlannedDataset, RunPlan},
    core::store::Store,
    handover::{DatasetFacts, EraseEnd, EraseReport, PlanReport, Refusal, Report, Step},
    platform::failpoint,
};

/// Rows that move behind the walk are found by another one; more walks than this mean that something keeps making
/// rows due.
const WALKS: u32 = 5;

/// What a runner is started for.
#[derive(Clone, Debug)]
pub struct Task {
    /// The step.
    pub step: Step,
    /// Uid of the run.
    pub run_uid: String,
    /// Hash of the plan to carry out; for erase.
    pub plan_hash: Option<String>,
    /// Directory with the store's Secret.
    pub credentials: PathBuf,
}

/// Carries a step out. What goes wrong is in the report, never lost.
pub async fn run(task: &Task, view: &impl ClusterView, stop: &Stop) -> Report {
    let result = match task.step {
        Step::Plan => plan(task, view).await.map(Report::Plan),
        Step::Erase => erase(task, view, stop).await.map(Report::Erase),
    };
    result.unwrap_or_else(|error| {
        warn!(reason = %error.reason(), %error, "refused");
        Report::Refused(Refusal {
            run_uid: task.run_uid.clone(),
            step: task.step,
            plan_hash: task.plan_hash.clone(),
            reason: error.reason(),
            message: error.to_string(),
        })
    })
}

/// The last instant at which an anchor is plausible.
fn latest(order: &Order) -> Timestamp {
    order.decided_at.saturating_add(24.hours()).unwrap_or(Timestamp::MAX)
}

async fn plan(task: &Task, view: &impl ClusterView) -> Result<PlanReport, EraseError> {
    let order = Order::load(view, &task.run_uid, Timestamp::now()).await?;
    let credentials = Credentials::read(&task.credentials)?;
    let mut client = connect(&credentials, order.engine.ssl_mode, Purpose::Count).await?;
    let counted_at = clock(&client, &order.clocks).await?;
    let server = identity(&client).await?;
    let tx = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(|e| EraseError::database("beginning to count", &e))?;
    let mut datasets = vec![];
    for target in &order.targets {
        let table = inspect(&tx, target).await?;
        let predicate = Predicate::new(target, &table.columns, latest(&order));
        let counts = count::count(&tx, &predicate).await?;
        info!(dataset = target.dataset, total = counts.total, due = counts.due, "counted");
        datasets.push(DatasetFacts {
            object_id: table.oid.into(),
            predicate_hash: predicate::hash(target, &table.columns),
            total: counts.total,
            due: counts.due,
            undated: counts.undated,
            held_by: order.held_by(&target.dataset, &order.holds, Timestamp::now()),
            oldest_remaining: counts.oldest.map(|t| t.to_string()),
        });
    }
    failpoint("plan-counted");
    let (run_uid, counted_at) = (order.run_uid.clone(), counted_at.to_string());
    let report = PlanReport { run_uid, plan_hash: String::new(), server, counted_at, datasets };
    Ok(report.sealed(&order.run.spec))
}

/// A target that the plan lets the runner delete from.
struct Work<'a> {
    target: &'a OrderTarget,
    table: Table,
    predicate: Predicate,
}

async fn erase(task: &Task, view: &impl ClusterView, stop: &Stop) -> Result<EraseReport, EraseError> {
    let hash = task.plan_hash.as_deref().ok_or_else(|| EraseError::Plan("no plan hash was given".into()))?;
    let order = Order::load(view, &task.run_uid, Timestamp::now()).await?;
    let plan = order.approved_plan(hash)?;
    let work_plan: Vec<_> =
        order.targets.iter().zip(&plan.datasets).filter(|(_, d)| d.held_by.is_none()).collect();
    if let Some(held) = new_hold(view, &order, &work_plan).await? {
        return Err(held);
    }
    let credentials = Credentials::read(&task.credentials)?;
    let mode = order.engine.ssl_mode;
    let lock = connect(&credentials, mode, Purpose::Lock).await?;
    take_lock(&lock, &order).await?;
    failpoint("erase-locked");
    let mut client = connect(&credentials, mode, Purpose::Delete).await?;
    clock(&client, &order.clocks).await?;
    let server = identity(&client).await?;
    if server != plan.server {
        return Err(EraseError::Server("is not the one that was planned on".into()));
    }
    let (work, gone_before) = prepare(&client, &order, &work_plan).await?;
    if stop.is_asked() {
        return Err(EraseError::Interrupted);
    }
    let mut report = EraseReport {
        run_uid: order.run_uid.clone(),
        plan_hash: hash.into(),
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
    let mut cx =
        Erasing { view, order: &order, work_plan: &work_plan, stop, lock: &lock, report: &mut report };
    match cx.delete_all(&mut client, &work).await {
        Ok(()) => {
            drop(client);
            close(&mut report, &credentials, &order, &plan, &work).await;
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

/// Verifies on a connection of its own.
async fn close(
    report: &mut EraseReport,
    credentials: &Credentials,
    order: &Order,
    plan: &RunPlan,
    work: &[Work<'_>],
) {
    match remaining(credentials, order, plan, work).await {
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

async fn remaining(
    credentials: &Credentials,
    order: &Order,
    plan: &RunPlan,
    work: &[Work<'_>],
) -> Result<i64, EraseError> {
    let client = connect(credentials, order.engine.ssl_mode, Purpose::Count).await?;
    if identity(&client).await? != plan.server {
        return Err(EraseError::Server("of the independent count is not the one that was planned on".into()));
    }
    let mut sum = 0;
    for item in work {
        if inspect(&client, item.target).await? != item.table {
            return Err(EraseError::Server("has other tables than those of the plan".into()));
        }
        sum += verify::remaining(&client, item.target, &item.table).await?;
    }
    Ok(sum)
}

/// Everything is checked before the first row of any table goes.
async fn prepare<'a>(
    client: &Client,
    order: &Order,
    work_plan: &[(&'a OrderTarget, &PlannedDataset)],
) -> Result<(Vec<Work<'a>>, i64), EraseError> {
    let mut work = vec![];
    let mut gone = 0;
    for (target, planned) in work_plan.iter().copied() {
        let table = inspect(client, target).await?;
        let same = i64::from(table.oid) == planned.object_id
            && predicate::hash(target, &table.columns) == planned.predicate_hash;
        if !same || target.dataset != planned.dataset {
            let why = "it is not the table of the plan any more".into();
            return Err(EraseError::Table { dataset: target.dataset.clone(), table: target.shown(), why });
        }
        let predicate = Predicate::new(target, &table.columns, latest(order));
        let due = count::due(client, &predicate).await?;
        if due > planned.due {
            return Err(EraseError::Exceeded { dataset: target.dataset.clone(), due, planned: planned.due });
        }
        gone += planned.due - due;
        work.push(Work { target, table, predicate });
    }
    Ok((work, gone))
}

/// One runner for a store: the lock goes with its connection.
async fn take_lock(client: &Client, order: &Order) -> Result<(), EraseError> {
    let digest = Sha256::digest(format!("carnet/erase/{}", order.store.uid).as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    let row = client
        .query_one("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&i64::from_be_bytes(key)])
        .await
        .map_err(|e| EraseError::database("taking the store's lock", &e))?;
    if row.get(0) { Ok(()) } else { Err(EraseError::Busy) }
}

/// The first hold that stands on a dataset of the plan, read live. What cannot be read is an error: it stops, too.
async fn new_hold(
    view: &impl ClusterView,
    order: &Order,
    work_plan: &[(&OrderTarget, &PlannedDataset)],
) -> Result<Option<EraseError>, EraseError> {
    let holds =
        view.holds().await.map_err(|e| EraseError::Cluster { what: "LegalHolds", why: e.to_string() })?;
    let now = Timestamp::now();
    let held = |stores: &[Store]| {
        work_plan.iter().find_map(|(target, _)| {
            let hold = order.held_among(stores, &target.dataset, &holds, now)?;
            Some(EraseError::Held { hold, dataset: target.dataset.clone() })
        })
    };
    if held(&order.siblings).is_none() {
        return Ok(None);
    }
    // It may name a store that was declared since: a hold widens only where a name is really not found.
    let stores = view.stores().await;
    let stores = stores.map_err(|e| EraseError::Cluster { what: "DataStores", why: e.to_string() })?.readable;
    Ok(held(&stores))
}

/// What the batches need around them.
struct Erasing<'a, V> {
    view: &'a V,
    order: &'a Order,
    work_plan: &'a [(&'a OrderTarget, &'a PlannedDataset)],
    stop: &'a Stop,
    lock: &'a Client,
    report: &'a mut EraseReport,
}

impl<V: ClusterView> Erasing<'_, V> {
    async fn delete_all(&mut self, client: &mut Client, work: &[Work<'_>]) -> Result<(), EraseError> {
        for item in work {
            for _ in 0..WALKS {
                self.walk(client, item).await?;
                if count::due(client, &item.predicate).await? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn walk(&mut self, client: &mut Client, item: &Work<'_>) -> Result<(), EraseError> {
        let rate = self.order.limits.items_per_second;
        let mut walk = Walk::begin(client, item.target, &item.predicate, &item.table, rate).await?;
        while !walk.is_done() {
            self.may_go_on(client).await?;
            failpoint("erase-batch-before");
            match walk.batch(client).await? {
                Batch::Committed(rows) => {
                    self.report.deleted_at_least += rows;
                    self.report.deleted_at_most += rows;
                }
                Batch::Unknown(rows) => {
                    self.report.deleted_at_most += rows;
                    let state = "the reply was lost: the last batch is gone or not".into();
                    return Err(EraseError::Database { doing: "committing", state });
                }
            }
        }
        Ok(())
    }

    /// Asked before every batch: are we to end, does a hold stand, is the lock ours, does the replica keep up?
    async fn may_go_on(&self, client: &Client) -> Result<(), EraseError> {
        loop {
            if self.stop.is_asked() {
                return Err(EraseError::Interrupted);
            }
            if self.lock.is_closed() {
                return Err(EraseError::Database {
                    doing: "keeping the store's lock",
                    state: "it is lost".into(),
                });
            }
            if let Some(held) = new_hold(self.view, self.order, self.work_plan).await? {
                return Err(held);
            }
            let Some(most) = self.order.limits.max_replication_lag_ms else { return Ok(()) };
            let sql = "SELECT (extract(epoch FROM max(replay_lag)) * 1000)::int8 \
                       FROM pg_catalog.pg_stat_replication";
            let row = client.query_one(sql, &[]).await;
            let row = row.map_err(|e| EraseError::database("asking for replication lag", &e))?;
            if row.get::<_, Option<i64>>(0).is_none_or(|lag| u64::try_from(lag).is_ok_and(|l| l <= most)) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
}
