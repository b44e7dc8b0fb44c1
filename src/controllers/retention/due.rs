//! When a run is planned: pure.

use std::time::Duration;

use jiff::Timestamp;

use super::step::{is_over, phase, state_of};
use crate::{
    api::v1alpha1::{DeletionRun, PolicyAction, RunPhase},
    core::{
        policy::Policy,
        retention::{StorePlan, approval_state, later},
    },
};

/// A run that failed, or was stopped by what may hold no more, is not tried again at once; after each further failure it
/// waits twice as long.
const AFTER_FAILURE: Duration = Duration::from_mins(10);
const DOUBLINGS: u32 = 6;

/// Rows that become due one after another are gathered.
const BETWEEN: Duration = Duration::from_mins(1);

/// When the next run of a policy on a store is planned; none = not before something changes.
///
/// `runs` are those of this very policy and store, in order of creation.
pub fn next_plan(
    policy: &Policy,
    plan: &StorePlan,
    runs: &[&DeletionRun],
    now: Timestamp,
) -> Option<Timestamp> {
    if plan.targets.is_empty() || runs.iter().any(|r| !is_over(phase(r))) {
        return None;
    }
    let at = match runs.last() {
        None => now,
        Some(last) => after(policy, plan, last, &runs[..runs.len() - 1], now),
    };
    Some(match &policy.window {
        Some(window) if policy.applies => window.next(at.max(now)),
        _ => at,
    })
}

fn after(
    policy: &Policy,
    plan: &StorePlan,
    last: &DeletionRun,
    earlier: &[&DeletionRun],
    now: Timestamp,
) -> Timestamp {
    let action = if plan.applies { PolicyAction::Apply } else { PolicyAction::Preview };
    let status = last.status.clone().unwrap_or_default();
    let ended = status.ended_at.as_deref().and_then(|t| t.parse().ok()).unwrap_or(now);
    if last.spec.state_hash != plan.state_hash || last.spec.action != action {
        return now;
    }
    let rescan = later(ended, policy.rescan);
    let wait = match status.phase {
        RunPhase::Failed => (ended + AFTER_FAILURE * 2_u32.pow(failures(earlier).min(DOUBLINGS))).min(rescan),
        RunPhase::Stopped => (ended + AFTER_FAILURE).min(rescan),
        // What it was cancelled for has been taken back.
        RunPhase::Cancelled => ended + BETWEEN,
        RunPhase::Planning
        | RunPhase::AwaitingApproval
        | RunPhase::Approved
        | RunPhase::Erasing
        | RunPhase::Succeeded
        | RunPhase::Previewed
        | RunPhase::NothingDue => rescan,
    };
    let Some(counted) = status.plan.as_ref().filter(|_| status.phase != RunPhase::Failed) else {
        return wait;
    };
    let state = state_of(&last.spec, counted);
    if state != approval_state(plan) {
        // A hold came or went. Where a plan has just failed to show it, one more would not.
        let same_before = earlier.last().is_some_and(|run| {
            run.status.as_ref().and_then(|s| s.plan.as_ref()).is_some_and(|p| state_of(&run.spec, p) == state)
        });
        return if same_before { wait } else { now };
    }
    if status.phase == RunPhase::Stopped || status.phase == RunPhase::Cancelled {
        return wait;
    }
    let becomes_due = counted.datasets.iter().filter(|d| d.held_by.is_none()).filter_map(|dataset| {
        let oldest: Timestamp = dataset.oldest_remaining.as_deref()?.parse().ok()?;
        let target = plan.targets.iter().find(|t| *t.dataset == *dataset.dataset)?;
        // All clocks must let an item go: it is not due before the last of them does.
        target.clocks.iter().map(|c| c.due_at(oldest, policy.finish_before)).max()
    });
    // What was due when the last run was decided was counted by it: to look again would find the same.
    let decided = last.spec.decided_at.parse().unwrap_or(ended);
    becomes_due.filter(|t| *t > decided).min().map_or(rescan, |t| t.max(ended + BETWEEN).min(rescan))
}

/// How many of the latest runs failed one after another.
fn failures(runs: &[&DeletionRun]) -> u32 {
    let failed = runs.iter().rev().take_while(|r| phase(r) == RunPhase::Failed).count();
    u32::try_from(failed).unwrap_or(u32::MAX)
}
