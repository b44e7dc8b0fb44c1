//! The next step of one run: pure.
//!
//! A run goes Planning, then AwaitingApproval or Approved, then Erasing, then to an end. "Begun" is a status of its own
//! that is written before the erase Job exists. Whoever takes a step writes it over the version that was read, so that
//! two leaders cannot take it twice.

mod approval;
mod attempts;
mod ends;

use jiff::Timestamp;

pub use approval::state as state_of;
pub use attempts::{Attempt, CONTAINER, JobSeen};

use crate::{
    api::v1alpha1::{
        DeletionApproval, DeletionRun, DeletionRunStatus, PolicyAction, RunApproval, RunPhase, RunPlan,
    },
    core::{hold::Hold, policy::Policy, retention::StorePlan, store::Store},
    handover::{self, Report, Step},
    platform::{
        EventKind, Note,
        conditions::{Finding, set},
    },
};

/// What is known when a step is decided.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The run.
    pub run: &'a DeletionRun,
    /// Its policy, where the one of that uid is still there.
    pub policy: Option<&'a Policy>,
    /// Its store, where the one of that uid is still there.
    pub store: Option<&'a Store>,
    /// What policy, store and holds come to now.
    pub present: Option<&'a StorePlan>,
    /// The state of which a plan was last approved and carried out.
    pub approved_state: Option<&'a str>,
    /// The Job of the present step.
    pub job: &'a JobSeen,
    /// Approvals of the namespace.
    pub approvals: &'a [DeletionApproval],
    /// The hold, read live, that covers a dataset which the plan would delete from. Only asked in `Approved`.
    pub held: Option<&'a Hold>,
    /// Now.
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing before something changes, or before this instant.
    Wait(Option<Timestamp>),
    /// Make the Job of a step.
    CreateJob(Step),
    /// Write this status, and tell people.
    Write(Box<DeletionRunStatus>, Option<Note>),
}

/// Whether a run has ended.
pub fn is_over(phase: RunPhase) -> bool {
    match phase {
        RunPhase::Planning | RunPhase::AwaitingApproval | RunPhase::Approved | RunPhase::Erasing => false,
        RunPhase::Succeeded
        | RunPhase::Previewed
        | RunPhase::NothingDue
        | RunPhase::Stopped
        | RunPhase::Failed
        | RunPhase::Cancelled => true,
    }
}

/// The phase of a run.
pub fn phase(run: &DeletionRun) -> RunPhase {
    run.status.as_ref().map_or(RunPhase::Planning, |s| s.phase)
}

/// Decides the next step.
pub fn step(seen: &Seen<'_>) -> Action {
    match phase(seen.run) {
        RunPhase::Planning => planning(seen),
        RunPhase::AwaitingApproval => awaiting(seen),
        RunPhase::Approved => approved(seen),
        RunPhase::Erasing => ends::erasing(seen),
        _ => Action::Wait(None),
    }
}

/// Why the run is no longer what was decided, before anything was deleted.
fn overtaken(seen: &Seen<'_>) -> Option<String> {
    let spec = &seen.run.spec;
    if seen.policy.is_none() {
        return Some(format!("policy {} was changed, cannot be read or is gone", spec.policy.name));
    }
    if seen.store.is_none() {
        return Some(format!("store {} was changed, cannot be read or is gone", spec.store.name));
    }
    let Some(present) = seen.present else {
        return Some(format!(
            "policy {} does not select store {} any more",
            spec.policy.name, spec.store.name
        ));
    };
    if present.state_hash != spec.state_hash {
        return Some("policy or store changed after this run was decided".into());
    }
    (spec.action == PolicyAction::Apply && !present.applies)
        .then(|| "the policy's action is Preview now".into())
}

fn planning(seen: &Seen<'_>) -> Action {
    if let Some(why) = overtaken(seen) {
        return ends::end(seen, RunPhase::Cancelled, why);
    }
    match seen.job {
        JobSeen::Absent => Action::CreateJob(Step::Plan),
        JobSeen::Taken => {
            ends::end(seen, RunPhase::Failed, "another run's Job has the name of its Job".into())
        }
        JobSeen::Working => Action::Wait(None),
        JobSeen::Ended { attempts, message, .. } => {
            let uid = seen.run.metadata.uid.as_deref().unwrap_or_default();
            let report = attempts.iter().rev().find_map(|a| match &a.report {
                Some(Report::Plan(report)) => Some(handover::run_plan(uid, &seen.run.spec, report)),
                _ => None,
            });
            match report {
                Some(Ok(plan)) => planned(seen, plan),
                Some(Err(error)) => {
                    ends::end(seen, RunPhase::Failed, format!("the plan cannot be trusted: {error}"))
                }
                None => ends::unplanned(seen, attempts, message.as_deref()),
            }
        }
    }
}

