//! Partitioned tables: what is due as a whole goes at once, and nothing else does.

use super::*;
use crate::fixture::Left;

/// Rows by partition: three that are wholly due, one with both, one that is young, and one of rows without a date. The
/// second has partitions of its own.
const PARTITIONED: &str = "
CREATE TABLE public.logs (id int8, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE public.old1 PARTITION OF public.logs FOR VALUES FROM ('2019-01-01Z') TO ('2020-01-01Z');
CREATE TABLE public.old2 PARTITION OF public.logs FOR VALUES FROM ('2020-01-01Z') TO ('2021-01-01Z')
  PARTITION BY HASH (id);
CREATE TABLE public.old2a PARTITION OF public.old2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.old2b PARTITION OF public.old2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE public.mixed PARTITION OF public.logs FOR VALUES FROM ('2021-01-01Z') TO ('2100-01-01Z');
CREATE TABLE public.rest PARTITION OF public.logs DEFAULT;
INSERT INTO public.logs SELECT i, '2019-06-01Z'::timestamptz + i * interval '1 minute' FROM generate_series(1, 1000) i;
INSERT INTO public.logs SELECT i, '2020-06-01Z'::timestamptz + i * interval '1 minute' FROM generate_series(1, 1000) i;
INSERT INTO public.logs SELECT i, now() - interval '20 days' FROM generate_series(1, 1000) i;
INSERT INTO public.logs SELECT -i, now() - interval '5 days' FROM generate_series(1, 1000) i;
INSERT INTO public.logs SELECT -i, NULL FROM generate_series(1, 10) i;
CREATE ROLE eraser LOGIN; GRANT USAGE ON SCHEMA public TO eraser;
GRANT SELECT, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO eraser";

async fn partitioned(server: &Server) -> (Client, World) {
    let db = server.client().await;
    db.batch_execute(PARTITIONED).await.unwrap();
    let world = World::new(server.credentials_of("eraser"), "logs", "at", Value::Null).await;
    (db, world)
}

/// Which of the partitions hold no block any more, as only emptying leaves them.
async fn emptied(db: &Client) -> Vec<String> {
    let sql =
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND pg_relation_size(oid) = 0 ORDER BY 1";
    db.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn rows(db: &Client) -> Left {
    let due = number(db, "SELECT count(*) FROM logs WHERE id > 0").await;
    Left { due, kept: number(db, "SELECT count(*) FROM logs WHERE id < 0").await }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_wholly_due_are_emptied_and_rows_of_others_deleted() {
    let server = Server::start().await;
    let (db, mut world) = partitioned(&server).await;
    let plan = world.planned().await;
    let facts = &plan.datasets[0];
    assert_eq!((facts.total, facts.due, facts.undated), (4010, 3000, 10));
    let report = erased(world.step(Step::Erase).await);
    assert!(report.verified, "{report:?}");
    assert_eq!((report.deleted_at_least, report.deleted_at_most), (3000, 3000));
    assert_eq!(rows(&db).await, Left { due: 0, kept: 1010 });
    assert_eq!(emptied(&db).await, ["old1", "old2a", "old2b"], "and all of them are still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_goes_row_by_row_where_emptying_it_may_not_or_would_not_do() {
    let cases: [(&str, &[&str]); 4] = [
        ("REVOKE TRUNCATE ON old1 FROM eraser", &["old2a", "old2b"]),
        ("CREATE PUBLICATION p FOR TABLE old2b; ALTER TABLE old2b REPLICA IDENTITY FULL", &["old1", "old2a"]),
        (
            "CREATE PUBLICATION p FOR TABLE logs WITH (publish_via_partition_root = true);
             ALTER TABLE old1 REPLICA IDENTITY FULL; ALTER TABLE old2a REPLICA IDENTITY FULL;
             ALTER TABLE old2b REPLICA IDENTITY FULL; ALTER TABLE mixed REPLICA IDENTITY FULL;
             ALTER TABLE rest REPLICA IDENTITY FULL",
            &[],
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER told AFTER TRUNCATE ON old2a EXECUTE FUNCTION f()",
            &["old1", "old2b"],
        ),
    ];
    for (sql, left) in cases {
        let server = Server::start().await;
        let (db, mut world) = partitioned(&server).await;
        db.batch_execute(sql).await.unwrap();
        world.planned().await;
        let report = erased(world.step(Step::Erase).await);
        assert!(report.verified, "{sql}: {report:?}");
        assert_eq!(rows(&db).await.due, 0, "{sql}");
        assert_eq!(emptied(&db).await, left, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_one_row_that_is_not_due_keeps_that_row() {
    let server = Server::start().await;
    let (db, mut world) = partitioned(&server).await;
    db.batch_execute(
        "INSERT INTO logs VALUES (-99, '1970-06-01Z'); CREATE TABLE more PARTITION OF logs
        FOR VALUES FROM ('2000-01-01Z') TO ('2010-01-01Z'); GRANT SELECT, DELETE, TRUNCATE ON more TO eraser",
    )
    .await
    .unwrap();
    // Wholly due by its bounds, and with a policy of two events not by its rows.
    world.planned().await;
    let locker = server.client().await;
    // Somebody reads a partition and does not end: it is not waited for, and nobody behind us is made to wait.
    locker.batch_execute("BEGIN; SELECT count(*) FROM old1").await.unwrap();
    let report = erased(world.step(Step::Erase).await);
    assert!(report.verified, "{report:?}");
    assert_eq!(rows(&db).await, Left { due: 0, kept: 1011 });
    assert_eq!(emptied(&db).await, ["more", "old2a", "old2b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_partition_has_is_refused_by_its_name() {
    let cases = [
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
          CREATE TRIGGER keeper BEFORE DELETE ON old2a FOR EACH ROW EXECUTE FUNCTION f()",
            "partition public.old2a: delete trigger keeper",
        ),
        ("ALTER TABLE mixed ENABLE ROW LEVEL SECURITY", "partition public.mixed: row security"),
        (
            "CREATE UNIQUE INDEX ON old1 (id); CREATE TABLE child (id int8 CONSTRAINT kid REFERENCES old1 (id) ON DELETE CASCADE)",
            "kid of",
        ),
        ("REVOKE DELETE ON rest FROM eraser", "table public.rest: the role may not DELETE"),
    ];
    for (sql, name) in cases {
        let server = Server::start().await;
        let (db, world) = partitioned(&server).await;
        db.batch_execute(sql).await.unwrap();
        let refusal = refused(world.step(Step::Plan).await);
        assert!(refusal.message.contains(name), "{} does not name {name}", refusal.message);
        assert!(matches!(refusal.reason, Reason::TableUnfit | Reason::NotPermitted));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_a_partition_taken_out_mid_run_is_let_alone_and_one_put_in_is_no_harm() {
    let server = Server::start().await;
    let (db, mut world) = partitioned(&server).await;
    world.planned().await;
    let (runtime, other) = (tokio::runtime::Handle::current(), Arc::new(server.client().await));
    world.holds = Arc::new(move |call| {
        if call == 3 {
            let (db, sql) = (other.clone(), "ALTER TABLE logs DETACH PARTITION mixed");
            tokio::task::block_in_place(|| runtime.block_on(db.batch_execute(sql))).unwrap();
        }
        Ok(vec![])
    });
    let report = erased(world.step(Step::Erase).await);
    assert_eq!(report.end, EraseEnd::Broken, "{report:?}");
    assert!(report.message.contains("taken out"), "{}", report.message);
    assert_eq!(number(&db, "SELECT count(*) FROM mixed").await, 2000);
    db.batch_execute(
        "CREATE TABLE future PARTITION OF logs FOR VALUES FROM ('2100-01-01Z') TO ('2101-01-01Z');
                      GRANT SELECT, DELETE ON future TO eraser",
    )
    .await
    .unwrap();
    world.holds = Arc::new(|_| Ok(vec![]));
    let report = erased(world.step(Step::Erase).await);
    assert!(report.verified, "{report:?}");
    assert_eq!(number(&db, "SELECT count(*) FROM logs WHERE id > 0").await, 0);
}
