//! Whether an approval counts, and what it says of that.

use super::world::{World, after, approval, by_person, now};
use crate::{
    api::v1alpha1::{DeletionApproval, DeletionRun, RunPhase, SeenHold},
    controllers::retention::approval_status::{OfRun, accepted, changes_at},
    core::policy::Approval,
};

fn waiting() -> DeletionRun {
    let world = World::new(Approval::Always);
    world.run(Some(world.planned(RunPhase::AwaitingApproval)))
}

fn given(run: &DeletionRun) -> DeletionApproval {
    let mut given = approval(run, after(-60), after(60));
    given.metadata.generation = Some(1);
    given
}

/// Status and reason of `Counts`.
fn says(approval: &DeletionApproval, run: Option<&DeletionRun>, vanished: &[SeenHold]) -> (String, String) {
    let status = accepted(approval, run.map(|run| OfRun { run, vanished }), now());
    assert_eq!(status.observed_generation, Some(1));
    let of = |type_: &str| status.conditions.iter().find(|c| c.type_ == type_).unwrap();
    assert_eq!((of("Ready").status.as_str(), of("Ready").observed_generation), ("True", Some(1)));
    (of("Counts").status.clone(), of("Counts").reason.clone())
}

fn word(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

#[test]
fn an_approval_of_a_run_that_waits_counts() {
    let run = waiting();
    assert_eq!(says(&given(&run), Some(&run), &[]), word("True", "Given"));
}

#[test]
fn an_approval_of_what_is_not_there_says_so() {
    let run = waiting();
    let given = given(&run);
    assert_eq!(says(&given, None, &[]), word("False", "RunNotFound"));
    let mut other = run.clone();
    other.metadata.uid = Some("made anew".into());
    assert_eq!(says(&given, Some(&other), &[]), word("False", "OtherRun"));
    let mut unplanned = run.clone();
    unplanned.status = None;
    assert_eq!(says(&given, Some(&unplanned), &[]), word("False", "NotPlanned"));
    let mut replanned = run;
    replanned.status.as_mut().unwrap().plan.as_mut().unwrap().hash = "sha256:other".into();
    assert_eq!(says(&given, Some(&replanned), &[]), word("False", "OtherPlan"));
}

#[test]
fn an_approval_ends_at_its_instant_and_the_instant_is_waited_for() {
    let run = waiting();
    let mut given = given(&run);
    assert_eq!(changes_at(&given, now()), Some(after(60)));
    given.spec.expires_at.0 = now();
    assert_eq!(says(&given, Some(&run), &[]), word("False", "Expired"));
    assert_eq!(changes_at(&given, now()), None);
}

#[test]
fn an_approval_that_a_run_was_begun_on_stays_used_whatever_comes_after() {
    let mut run = waiting();
    let mut given = given(&run);
    let status = run.status.as_mut().unwrap();
    (status.phase, status.approval) = (RunPhase::Approved, Some(by_person(now())));
    assert_eq!(says(&given, Some(&run), &[]), word("True", "Relied"));
    let status = run.status.as_mut().unwrap();
    (status.phase, status.begun_at) = (RunPhase::Erasing, Some(now().to_string()));
    assert_eq!(says(&given, Some(&run), &[]), word("True", "Used"));
    given.spec.expires_at.0 = after(-1);
    run.status.as_mut().unwrap().phase = RunPhase::Succeeded;
    assert_eq!(says(&given, Some(&run), &[]), word("True", "Used"));
}

#[test]
fn an_approval_that_nothing_stands_on_does_not_count() {
    let mut run = waiting();
    let given = given(&run);
    let status = run.status.as_mut().unwrap();
    (status.phase, status.approval) = (RunPhase::Approved, None);
    assert_eq!(says(&given, Some(&run), &[]), word("False", "NotNeeded"));
    run.status.as_mut().unwrap().phase = RunPhase::Cancelled;
    assert_eq!(says(&given, Some(&run), &[]), word("False", "RunOver"));
}

#[test]
fn an_approval_from_before_a_hold_vanished_does_not_count() {
    let run = waiting();
    let hold = |seconds| SeenHold {
        name: "audit".into(),
        uid: "h".into(),
        vanished_at: Some(after(seconds).to_string()),
    };
    assert_eq!(says(&given(&run), Some(&run), &[hold(-30)]), word("False", "HoldVanished"));
    assert_eq!(says(&given(&run), Some(&run), &[hold(-90)]), word("True", "Given"));
}

#[test]
fn a_later_look_writes_nothing_new() {
    let run = waiting();
    let mut given = given(&run);
    let of = Some(OfRun { run: &run, vanished: &[] });
    let first = accepted(&given, of, now());
    given.status = Some(first.clone());
    assert_eq!(accepted(&given, of, after(30)), first);
}
