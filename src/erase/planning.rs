//! The step `plan`: counts and pins, and writes nothing.

use jiff::Timestamp;
use tracing::info;

use super::{
    engine::{Engine, Purpose, Work},
    error::EraseError,
    order::Order,
    runner::latest,
};
use crate::{
    handover::{DatasetFacts, PlanReport},
    platform::failpoint,
};

pub(super) async fn plan<E: Engine>(order: &Order, access: &E::Access) -> Result<PlanReport, EraseError> {
    let mut session = E::open(access, Purpose::Count).await?;
    let counted_at = clock(&mut session, order).await?;
    let server = session.identity().await?;
    session.freeze().await?;
    let mut datasets = vec![];
    for target in &order.targets {
        let work = Work::look_up(&mut session, target, latest(order)).await?;
        let counts = session.count(&work).await?;
        info!(dataset = target.dataset, total = counts.total, due = counts.due, "counted");
        let pin = E::pin(target, &work.place);
        datasets.push(DatasetFacts {
            object_id: pin.object_id,
            predicate_hash: pin.predicate_hash,
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

/// The store's instant, once it is known to lie near those of runner and cluster.
pub(super) async fn clock<E: Engine>(session: &mut E, order: &Order) -> Result<Timestamp, EraseError> {
    let before = Timestamp::now();
    let at = session.clock().await?;
    order.clocks.compare_with_database(at, before)?;
    Ok(at)
}
