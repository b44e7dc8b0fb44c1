//! PostgreSQL in the conformance suite.

use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use super::{number, server::Server};
use crate::{
    fixture::{Filled, Fixture, Left, PERSONAL},
    world::Place,
};

const ROLE: &str = "eraser";
/// As it is declared, and as it stands in SQL.
const TABLE: (&str, &str) = ("acc\"ounts; -- é", "public.\"acc\"\"ounts; -- é\"");
const COLUMN: (&str, &str) = ("closed \"at", "\"closed \"\"at\"");

/// A server of its own, with a role that has the rights that the reference page asks for.
pub struct Store {
    server: Server,
    client: Client,
    /// The session that keeps the table locked.
    locker: Mutex<Option<Client>>,
}

impl Store {
    async fn sql(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    async fn grant(&self) {
        let grant = "GRANT USAGE ON SCHEMA public TO eraser; GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO eraser";
        self.sql(grant).await;
    }
}

impl Fixture for Store {
    const NAME: &'static str = "postgres";
    const LOCKED: &'static str = "locking the table: the server answered SQLSTATE 55P03";

    async fn start() -> Self {
        let server = Server::start().await;
        let client = server.client().await;
        let store = Self { server, client, locker: Mutex::default() };
        store.sql(&format!("CREATE ROLE {ROLE} LOGIN")).await;
        store
    }

    async fn another(&self) -> Self {
        Self::start().await
    }

    fn place(&self) -> Place {
        Place {
            engine: json!({"postgres": {"credentialsSecretRef": {"name": "erasure"}, "sslMode": "Disable"}}),
            table: ("public".into(), TABLE.0.into()),
            column: (COLUMN.0.into(), Value::Null),
            store_uid: "uid-s".into(),
        }
    }

    fn credentials(&self) -> PathBuf {
        self.server.credentials_of(ROLE)
    }

    async fn fill(&self, due: i64) -> Filled {
        let (table, column) = (TABLE.1, COLUMN.1);
        self.sql(&format!(
            "CREATE TABLE {table} (id int8 PRIMARY KEY, pad text, {column} timestamptz);
             INSERT INTO {table} SELECT i, '{PERSONAL}' || repeat('x', 500),
               now() - interval '10 days' - i * interval '1 second' FROM generate_series(1, {due}) i;
             INSERT INTO {table} VALUES (-1, '', now() - interval '9 days'), (-2, '', NULL), (-3, '', '-infinity'),
               (-4, '', 'infinity'), (-5, '', '1970-12-31 23:59:59Z'), (-6, '', now() + interval '9 years')"
        ))
        .await;
        self.grant().await;
        Filled { kept: 6, undated: 5 }
    }

    async fn put_due(&self, items: i64) {
        // Where deleted rows were is room, after somebody has cleaned up; that is behind the walk.
        let (table, column) = (TABLE.1, COLUMN.1);
        self.sql(&format!("VACUUM {table}")).await;
        self.sql(&format!(
            "INSERT INTO {table} (id, {column}) SELECT -1000 - i, now() - interval '20 days' FROM generate_series(1, {items}) i"
        ))
        .await;
    }

    async fn left(&self) -> Left {
        let table = TABLE.1;
        let due =
            number(&self.client, &format!("SELECT count(*) FROM {table} WHERE id > 0 OR id < -999")).await;
        let all = number(&self.client, &format!("SELECT count(*) FROM {table}")).await;
        Left { due, kept: all - due }
    }

    async fn swap(&self) {
        let table = TABLE.1;
        self.sql(&format!(
            "BEGIN; ALTER TABLE {table} RENAME TO old; CREATE TABLE {table} (LIKE public.old INCLUDING ALL);
             INSERT INTO {table} SELECT * FROM public.old; COMMIT"
        ))
        .await;
        self.grant().await;
    }

    async fn left_of_old(&self) -> i64 {
        number(&self.client, "SELECT count(*) FROM public.old").await
    }

    async fn cut(&self) {
        self.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"))
            .await;
    }

    async fn lock(&self) {
        let locker = self.server.client().await;
        // Readers pass it, writers do not: what an index being built takes.
        locker.batch_execute(&format!("BEGIN; LOCK TABLE {} IN SHARE MODE", TABLE.1)).await.unwrap();
        *self.locker.lock().await = Some(locker);
    }

    async fn unlock(&self) {
        let locker = self.locker.lock().await.take().unwrap();
        locker.batch_execute("ROLLBACK").await.unwrap();
    }

    fn unfit() -> Vec<(String, &'static str)> {
        let (name, column) = (TABLE.1, COLUMN.1);
        let table = format!("CREATE TABLE {name} (id int8 PRIMARY KEY, {column} timestamptz)");
        let child = |does: &str| {
            format!("{table}; CREATE TABLE child (t int8 CONSTRAINT kid REFERENCES {name} {does})")
        };
        vec![
            (child("ON DELETE CASCADE"), "kid"),
            (child("ON DELETE SET NULL"), "kid"),
            (child(""), "kid"),
            (
                format!(
                    "{table}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
                     CREATE TRIGGER keeper BEFORE DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION f()"
                ),
                "keeper",
            ),
            (format!("{table}; CREATE RULE quiet AS ON DELETE TO {name} DO INSTEAD NOTHING"), "quiet"),
            (format!("{table}; ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"), "row security"),
            (
                format!(
                    "CREATE TABLE base (id int8, {column} timestamptz); CREATE VIEW {name} AS SELECT * FROM base"
                ),
                "view",
            ),
            (format!("{table}; CREATE TABLE heir () INHERITS ({name})"), "heir"),
            (format!("CREATE TABLE {name} (id int8, {column} timestamp)"), "without a zone"),
            (format!("CREATE TABLE {name} (id int8, {column} text)"), "no point in time"),
            (format!("CREATE TABLE {name} (id int8)"), COLUMN.0),
            (String::new(), "does not exist"),
        ]
    }

    async fn make(&self, unfit: &str) {
        self.sql(&format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; {unfit}")).await;
        self.grant().await;
    }
}
