//! How runs end.

use super::{Action, Attempt, JobSeen, Seen, go};
use crate::{
    api::v1alpha1::{DeletionRunStatus, RunPhase, RunResult},
    handover::{EraseEnd, EraseReport, Reason, Refusal, Report, Step},
    platform::{EventKind, Note},
};

/// The status as it stands.
pub fn status(seen: &Seen<'_>) -> DeletionRunStatus {
    seen.run.status.clone().unwrap_or_default()
}

/// Ends the run.
pub fn end(seen: &Seen<'_>, phase: RunPhase, message: String) -> Action {
    end_with(seen, status(seen), phase, message)
}

/// Ends the run with a status.
pub fn end_with(seen: &Seen<'_>, status: DeletionRunStatus, phase: RunPhase, message: String) -> Action {
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    let kind = match phase {
        RunPhase::Failed | RunPhase::Stopped => EventKind::Warning,
        _ => EventKind::Normal,
    };
    let note = Note { kind, reason: reason(phase), action: "Run", note: format!("run {name}: {message}") };
    go(seen, status, phase, message, Some(note))
}

/// One word for a phase.
pub fn reason(phase: RunPhase) -> &'static str {
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

/// A plan Job ended without a plan.
pub fn unplanned(seen: &Seen<'_>, attempts: &[Attempt], message: Option<&str>) -> Action {
    if let Some(Report::Refused(refusal)) = attempts.last().and_then(|a| a.report.as_ref()) {
        return refused(seen, status(seen), refusal);
    }
    let why = message.unwrap_or("its Job ended");
    end(seen, RunPhase::Failed, format!("no plan was reported: {why}"))
}

fn refused(seen: &Seen<'_>, status: DeletionRunStatus, refusal: &Refusal) -> Action {
    let phase = match refusal.reason {
        Reason::Held => RunPhase::Stopped,
        Reason::RunChanged | Reason::StateChanged if refusal.step == Step::Plan => RunPhase::Cancelled,
        _ => RunPhase::Failed,
    };
    end_with(seen, status, phase, format!("{} ({})", refusal.message, refusal.reason))
}

/// A run whose deletion has begun.
pub fn erasing(seen: &Seen<'_>) -> Action {
    match seen.job {
        JobSeen::Absent => Action::CreateJob(Step::Erase),
        JobSeen::Taken => taken(seen),
        JobSeen::Working => Action::Wait(None),
        JobSeen::Ended { complete, attempts, gone, message } => {
            erased(seen, *complete, attempts, *gone, message.as_deref())
        }
    }
}

/// It is said to have begun, and its Job is another run's: nobody can tell any more what was done in its name.
fn taken(seen: &Seen<'_>) -> Action {
    let mut status = status(seen);
    let most = status.plan.as_ref().map_or(0, |p| p.due);
    status.result = Some(RunResult { deleted_at_most: most, ..RunResult::default() });
    let what = format!("another run's Job has the name of its Job; up to {most} items are deleted");
    end_with(seen, status, RunPhase::Failed, what)
}

fn erased(seen: &Seen<'_>, complete: bool, attempts: &[Attempt], gone: i64, message: Option<&str>) -> Action {
    let mut status = status(seen);
    let planned = status.plan.as_ref().map_or(0, |p| p.due);
    let plan_hash = status.plan.as_ref().map(|p| p.hash.clone()).unwrap_or_default();
    let lost =
        gone + i64::try_from(attempts.iter().filter(|a| a.report.is_none()).count()).unwrap_or(i64::MAX);
    let reports: Vec<&EraseReport> = attempts
        .iter()
        .filter_map(|a| match &a.report {
            Some(Report::Erase(r)) if r.plan_hash == plan_hash => Some(r),
            _ => None,
        })
        .collect();
    let last = attempts.last().and_then(|a| a.report.as_ref());
    let last_erase = match last {
        Some(Report::Erase(r)) if r.plan_hash == plan_hash => Some(r),
        _ => None,
    };
    let least: i64 = reports.iter().map(|r| r.deleted_at_least).sum();
    let reported: i64 = reports.iter().map(|r| r.deleted_at_most).sum();
    // What a lost attempt did is bounded by what the last one no longer found; without a last word, by the plan.
    let most = match (lost, last_erase) {
        (0, _) => reported,
        (_, Some(r)) => r.gone_before.saturating_add(r.deleted_at_most),
        (_, None) => planned,
    };
    let verified = complete
        && last_erase.is_some_and(|r| r.end == EraseEnd::Done && r.verified && r.remaining == Some(0));
    status.lost_reports = (lost > 0).then_some(lost);
    status.result = Some(RunResult {
        deleted_at_least: least,
        deleted_at_most: most.max(least),
        held: last_erase.map_or(0, |r| r.held),
        remaining: last_erase.and_then(|r| r.remaining),
        watermark: last_erase.filter(|_| verified).and_then(|r| r.watermark.clone()),
        verified,
    });
    if verified {
        let what = format!("{least} items deleted; an independent count finds none due");
        return end_with(seen, status, RunPhase::Succeeded, what);
    }
    match (last, last_erase) {
        (_, Some(r)) if r.end == EraseEnd::Held => {
            end_with(seen, status, RunPhase::Stopped, format!("stopped by a hold: {}", r.message))
        }
        (_, Some(r)) if r.end == EraseEnd::Done => {
            let remaining = r.remaining.map_or("not counted".into(), |n| n.to_string());
            let what = format!("erased, but not verified ({remaining} due items remain): {}", r.message);
            end_with(seen, status, RunPhase::Failed, what)
        }
        (_, Some(r)) => end_with(seen, status, RunPhase::Failed, format!("broke off: {}", r.message)),
        (Some(Report::Refused(refusal)), None) => refused(seen, status, refusal),
        (_, None) => {
            let why = message.unwrap_or("its Job ended");
            let what = format!("the last report was lost, up to {most} items are deleted: {why}");
            end_with(seen, status, RunPhase::Failed, what)
        }
    }
}