fn planned(seen: &Seen<'_>, plan: RunPlan) -> Action {
    let mut status = ends::status(seen);
    let (due, held) = (plan.due, plan.held);
    status.plan = Some(plan);
    if due == 0 {
        let what = if held > 0 { format!("{held} items are due and held") } else { "nothing is due".into() };
        return ends::end_with(seen, status, RunPhase::NothingDue, what);
    }
    if seen.run.spec.action == PolicyAction::Preview {
        let what = format!("{due} items are due and {held} held; a Preview deletes nothing");
        return ends::end_with(seen, status, RunPhase::Previewed, what);
    }
    let plan = status.plan.clone().unwrap_or_default();
    let asked = seen.policy.and_then(|p| approval::asked(p, &seen.run.spec, &plan, seen.approved_state));
    let Some(why) = asked else {
        status.approval =
            Some(RunApproval { approver: "policy".into(), approval: None, at: seen.now.to_string() });
        return go(
            seen,
            status,
            RunPhase::Approved,
            format!("{due} items are due; the policy asks nobody"),
            None,
        );
    };
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    let namespace = seen.run.metadata.namespace.as_deref().unwrap_or_default();
    let message = format!(
        "{due} items are due and {held} held; {why}: read the plan, then `kubectl carnet approve {name} -n {namespace}`"
    );
    let note = Note {
        kind: EventKind::Normal,
        reason: "ApprovalNeeded",
        action: "Plan",
        note: format!("run {name}: {message}"),
    };
    go(seen, status, RunPhase::AwaitingApproval, message, Some(note))
}

fn awaiting(seen: &Seen<'_>) -> Action {
    if let Some(why) = overtaken(seen) {
        return ends::end(seen, RunPhase::Cancelled, why);
    }
    let Some(given) = approval::given(seen) else { return Action::Wait(None) };
    let mut status = ends::status(seen);
    let message = format!("approved by {}", given.approver);
    status.approval = Some(given);
    go(seen, status, RunPhase::Approved, message, None)
}

fn approved(seen: &Seen<'_>) -> Action {
    if let Some(why) = overtaken(seen) {
        return ends::end(seen, RunPhase::Cancelled, why);
    }
    if let Some(hold) = seen.held {
        return ends::end(
            seen,
            RunPhase::Stopped,
            format!("LegalHold {} covers what would be deleted", hold.name),
        );
    }
    if let Some(window) = seen.policy.and_then(|p| p.window.as_ref()).filter(|w| !w.is_open(seen.now)) {
        return Action::Wait(Some(window.next(seen.now)));
    }
    let mut status = ends::status(seen);
    status.begun_at = Some(seen.now.to_string());
    go(seen, status, RunPhase::Erasing, "erasing".into(), None)
}

/// Goes on to another phase.
fn go(
    seen: &Seen<'_>,
    mut status: DeletionRunStatus,
    phase: RunPhase,
    message: String,
    note: Option<Note>,
) -> Action {
    let held = status.plan.as_ref().is_some_and(|p| p.held > 0);
    let mut found = vec![Finding {
        type_: "Ready",
        status: Some(phase != RunPhase::Failed),
        reason: ends::reason(phase),
        message: message.clone(),
    }];
    if status.plan.is_some() {
        found.push(Finding {
            type_: "Held",
            status: Some(held || phase == RunPhase::Stopped),
            reason: if held || phase == RunPhase::Stopped { "OnHold" } else { "NoHold" },
            message: String::new(),
        });
    }
    if let Some(result) = &status.result {
        found.push(Finding {
            type_: "Verified",
            status: Some(result.verified),
            reason: if result.verified { "NoneDueRemains" } else { "NotVerified" },
            message: String::new(),
        });
    }
    status.conditions = set(&status.conditions, &found, seen.run.metadata.generation, seen.now);
    status.observed_generation = seen.run.metadata.generation;
    status.phase = phase;
    status.message = Some(message);
    if is_over(phase) {
        status.ended_at = Some(seen.now.to_string());
    }
    Action::Write(Box::new(status), note)
}
