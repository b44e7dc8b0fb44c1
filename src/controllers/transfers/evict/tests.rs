use super::{plan::Planner, *};
use crate::{core::ids::ObjectKey, index::Owner};

const LIMITS: Limits = Limits { each: Duration::from_secs(1), burst: 2, per_owner: 100, at_most: 25 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn owner(kind: &str, name: &str) -> Owner {
    let namespace = "analytics".into();
    Owner { api_version: "apps/v1".into(), kind: kind.into(), namespace, name: name.into(), uid: name.into() }
}

fn pod(owner_name: &str, number: usize) -> LapsedPod {
    let name = format!("{owner_name}-{number:03}");
    LapsedPod {
        key: ObjectKey::new("analytics", name.as_str()),
        uid: name,
        owner: owner("Deployment", owner_name),
        controller: owner("ReplicaSet", owner_name),
        stores: vec![ObjectKey::new("identity", "accounts")],
    }
}

fn pods(owner: &str, numbers: std::ops::Range<usize>) -> Vec<LapsedPod> {
    numbers.map(|n| pod(owner, n)).collect()
}

fn lapsed(pods: Vec<LapsedPod>, using: usize) -> Lapsed {
    Lapsed { pods, using }
}

fn names(planner: &mut Planner, now: Timestamp) -> Vec<String> {
    let all = std::iter::from_fn(|| planner.next(now).inspect(|pod| planner.evicted(pod)));
    all.map(|pod| pod.uid).collect()
}

fn said(planner: &Planner) -> (String, String) {
    let finding = planner.outlook().finding(&ObjectKey::new("identity", "accounts"));
    (finding.reason.to_owned(), finding.message)
}

#[test]
fn a_burst_goes_at_once_and_then_one_for_each_time() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..6), 100), at(0));
    assert_eq!(names(&mut planner, at(0)), ["web-000", "web-001"]);
    assert_eq!(planner.pause(at(0)), Some(Duration::from_secs(1)));
    assert!(names(&mut planner, at(0)).is_empty());
    assert_eq!(names(&mut planner, at(1)), ["web-002"]);
    assert_eq!(names(&mut planner, at(60)), ["web-003", "web-004"], "a rest is worth a burst and no more");
    assert_eq!(said(&planner).0, "Evicting");
}

#[test]
fn of_one_workload_only_so_many_are_on_their_way_out() {
    let mut planner = Planner::new(Limits { per_owner: 1, burst: 9, ..LIMITS });
    let both = || [pods("api", 0..2), pods("web", 0..2)].concat();
    planner.learn(&lapsed(both(), 100), at(0));
    assert_eq!(names(&mut planner, at(0)), ["api-000", "web-000"]);
    planner.learn(&lapsed(both(), 100), at(5));
    assert!(names(&mut planner, at(5)).is_empty(), "both are still there");
    planner.learn(&lapsed([pods("api", 1..2), pods("web", 0..2)].concat(), 99), at(6));
    assert_eq!(names(&mut planner, at(6)), ["api-001"]);
}

#[test]
fn a_change_that_would_evict_too_many_waits_until_it_is_mended() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..26), 100), at(0));
    assert!(names(&mut planner, at(0)).is_empty());
    assert!(names(&mut planner, at(3600)).is_empty(), "time alone is nobody who has looked");
    let (reason, message) = said(&planner);
    assert_eq!(reason, "EvictionPaused");
    assert!(message.contains("26 of 100 Pods") && message.contains("25 percent"), "{message}");
    assert_eq!((planner.waiting(), planner.held()), (26, 26));
    planner.learn(&lapsed(pods("web", 0..25), 100), at(3601));
    assert_eq!(names(&mut planner, at(3601)), ["web-000", "web-001"]);
    let mut bold = Planner::new(Limits { at_most: 100, ..LIMITS });
    bold.learn(&lapsed(pods("web", 0..100), 100), at(0));
    assert_eq!(names(&mut bold, at(0)).len(), 2, "somebody said that there is no bound");
}

