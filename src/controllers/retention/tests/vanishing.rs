//! Holds that go without a release.

use super::world::{World, after, by_person, now};
use crate::{
    api::v1alpha1::{DeletionRun, RunPhase, SeenHold},
    controllers::retention::vanished::seen_holds,
    core::{hold::Hold, policy::Approval},
};

fn hold(uid: &str) -> Hold {
    Hold {
        is_readable: true,
        namespaces: ["n".to_owned()].into(),
        ..Hold::unreadable(format!("h-{uid}"), uid)
    }
}

fn seen(world: &World, known: &[SeenHold], runs: &[&DeletionRun]) -> Vec<SeenHold> {
    seen_holds(known, &world.snapshot(), &world.store, runs, now())
}

fn world(holds: Vec<Hold>) -> World {
    let mut world = World::new(Approval::Never);
    world.holds = holds;
    world
}

/// What is remembered once a hold was seen.
fn remembered() -> Vec<SeenHold> {
    seen(&world(vec![hold("a")]), &[], &[])
}

#[test]
fn a_hold_that_covers_is_remembered_and_forgotten_when_it_is_released() {
    let known = remembered();
    assert_eq!(known, [SeenHold { name: "h-a".into(), uid: "a".into(), vanished_at: None }]);
    let released = Hold { released_from: Some(after(-1)), ..hold("a") };
    assert_eq!(seen(&world(vec![released]), &known, &[]), []);
    let in_future = Hold { released_from: Some(after(3600)), ..hold("a") };
    assert_eq!(seen(&world(vec![in_future]), &known, &[]), known);
}

#[test]
fn a_hold_that_is_gone_replaced_or_narrowed_before_its_release_has_vanished() {
    let known = remembered();
    let narrowed = Hold {
        namespaces: ["n".to_owned()].into(),
        store_selector: Some(crate::core::selector::Selector(vec![
            crate::core::selector::Requirement::Exists("nobody".into()),
        ])),
        released_from: Some(after(86_400)),
        ..hold("a")
    };
    // Another store that the selector matches, so that the narrowed hold is not widened again.
    let mut other = crate::core::retention::testing::store("n", "other", vec![]);
    other.labels = [("nobody".to_owned(), String::new())].into();
    for (holds, stores) in [(vec![], vec![]), (vec![narrowed], vec![other])] {
        let mut w = world(holds);
        w.others = stores;
        let now_seen = seen(&w, &known, &[]);
        assert_eq!(now_seen.len(), 1);
        assert_eq!(now_seen[0].vanished_at.as_deref(), Some(now().to_string().as_str()));
    }
    let replaced = seen(&world(vec![hold("b")]), &known, &[]);
    assert_eq!(replaced.iter().filter(|h| h.vanished_at.is_some()).count(), 1);
    assert_eq!(replaced.len(), 2);
}

#[test]
fn a_vanished_hold_is_settled_by_a_run_that_a_person_approved_afterwards() {
    let vanished = vec![SeenHold { vanished_at: Some(after(-60).to_string()), ..remembered().remove(0) }];
    let world = world(vec![]);
    let with = |created: i64, approval| {
        let mut status = world.planned(RunPhase::Approved);
        status.approval = approval;
        let mut run = world.run(Some(status));
        run.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(after(created)));
        run
    };
    let by_policy = Some(crate::api::v1alpha1::RunApproval {
        approver: "policy".into(),
        approval: None,
        at: after(-1).to_string(),
    });
    for (run, left) in [
        (with(-30, Some(by_person(after(-1)))), 0),
        (with(-30, by_policy), 1),
        (with(-30, None), 1),
        (with(-90, Some(by_person(after(-61)))), 1),
        (with(-90, Some(by_person(after(-1)))), 1),
    ] {
        assert_eq!(seen(&world, &vanished, &[&run]).len(), left, "{:?}", run.status.unwrap().approval);
    }
}

#[test]
fn a_hold_that_comes_back_covers_again() {
    let vanished = vec![SeenHold { vanished_at: Some(after(-60).to_string()), ..remembered().remove(0) }];
    assert_eq!(seen(&world(vec![hold("a")]), &vanished, &[]), remembered());
}

#[test]
fn a_hold_that_covers_only_by_mistake_is_not_remembered() {
    let unreadable = Hold::unreadable("broken", "x");
    let mut unresolved = hold("y");
    unresolved.stores = ["not-there-yet".to_owned()].into();
    assert_eq!(seen(&world(vec![unreadable, unresolved]), &[], &[]), []);
}
