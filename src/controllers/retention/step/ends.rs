//! How runs end.

use super::{Action, Attempt, JobSeen, Seen, at_work, attempts::written_down, go, pinned};
use crate::{
    api::v1alpha1::{DeletionRunStatus, RunPhase, RunResult},
    handover::{EraseEnd, Reason, Refusal, Report, Step},
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
    let pinned = pinned(seen, Step::Erase);
    match (&seen.job, seen.widened) {
        (JobSeen::Working { job, .. }, Some(_)) if pinned == Some(job) => {
            return Action::StopJob(job.clone());
        }
        (JobSeen::Absent, Some(hold)) => {
            return lost(seen, &format!("LegalHold {} covers what it deletes", hold.name));
        }
        (JobSeen::Absent | JobSeen::Taken | JobSeen::Working { .. } | JobSeen::Ended { .. }, _) => {}
    }
    if pinned.is_some() && seen.job.job() != pinned {
        return lost(seen, "its Job was deleted, so nothing more is deleted in its name");
    }
    match seen.job {
        // What a Job that nobody saw has done, nobody can tell.
        JobSeen::Absent if seen.store.is_none() => lost(seen, "its store went before its Job was seen"),
        JobSeen::Absent => Action::CreateJob(Step::Erase),
        JobSeen::Taken => lost(seen, "another Job has the name of its Job: delete it"),
        JobSeen::Working { job, attempts, starting } => {
            let mut status = status(seen);
            status.job = Some(job.clone());
            status.attempts = written_down(&status.attempts, attempts, plan_hash(&status));
            at_work(seen, status, RunPhase::Erasing, "its Job deletes what was planned", starting)
        }
        JobSeen::Ended { job, complete, attempts, counted, message } => {
            let mut status = status(seen);
            status.job = Some(job.clone());
            erased(seen, status, *complete, attempts, *counted, message.as_deref())
        }
    }
}

fn plan_hash(status: &DeletionRunStatus) -> &str {
    status.plan.as_ref().map_or("", |p| &p.hash)
}

/// What the plan found held: a report that is lost takes no hold away.
fn planned_held(status: &DeletionRunStatus) -> i64 {
    status.plan.as_ref().map_or(0, |p| p.held)
}

/// What was surely deleted, and what can have been: each attempt without a report can have deleted all that was planned,
/// and no attempt deletes more.
fn bounds(status: &DeletionRunStatus, lost: i64) -> (i64, i64) {
    let planned = status.plan.as_ref().map_or(0, |p| p.due);
    let least = status.attempts.iter().map(|a| a.deleted_at_least).sum();
    let reported: i64 = status.attempts.iter().map(|a| a.deleted_at_most).sum();
    (least, reported.saturating_add(planned.saturating_mul(lost)))
}

/// Its Job is not there to ask.
fn lost(seen: &Seen<'_>, why: &str) -> Action {
    let mut status = status(seen);
    let unreported = status.attempts.iter().filter(|a| !a.reported).count();
    let lost = i64::try_from(unreported).unwrap_or(i64::MAX).saturating_add(1);
    let (deleted_at_least, deleted_at_most) = bounds(&status, lost);
    status.lost_reports = Some(lost);
    let held = planned_held(&status);
    status.result = Some(RunResult { deleted_at_least, deleted_at_most, held, ..RunResult::default() });
    let what = format!("{why}; at least {deleted_at_least} and at most {deleted_at_most} items are deleted");
    let phase = if seen.widened.is_some() { RunPhase::Stopped } else { RunPhase::Failed };
    end_with(seen, status, phase, what)
}

fn erased(
    seen: &Seen<'_>,
    mut status: DeletionRunStatus,
    complete: bool,
    attempts: &[Attempt],
    counted: i64,
    message: Option<&str>,
) -> Action {
    let plan_hash = plan_hash(&status).to_owned();
    status.attempts = written_down(&status.attempts, attempts, &plan_hash);
    let known = i64::try_from(status.attempts.len()).unwrap_or(i64::MAX);
    let unreported = status.attempts.iter().filter(|a| !a.reported).count();
    let lost = (counted - known).max(0).saturating_add(i64::try_from(unreported).unwrap_or(i64::MAX));
    let (least, most) = bounds(&status, lost);
    let last = attempts.last().and_then(|a| a.report.as_ref());
    let last_erase = match last {
        Some(Report::Erase(r)) if r.plan_hash == plan_hash => Some(r),
        _ => None,
    };
    let verified = complete
        && last_erase.is_some_and(|r| r.end == EraseEnd::Done && r.verified && r.remaining == Some(0));
    status.lost_reports = (lost > 0).then_some(lost);
    status.result = Some(RunResult {
        deleted_at_least: least,
        deleted_at_most: most,
        held: last_erase.map_or_else(|| planned_held(&status), |r| r.held),
        remaining: last_erase.and_then(|r| r.remaining),
        watermark: last_erase.filter(|_| verified).and_then(|r| r.watermark.clone()),
        verified,
    });
    if verified {
        let deleted =
            if least == most { least.to_string() } else { format!("at least {least} and at most {most}") };
        let what = format!("{deleted} items deleted; an independent count finds none due");
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
