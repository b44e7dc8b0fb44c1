//! What every store has to keep, each scenario written once. Names begin with the number of the case that asks for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use carnet::{
    core::hold::Hold,
    erase::{Stop, ViewError},
    handover::{EraseEnd, EraseReport, Reason, Refusal, Report, Step, encode},
};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, Left, PERSONAL},
    world::World,
};

pub fn erased(report: Report) -> EraseReport {
    match report {
        Report::Erase(report) => report,
        other => panic!("not erased: {other:?}"),
    }
}

pub fn refused(report: Report) -> Refusal {
    match report {
        Report::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Does something to the store when holds are asked for the n-th time: at the order, at the start, and before each batch.
fn at_call<F: Fixture, T: Future<Output = ()> + Send>(
    world: &mut World,
    store: &Arc<F>,
    n: usize,
    act: impl Fn(Arc<F>) -> T + Send + Sync + 'static,
) {
    let (store, runtime) = (store.clone(), tokio::runtime::Handle::current());
    world.holds = Arc::new(move |call| {
        if call == n {
            tokio::task::block_in_place(|| runtime.block_on(act(store.clone())));
        }
        Ok(vec![])
    });
}

/// The call before the third batch.
const AFTER_TWO_BATCHES: usize = 5;

pub async fn due_items_go_and_items_not_due_undated_or_implausible_stay<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(1000).await;
    let mut world = store.world().await;
    let plan = world.planned().await;
    let facts = &plan.datasets[0];
    assert_eq!((facts.total, facts.due, facts.undated), (1000 + filled.kept, 1000, filled.undated));
    assert!(facts.oldest_remaining.is_some());
    assert_eq!(store.left().await, Left { due: 1000, kept: filled.kept }, "a plan deletes nothing");
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(
        (report.end, report.verified, report.remaining),
        (EraseEnd::Done, true, Some(0)),
        "{report:?}"
    );
    assert_eq!((report.deleted_at_least, report.deleted_at_most, report.gone_before), (1000, 1000, 0));
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn t23_what_is_gone_already_is_no_failure<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(500).await;
    let mut world = store.world().await;
    world.planned().await;
    assert!(erased(world.step(Step::Erase).await).verified);
    let again = erased(until_free(&world).await);
    assert_eq!((again.deleted_at_most, again.gone_before, again.verified), (0, 500, true), "{again:?}");
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn k08_a_run_with_nothing_due_says_so<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(0).await;
    let mut world = store.world().await;
    assert_eq!(world.planned().await.datasets[0].due, 0);
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(
        (report.end, report.verified, report.deleted_at_most),
        (EraseEnd::Done, true, 0),
        "{report:?}"
    );
    assert!(report.watermark.is_some());
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn h02_items_that_turn_up_behind_the_walk_go_and_the_run_ends<F: Fixture>() {
    let store = Arc::new(F::start().await);
    let filled = store.fill(5000).await;
    let mut world = store.world().await;
    world.planned().await;
    at_call(&mut world, &store, AFTER_TWO_BATCHES, |store: Arc<F>| async move { store.put_due(10).await });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(
        (report.end, report.verified, report.deleted_at_least),
        (EraseEnd::Done, true, 5010),
        "{report:?}"
    );
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn h03_a_store_that_cuts_the_session_mid_run_is_told_of_honestly<F: Fixture>() {
    let store = Arc::new(F::start().await);
    let filled = store.fill(20_000).await;
    let mut world = store.world().await;
    world.planned().await;
    at_call(&mut world, &store, AFTER_TWO_BATCHES, |store: Arc<F>| async move { store.cut().await });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!((report.end, report.verified), (EraseEnd::Broken, false), "{report:?}");
    let gone = 20_000 - store.left().await.due;
    assert!(report.deleted_at_least <= gone && gone <= report.deleted_at_most, "{gone} are gone: {report:?}");
    assert!(report.deleted_at_least > 0, "it was not in the middle: {report:?}");
    world.holds = Arc::new(|_| Ok(vec![]));
    let rest = erased(until_free(&world).await);
    assert_eq!(
        (rest.gone_before, rest.gone_before + rest.deleted_at_least, rest.verified),
        (gone, 20_000, true)
    );
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

/// The step, tried again while the session of a runner that ended holds the lock: it is let go once the server notices.
pub async fn until_free(world: &World) -> Report {
    loop {
        match world.step(Step::Erase).await {
            Report::Refused(r) if r.reason == Reason::Busy => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            report => return report,
        }
    }
}

const CHILD: &str = "CARNET_TEST_RUNNER";

/// Runs the erase step in a process of its own: this test, started again, with the world in its environment.
fn runner(name: &str, world: &World, failpoint: &str) -> std::process::Child {
    let objects = json!({
        "run": world.run, "policy": world.policy, "store": world.store, "credentials": world.credentials,
    });
    std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{name}::h03_a_runner_killed_anywhere_and_started_again_leaves_what_the_store_says"),
        ])
        .env(CHILD, objects.to_string())
        .env("CARNET_FAILPOINT", failpoint)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

pub async fn h03_a_runner_killed_anywhere_and_started_again_leaves_what_the_store_says<F: Fixture>() {
    if let Ok(objects) = std::env::var(CHILD) {
        let objects: Value = serde_json::from_str(&objects).unwrap();
        let mut world = World::of(&objects);
        world.holds = Arc::new(|_| {
            std::thread::sleep(Duration::from_millis(5));
            Ok(vec![])
        });
        erased(world.step(Step::Erase).await);
        return;
    }
    let store = F::start().await;
    let filled = store.fill(20_000).await;
    let mut world = store.world().await;
    world.planned().await;
    // The points are without effect where the feature is off; then the seeded moments alone kill.
    for point in ["erase-locked", "erase-batch-before", "erase-commit-before", "erase-commit-after"] {
        let child = tokio::task::block_in_place(|| runner(F::NAME, &world, point).wait()).unwrap();
        assert!(!cfg!(feature = "failpoints") || !child.success(), "{point} did not kill");
        // The session of a killed runner lets the lock go once its server notices.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for moment in [40_u64, 55, 70, 90, 110] {
        let mut child = runner(F::NAME, &world, "");
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    let report = erased(until_free(&world).await);
    assert!(report.verified, "{report:?}");
    assert_eq!(report.gone_before + report.deleted_at_least, 20_000);
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn h04_a_place_swapped_mid_run_stops_it<F: Fixture>() {
    let store = Arc::new(F::start().await);
    let filled = store.fill(5000).await;
    let mut world = store.world().await;
    world.planned().await;
    at_call(&mut world, &store, AFTER_TWO_BATCHES - 1, |store: Arc<F>| async move { store.swap().await });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Broken, "{report:?}");
    assert!(report.message.contains("not the table of the plan"), "{}", report.message);
    let (old, new) = (store.left_of_old().await, store.left().await);
    assert_eq!(old, 5000 + filled.kept - report.deleted_at_least);
    assert_eq!(new.due + new.kept, old, "nothing went from the one that was never planned on");
}

pub async fn h05_what_cannot_be_deleted_cleanly_is_refused_before_the_first_item_by_name<F: Fixture>() {
    let store = F::start().await;
    for (unfit, name) in F::unfit() {
        store.make(&unfit).await;
        let refusal = refused(store.world().await.step(Step::Plan).await);
        assert_eq!(refusal.reason, Reason::TableUnfit, "{name}: {}", refusal.message);
        assert!(refusal.message.contains(name), "{} does not name {name}", refusal.message);
    }
}

pub async fn h08_a_place_that_somebody_keeps_locked_ends_the_run_before_anything_is_deleted<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(50).await;
    let mut world = store.world().await;
    world.planned().await;
    store.lock().await;
    let begun = Instant::now();
    let report = erased(world.step(Step::Erase).await);
    let took = begun.elapsed();
    assert_eq!((report.end, report.deleted_at_most), (EraseEnd::Broken, 0), "{report:?}");
    assert!(report.message.ends_with(F::LOCKED), "{}", report.message);
    assert!(took > Duration::from_secs(14), "each of seven tries waits for its two seconds: {took:?}");
    assert_eq!(store.left().await, Left { due: 50, kept: filled.kept });
    // Let go after the first try has failed: a later one goes on.
    let release = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.unlock().await;
    };
    let (report, ()) = tokio::join!(until_free(&world), release);
    let report = erased(report);
    assert!(report.verified && report.deleted_at_least == 50, "{report:?}");
}

pub async fn h10_another_server_than_the_plans_is_refused<F: Fixture>() {
    let store = F::start().await;
    store.fill(10).await;
    let mut world = store.world().await;
    world.planned().await;
    let other = store.another().await;
    let filled = other.fill(10).await;
    world.credentials = other.credentials();
    let refusal = refused(world.step(Step::Erase).await);
    assert_eq!(refusal.reason, Reason::ServerChanged, "{}", refusal.message);
    assert_eq!(other.left().await, Left { due: 10, kept: filled.kept });
}

pub async fn h11_a_hold_placed_mid_run_stops_the_next_batch<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(20_000).await;
    let mut world = store.world().await;
    world.planned().await;
    let after = |call| call >= AFTER_TWO_BATCHES;
    world.holds =
        Arc::new(move |call| Ok(if after(call) { vec![Hold::unreadable("matter", "u")] } else { vec![] }));
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Held, "{report:?}");
    assert!(report.message.contains("matter"));
    let left = store.left().await;
    assert!(left.due > 0 && report.deleted_at_least > 0, "{report:?}");
    assert_eq!(
        (left.due + report.deleted_at_least, left.kept),
        (20_000, filled.kept),
        "what is told is what is gone"
    );
    world.holds =
        Arc::new(move |call| if after(call) { Err(ViewError("no answer".into())) } else { Ok(vec![]) });
    let unreadable = erased(until_free(&world).await);
    assert_eq!(
        unreadable.end,
        EraseEnd::Broken,
        "holds that cannot be read stop, too; another try may read them"
    );
    world.holds = Arc::new(|_| Ok(vec![Hold::unreadable("matter", "u")]));
    assert_eq!(refused(until_free(&world).await).reason, Reason::Held);
}

