//! What a DeletionApproval's status says: pure. A person who said yes sees whether it counts, and why not.

use jiff::Timestamp;

use super::step::{is_over, phase};
use crate::{
    api::v1alpha1::{CommonStatus, DeletionApproval, DeletionRun, RunPhase, SeenHold},
    platform::conditions::{Finding, set},
};

/// The run that an approval names, and the holds that covered its store and went without a release.
#[derive(Clone, Copy, Debug)]
pub struct OfRun<'a> {
    /// The run of that name; it may have another uid.
    pub run: &'a DeletionRun,
    /// Such holds.
    pub vanished: &'a [SeenHold],
}

/// The status of an approval.
pub fn accepted(approval: &DeletionApproval, of: Option<OfRun<'_>>, now: Timestamp) -> CommonStatus {
    let before = approval.status.as_ref().map_or(&[][..], |s| &s.conditions);
    let generation = approval.metadata.generation;
    let found = [Finding::yes("Ready", "Accepted", "accepted and looked at"), counts(approval, of, now)];
    CommonStatus { observed_generation: generation, conditions: set(before, &found, generation, now) }
}

/// When the status changes by time alone.
pub fn changes_at(approval: &DeletionApproval, now: Timestamp) -> Option<Timestamp> {
    Some(approval.spec.expires_at.0).filter(|t| *t > now)
}

fn counts(approval: &DeletionApproval, of: Option<OfRun<'_>>, now: Timestamp) -> Finding {
    let no = |reason, message: String| Finding::no("Counts", reason, message);
    let yes = |reason, message: String| Finding::yes("Counts", reason, message);
    let spec = &approval.spec;
    let name = &spec.run_name;
    let Some(OfRun { run, vanished }) = of else {
        return no("RunNotFound", format!("there is no DeletionRun {name} in this namespace"));
    };
    if run.metadata.uid.as_ref() != Some(&spec.run_uid) {
        return no(
            "OtherRun",
            format!("DeletionRun {name} has another uid: it is not the one that was approved"),
        );
    }
    let status = run.status.clone().unwrap_or_default();
    let relied = status.approval.as_ref();
    let on_this = relied.is_some_and(|a| a.approval == approval.metadata.name);
    if on_this && let Some(begun) = &status.begun_at {
        return yes("Used", format!("DeletionRun {name} was begun on it at {begun}"));
    }
    if is_over(phase(run)) {
        return no("RunOver", format!("DeletionRun {name} ended without it: {:?}", phase(run)));
    }
    let Some(plan) = &status.plan else {
        return no("NotPlanned", format!("DeletionRun {name} has no plan yet that could be approved"));
    };
    if plan.hash != spec.plan_hash {
        return no(
            "OtherPlan",
            format!("DeletionRun {name} has plan {}: approve that one, if it is right", plan.hash),
        );
    }
    if now >= spec.expires_at.0 {
        return no("Expired", format!("it expired at {} before DeletionRun {name} began", spec.expires_at.0));
    }
    let made = approval.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0);
    let went =
        |hold: &&SeenHold| hold.vanished_at.as_deref().and_then(|t| t.parse().ok()).unwrap_or(now) > made;
    if let Some(hold) = vanished.iter().find(went) {
        let what = format!("LegalHold {} went without a release after it was given: approve anew", hold.name);
        return no("HoldVanished", what);
    }
    if on_this {
        return yes("Relied", format!("DeletionRun {name} goes on with it and has not begun"));
    }
    match (phase(run), relied) {
        (RunPhase::AwaitingApproval, _) => yes("Given", format!("DeletionRun {name} may begin with it")),
        (_, Some(other)) => no("NotNeeded", format!("DeletionRun {name} is approved by {}", other.approver)),
        (_, None) => no("NotNeeded", format!("DeletionRun {name} asks for no approval")),
    }
}
