//! What PostgreSQL alone has.

mod anchors;
mod fixture;
mod partitions;
mod server;
mod shared;
mod timeouts;

use std::{sync::Arc, time::Duration};

use carnet::handover::{EraseEnd, Reason, Step};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use server::Server;
use tokio_postgres::Client;

use crate::{
    conformance::{conformance, erased, refused},
    world::World,
};

conformance!(fixture::Store);

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
