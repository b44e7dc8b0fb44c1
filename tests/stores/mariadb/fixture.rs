//! MariaDB in the conformance suite.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use carnet::testbed::{Mariadb, MariadbOptions};
use mysql_async::{Conn, OptsBuilder, prelude::Queryable};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::{
    fixture::{Filled, Fixture, Left, PERSONAL},
    world::Place,
};

/// One server for all tests, each of which has a database and an account of its own.
static SERVER: OnceCell<Arc<Mariadb>> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

const PASSWORD: &str = "not secret";
/// As it is declared, and as it stands in SQL.
const TABLE: (&str, &str) = ("acc`ounts; -- é", "`acc``ounts; -- é`");
const COLUMN: (&str, &str) = ("closed `at", "`closed ``at`");

/// A database with an account that has the rights that the reference page asks for.
pub struct Store {
    pub server: Arc<Mariadb>,
    /// Name of the database, and of the account.
    pub name: String,
    dir: tempfile::TempDir,
    /// The session that keeps the table locked.
    locker: Mutex<Option<Conn>>,
}

impl Store {
    /// A database on a server.
    pub fn on(server: Arc<Mariadb>, name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Self { server, name: name.into(), dir, locker: Mutex::default() };
        store.admin(&format!(
            "CREATE DATABASE `{name}`; CREATE USER '{name}'@'%' IDENTIFIED BY '{PASSWORD}';
             GRANT SELECT, DELETE, TRIGGER ON `{name}`.* TO '{name}'@'%'; GRANT PROCESS ON *.* TO '{name}'@'%'"
        ));
        store
    }

    /// A server of its own, with such settings.
    pub async fn with(settings: &[(&str, &str)], tls: bool) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let server = Mariadb::start(MariadbOptions { settings, tls, ..MariadbOptions::default() }).await;
        Self::on(Arc::new(server.unwrap()), "alone")
    }

    /// Runs SQL as the administrator, outside of any database.
    pub fn admin(&self, sql: &str) -> String {
        self.server.sql("", sql).unwrap()
    }

    /// Runs SQL as the administrator in the database.
    pub fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql).unwrap()
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.sql(sql).parse().unwrap()
    }

    /// A further key of the Secret.
    pub fn key(&self, name: &str, value: &str) {
        fs::write(self.dir.path().join(name), value).unwrap();
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A place of another table.
    pub fn place_of(&self, table: &str, column: &str, reading: Value) -> Place {
        Place {
            engine: json!({"mysql": {"credentialsSecretRef": {"name": "erasure"}, "sslMode": "Disable"}}),
            table: (self.name.clone(), table.into()),
            column: (column.into(), reading),
            store_uid: format!("uid-{}", self.name),
        }
    }
}

impl Fixture for Store {
    const NAME: &'static str = "mariadb";
    const LOCKED: &'static str = "deleting: the server answered SQLSTATE HY000, error 1205";

    async fn start() -> Self {
        let start = || async { Arc::new(Mariadb::start(MariadbOptions::default()).await.unwrap()) };
        let server = SERVER.get_or_init(start).await.clone();
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        Self::on(server, &format!("test-{number}"))
    }

    async fn another(&self) -> Self {
        let server = Mariadb::start(MariadbOptions::default()).await.unwrap();
        Self::on(Arc::new(server), &self.name)
    }

    fn place(&self) -> Place {
        self.place_of(TABLE.0, COLUMN.0, Value::Null)
    }

    fn credentials(&self) -> PathBuf {
        let port = self.server.port().to_string();
        for (key, value) in
            [("host", "127.0.0.1"), ("port", &*port), ("username", &*self.name), ("password", PASSWORD)]
        {
            self.key(key, value);
        }
        self.dir.path().to_owned()
    }

    async fn fill(&self, due: i64) -> Filled {
        let (table, column) = (TABLE.1, COLUMN.1);
        self.sql(&format!(
            "SET sql_mode = '', time_zone = '+00:00';
             CREATE TABLE {table} (id bigint PRIMARY KEY, pad varchar(600), {column} timestamp(6) NULL, KEY ({column}));
             INSERT INTO {table} SELECT seq, CONCAT('{PERSONAL}', REPEAT('x', 500)),
               NOW(6) - INTERVAL 10 DAY - INTERVAL seq SECOND FROM seq_1_to_{due} WHERE {due} > 0;
             INSERT INTO {table} VALUES (-1, '', NOW(6) - INTERVAL 9 DAY), (-2, '', NULL), (-3, '', '0000-00-00 00:00:00'),
               (-4, '', '1970-12-31 23:59:59'), (-5, '', NOW(6) + INTERVAL 9 YEAR)"
        ));
        Filled { kept: 5, undated: 4 }
    }

