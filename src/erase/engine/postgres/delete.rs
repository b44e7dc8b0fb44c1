//! Deleting in short batches, in the order of the heap.

use std::time::Instant;

use tokio_postgres::{Client, error::SqlState, types::ToSql};

use super::{
    Batch, Failed, Postgres, Work,
    count::used,
    error::database,
    table::{Table, inspect},
};
use crate::erase::{
    engine::{another_place, committing},
    error::EraseError,
};

/// Block numbers are 32 bits wide.
const END_OF_HEAP: i64 = 0xffff_fffe;

/// A walk over one table's heap.
pub(in crate::erase) struct Walk {
    next_block: i64,
    end_block: i64,
}

impl Walk {
    /// Starts a walk over what the table holds now.
    pub async fn begin(client: &Client, pinned: &Table) -> Result<Self, EraseError> {
        let sql = "SELECT pg_catalog.pg_relation_size($1::oid) \
                   / pg_catalog.current_setting('block_size')::int8";
        let row = client.query_one(sql, &[&pinned.oid]).await;
        let end_block: i64 = row.map_err(|e| database("asking for the table's size", &e))?.get(0);
        Ok(Self { next_block: 0, end_block: end_block.min(END_OF_HEAP) })
    }

    /// Whether the walk has come to the end.
    pub fn is_done(&self) -> bool {
        self.next_block >= self.end_block
    }

    /// Deletes the due rows of the next blocks in a transaction of its own.
    pub async fn batch(
        &mut self,
        client: &mut Client,
        work: &Work<'_, Postgres>,
        blocks: i64,
    ) -> Result<Batch, Failed> {
        let until = (self.next_block + blocks).min(self.end_block);
        let predicate = &work.predicate;
        let tx = client.transaction().await.map_err(|e| failed("beginning a batch", &e))?;
        let lock = format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", predicate.relation);
        tx.batch_execute(&lock).await.map_err(|e| failed("locking the table", &e))?;
        // Under the lock no trigger, key, rule or column can be added, and the name cannot move to another table.
        if inspect(&tx, work.target).await.map_err(Failed::End)? != work.place {
            return Err(Failed::End(another_place(work.target)));
        }
        let n = predicate.values.len();
        let sql = format!(
            "DELETE FROM ONLY {} WHERE ctid >= ${}::text::tid AND ctid < ${}::text::tid AND tableoid = ${}::oid AND {}",
            predicate.relation,
            n + 1,
            n + 2,
            n + 3,
            predicate.due
        );
        let (sql, mut values) = used(&sql, predicate);
        let (low, high) = (format!("({},0)", self.next_block), format!("({until},0)"));
        values.extend([&low as &(dyn ToSql + Sync), &high, &work.place.oid]);
        let asked = Instant::now();
        let rows = tx.execute(&sql, &values).await.map_err(|e| failed("deleting", &e))?;
        let took = asked.elapsed();
        let items = i64::try_from(rows).unwrap_or(i64::MAX);
        let is_certain = match committing(tx.commit()).await {
            Ok(()) => true,
            // The server said no, so nothing is gone.
            Err(e) if e.code().is_some() && !e.is_closed() => return Err(failed("committing", &e)),
            Err(_) => false,
        };
        self.next_block = until;
        Ok(Batch { items, is_certain, took })
    }
}

fn failed(doing: &'static str, error: &tokio_postgres::Error) -> Failed {
    let passing =
        [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    let named = database(doing, error);
    if error.code().is_some_and(|c| passing.contains(c)) { Failed::Retry(named) } else { Failed::End(named) }
}
