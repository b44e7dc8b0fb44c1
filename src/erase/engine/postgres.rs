//! PostgreSQL: a walk over the heap, block by block, partition by partition; one that is due as a whole is emptied at once.

mod connect;
mod count;
mod credentials;
mod delete;
mod error;
mod parts;
mod predicate;
mod table;
mod verify;
mod whole;

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use tokio_postgres::Client;

use self::{
    connect::connect,
    credentials::Credentials,
    delete::Walk,
    error::database,
    predicate::Predicate,
    table::{Table, inspect},
};
use super::{Batch, Counts, Engine, Failed, Pin, Purpose, Work};
use crate::{
    core::store::{SqlEngine, SslMode},
    erase::{error::EraseError, order::OrderTarget, pace::Pace},
};

/// A session with a PostgreSQL server.
pub(in crate::erase) struct Postgres(Client);

/// Where the server is, who we are there, and how it is checked.
pub(in crate::erase) struct Access {
    credentials: Credentials,
    mode: SslMode,
}

impl Engine for Postgres {
    type Settings = SqlEngine;
    type Access = Access;
    type Place = Table;
    type Predicate = Predicate;
    type Walk = Walk;

    /// Blocks of the heap.
    const SIZES: (i64, i64) = (16, 16_384);

    fn access(settings: &SqlEngine, secret: &Path) -> Result<Access, EraseError> {
        Ok(Access { credentials: Credentials::read(secret)?, mode: settings.ssl_mode })
    }

    async fn open(access: &Access, purpose: Purpose) -> Result<Self, EraseError> {
        connect(&access.credentials, access.mode, purpose).await.map(Self)
    }

    async fn identity(&mut self) -> Result<String, EraseError> {
        connect::identity(&self.0).await
    }

    async fn clock(&mut self) -> Result<Timestamp, EraseError> {
        connect::clock(&self.0).await
    }

    async fn lock(&mut self, key: [u8; 8]) -> Result<bool, EraseError> {
        let sql = "SELECT pg_catalog.pg_try_advisory_lock($1)";
        let row = self.0.query_one(sql, &[&i64::from_be_bytes(key)]).await;
        Ok(row.map_err(|e| database("taking the store's lock", &e))?.get(0))
    }

    async fn keeps_lock(&mut self) -> bool {
        !self.0.is_closed()
    }

    async fn freeze(&mut self) -> Result<(), EraseError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.0.batch_execute(begin).await.map_err(|e| database("beginning to count", &e))
    }

    async fn inspect(&mut self, target: &OrderTarget) -> Result<Table, EraseError> {
        inspect(&self.0, target).await
    }

    fn predicate(target: &OrderTarget, table: &Table, latest: Timestamp) -> Predicate {
        Predicate::new(target, &table.columns, latest)
    }

    fn pin(target: &OrderTarget, table: &Table) -> Pin {
        let predicate_hash = predicate::hash(target, &table.columns);
        Pin { object_id: table.oid.into(), predicate_hash }
    }

    async fn count(&mut self, work: &Work<'_, Self>) -> Result<Counts, EraseError> {
        count::count(&self.0, &work.place, &work.predicate).await
    }

    async fn due(&mut self, work: &Work<'_, Self>) -> Result<i64, EraseError> {
        count::due(&self.0, &work.place, &work.predicate).await
    }

    async fn walk(&mut self, work: &Work<'_, Self>) -> Result<Walk, EraseError> {
        Walk::begin(&self.0, &work.place).await
    }

    fn is_done(walk: &Walk) -> bool {
        walk.is_done()
    }

    async fn batch(&mut self, work: &Work<'_, Self>, walk: &mut Walk, pace: Pace) -> Result<Batch, Failed> {
        walk.batch(&mut self.0, work, pace).await
    }

    async fn lag(&mut self) -> Result<Option<Duration>, EraseError> {
        let sql = "SELECT (extract(epoch FROM max(replay_lag)) * 1000)::int8 \
                   FROM pg_catalog.pg_stat_replication";
        let row = self.0.query_one(sql, &[]).await;
        let row = row.map_err(|e| database("asking for replication lag", &e))?;
        let lag = row.get::<_, Option<i64>>(0);
        Ok(lag.map(|milliseconds| Duration::from_millis(milliseconds.max(0).unsigned_abs())))
    }

    async fn remaining(&mut self, work: &Work<'_, Self>) -> Result<i64, EraseError> {
        verify::remaining(&self.0, work.target, &work.place).await
    }
}
