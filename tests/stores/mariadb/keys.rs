//! Walks along keys of every kind: no row is passed by, and none goes that is not due.

use serde_json::Value;

use super::fixture::Store;
use crate::{
    conformance::{erased, until_free},
    fixture::Fixture,
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn h20_rows_go_along_keys_of_every_kind_that_has_an_order() {
    // More than a batch, so that the walk stands in the middle of each.
    const ROWS: i64 = 5_000;
    let store = Store::start().await;
    let cases = [
        ("a int unsigned", "a", "seq"),
        ("a bigint unsigned", "a", "18446744073709551615 - seq"),
        ("a decimal(30, 6)", "a", "seq / 7"),
        ("a datetime(6)", "a", "'2026-01-01' + INTERVAL seq MICROSECOND"),
        ("a binary(16)", "a", "UNHEX(MD5(seq))"),
        ("a uuid", "a", "CONCAT(LEFT(MD5(seq), 8), '-0000-4000-8000-', RIGHT(MD5(seq), 12))"),
        (
            "a varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            "a",
            "CONCAT(ELT(1 + seq % 3, 'ö', 'Z', 'a'), seq)",
        ),
        (
            "a varchar(64) CHARACTER SET latin1 COLLATE latin1_german2_ci",
            "a",
            "CONCAT(ELT(1 + seq % 3, 'ß', 'Z', 'a'), seq)",
        ),
        ("a char(40) CHARACTER SET ascii COLLATE ascii_bin", "a", "SHA1(seq)"),
        ("a int, b varchar(20)", "a, b", "seq % 7, seq"),
        (
            "a date, b int, c varbinary(8)",
            "a, b, c",
            "'2026-01-01' + INTERVAL seq % 9 DAY, seq % 100, UNHEX(HEX(seq))",
        ),
        ("a int, b int", "a DESC, b", "seq % 50, seq"),
    ];
    for (columns, key, values) in cases {
        store.sql(&format!(
            "SET time_zone = '+00:00'; CREATE OR REPLACE TABLE k ({columns}, at timestamp NULL, PRIMARY KEY ({key}));
             INSERT INTO k SELECT {values}, NOW() - INTERVAL IF(seq % 10, 20, 5) DAY FROM seq_1_to_{ROWS}"
        ));
        let mut world = World::at(store.credentials(), store.place_of("k", "at", Value::Null)).await;
        let plan = world.planned().await;
        assert_eq!((plan.datasets[0].total, plan.datasets[0].due), (ROWS, ROWS * 9 / 10), "{columns}");
        let report = erased(until_free(&world).await);
        assert!(report.verified, "{columns}: {report:?}");
        assert_eq!(
            (report.deleted_at_least, store.number("SELECT COUNT(*) FROM k")),
            (ROWS * 9 / 10, ROWS / 10),
            "{columns}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h20_what_an_account_or_a_server_sets_for_every_session_changes_nothing() {
    let settings = [
        (
            "init-connect",
            "SET sql_safe_updates = 1, sql_select_limit = 3, time_zone = '-11:00', autocommit = 0",
        ),
        ("sql-mode", "ANSI"),
        ("transaction-isolation", "SERIALIZABLE"),
    ];
    let store = Store::with(&settings, false).await;
    let filled = store.fill(3_000).await;
    let mut world = store.world().await;
    world.planned().await;
    let report = erased(until_free(&world).await);
    assert!(report.verified && report.deleted_at_least == 3_000, "{report:?}");
    assert_eq!(store.left().await.kept, filled.kept);
}
