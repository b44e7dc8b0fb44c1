//! What is counted of runs and policies: pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::{policy_status::OfStore, step::phase};
use crate::{
    api::v1alpha1::{DeletionRun, RetentionPolicyStatus, RunPhase},
    core::ids::ObjectKey,
    platform::metrics::{PolicyLabel, PolicyRow, RUN_PHASES, RunPhaseLabel},
};

/// Runs by phase, each phase with its number.
pub fn by_phase(runs: &[Arc<DeletionRun>]) -> impl Iterator<Item = (RunPhaseLabel, usize)> + '_ {
    RUN_PHASES.into_iter().map(|word| {
        let of = runs.iter().filter(|run| self::word(phase(run)) == word);
        (RunPhaseLabel { phase: word }, of.count())
    })
}

/// The phase as metrics have it: as the API spells it.
pub fn word(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Planning => "Planning",
        RunPhase::AwaitingApproval => "AwaitingApproval",
        RunPhase::Approved => "Approved",
        RunPhase::Erasing => "Erasing",
        RunPhase::Succeeded => "Succeeded",
        RunPhase::Previewed => "Previewed",
        RunPhase::NothingDue => "NothingDue",
        RunPhase::Stopped => "Stopped",
        RunPhase::Failed => "Failed",
        RunPhase::Cancelled => "Cancelled",
    }
}

/// What is known of a policy and the stores that it selects. `status` is what is said of it now.
pub fn row(policy: &ObjectKey, stores: &[OfStore<'_>], status: &RetentionPolicyStatus) -> PolicyRow {
    let of = |store: &OfStore<'_>| status.per_store.iter().find(|s| s.uid == store.plan.store_uid);
    // One store of which nothing is known makes the whole unknown: the oldest is what counts.
    let oldest = |said: fn(&crate::api::v1alpha1::PolicyStoreStatus) -> Option<&String>| {
        let all = stores.iter().map(|s| instant(said(of(s)?)?));
        all.collect::<Option<Vec<_>>>()?.into_iter().min()
    };
    let waiting = stores.iter().flat_map(|s| &s.runs).filter(|r| phase(r) == RunPhase::AwaitingApproval);
    PolicyRow {
        of: PolicyLabel { namespace: policy.namespace.to_string(), policy: policy.name.to_string() },
        watermark: oldest(|s| s.watermark.as_ref()),
        counted: oldest(|s| s.last_planned.as_ref()),
        due: stores.iter().map(|s| left(&s.runs)).sum(),
        waits_since: waiting.filter_map(|r| instant(&r.status.as_ref()?.plan.as_ref()?.counted_at)).min(),
    }
}

/// What the last count found due and no run has deleted since.
fn left(runs: &[&DeletionRun]) -> i64 {
    let counted =
        runs.iter().rev().find_map(|r| Some((r.status.as_ref()?, r.status.as_ref()?.plan.as_ref()?)));
    let Some((status, plan)) = counted else { return 0 };
    let result = status.result.as_ref();
    let left = match status.phase {
        RunPhase::Succeeded => result.and_then(|r| r.remaining).unwrap_or(0),
        _ => plan.due - result.map_or(0, |r| r.deleted_at_least),
    };
    left.max(0)
}

fn instant(text: &String) -> Option<Timestamp> {
    text.parse().ok()
}
