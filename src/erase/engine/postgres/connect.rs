//! Connections to the store, each with settings that let nothing surprise us.

use jiff::Timestamp;
use tokio_postgres::{Client, NoTls, config::SslMode as Ssl};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    Purpose,
    credentials::Credentials,
    error::{database, state_of},
};
use crate::{
    core::store::SslMode,
    erase::{error::EraseError, tls},
};

/// Opens a connection and sets its session up.
pub(super) async fn connect(
    credentials: &Credentials,
    mode: SslMode,
    purpose: Purpose,
) -> Result<Client, EraseError> {
    let failed = |e: tokio_postgres::Error| EraseError::Connect(state_of(&e));
    let mut config = credentials.config();
    let client = match tls::config(mode, credentials.ca.as_deref())? {
        None => {
            let (client, connection) = config.ssl_mode(Ssl::Disable).connect(NoTls).await.map_err(failed)?;
            tokio::spawn(connection);
            client
        }
        Some(tls) => {
            let tls = MakeRustlsConnect::new(tls);
            let (client, connection) = config.ssl_mode(Ssl::Require).connect(tls).await.map_err(failed)?;
            tokio::spawn(connection);
            client
        }
    };
    let own = match purpose {
        Purpose::Count => {
            "SET default_transaction_read_only = on; SET statement_timeout = '1h'; SET lock_timeout = '10s'"
        }
        Purpose::Delete => {
            "SET default_transaction_read_only = off; SET statement_timeout = '30s'; SET lock_timeout = '2s'; \
             SET plan_cache_mode = force_custom_plan"
        }
        Purpose::Lock => {
            "SET default_transaction_read_only = on; SET statement_timeout = '10s'; SET lock_timeout = '2s'"
        }
    };
    // Without a search path no object of somebody else's can take a name's place; with row_security off a hidden row is
    // an error, not a row that is not there.
    let common = "SET search_path = ''; SET row_security = off; SET TimeZone = 'UTC'; \
                  SET idle_in_transaction_session_timeout = '60s'";
    client
        .batch_execute(&format!("{common}; {own}"))
        .await
        .map_err(|e| database("setting up the session", &e))?;
    Ok(client)
}

/// Identity of server and database, as the server says it: the cluster's system identifier where it may be read, and
/// the database's object id and name.
pub(super) async fn identity(client: &Client) -> Result<String, EraseError> {
    let failed = |e: tokio_postgres::Error| database("asking for the server's identity", &e);
    let row = client
        .query_one(
            "SELECT d.oid, d.datname::text, pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_database d \
             WHERE d.datname = pg_catalog.current_database()",
            &[],
        )
        .await
        .map_err(failed)?;
    let (oid, name, replica): (u32, String, bool) = (row.get(0), row.get(1), row.get(2));
    if replica {
        return Err(EraseError::Server("is a replica: name the primary in the erasure Secret".into()));
    }
    // A role without the right to ask gets no identifier; then object id, name and the table's ids have to do.
    let system = client.query_one("SELECT system_identifier FROM pg_catalog.pg_control_system()", &[]).await;
    let system = system.map_or_else(|_| "unknown".to_owned(), |row| row.get::<_, i64>(0).to_string());
    Ok(format!("postgres/{system}/{oid}/{name}"))
}

/// The server's clock.
pub(super) async fn clock(client: &Client) -> Result<Timestamp, EraseError> {
    let row = client
        .query_one("SELECT pg_catalog.clock_timestamp()", &[])
        .await
        .map_err(|e| database("asking for the server's clock", &e))?;
    let server = row.try_get::<_, std::time::SystemTime>(0).ok().and_then(|t| Timestamp::try_from(t).ok());
    server.ok_or(EraseError::Clocks(i64::MAX, "the server's clock cannot be read"))
}
