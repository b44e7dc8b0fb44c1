//! What is counted of runs and policies: pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    policy_status::OfStore,
    step::{is_over, phase},
};
use crate::{
    api::v1alpha1::{DeletionRun, RetentionPolicyStatus, RunPhase},
    core::policy::Policy,
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
pub fn row(
    policy: &Policy,
    stores: &[OfStore<'_>],
    opted_in: bool,
    status: &RetentionPolicyStatus,
) -> PolicyRow {
    let key = &policy.key;
    let runs = || stores.iter().flat_map(|s| &s.runs).filter(|r| !is_over(phase(r)));
    let waits = |run: &&&DeletionRun| phase(run) == RunPhase::AwaitingApproval;
    let created = |run: &DeletionRun| run.metadata.creation_timestamp.as_ref().map(|t| t.0);
    // One store of which nothing is known makes the whole unknown: the oldest is what counts.
    let watermarks = stores.iter().map(|store| watermark(store, status)).collect::<Option<Vec<_>>>();
    PolicyRow {
        of: PolicyLabel { policy_namespace: key.namespace.to_string(), policy: key.name.to_string() },
        watermark: watermarks.and_then(|all| all.into_iter().min()),
        applies: policy.applies,
        due: stores.iter().map(|s| left(&s.runs)).sum(),
        next_run: stores.iter().filter_map(|s| s.next).min().filter(|_| opted_in),
        waits_since: runs()
            .filter(waits)
            .filter_map(|r| instant(&r.status.as_ref()?.plan.as_ref()?.counted_at))
            .min(),
        works_since: runs().filter(|r| !waits(r)).filter_map(|r| created(r)).min(),
    }
}

/// Up to when everything due is known to be gone from a store: as a run verified, or as a count found that had nothing to
/// delete and nothing to hold.
fn watermark(store: &OfStore<'_>, status: &RetentionPolicyStatus) -> Option<Timestamp> {
    let said =
        status.per_store.iter().find(|s| s.uid == store.plan.store_uid).and_then(|s| s.watermark.as_ref());
    let nothing = store.runs.iter().filter(|run| {
        let plan = run.status.as_ref().and_then(|s| s.plan.as_ref());
        phase(run) == RunPhase::NothingDue && plan.is_some_and(|p| p.due == 0 && p.held == 0)
    });
    nothing.filter_map(|run| instant(&run.spec.decided_at)).chain(said.and_then(instant)).max()
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

#[allow(clippy::ptr_arg, reason = "maps over fields of the API")]
fn instant(text: &String) -> Option<Timestamp> {
    text.parse().ok()
}