    async fn put_due(&self, items: i64) {
        let (table, column) = (TABLE.1, COLUMN.1);
        self.sql(&format!(
            "INSERT INTO {table} (id, {column}) SELECT -1000 - CAST(seq AS SIGNED), NOW(6) - INTERVAL 20 DAY FROM seq_1_to_{items}"
        ));
    }

    async fn left(&self) -> Left {
        let table = TABLE.1;
        let due = self.number(&format!("SELECT COUNT(*) FROM {table} WHERE id > 0 OR id < -999"));
        Left { due, kept: self.number(&format!("SELECT COUNT(*) FROM {table}")) - due }
    }

    async fn swap(&self) {
        let table = TABLE.1;
        self.sql(&format!(
            "SET sql_mode = ''; CREATE TABLE new LIKE {table}; INSERT INTO new SELECT * FROM {table};
             RENAME TABLE {table} TO old, new TO {table}"
        ));
    }

    async fn left_of_old(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM old")
    }

    async fn cut(&self) {
        self.admin(&format!("KILL USER '{}'", self.name));
    }

    async fn lock(&self) {
        let options = OptsBuilder::default()
            .prefer_socket(false)
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.server.port())
            .user(Some(self.server.administrator()))
            .pass(Some(self.server.password()))
            .db_name(Some(self.name.clone()));
        let mut locker = Conn::new(options).await.unwrap();
        locker.query_drop(format!("LOCK TABLES {} READ", TABLE.1)).await.unwrap();
        *self.locker.lock().await = Some(locker);
    }

    async fn unlock(&self) {
        self.locker.lock().await.take().unwrap().query_drop("UNLOCK TABLES").await.unwrap();
    }

    fn unfit() -> Vec<(String, &'static str)> {
        let (name, column) = (TABLE.1, COLUMN.1);
        let columns = format!("id int PRIMARY KEY, {column} timestamp NULL");
        let table = format!("CREATE TABLE {name} ({columns})");
        let child = |does: &str| {
            format!(
                "{table}; CREATE TABLE child (t int, CONSTRAINT kid FOREIGN KEY (t) REFERENCES {name} (id) {does})"
            )
        };
        let odd_key = |key: &str| format!("CREATE TABLE {name} ({column} timestamp NULL, {key})");
        vec![
            (child("ON DELETE CASCADE"), "child (cascades)"),
            (child("ON DELETE SET NULL"), "child (sets null)"),
            (child(""), "kid of "),
            (
                format!("{table}; CREATE TRIGGER keeper BEFORE DELETE ON {name} FOR EACH ROW SET @x = 1"),
                "keeper",
            ),
            (
                format!(
                    "CREATE TABLE base (id int, {column} timestamp NULL); CREATE VIEW {name} AS SELECT * FROM base"
                ),
                "view",
            ),
            (format!("{table} PARTITION BY HASH (id) PARTITIONS 2"), "partitioned"),
            (format!("{table} WITH SYSTEM VERSIONING"), "system-versioned"),
            (format!("{table} ENGINE = MyISAM"), "MyISAM is not transactional"),
            (format!("{table} ENGINE = Aria"), "Aria is not transactional"),
            (format!("{table} ENGINE = MEMORY"), "MEMORY is not transactional"),
            (format!("CREATE TABLE {name} (id int PRIMARY KEY, {column} datetime)"), "without a zone"),
            (format!("CREATE TABLE {name} (id int PRIMARY KEY, {column} text)"), "no point in time"),
            (format!("CREATE TABLE {name} (id int PRIMARY KEY, {column} bigint)"), "say columnType: {epoch"),
            (format!("CREATE TABLE {name} (id int PRIMARY KEY)"), COLUMN.0),
            (format!("CREATE TABLE {name} (id int, {column} timestamp NULL)"), "no primary key"),
            (odd_key("kind enum('b', 'a') PRIMARY KEY"), "column kind"),
            (odd_key("part double PRIMARY KEY"), "column part"),
            (odd_key("long_text text, PRIMARY KEY (long_text(10))"), "column long_text"),
            (String::new(), "does not exist"),
        ]
    }

    async fn make(&self, unfit: &str) {
        self.admin(&format!("DROP DATABASE `{0}`; CREATE DATABASE `{0}`", self.name));
        if !unfit.is_empty() {
            self.sql(unfit);
        }
    }
}
