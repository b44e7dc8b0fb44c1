//! Which anchors are believed, and when their instant has passed.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::fixture::Store;
use crate::{
    conformance::{erased, until_free},
    fixture::Fixture,
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_of_a_column_deletes_exactly_what_it_lets_go() {
    let store = Store::start().await;
    let tokyo = json!({"timestamp": {"timeZone": "Asia/Tokyo"}});
    let in_tokyo = "CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', '+09:00')";
    let (seconds, micros) = ("UNIX_TIMESTAMP()", "UNIX_TIMESTAMP(NOW(6)) * 1000000");
    let cases = [
        ("date", "UTC_DATE() - INTERVAL 11 DAY".into(), "UTC_DATE()", "'2020-02-00'", Value::Null),
        ("timestamp(6)", "NOW() - INTERVAL 11 DAY".into(), "NOW()", "'0000-00-00'", Value::Null),
        (
            "bigint",
            format!("{seconds} * 1000 - 864000001"),
            "UNIX_TIMESTAMP() * 1000",
            "0",
            json!({"epoch": "Milliseconds"}),
        ),
        (
            "bigint unsigned",
            format!("{seconds} * 1000 - 864000001"),
            "UNIX_TIMESTAMP() * 1000",
            "18446744073709551615",
            json!({"epoch": "Milliseconds"}),
        ),
        ("int", format!("{seconds} - 864001"), seconds, "-1", json!({"epoch": "Seconds"})),
        (
            "decimal(30, 6)",
            format!("{micros} - 864000000001"),
            micros,
            "-999999999999999999999999",
            json!({"epoch": "Microseconds"}),
        ),
        (
            "datetime(6)",
            format!("{in_tokyo} - INTERVAL 10 DAY"),
            in_tokyo,
            "'2020-00-15 10:00:00'",
            tokyo.clone(),
        ),
        ("datetime", format!("{in_tokyo} - INTERVAL 11 DAY"), in_tokyo, "'2020-02-31 10:00:00'", tokyo),
    ];
    for (i, (kind, due, young, odd, reading)) in cases.into_iter().enumerate() {
        let table = format!("t{i}");
        store.sql(&format!(
            "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';
             CREATE TABLE {table} (what varchar(9) PRIMARY KEY, At {kind} NULL);
             INSERT INTO {table} VALUES ('due', {due}), ('young', {young}), ('odd', {odd}), ('null', NULL)"
        ));
        let mut world = World::at(store.credentials(), store.place_of(&table, "At", reading)).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (1, 2), "{kind}");
        let oldest: Timestamp = plan.datasets[0].oldest_remaining.as_deref().unwrap().parse().unwrap();
        let apart = Timestamp::now().duration_since(oldest).as_hours();
        assert!(apart.abs() <= 24, "{kind}: the oldest that remains is told as {oldest}");
        let report = erased(until_free(&world).await);
        assert!(report.verified && report.deleted_at_least == 1, "{kind}: {report:?}");
        assert_eq!(store.number(&format!("SELECT COUNT(*) FROM {table} WHERE what <> 'due'")), 3, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_date_that_is_none_is_undated_whatever_its_place_among_dates() {
    let store = Store::start().await;
    let utc = json!({"timestamp": {"timeZone": "UTC"}});
    for (kind, reading) in [("date", Value::Null), ("datetime", utc)] {
        store.sql(&format!(
            "SET sql_mode = 'ALLOW_INVALID_DATES'; CREATE OR REPLACE TABLE odd (id int PRIMARY KEY, at {kind});
             INSERT INTO odd VALUES (1, '2020-00-00'), (2, '2020-02-00'), (3, '2020-00-12'), (4, '2020-02-30'),
               (5, '2021-02-29'), (6, '0000-00-00'), (7, '2020-02-29')"
        ));
        let mut world = World::at(store.credentials(), store.place_of("odd", "at", reading)).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (1, 6), "{kind}");
        assert!(erased(until_free(&world).await).verified, "{kind}");
        assert_eq!(store.number("SELECT COUNT(*) FROM odd WHERE id < 7"), 6, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_declared_as_milliseconds_are_undated_and_stay() {
    let store = Store::start().await;
    store.sql(
        "CREATE TABLE a (id int PRIMARY KEY, at bigint); \
         INSERT INTO a SELECT seq, UNIX_TIMESTAMP() - seq * 86400 FROM seq_1_to_100",
    );
    for unit in ["Milliseconds", "Microseconds"] {
        let place = store.place_of("a", "at", json!({"epoch": unit}));
        let mut world = World::at(store.credentials(), place).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (0, 100), "{unit}");
        assert_eq!(plan.datasets[0].oldest_remaining, None, "{unit}");
        let report = erased(until_free(&world).await);
        assert_eq!((report.deleted_at_most, report.verified), (0, true), "{unit}");
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM a"), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_was_never_set_is_undated_in_every_zone() {
    let store = Store::start().await;
    store.sql(
        "CREATE TABLE a (id int PRIMARY KEY, at datetime); \
         INSERT INTO a VALUES (1, '1970-01-01 00:00:00'), (2, '1969-12-31 23:59:59'), (3, '1970-12-31 12:00:00'), \
           (4, '1971-01-02 00:00:00')",
    );
    for zone in ["America/New_York", "UTC", "Asia/Tokyo"] {
        let place = store.place_of("a", "at", json!({"timestamp": {"timeZone": zone}}));
        let mut world = World::at(store.credentials(), place).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].due, plan.datasets[0].undated), (1, 3), "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_time_counts_from_its_end() {
    let store = Store::start().await;
    // The cut-off lies on the day ten days ago: that day itself has not passed, whatever the hour.
    store.sql(
        "CREATE TABLE a (id int PRIMARY KEY, at date); \
         INSERT INTO a SELECT seq, UTC_DATE() - INTERVAL seq DAY FROM seq_8_to_12",
    );
    let mut world = World::at(store.credentials(), store.place_of("a", "at", Value::Null)).await;
    let cutoff: Timestamp = world.run.spec.targets[0].conditions[0].cutoff.parse().unwrap();
    let day = cutoff.to_zoned(TimeZone::UTC).date();
    let due = store.number(&format!("SELECT COUNT(*) FROM a WHERE at < '{day}'"));
    let plan = world.planned().await;
    assert_eq!(plan.datasets[0].due, due);
    let report = erased(until_free(&world).await);
    assert_eq!((report.deleted_at_least, report.verified), (due, true));
    assert_eq!(store.number(&format!("SELECT COUNT(*) FROM a WHERE at = '{day}'")), 1);
}
