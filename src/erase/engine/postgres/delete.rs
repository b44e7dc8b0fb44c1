//! Deleting in short batches, in the order of the heap.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, error::SqlState, types::ToSql};

use super::{
    Batch, Failed, Postgres, Work,
    count::used,
    error::database,
    parts::{Part, parts},
    table::{Table, inspect_part},
    whole,
};
use crate::erase::{
    engine::{another_place, committing},
    error::EraseError,
    pace::Pace,
};

/// Block numbers are 32 bits wide.
const END_OF_HEAP: i64 = 0xffff_fffe;

/// A walk over the heaps in which a table's rows lie.
pub(in crate::erase) struct Walk {
    /// Those that are left; the last is the present one.
    parts: Vec<Part>,
    next_block: i64,
}

impl Walk {
    /// Starts a walk over what the table holds now.
    pub(super) async fn begin(client: &Client, table: &Table) -> Result<Self, EraseError> {
        let mut parts = parts(client, table).await?;
        parts.retain(|part| part.blocks > 0);
        parts.reverse();
        Ok(Self { parts, next_block: 0 })
    }

    /// Whether the walk has come to the end.
    pub(super) fn is_done(&self) -> bool {
        self.parts.is_empty()
    }

    /// Deletes the due rows of the next blocks in a transaction of its own, or all of a partition where all are due.
    pub(super) async fn batch(
        &mut self,
        client: &mut Client,
        work: &Work<'_, Postgres>,
        pace: Pace,
    ) -> Result<Batch, Failed> {
        let Some(part) = self.parts.last_mut() else {
            return Ok(Batch { items: 0, is_certain: true, took: Duration::ZERO });
        };
        // Where a rate is to be kept, so many rows at once would be followed by a pause in which nobody looks at holds.
        if pace.is_free()
            && std::mem::take(&mut part.may_go_whole)
            && let Some(batch) = whole::empty(client, work, part).await?
        {
            self.go_on(END_OF_HEAP);
            return Ok(batch);
        }
        let until = (self.next_block + pace.size()).min(part.blocks.min(END_OF_HEAP));
        let batch = delete(client, work, part, self.next_block, until).await?;
        self.go_on(until);
        Ok(batch)
    }

    fn go_on(&mut self, until: i64) {
        self.next_block = until;
        if self.parts.last().is_none_or(|part| until >= part.blocks.min(END_OF_HEAP)) {
            self.parts.pop();
            self.next_block = 0;
        }
    }
}

async fn delete(
    client: &mut Client,
    work: &Work<'_, Postgres>,
    part: &Part,
    from: i64,
    until: i64,
) -> Result<Batch, Failed> {
    let predicate = &work.predicate;
    let tx = client.transaction().await.map_err(|e| failed("beginning a batch", &e))?;
    let lock = format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", part.relation);
    tx.batch_execute(&lock).await.map_err(|e| failed("locking the table", &e))?;
    // Under the lock no trigger, key, rule or column can be added, and the name cannot move to another table.
    if inspect_part(&tx, work.target, &work.place, part.oid).await.map_err(Failed::End)? != work.place {
        return Err(Failed::End(another_place(work.target)));
    }
    let n = predicate.values.len();
    let sql = format!(
        "DELETE FROM ONLY {} WHERE ctid >= ${}::text::tid AND ctid < ${}::text::tid AND tableoid = ${}::oid AND {}",
        part.relation,
        n + 1,
        n + 2,
        n + 3,
        predicate.due
    );
    let (sql, mut values) = used(&sql, predicate);
    let (low, high) = (format!("({from},0)"), format!("({until},0)"));
    values.extend([&low as &(dyn ToSql + Sync), &high, &part.oid]);
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
    Ok(Batch { items, is_certain, took })
}

fn failed(doing: &'static str, error: &tokio_postgres::Error) -> Failed {
    let passing =
        [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    let named = database(doing, error);
    if error.code().is_some_and(|c| passing.contains(c)) { Failed::Retry(named) } else { Failed::End(named) }
}
