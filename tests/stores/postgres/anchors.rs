//! Which anchors are believed, and when their instant has passed.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn seconds_declared_as_milliseconds_are_undated_and_stay() {
    let server = Server::start().await;
    let db = server.client().await;
    db.batch_execute(
        "CREATE TABLE public.a (id int8, at int8);
         INSERT INTO a SELECT i, extract(epoch FROM now())::int8 - i * 86400 FROM generate_series(1, 100) i",
    )
    .await
    .unwrap();
    for unit in ["Milliseconds", "Microseconds"] {
        let mut world = World::new(server.credentials(), "a", "at", json!({"epoch": unit})).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (0, 100), "{unit}");
        assert_eq!(plan.datasets[0].oldest_remaining, None, "{unit}");
        let report = erased(world.step(Step::Erase).await);
        assert_eq!((report.deleted_at_most, report.verified), (0, true), "{unit}");
    }
    assert_eq!(number(&db, "SELECT count(*) FROM a").await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_was_never_set_is_undated_in_every_zone() {
    let server = Server::start().await;
    let db = server.client().await;
    db.batch_execute(
        "CREATE TABLE public.a (id int8, at timestamp);
         INSERT INTO a VALUES (1, '1970-01-01 00:00:00'), (2, '1969-12-31 23:59:59'), (3, '1970-12-31 12:00:00'),
           (4, '1971-01-02 00:00:00')",
    )
    .await
    .unwrap();
    for zone in ["America/New_York", "UTC", "Asia/Tokyo"] {
        let mut world =
            World::new(server.credentials(), "a", "at", json!({"timestamp": {"timeZone": zone}})).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (1, 3), "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_time_counts_from_its_end() {
    let server = Server::start().await;
    let db = server.client().await;
    // The cut-off lies on the day ten days ago: that day itself has not passed, whatever the hour.
    db.batch_execute(
        "SET TimeZone = 'UTC'; CREATE TABLE public.a (id int8, at date);
         INSERT INTO a SELECT i, (now() - i * interval '1 day')::date FROM generate_series(8, 12) i",
    )
    .await
    .unwrap();
    let mut world = World::new(server.credentials(), "a", "at", Value::Null).await;
    let cutoff: Timestamp = world.run.spec.targets[0].conditions[0].cutoff.parse().unwrap();
    let day = cutoff.to_zoned(TimeZone::UTC).date();
    let due = number(&db, &format!("SELECT count(*) FROM a WHERE at < '{day}'")).await;
    let plan = world.planned().await;
    assert_eq!(plan.datasets[0].due, due);
    let report = erased(world.step(Step::Erase).await);
    assert_eq!((report.deleted_at_least, report.verified), (due, true));
    assert_eq!(number(&db, &format!("SELECT count(*) FROM a WHERE at = '{day}'")).await, 1);
}