pub async fn h21_the_rate_is_kept<F: Fixture>() {
    const ITEMS: i64 = 600;
    const RATE: u32 = 300;
    let store = F::start().await;
    store.fill(ITEMS).await;
    let mut world = store.world().await;
    let limits = json!({"itemsPerSecond": RATE});
    world.policy.spec.limits = Some(serde_json::from_value(limits).unwrap());
    world.decide().await;
    world.planned().await;
    let begun = Instant::now();
    let report = erased(world.step(Step::Erase).await);
    assert!(report.verified && report.deleted_at_least == ITEMS, "{report:?}");
    let least = Duration::from_secs(2);
    assert!(begun.elapsed() >= least, "{ITEMS} items at {RATE} in a second took {:?}", begun.elapsed());
}

pub async fn h22_two_runners_exclude_each_other_and_a_signal_ends_on_a_whole_batch<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(60_000).await;
    let mut world = store.world().await;
    world.planned().await;
    world.holds = Arc::new(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Ok(vec![])
    });
    let first = tokio::spawn({
        let world = world.clone();
        async move { world.step(Step::Erase).await }
    });
    while store.left().await.due == 60_000 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut second = world.clone();
    second.stop = Stop::default();
    assert_eq!(refused(second.step(Step::Erase).await).reason, Reason::Busy);
    world.stop.ask();
    let report = erased(first.await.unwrap());
    assert_eq!(report.end, EraseEnd::Interrupted, "{report:?}");
    assert_eq!(store.left().await.due, 60_000 - report.deleted_at_least, "what is told is what is gone");
    assert_eq!(report.deleted_at_least, report.deleted_at_most);
    second.holds = Arc::new(|_| Ok(vec![]));
    assert!(erased(until_free(&second).await).verified);
    assert_eq!(store.left().await, Left { due: 0, kept: filled.kept });
}

