//! The next step of one run: pure.
//!
//! A run goes Planning, then AwaitingApproval or Approved, then Erasing, then to an end. "Begun" is a status of its own
//! that is written before the erase Job exists. Whoever takes a step writes it over the version that was read, so that
//! two leaders cannot take it twice.

mod approval;
mod attempts;
mod ends;
mod starting;

use jiff::{SignedDuration, Timestamp};

pub use approval::{approved_of, state as state_of};
pub use attempts::{Attempt, CONTAINER, JobSeen, is_ours};

use crate::{
    api::v1alpha1::{
        DeletionApproval, DeletionRun, DeletionRunStatus, PolicyAction, RunApproval, RunJob, RunPhase,
        RunPlan, SeenHold,
    },
    core::{hold::Hold, policy::Policy, retention::StorePlan, store::Store},
    handover::{self, Report, Step},
    platform::{
        EventKind, Note,
        conditions::{Finding, set},
    },
};

/// What cannot be done for now is tried again after this.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

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
    /// Holds that covered the store and vanished without a release.
    pub vanished: &'a [SeenHold],
    /// The hold, read live, that covers a dataset which the plan would delete from. Only asked in `Approved`.
    pub held: Option<&'a Hold>,
    /// The hold that covers such a dataset only because a name in it is not found, which the runner cannot see from its
    /// namespace. Only asked in `Erasing`.
    pub widened: Option<&'a Hold>,
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
    /// End the Job, because of a hold that its runner cannot see.
    StopJob(RunJob),
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
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    let pinned = pinned(seen, Step::Plan);
    if pinned.is_some() && seen.job.job() != pinned {
        return ends::end(seen, RunPhase::Failed, format!("its Job {name}-plan was deleted"));
    }
    match seen.job {
        JobSeen::Absent => Action::CreateJob(Step::Plan),
        JobSeen::Taken => {
            let what = format!("another Job has the name {name}-plan: delete it");
            ends::end(seen, RunPhase::Failed, what)
        }
        JobSeen::Working { job, starting, .. } => {
            let mut status = ends::status(seen);
            status.job = Some(job.clone());
            at_work(seen, status, RunPhase::Planning, "its Job counts what is due", starting)
        }
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
    if let Some((dataset, hold)) = held_by_now(seen, &status) {
        let what = format!("LegalHold {hold} covers dataset {dataset}, which the plan would delete from");
        return ends::end_with(seen, status, RunPhase::Stopped, what);
    }
    if seen.run.spec.action == PolicyAction::Preview {
        let what = format!("{due} items are due and {held} held; a Preview deletes nothing");
        return ends::end_with(seen, status, RunPhase::Previewed, what);
    }
    let plan = status.plan.clone().unwrap_or_default();
    let Some(why) = approval::asked(seen, &plan) else {
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
    ask(seen, status, &why)
}

/// A hold that the operator knows and the plan does not: the runner sees its own namespace only, and a hold came since.
fn held_by_now<'a>(seen: &Seen<'a>, status: &DeletionRunStatus) -> Option<(&'a str, &'a str)> {
    let counted = &status.plan.as_ref()?.datasets;
    let mut held = seen.present?.held();
    held.find(|(dataset, _)| {
        counted.iter().any(|d| d.dataset == **dataset && d.held_by.is_none() && d.due > 0)
    })
}

/// Asks a person.
fn ask(seen: &Seen<'_>, mut status: DeletionRunStatus, why: &str) -> Action {
    let (due, held) = status.plan.as_ref().map_or((0, 0), |p| (p.due, p.held));
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    let namespace = seen.run.metadata.namespace.as_deref().unwrap_or_default();
    status.approval = None;
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
    // What was asked and answered is asked once more: limits can have become stricter, an approval can have ended.
    if let Some(why) = approval::no_more(seen) {
        return ask(seen, ends::status(seen), &why);
    }
    if let Some(window) = seen.policy.and_then(|p| p.window.as_ref()).filter(|w| !w.is_open(seen.now)) {
        return Action::Wait(Some(window.next(seen.now)));
    }
    let mut status = ends::status(seen);
    status.begun_at = Some(seen.now.to_string());
    go(seen, status, RunPhase::Erasing, "erasing".into(), None)
}

/// The Job of a step, as it was first seen.
fn pinned<'a>(seen: &Seen<'a>, step: Step) -> Option<&'a RunJob> {
    let job = seen.run.status.as_ref()?.job.as_ref()?;
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    (job.name == format!("{name}-{step}")).then_some(job)
}

/// The Job of a step cannot be made for now: people are told, and it is tried again.
pub fn stuck(seen: &Seen<'_>, why: &str) -> Action {
    let look_again = Some(seen.now + AGAIN);
    let starting = starting::Starting { why: Some(why.into()), look_again };
    at_work(seen, ends::status(seen), phase(seen.run), "", &starting)
}

/// A Job works: what is seen of it is written down where it is new.
fn at_work(
    seen: &Seen<'_>,
    status: DeletionRunStatus,
    phase: RunPhase,
    message: &str,
    starting: &starting::Starting,
) -> Action {
    let before = seen.run.status.as_ref();
    let name = seen.run.metadata.name.as_deref().unwrap_or_default();
    let message = starting.why.clone().unwrap_or_else(|| message.into());
    let said = before.and_then(|s| s.message.as_deref()) == Some(message.as_str());
    if said && before == Some(&status) {
        return Action::Wait(starting.look_again);
    }
    let note = starting.why.as_ref().filter(|_| !said).map(|why| Note {
        kind: EventKind::Warning,
        reason: "RunnerWaits",
        action: "Run",
        note: format!("run {name}: {why}"),
    });
    go(seen, status, phase, message, note)
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
