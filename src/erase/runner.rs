//! The two steps, from the order to the report, with the engine of the store.

use std::path::PathBuf;

use jiff::{Timestamp, ToSpan};
use tracing::warn;

use super::{
    cluster::ClusterView,
    engine::{Engine, mariadb::Mariadb, postgres::Postgres},
    erasing,
    error::EraseError,
    order::Order,
    planning,
    stop::Stop,
};
use crate::{
    core::store,
    handover::{Refusal, Report, Step},
};

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
    carry_out(task, view, stop).await.unwrap_or_else(|error| {
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

async fn carry_out(task: &Task, view: &impl ClusterView, stop: &Stop) -> Result<Report, EraseError> {
    let order = Order::load(view, &task.run_uid, Timestamp::now()).await?;
    match &order.store.engine {
        store::Engine::Postgres(settings) => step::<Postgres>(task, &order, settings, view, stop).await,
        store::Engine::Mysql(settings) => step::<Mariadb>(task, &order, settings, view, stop).await,
        store::Engine::ObjectStore { .. } | store::Engine::Volume { .. } | store::Engine::External => {
            Err(EraseError::State("data of this engine is not erased".into()))
        }
    }
}

async fn step<E: Engine>(
    task: &Task,
    order: &Order,
    settings: &E::Settings,
    view: &impl ClusterView,
    stop: &Stop,
) -> Result<Report, EraseError> {
    let access = || E::access(settings, &task.credentials);
    match task.step {
        Step::Plan => planning::plan::<E>(order, &access()?).await.map(Report::Plan),
        Step::Erase => {
            let hash = task.plan_hash.as_deref();
            let hash = hash.ok_or_else(|| EraseError::Plan("no plan hash was given".into()))?;
            let approved = erasing::Approved::check(order, hash, view).await?;
            approved.erase::<E>(&access()?, view, stop).await.map(Report::Erase)
        }
    }
}

/// The last instant at which an anchor is plausible.
pub(super) fn latest(order: &Order) -> Timestamp {
    order.decided_at.saturating_add(24.hours()).unwrap_or(Timestamp::MAX)
}