pub async fn j03_more_than_was_planned_is_refused<F: Fixture>() {
    let store = F::start().await;
    let filled = store.fill(10).await;
    let mut world = store.world().await;
    world.planned().await;
    store.put_due(1).await;
    assert_eq!(refused(world.step(Step::Erase).await).reason, Reason::PlanExceeded);
    let left = store.left().await;
    assert_eq!(left.due + left.kept, 11 + filled.kept);
}

pub async fn t21_no_report_holds_a_value_of_an_item<F: Fixture>() {
    let store = Arc::new(F::start().await);
    store.fill(5000).await;
    let mut world = store.world().await;
    let mut said = vec![encode(&Report::Plan(world.planned().await))];
    at_call(&mut world, &store, AFTER_TWO_BATCHES, |store: Arc<F>| async move { store.cut().await });
    said.push(encode(&world.step(Step::Erase).await));
    world.holds = Arc::new(|_| Ok(vec![]));
    said.push(encode(&until_free(&world).await));
    for report in said {
        assert!(report.contains("uid-run"), "not a report: {report}");
        assert!(!report.contains(PERSONAL), "{report}");
    }
}

/// The suite for one store.
macro_rules! conformance {
    ($fixture:ty, $($scenario:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                crate::conformance::$scenario::<$fixture>().await;
            }
        )*
    };
    ($fixture:ty) => {
        crate::conformance::conformance!(
            $fixture,
            due_items_go_and_items_not_due_undated_or_implausible_stay,
            t23_what_is_gone_already_is_no_failure,
            k08_a_run_with_nothing_due_says_so,
            h02_items_that_turn_up_behind_the_walk_go_and_the_run_ends,
            h03_a_store_that_cuts_the_session_mid_run_is_told_of_honestly,
            h03_a_runner_killed_anywhere_and_started_again_leaves_what_the_store_says,
            h04_a_place_swapped_mid_run_stops_it,
            h05_what_cannot_be_deleted_cleanly_is_refused_before_the_first_item_by_name,
            h08_a_place_that_somebody_keeps_locked_ends_the_run_before_anything_is_deleted,
            h10_another_server_than_the_plans_is_refused,
            h11_a_hold_placed_mid_run_stops_the_next_batch,
            h21_the_rate_is_kept,
            h22_two_runners_exclude_each_other_and_a_signal_ends_on_a_whole_batch,
            j03_more_than_was_planned_is_refused,
            t21_no_report_holds_a_value_of_an_item,
        );
    };
}
pub(crate) use conformance;
