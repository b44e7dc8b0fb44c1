//! Servers that must not be deleted from, rights that are missing, replicas that lie back, and who the server is.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use carnet::{
    handover::{EraseEnd, Reason, Step},
    testbed::{Mariadb, MariadbOptions},
};
use serde_json::json;

use super::fixture::Store;
use crate::{
    conformance::{erased, refused, until_free},
    fixture::Fixture,
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn h20_a_server_that_batches_cannot_be_written_by_is_refused() {
    let log = [("log-bin", "log"), ("binlog-format", "STATEMENT")];
    let store = Store::with(&log, false).await;
    store.fill(10).await;
    let refusal = refused(store.world().await.step(Step::Plan).await);
    assert_eq!(refusal.reason, Reason::ServerChanged);
    assert!(refusal.message.contains("binlog_format"), "{}", refusal.message);
    store.admin("SET GLOBAL binlog_format = 'ROW', GLOBAL read_only = 1");
    let refusal = refused(store.world().await.step(Step::Plan).await);
    assert!(refusal.message.contains("replica or read-only"), "{}", refusal.message);
    store.admin("SET GLOBAL read_only = 0");
    let mut world = store.world().await;
    world.planned().await;
    assert!(erased(world.step(Step::Erase).await).verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named_also_where_the_server_would_show_nothing_instead() {
    let store = Store::start().await;
    store.fill(10).await;
    let (name, world) = (store.name.clone(), store.world().await);
    for (right, scope) in [
        ("SELECT", format!("`{name}`.*")),
        ("DELETE", format!("`{name}`.*")),
        ("TRIGGER", format!("`{name}`.*")),
        ("PROCESS", "*.*".into()),
    ] {
        store.admin(&format!("REVOKE {right} ON {scope} FROM '{name}'@'%'"));
        let refusal = refused(world.step(Step::Plan).await);
        assert_eq!(refusal.reason, Reason::NotPermitted, "{right}: {}", refusal.message);
        assert!(refusal.message.ends_with(&format!("the role may not {right}")), "{}", refusal.message);
        store.admin(&format!("GRANT {right} ON {scope} TO '{name}'@'%'"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h05_a_key_from_a_table_that_the_account_may_not_see_is_named_all_the_same() {
    let store = Arc::new(Store::start().await);
    let (table, name) = (store.place().table.1.replace('`', "``"), store.name.clone());
    store.fill(5_000).await;
    let child = format!(
        "CREATE DATABASE `{name}-hidden`; CREATE TABLE `{name}-hidden`.child (t bigint, CONSTRAINT kid FOREIGN KEY (t) \
         REFERENCES `{name}`.`{table}` (id) ON DELETE CASCADE)"
    );
    let mut world = store.world().await;
    world.planned().await;
    let placed = store.clone();
    world.holds = Arc::new(move |call| {
        if call == 4 {
            placed.admin(&child);
        }
        Ok(vec![])
    });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Broken);
    assert!(report.message.contains("referenced by foreign key kid"), "{}", report.message);
    assert!(report.deleted_at_least > 0 && store.left().await.due == 5_000 - report.deleted_at_least);
    assert!(refused(world.step(Step::Plan).await).message.contains("kid of"));
}

#[tokio::test(flavor = "multi_thread")]
async fn h08_deletion_waits_for_a_replica_that_lies_back_and_needs_to_know_its_replicas() {
    let primary = Store::with(&[("log-bin", "log"), ("server-id", "1")], false).await;
    let replica = Mariadb::start(MariadbOptions {
        settings: vec![("server-id".into(), "2".into()), ("read-only".into(), "1".into())],
        ..MariadbOptions::default()
    });
    let replica = replica.await.unwrap();
    let (account, password) = (primary.server.administrator(), primary.server.password());
    // The account that erases asks the replica as well. All of it is made by following the primary.
    primary.admin("GRANT REPLICA MONITOR ON *.* TO 'alone'@'%'");
    let follow = format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = '{account}', \
         MASTER_PASSWORD = '{password}', MASTER_USE_GTID = no; START SLAVE",
        primary.server.port()
    );
    let first = primary.admin("SHOW BINARY LOGS").split_whitespace().next().unwrap().to_owned();
    replica
        .sql(
            "",
            &follow
                .replace("MASTER_USE_GTID = no", &format!("MASTER_LOG_FILE = '{first}', MASTER_LOG_POS = 4")),
        )
        .unwrap();
    primary.fill(2_000).await;
    let mut world = primary.world().await;
    world.policy.spec.limits = Some(serde_json::from_value(json!({"maxReplicationLag": "5s"})).unwrap());
    world.decide().await;
    world.planned().await;
    let refusal = refused(world.step(Step::Erase).await);
    assert!(refusal.message.contains("key replicas is missing"), "{}", refusal.message);
    primary.key("replicas", &format!("127.0.0.1:{}", replica.port()));
    wait(|| {
        replica
            .sql("alone", "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'alone'")
            .is_ok_and(|n| n == "1")
    })
    .await;

    replica.sql("", "STOP SLAVE SQL_THREAD").unwrap();
    let begun = Instant::now();
    let resume = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(primary.left().await.due, 2_000, "nothing goes while the replica does not follow");
        replica.sql("", "START SLAVE SQL_THREAD").unwrap();
    };
    let (report, ()) = tokio::join!(until_free(&world), resume);
    let report = erased(report);
    assert!(report.verified && report.deleted_at_least == 2_000, "{report:?}");
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let table = primary.place().table.1.replace('`', "``");
    let left = format!("SELECT COUNT(*) FROM `{table}` WHERE id > 0");
    wait(|| replica.sql("alone", &left).is_ok_and(|n| n == "0")).await;
    // The replica itself is no server to delete from.
    primary.credentials();
    primary.key("port", &replica.port().to_string());
    let refusal = refused(world.step(Step::Plan).await);
    assert!(refusal.message.contains("replica or read-only"), "{}", refusal.message);
}

async fn wait(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_checked_as_the_data_store_says() {
    // Its certificate is for the first address alone.
    let store = Store::with(&[("bind-address", "127.0.0.1,127.0.0.2")], true).await;
    store.fill(10).await;
    store.admin("ALTER USER 'alone'@'%' REQUIRE SSL");
    let credentials = store.credentials();
    let right = store.server.authority().unwrap().to_owned();
    let other = carnet::testbed::Authority::new("another").unwrap().certificate().to_owned();
    let modes = [
        // Mode, host, authority, whether it is let through.
        ("Disable", "127.0.0.1", None, false),
        ("Require", "127.0.0.1", None, true),
        ("VerifyCA", "127.0.0.1", None, false),
        ("VerifyCA", "127.0.0.1", Some(&other), false),
        // The driver cannot leave the name out.
        ("VerifyCA", "127.0.0.2", Some(&right), false),
        ("VerifyCA", "127.0.0.1", Some(&right), true),
        ("VerifyFull", "127.0.0.2", Some(&right), false),
        ("VerifyFull", "127.0.0.1", Some(&other), false),
        ("VerifyFull", "127.0.0.1", Some(&right), true),
    ];
    for (mode, host, authority, passes) in modes {
        let _ = fs::remove_file(store.dir().join("ca.crt"));
        store.key("host", host);
        if let Some(authority) = authority {
            store.key("ca.crt", authority);
        }
        let mut place = store.place();
        place.engine["mysql"]["sslMode"] = mode.into();
        let mut world = World::at(credentials.clone(), place).await;
        if passes {
            assert_eq!(world.planned().await.datasets[0].due, 10, "{mode} {host}");
        } else {
            let refusal = refused(world.step(Step::Plan).await);
            assert_eq!(refusal.reason, Reason::StoreUnreachable, "{mode} {host}: {}", refusal.message);
            let why = if authority.is_some() { "certificate" } else { "" };
            assert!(refusal.message.contains(why), "{mode} {host}: {}", refusal.message);
        }
    }
}