#[test]
fn what_lapses_bit_by_bit_within_a_minute_is_one_change_and_later_another() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..20), 100), at(0));
    assert_eq!(names(&mut planner, at(0)).len(), 2);
    planner.learn(&lapsed(pods("web", 0..40), 100), at(59));
    assert!(names(&mut planner, at(59)).is_empty(), "40 of 100");
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..20), 100), at(0));
    planner.learn(&lapsed(pods("web", 0..40), 100), at(60));
    assert_eq!(names(&mut planner, at(60)).len(), 2, "20 of 100, twice");
}

#[test]
fn those_that_went_count_among_the_users_and_among_the_change() {
    let mut planner = Planner::new(Limits { burst: 1000, ..LIMITS });
    planner.learn(&lapsed(pods("web", 0..20), 100), at(0));
    assert_eq!(names(&mut planner, at(0)).len(), 20);
    // All but four are gone, of whoever used a store 84 are left; what comes now is still the same change.
    planner.learn(&lapsed(pods("web", 16..25), 84), at(30));
    assert_eq!(names(&mut planner, at(30)).len(), 5, "25 of 100");
    planner.learn(&lapsed(pods("web", 24..26), 80), at(40));
    assert!(names(&mut planner, at(40)).is_empty(), "26 of 100");
}

#[test]
fn in_a_small_cluster_a_few_may_always_go() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..1), 1), at(0));
    assert_eq!(names(&mut planner, at(0)), ["web-000"]);
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..11), 11), at(0));
    assert!(names(&mut planner, at(0)).is_empty());
}

#[test]
fn a_blocked_pod_is_tried_again_with_growing_pauses_and_holds_up_nobody() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..2), 100), at(0));
    let first = planner.next(at(0)).unwrap();
    planner.blocked(&first, "the budget says no.", at(0));
    assert_eq!(names(&mut planner, at(0)), ["web-001"]);
    let (reason, message) = said(&planner);
    assert_eq!(reason, "EvictionBlocked");
    assert!(message.contains("analytics/web-000: the budget says no."), "{message}");
    let mut now = at(0);
    for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
        planner.learn(&lapsed(pods("web", 0..1), 100), now);
        let next = now + Duration::from_secs(pause);
        assert!(planner.next(next - Duration::from_millis(1)).is_none(), "{pause}");
        let again = planner.next(next).unwrap();
        planner.blocked(&again, "the budget says no.", next);
        now = next;
    }
    planner.learn(&lapsed(pods("web", 0..1), 100), now + Duration::from_mins(5));
    let last = planner.next(now + Duration::from_mins(5)).unwrap();
    planner.evicted(&last);
    assert_eq!(said(&planner).0, "Evicting");
}

#[test]
fn while_something_is_unsure_nobody_goes_and_it_is_said() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..1), 100), at(0));
    planner.put_off("TransferSafeguard scc cannot be read".into(), at(5));
    assert!(planner.next(at(4)).is_none());
    assert_eq!(planner.pause(at(4)), Some(Duration::from_secs(1)));
    let (reason, message) = said(&planner);
    assert_eq!(reason, "EvictionPaused");
    assert!(message.contains("since TransferSafeguard scc cannot be read"), "{message}");
    planner.learn(&lapsed(pods("web", 0..1), 100), at(5));
    assert_eq!(names(&mut planner, at(5)), ["web-000"]);
}

#[test]
fn what_has_no_controller_and_what_is_a_node_s_own_is_never_planned() {
    let mut bare = pod("bare", 0);
    bare.controller.uid = bare.uid.clone();
    let mut own = pod("static", 0);
    own.controller.kind = "Node".into();
    assert!(!bare.comes_back() && !own.comes_back());
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(vec![bare, own], 100), at(0));
    assert!(planner.next(at(3600)).is_none());
    assert_eq!(planner.waiting(), 0);
    assert_eq!(said(&planner).0, "NothingToEvict");
}

#[test]
fn what_is_lawful_again_is_not_evicted() {
    let mut planner = Planner::new(LIMITS);
    planner.learn(&lapsed(pods("web", 0..9), 100), at(0));
    planner.learn(&lapsed(vec![], 100), at(0));
    assert!(planner.next(at(10)).is_none());
    assert_eq!((planner.waiting(), planner.pause(at(10))), (0, None));
}
