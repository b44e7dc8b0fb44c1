//! When the next run is planned.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::world::{World, now};
use crate::{
    api::v1alpha1::{DeletionRun, RunPhase},
    controllers::retention::due::next_plan,
    core::{hold::Hold, policy::Approval},
};

const ENDS: [RunPhase; 6] = [
    RunPhase::Succeeded,
    RunPhase::Previewed,
    RunPhase::NothingDue,
    RunPhase::Stopped,
    RunPhase::Failed,
    RunPhase::Cancelled,
];

fn ended(world: &World, phase: RunPhase, at: Timestamp, planned: bool) -> DeletionRun {
    let mut status = world.planned(phase);
    if !planned {
        status.plan = None;
    }
    status.ended_at = Some(at.to_string());
    let mut run = world.run(Some(status));
    run.metadata.creation_timestamp = Some(Time(at));
    run.spec.decided_at = at.to_string();
    run
}

#[test]
fn a_first_plan_is_made_at_once_and_none_beside_a_run_that_goes_on() {
    let world = World::new(Approval::Never);
    assert_eq!(next_plan(&world.policy, &world.plan(), &[], now()), Some(now()));
    for phase in [RunPhase::Planning, RunPhase::AwaitingApproval, RunPhase::Approved, RunPhase::Erasing] {
        let run = world.run(Some(world.planned(phase)));
        assert_eq!(next_plan(&world.policy, &world.plan(), &[&run], now()), None);
    }
}

#[test]
fn failures_wait_longer_and_longer_and_never_beyond_the_rescan() {
    let world = World::new(Approval::Never);
    let failed = ended(&world, RunPhase::Failed, now(), false);
    let minutes = |runs: usize| {
        let runs = vec![&failed; runs];
        let at = next_plan(&world.policy, &world.plan(), &runs, now()).unwrap();
        at.duration_since(now()).as_mins()
    };
    assert_eq!([1, 2, 3, 6, 7, 40].map(minutes), [10, 20, 40, 320, 640, 640]);
    let mut hourly = World::new(Approval::Never);
    hourly.policy.rescan = crate::core::policy::Period { seconds: 3600, ..Default::default() };
    let at = next_plan(&hourly.policy, &hourly.plan(), &[&failed; 9], now()).unwrap();
    assert!(at <= now() + SignedDuration::from_hours(1));
}

#[test]
fn a_hold_that_came_or_went_plans_at_once_but_not_again_where_a_plan_does_not_show_it() {
    let mut world = World::new(Approval::Never);
    let free = ended(&world, RunPhase::NothingDue, now(), true);
    world.holds = vec![Hold { is_readable: true, ..Hold::unreadable("h", "u") }];
    let plan = world.plan();
    assert_eq!(next_plan(&world.policy, &plan, &[&free], now()), Some(now()));
    // The runner, who sees less, counted the dataset as free once more.
    let again = next_plan(&world.policy, &plan, &[&free, &free], now()).unwrap();
    assert!(again > now() + SignedDuration::from_mins(9), "{again}");
}

proptest! {
    #[test]
    fn the_same_state_is_never_planned_twice_without_a_pause(
        phases in proptest::collection::vec((0..ENDS.len(), any::<bool>()), 1..6), held in any::<bool>(),
    ) {
        let mut world = World::new(Approval::Never);
        let before: Vec<_> =
            phases.iter().map(|(i, planned)| ended(&world, ENDS[*i], now(), *planned)).collect();
        if held {
            world.holds = vec![Hold { is_readable: true, ..Hold::unreadable("h", "u") }];
        }
        let plan = world.plan();
        // Whatever came before, two more plans that change nothing are followed by a pause.
        let last = ended(&world, ENDS[phases[0].0], now(), true);
        let mut runs: Vec<_> = before.iter().collect();
        runs.extend([&last, &last]);
        let next = next_plan(&world.policy, &plan, &runs, now());
        prop_assert!(next.is_some_and(|at| at >= now() + SignedDuration::from_secs(60)), "{next:?}");
    }
}
