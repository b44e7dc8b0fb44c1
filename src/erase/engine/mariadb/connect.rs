//! Connections to the store, each with settings that let nothing surprise us.

use std::time::Duration;

use jiff::Timestamp;
use mysql_async::{Conn, OptsBuilder, SslOpts};

use super::{
    Purpose,
    credentials::Credentials,
    error::state_of,
    session::{Session, get},
};
use crate::{
    core::store::SslMode,
    erase::{error::EraseError, tls},
};

const TO_CONNECT: Duration = Duration::from_secs(10);

/// Opens a connection and sets its session up.
pub(super) async fn connect(
    credentials: &Credentials,
    mode: SslMode,
    purpose: Purpose,
) -> Result<Session, EraseError> {
    let options = credentials.server().ssl_opts(encryption(credentials, mode)?);
    open(options, purpose).await
}

/// How the server is checked. The built-in authorities are left out: `ca.crt` says who is trusted.
pub(super) fn encryption(credentials: &Credentials, mode: SslMode) -> Result<Option<SslOpts>, EraseError> {
    let trusted = || -> Result<SslOpts, EraseError> {
        let ca = tls::authorities(credentials.ca.as_deref())?;
        let options = SslOpts::default().with_disable_built_in_roots(true);
        Ok(options.with_root_certs(vec![ca.into()]))
    };
    Ok(match mode {
        SslMode::Disable => None,
        SslMode::Require => Some(SslOpts::default().with_danger_accept_invalid_certs(true)),
        // The driver looks for the words of an older TLS library where it is to leave the name out (0.37), so it is checked.
        SslMode::VerifyCa | SslMode::VerifyFull => Some(trusted()?),
    })
}

/// Opens a connection by these options and sets its session up.
pub(super) async fn open(options: OptsBuilder, purpose: Purpose) -> Result<Session, EraseError> {
    let connection = tokio::time::timeout(TO_CONNECT, Conn::new(options)).await;
    let connection = connection
        .map_err(|_| EraseError::Connect("the server does not answer".into()))?
        .map_err(|error| EraseError::Connect(state_of(&error)))?;
    let (isolation, access, statement, lock) = match purpose {
        Purpose::Count => ("REPEATABLE READ", "READ ONLY", 3600, 10),
        // No gap locks: rows that are not due stay free for others.
        Purpose::Delete => ("READ COMMITTED", "READ WRITE", 30, 2),
        Purpose::Lock => ("READ COMMITTED", "READ ONLY", 10, 2),
    };
    // Longer than the server's own bound, so that it is the server that ends a statement.
    let mut session = Session::new(connection, Duration::from_secs(statement + 30));
    // An account's `init_connect` ran before: nothing of it is left that changes what a statement means. In UTC a TIMESTAMP
    // is what it says, and the strict mode makes an error of what would be a guess.
    let set = format!(
        "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', sql_safe_updates = 0, \
         sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, foreign_key_checks = 1, autocommit = 1, \
         timestamp = DEFAULT, max_statement_time = {statement}, lock_wait_timeout = {lock}, \
         innodb_lock_wait_timeout = {lock}, wait_timeout = 28800, idle_transaction_timeout = 60"
    );
    let isolation = format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}, {access}");
    for sql in ["SET NAMES utf8mb4", &set, &isolation] {
        session.run("setting up the session", sql).await?;
    }
    Ok(session)
}

/// Settings that say who the server is and whether it may be deleted from.
const VARIABLES: &str = "SHOW SESSION VARIABLES WHERE Variable_name IN ('version', 'server_uid', 'server_id', \
    'hostname', 'port', 'read_only', 'wsrep_on', 'log_bin', 'binlog_format')";

/// Who the server is: the id that it gives itself where its version has one (10.11.9 and later), its number, host and
/// port. All of them, since each alone is the same on many servers (ADR 0036).
pub(super) async fn identity(session: &mut Session) -> Result<String, EraseError> {
    let doing = "asking for the server's identity";
    let mut known = std::collections::BTreeMap::<String, String>::new();
    for row in session.ask(doing, VARIABLES).await? {
        known.insert(get(doing, &row, 0)?, get(doing, &row, 1)?);
    }
    let of = |name: &str| known.get(name).map_or("", String::as_str);
    let refused = |why: &str| Err(EraseError::Server(why.into()));
    let version = of("version");
    if !version.contains("MariaDB") {
        let why = "is MySQL, on which nothing was tried yet: data is erased from MariaDB alone";
        return refused(why);
    }
    if of("read_only") != "OFF" || is_replica(session).await? {
        return refused("is a replica or read-only: name the primary in the erasure Secret");
    }
    if of("wsrep_on") == "ON" {
        return refused("is a node of a Galera cluster, which is not planned for yet");
    }
    if of("log_bin") == "ON" && of("binlog_format") == "STATEMENT" {
        let why =
            "writes its binary log by statements, which batches cannot be: set binlog_format to ROW or MIXED";
        return refused(why);
    }
    let uid = Some(of("server_uid")).filter(|uid| !uid.is_empty()).unwrap_or("unknown");
    Ok(format!("mariadb/{uid}/{}/{}:{}", of("server_id"), of("hostname"), of("port")))
}

/// Whether it follows another server. An account that may not ask is not told; then `read_only` has to do.
async fn is_replica(session: &mut Session) -> Result<bool, EraseError> {
    match session.ask("asking whether the server is a replica", "SHOW ALL SLAVES STATUS").await {
        Ok(follows) => Ok(!follows.is_empty()),
        Err(trouble) if trouble.is_denied() => Ok(false),
        Err(trouble) => Err(trouble.into()),
    }
}

/// The server's clock.
pub(super) async fn clock(session: &mut Session) -> Result<Timestamp, EraseError> {
    // SYSDATE is the clock, NOW the beginning of the statement or what a session set.
    let doing = "asking for the server's clock";
    let sql = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)";
    let rows = session.ask(doing, sql).await?;
    let micros = rows.first().and_then(|row| get::<i64>(doing, row, 0).ok());
    let server = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    server.ok_or(EraseError::Clocks(i64::MAX, "the server's clock cannot be read"))
}
