//! The runner against a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod anchors;
mod server;
mod shared;
mod timeouts;
mod world;

use std::{sync::Arc, time::Duration};

use carnet::{
    core::hold::Hold,
    erase::ViewError,
    handover::{EraseEnd, EraseReport, Reason, Refusal, Report, Step},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use server::Server;
use tokio_postgres::Client;
use world::World;

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Rows in an instant column: due, not due, without a date, implausible.
async fn accounts(client: &Client, due: i64) {
    let sql = format!(
        "CREATE TABLE public.accounts (id int8 PRIMARY KEY, pad text, closed_at timestamptz);
         INSERT INTO public.accounts SELECT i, repeat('x', 500), now() - interval '10 days' - i * interval '1 second'
           FROM generate_series(1, {due}) i;
         INSERT INTO public.accounts VALUES (-1, '', now() - interval '9 days'), (-2, '', NULL), (-3, '', '-infinity'),
           (-4, '', 'infinity'), (-5, '', '1970-12-31 23:59:59Z'), (-6, '', now() + interval '9 years')"
    );
    client.batch_execute(&sql).await.unwrap();
}

fn erased(report: Report) -> EraseReport {
    match report {
        Report::Erase(report) => report,
        other => panic!("not erased: {other:?}"),
    }
}

fn refused(report: Report) -> Refusal {
    match report {
        Report::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_rows_go_and_rows_not_due_undated_or_implausible_stay() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 1000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    let plan = world.planned().await;
    assert_eq!((plan.datasets[0].total, plan.datasets[0].due, plan.datasets[0].undated), (1006, 1000, 5));
    assert!(plan.datasets[0].oldest_remaining.is_some());
    assert_eq!(number(&db, "SELECT count(*) FROM accounts").await, 1006, "a plan deletes nothing");
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(
        (report.end, report.verified, report.remaining),
        (EraseEnd::Done, true, Some(0)),
        "{report:?}"
    );
    assert_eq!((report.deleted_at_least, report.deleted_at_most, report.gone_before), (1000, 1000, 0));
    assert_eq!(number(&db, "SELECT count(*) FROM accounts WHERE id < 0").await, 6);
    assert_eq!(number(&db, "SELECT count(*) FROM accounts").await, 6);
    let again = erased(world.step(Step::Erase).await);
    assert_eq!((again.deleted_at_most, again.gone_before, again.verified), (0, 1000, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_of_a_column_deletes_exactly_what_it_lets_go() {
    let server = Server::start().await;
    let db = server.client().await;
    let cases = [
        ("date", "(now() - interval '11 days')::date", "now()::date", "'infinity'", Value::Null),
        (
            "int8",
            "(extract(epoch FROM now()) * 1000)::int8 - 864000001",
            "(extract(epoch FROM now()) * 1000)::int8",
            "0",
            json!({"epoch": "Milliseconds"}),
        ),
        (
            "int4",
            "extract(epoch FROM now())::int4 - 864001",
            "extract(epoch FROM now())::int4",
            "-1",
            json!({"epoch": "Seconds"}),
        ),
        (
            "numeric",
            "(extract(epoch FROM now()) * 1000000) - 864000000001",
            "extract(epoch FROM now()) * 1000000",
            "'NaN'",
            json!({"epoch": "Microseconds"}),
        ),
        (
            "timestamp",
            "(now() - interval '10 days') AT TIME ZONE 'Asia/Tokyo'",
            "now() AT TIME ZONE 'Asia/Tokyo'",
            "'-infinity'",
            json!({"timestamp": {"timeZone": "Asia/Tokyo"}}),
        ),
    ];
    for (kind, due, young, odd, reading) in cases {
        let name = format!("T {kind} \"x");
        let quoted = name.replace('"', "\"\"");
        db.batch_execute(&format!(
            "CREATE TABLE public.\"{quoted}\" (what text, \"At\" {kind});
             INSERT INTO public.\"{quoted}\" VALUES ('due', {due}), ('young', {young}), ('odd', {odd}), ('null', NULL)"
        ))
        .await
        .unwrap();
        let mut world = World::new(server.credentials(), &name, "At", reading).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (1, 2), "{kind}");
        let report = erased(world.step(Step::Erase).await);
        assert!(report.verified && report.deleted_at_least == 1, "{kind}: {report:?}");
        let left = format!("SELECT count(*) FROM public.\"{quoted}\" WHERE what <> 'due'");
        assert_eq!(number(&db, &left).await, 3, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_placed_mid_run_stops_the_next_batch() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 5000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    // Asked at the order, at the start and before each batch: the fifth answer comes after two batches.
    world.holds = Arc::new(|call| Ok(if call < 5 { vec![] } else { vec![Hold::unreadable("matter", "u")] }));
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Held);
    assert!(report.message.contains("matter"));
    let left = number(&db, "SELECT count(*) FROM accounts WHERE id > 0").await;
    assert!(left > 0 && left + report.deleted_at_least == 5000);
    world.holds = Arc::new(|call| if call < 5 { Ok(vec![]) } else { Err(ViewError("no answer".into())) });
    assert_eq!(
        erased(world.step(Step::Erase).await).end,
        EraseEnd::Broken,
        "holds that cannot be read stop, too; another try may read them"
    );
    world.holds = Arc::new(|_| Ok(vec![Hold::unreadable("matter", "u")]));
    assert_eq!(refused(world.step(Step::Erase).await).reason, Reason::Held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_on_a_store_that_was_declared_mid_run_is_not_taken_for_one_on_nothing() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 1000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    let hold = serde_json::from_value(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": "matter"},
        "spec": {"reason": "Litigation", "reference": "m/1", "placedOn": "2026-01-01",
                 "scope": {"namespaces": ["n"], "stores": ["new"]}}}))
    .unwrap();
    let hold = carnet::parse::hold(&hold).unwrap();
    // The fifth answer comes after two batches.
    world.holds = Arc::new(move |call| Ok(if call < 5 { vec![] } else { vec![hold.clone()] }));
    let on_nothing = erased(world.step(Step::Erase).await);
    assert_eq!(on_nothing.end, EraseEnd::Held, "a name that is not found widens: {on_nothing:?}");
    let mut new = world.store.clone();
    new.metadata.name = Some("new".into());
    new.metadata.uid = Some("uid-new".into());
    new.spec.engine.postgres.as_mut().unwrap().credentials_secret_ref.name = "another".into();
    world.declared_since = Some(new);
    assert!(erased(world.step(Step::Erase).await).verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deleted_cleanly_is_refused_before_the_first_row_by_name() {
    let server = Server::start().await;
    let db = server.client().await;
    let table = "CREATE TABLE t (id int8 PRIMARY KEY, closed_at timestamptz)";
    let cases = [
        (
            format!("{table}; CREATE TABLE child (t int8 CONSTRAINT kid REFERENCES t ON DELETE CASCADE)"),
            "kid",
        ),
        (
            format!("{table}; CREATE TABLE child (t int8 CONSTRAINT kid REFERENCES t ON DELETE SET NULL)"),
            "kid",
        ),
        (format!("{table}; CREATE TABLE child (t int8 CONSTRAINT kid REFERENCES t)"), "kid"),
        (
            format!(
                "{table}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
                  CREATE TRIGGER keeper BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()"
            ),
            "keeper",
        ),
        (format!("{table}; CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING"), "quiet"),
        (format!("{table}; ALTER TABLE t ENABLE ROW LEVEL SECURITY"), "row security"),
        (
            "CREATE TABLE base (id int8, closed_at timestamptz); CREATE VIEW t AS SELECT * FROM base".into(),
            "view",
        ),
        (
            "CREATE TABLE t (id int8, closed_at timestamptz) PARTITION BY RANGE (closed_at)".into(),
            "partitioned",
        ),
        (format!("{table}; CREATE TABLE heir () INHERITS (t)"), "heir"),
        ("CREATE TABLE t (id int8, closed_at timestamp)".into(), "without a zone"),
        ("CREATE TABLE t (id int8, closed_at text)".into(), "no point in time"),
        ("CREATE TABLE t (id int8)".into(), "closed_at"),
        (String::new(), "does not exist"),
    ];
    for (sql, name) in cases {
        db.batch_execute(&format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {sql}")).await.unwrap();
        let world = World::new(server.credentials(), "t", "closed_at", Value::Null).await;
        let refusal = refused(world.step(Step::Plan).await);
        assert_eq!(refusal.reason, Reason::TableUnfit, "{name}");
        assert!(refusal.message.contains(name), "{} does not name {name}", refusal.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_swapped_mid_run_stops_it() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 5000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    let handle = tokio::runtime::Handle::current();
    let swapper = Arc::new(server.client().await);
    world.holds = Arc::new(move |call| {
        if call == 4 {
            let db = swapper.clone();
            let sql = "ALTER TABLE accounts RENAME TO old; CREATE TABLE accounts (LIKE old INCLUDING ALL);
                       INSERT INTO accounts SELECT * FROM old";
            tokio::task::block_in_place(|| handle.block_on(db.batch_execute(sql))).unwrap();
        }
        Ok(vec![])
    });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Broken);
    assert!(report.message.contains("not the table of the plan"), "{}", report.message);
    let (old, new) =
        (number(&db, "SELECT count(*) FROM old").await, number(&db, "SELECT count(*) FROM accounts").await);
    assert_eq!((old, new), (5006 - report.deleted_at_least, old));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_planned_another_plan_and_another_state_are_refused() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 10).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    db.batch_execute("INSERT INTO accounts VALUES (99, '', now() - interval '1 year')").await.unwrap();
    assert_eq!(refused(world.step(Step::Erase).await).reason, Reason::PlanExceeded);
    let mut forged = world.clone();
    forged.run.status.as_mut().unwrap().plan.as_mut().unwrap().datasets[0].due = 11;
    assert_eq!(refused(forged.step(Step::Erase).await).reason, Reason::PlanChanged);
    let mut edited = world.clone();
    edited.policy.spec.rules[0].delete_after = "P1D".into();
    assert_eq!(refused(edited.step(Step::Erase).await).reason, Reason::StateChanged);
    let mut later = world.clone();
    later.run.spec.targets[0].conditions[0].cutoff = "2999-01-01T00:00:00Z".into();
    assert_eq!(refused(later.step(Step::Erase).await).reason, Reason::StateChanged);
    let mut future = world.clone();
    future.run.spec.decided_at = "2999-01-01T00:00:00Z".into();
    assert_eq!(refused(future.step(Step::Erase).await).reason, Reason::ClocksDiffer);
    for ahead in [-400, 400] {
        let mut cluster = world.clone();
        cluster.api_server_ahead = ahead;
        let said = refused(cluster.step(Step::Erase).await);
        assert_eq!(said.reason, Reason::ClocksDiffer);
        assert!(said.message.contains("the API server's and the runner's"), "{}", said.message);
        let mut operator = world.clone();
        let created = operator.run.metadata.creation_timestamp.as_mut().unwrap();
        created.0 -= SignedDuration::from_secs(ahead.abs());
        let said = refused(operator.step(Step::Erase).await);
        assert!(said.message.contains("the API server's and the operator's"), "{}", said.message);
    }
    assert_eq!(number(&db, "SELECT count(*) FROM accounts").await, 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_exclude_each_other_and_a_signal_ends_on_a_whole_batch() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 20_000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    world.holds = Arc::new(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Ok(vec![])
    });
    let first = tokio::spawn({
        let world = world.clone();
        async move { world.step(Step::Erase).await }
    });
    while number(&db, "SELECT count(*) FROM accounts").await == 20_006 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut second = world.clone();
    second.stop = carnet::erase::Stop::default();
    assert_eq!(refused(second.step(Step::Erase).await).reason, Reason::Busy);
    world.stop.ask();
    let report = erased(first.await.unwrap());
    let left = number(&db, "SELECT count(*) FROM accounts").await;
    assert_eq!(left, 20_006 - report.deleted_at_least, "what is told is what is gone");
    assert_eq!(report.deleted_at_least, report.deleted_at_most);
    let rest = erased(second.step(Step::Erase).await);
    assert!(rest.verified);
    assert_eq!(number(&db, "SELECT count(*) FROM accounts").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vanishes_mid_run_is_told_honestly() {
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 20_000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    let handle = tokio::runtime::Handle::current();
    let killer = Arc::new(server.client().await);
    world.holds = Arc::new(move |call| {
        if call == 5 {
            let db = killer.clone();
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE application_name = 'carnet-eraser'";
            tokio::task::block_in_place(|| handle.block_on(db.batch_execute(sql))).unwrap();
        }
        Ok(vec![])
    });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!((report.end, report.verified), (EraseEnd::Broken, false));
    let gone = 20_006 - number(&db, "SELECT count(*) FROM accounts").await;
    assert!(report.deleted_at_least <= gone && gone <= report.deleted_at_most);
    world.holds = Arc::new(|_| Ok(vec![]));
    let rest = erased(world.step(Step::Erase).await);
    assert_eq!(
        (rest.gone_before, rest.gone_before + rest.deleted_at_least, rest.verified),
        (gone, 20_000, true)
    );
}

const CHILD: &str = "CARNET_TEST_RUNNER";

/// Runs the erase step in a process of its own: this test, started again, with the world in its environment.
fn runner(world: &World, failpoint: &str) -> std::process::Child {
    let objects = json!({
        "run": world.run, "policy": world.policy, "store": world.store, "credentials": world.credentials,
    });
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_runner_killed_anywhere_and_started_again_leaves_what_sql_says"])
        .env(CHILD, objects.to_string())
        .env("CARNET_FAILPOINT", failpoint)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_killed_anywhere_and_started_again_leaves_what_sql_says() {
    if let Ok(objects) = std::env::var(CHILD) {
        let objects: Value = serde_json::from_str(&objects).unwrap();
        let credentials = objects["credentials"].as_str().unwrap().into();
        let mut world = World::new(credentials, "accounts", "closed_at", Value::Null).await;
        world.run = serde_json::from_value(objects["run"].clone()).unwrap();
        world.holds = Arc::new(|_| {
            std::thread::sleep(Duration::from_millis(5));
            Ok(vec![])
        });
        erased(world.step(Step::Erase).await);
        return;
    }
    let server = Server::start().await;
    let db = server.client().await;
    accounts(&db, 20_000).await;
    let mut world = World::new(server.credentials(), "accounts", "closed_at", Value::Null).await;
    world.planned().await;
    // The points are without effect where the feature is off; then the seeded moments alone kill.
    for point in ["erase-locked", "erase-batch-before", "erase-commit-before", "erase-commit-after"] {
        let ended = runner(&world, point).wait().unwrap();
        assert!(!cfg!(feature = "failpoints") || !ended.success(), "{point} did not kill");
    }
    for moment in [40_u64, 55, 70, 90, 110] {
        let mut child = runner(&world, "");
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    // The backend of a killed runner lets the lock go once it notices.
    let report = loop {
        match world.step(Step::Erase).await {
            Report::Refused(r) if r.reason == Reason::Busy => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            report => break erased(report),
        }
    };
    assert!(report.verified, "{report:?}");
    assert_eq!(report.gone_before + report.deleted_at_least, 20_000);
    let wrong = "SELECT count(*) FROM accounts WHERE id > 0";
    assert_eq!((number(&db, wrong).await, number(&db, "SELECT count(*) FROM accounts").await), (0, 6));
}
