//! MariaDB: a walk along the primary key, range by range, with the predicate in every DELETE.
//!
//! MySQL speaks the same protocol and is refused by name: nothing here was ever tried on one (ADR 0036).

mod connect;
mod count;
mod credentials;
mod delete;
mod error;
mod grants;
mod predicate;
mod replicas;
mod session;
mod sql;
mod table;
mod verify;
mod zone;

use std::{path::Path, time::Duration};

use jiff::Timestamp;

use self::{
    credentials::Credentials, delete::Walk, predicate::Predicate, replicas::Replicas, session::Session,
    table::Table,
};
use super::{Batch, Counts, Engine, Failed, Pin, Purpose, Work};
use crate::{
    core::store::{SqlEngine, SslMode},
    erase::{error::EraseError, order::OrderTarget, pace::Pace},
};

/// A session with a MariaDB server, and those with its replicas.
pub(in crate::erase) struct Mariadb {
    session: Session,
    replicas: Replicas,
    /// Name of the lock that the session holds.
    lock: Option<String>,
}

/// Where the server is, who we are there, and how it is checked.
pub(in crate::erase) struct Access {
    credentials: Credentials,
    mode: SslMode,
}

impl Engine for Mariadb {
    type Settings = SqlEngine;
    type Access = Access;
    type Place = Table;
    type Predicate = Predicate;
    type Walk = Walk;

    /// Rows of the primary key, due or not.
    const SIZES: (i64, i64) = (1_000, 131_072);

    fn access(settings: &SqlEngine, secret: &Path) -> Result<Access, EraseError> {
        Ok(Access { credentials: Credentials::read(secret)?, mode: settings.ssl_mode })
    }

    async fn open(access: &Access, purpose: Purpose) -> Result<Self, EraseError> {
        let Access { credentials, mode } = access;
        let session = connect::connect(credentials, *mode, purpose).await?;
        Ok(Self { session, replicas: Replicas::of(credentials, *mode)?, lock: None })
    }

    async fn identity(&mut self) -> Result<String, EraseError> {
        connect::identity(&mut self.session).await
    }

    async fn clock(&mut self) -> Result<Timestamp, EraseError> {
        connect::clock(&mut self.session).await
    }

    async fn lock(&mut self, key: [u8; 8]) -> Result<bool, EraseError> {
        let name = format!("carnet/erase/{:016x}", u64::from_be_bytes(key));
        let taken =
            self.session.number("taking the store's lock", "SELECT GET_LOCK(?, 0)", name.as_str()).await?;
        self.lock = Some(name);
        Ok(taken == Some(1))
    }

    async fn keeps_lock(&mut self) -> bool {
        let Some(name) = self.lock.clone() else { return false };
        let sql = "SELECT IS_USED_LOCK(?) = CONNECTION_ID()";
        matches!(self.session.number("keeping the store's lock", sql, name).await, Ok(Some(1)))
    }

    async fn freeze(&mut self) -> Result<(), EraseError> {
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        Ok(self.session.run("beginning to count", begin).await?)
    }

    async fn inspect(&mut self, target: &OrderTarget) -> Result<Table, EraseError> {
        table::inspect(&mut self.session, target).await
    }

    fn predicate(target: &OrderTarget, table: &Table, latest: Timestamp) -> Predicate {
        Predicate::new(target, &table.columns, latest)
    }

    fn pin(target: &OrderTarget, table: &Table) -> Pin {
        Pin { object_id: table.id, predicate_hash: predicate::hash(target, table) }
    }

    async fn count(&mut self, work: &Work<'_, Self>) -> Result<Counts, EraseError> {
        count::count(&mut self.session, &work.predicate).await
    }

    async fn due(&mut self, work: &Work<'_, Self>) -> Result<i64, EraseError> {
        count::due(&mut self.session, &work.predicate).await
    }

    async fn walk(&mut self, _: &Work<'_, Self>) -> Result<Walk, EraseError> {
        Ok(Walk::begin())
    }

    fn is_done(walk: &Walk) -> bool {
        walk.is_done()
    }

    async fn batch(&mut self, work: &Work<'_, Self>, walk: &mut Walk, pace: Pace) -> Result<Batch, Failed> {
        walk.batch(&mut self.session, work, pace.size()).await
    }

    async fn lag(&mut self) -> Result<Option<Duration>, EraseError> {
        self.replicas.lag().await
    }

    async fn remaining(&mut self, work: &Work<'_, Self>) -> Result<i64, EraseError> {
        verify::remaining(&mut self.session, work.target, &work.place).await
    }
}
