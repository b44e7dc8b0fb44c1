//! What is counted of runs and policies.

use std::sync::Arc;

use jiff::Timestamp;

use super::world::{PLANNED, World, after, now};
use crate::{
    api::v1alpha1::{DeletionRun, RetentionPolicyStatus, RunPhase, RunResult},
    controllers::retention::{
        count::{by_phase, row, word},
        policy_status::{OfStore, OptIn, accepted},
        step::is_over,
    },
    core::policy::Approval,
    platform::metrics::{PolicyRow, RUN_PHASES, RUN_RESULTS},
};

const PHASES: [RunPhase; 10] = [
    RunPhase::Planning,
    RunPhase::AwaitingApproval,
    RunPhase::Approved,
    RunPhase::Erasing,
    RunPhase::Succeeded,
    RunPhase::Previewed,
    RunPhase::NothingDue,
    RunPhase::Stopped,
    RunPhase::Failed,
    RunPhase::Cancelled,
];

fn told(world: &World, runs: &[&DeletionRun], next: Option<Timestamp>, opt_in: OptIn) -> PolicyRow {
    let plan = world.plan();
    let stores = [OfStore { plan: &plan, runs: runs.to_vec(), next, holds: vec![] }];
    let status: RetentionPolicyStatus =
        accepted(&world.policy, &world.snapshot(), &stores, opt_in, &Default::default(), None, now());
    row(&world.policy, &stores, opt_in == OptIn::Yes, &status)
}

#[test]
fn every_phase_has_its_number_by_the_word_of_the_api_and_the_last_ones_are_results() {
    let world = World::new(Approval::Never);
    assert_eq!(PHASES.map(word), RUN_PHASES);
    for phase in PHASES {
        assert_eq!(serde_json::to_value(phase).unwrap(), word(phase));
        assert_eq!(RUN_RESULTS.contains(&word(phase)), is_over(phase), "{phase:?}");
    }
    let runs: Vec<_> = [RunPhase::Failed, RunPhase::Erasing, RunPhase::Failed]
        .map(|phase| Arc::new(world.run(Some(world.planned(phase)))))
        .into();
    let counts: Vec<_> = by_phase(&runs).filter(|(_, n)| *n > 0).map(|(l, n)| (l.phase, n)).collect();
    assert_eq!(counts, [("Erasing", 1), ("Failed", 2)]);
    assert_eq!(by_phase(&[]).count(), RUN_PHASES.len(), "a phase without runs says nought");
}

#[test]
fn what_was_counted_is_the_backlog_until_it_is_deleted() {
    let world = World::new(Approval::Never);
    assert_eq!(told(&world, &[], None, OptIn::Yes).due, 0);
    for (phase, result, left) in [
        (RunPhase::AwaitingApproval, None, PLANNED),
        (RunPhase::Previewed, None, PLANNED),
        (RunPhase::Failed, Some((30, None)), PLANNED - 30),
        (RunPhase::Succeeded, Some((PLANNED, Some(0))), 0),
        (RunPhase::Succeeded, Some((PLANNED + 5, Some(2))), 2),
    ] {
        let mut status = world.planned(phase);
        status.result = result.map(|(deleted_at_least, remaining)| RunResult {
            deleted_at_least,
            remaining,
            ..RunResult::default()
        });
        let run = world.run(Some(status));
        assert_eq!(told(&world, &[&run], None, OptIn::Yes).due, left, "{phase:?}");
        // A run that has counted nothing yet says nothing new.
        let fresh = world.run(None);
        assert_eq!(told(&world, &[&run, &fresh], None, OptIn::Yes).due, left, "{phase:?}");
    }
}

#[test]
fn the_watermark_is_what_was_verified_or_counted_as_nothing_and_unknown_otherwise() {
    let world = World::new(Approval::Never);
    assert_eq!(told(&world, &[], None, OptIn::Yes).watermark, None);
    let mut status = world.planned(RunPhase::Succeeded);
    status.result =
        Some(RunResult { watermark: Some(after(-60).to_string()), verified: true, ..RunResult::default() });
    let verified = world.run(Some(status));
    assert_eq!(told(&world, &[&verified], None, OptIn::Yes).watermark, Some(after(-60)));

    let mut nothing = world.planned(RunPhase::NothingDue);
    nothing.plan.as_mut().unwrap().due = 0;
    let mut held = nothing.clone();
    held.plan.as_mut().unwrap().held = 7;
    let (nothing, held) = (world.run(Some(nothing)), world.run(Some(held)));
    assert_eq!(told(&world, &[&verified, &nothing], None, OptIn::Yes).watermark, Some(now()));
    assert_eq!(
        told(&world, &[&verified, &held], None, OptIn::Yes).watermark,
        Some(after(-60)),
        "held is not gone"
    );
}

#[test]
fn who_is_waited_for_is_told_apart() {
    let world = World::new(Approval::Always);
    let waiting = world.run(Some(world.planned(RunPhase::AwaitingApproval)));
    let row = told(&world, &[&waiting], None, OptIn::Yes);
    assert_eq!((row.waits_since, row.works_since), (Some(now()), None));
    let working = world.run(Some(world.planned(RunPhase::Erasing)));
    let row = told(&world, &[&working], None, OptIn::Yes);
    assert_eq!((row.waits_since, row.works_since), (None, Some(now())));
    let over = world.run(Some(world.planned(RunPhase::Failed)));
    let row = told(&world, &[&over], Some(after(9)), OptIn::Yes);
    assert_eq!((row.waits_since, row.works_since, row.next_run), (None, None, Some(after(9))));
    assert_eq!(
        told(&world, &[], Some(now()), OptIn::No).next_run,
        None,
        "nothing runs where nobody opted in"
    );
}
