//! Deleting in short batches, in the order of the heap.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, error::SqlState, types::ToSql};

use super::{
    count::used,
    error::EraseError,
    order::OrderTarget,
    predicate::Predicate,
    table::{Table, inspect},
};
use crate::platform::failpoint;

/// How long the rows of a batch should be locked by deleting them: locks and bloat stay short, commits stay few.
const AIM: Duration = Duration::from_millis(50);
/// Blocks of the first batch. Time alone makes none smaller: where a statement is slow for its way to the server, or for
/// the server's load, fewer rows in each would make it no faster, and the whole run many times slower.
const FIRST_BLOCKS: i64 = 16;
const MOST_BLOCKS: i64 = 16_384;
/// Block numbers are 32 bits wide.
const END_OF_HEAP: i64 = 0xffff_fffe;
const TRIES: u32 = 6;

/// What a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// It was committed.
    Committed(i64),
    /// The reply to its commit was lost: none or all of these are gone.
    Unknown(i64),
}

/// A walk over one table's heap.
pub(super) struct Walk<'a> {
    target: &'a OrderTarget,
    predicate: &'a Predicate,
    pinned: &'a Table,
    next_block: i64,
    end_block: i64,
    blocks: i64,
    /// What the last DELETE took.
    took: Duration,
    /// Most rows in a batch that the rate allows, where one is asked.
    rate: Option<u32>,
}

impl<'a> Walk<'a> {
    /// Starts a walk over what the table holds now.
    pub async fn begin(
        client: &Client,
        target: &'a OrderTarget,
        predicate: &'a Predicate,
        pinned: &'a Table,
        rate: Option<u32>,
    ) -> Result<Self, EraseError> {
        let sql = "SELECT pg_catalog.pg_relation_size($1::oid) \
                   / pg_catalog.current_setting('block_size')::int8";
        let row = client.query_one(sql, &[&pinned.oid]).await;
        let end_block: i64 = row.map_err(|e| EraseError::database("asking for the table's size", &e))?.get(0);
        let end_block = end_block.min(END_OF_HEAP);
        Ok(Self {
            target,
            predicate,
            pinned,
            next_block: 0,
            end_block,
            blocks: FIRST_BLOCKS,
            took: Duration::ZERO,
            rate,
        })
    }

    /// Whether the walk has come to the end.
    pub fn is_done(&self) -> bool {
        self.next_block >= self.end_block
    }

    /// Deletes the due rows of the next blocks in a transaction of its own.
    pub async fn batch(&mut self, client: &mut Client) -> Result<Batch, EraseError> {
        let begun = Instant::now();
        let until = (self.next_block + self.blocks).min(self.end_block);
        let mut tries = 0;
        let batch = loop {
            match self.try_batch(client, until).await {
                Ok(batch) => break batch,
                Err(Failed::Retry(_)) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(50 << tries)).await;
                }
                Err(Failed::Retry(e) | Failed::End(e)) => return Err(e),
            }
        };
        self.next_block = until;
        let (Batch::Committed(rows) | Batch::Unknown(rows)) = batch;
        self.blocks = blocks_after(self.blocks, self.took, rows, self.rate);
        if let Some(rate) = self.rate {
            let due =
                Duration::from_secs_f64(f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / f64::from(rate));
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        }
        Ok(batch)
    }

    async fn try_batch(&mut self, client: &mut Client, until: i64) -> Result<Batch, Failed> {
        let tx = client.transaction().await.map_err(|e| failed("beginning a batch", &e))?;
        let lock = format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", self.predicate.relation);
        tx.batch_execute(&lock).await.map_err(|e| failed("locking the table", &e))?;
        // Under the lock no trigger, key, rule or column can be added, and the name cannot move to another table.
        if inspect(&tx, self.target).await.map_err(Failed::End)? != *self.pinned {
            return Err(Failed::End(EraseError::Table {
                dataset: self.target.dataset.clone(),
                table: self.target.shown(),
                why: "it is not the table of the plan any more".into(),
            }));
        }
        let n = self.predicate.values.len();
        let sql = format!(
            "DELETE FROM ONLY {} WHERE ctid >= ${}::text::tid AND ctid < ${}::text::tid AND tableoid = ${}::oid AND {}",
            self.predicate.relation,
            n + 1,
            n + 2,
            n + 3,
            self.predicate.due
        );
        let (sql, mut values) = used(&sql, self.predicate);
        let (low, high) = (format!("({},0)", self.next_block), format!("({until},0)"));
        values.extend([&low as &(dyn ToSql + Sync), &high, &self.pinned.oid]);
        let asked = Instant::now();
        let rows = tx.execute(&sql, &values).await.map_err(|e| failed("deleting", &e))?;
        self.took = asked.elapsed();
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        failpoint("erase-commit-before");
        let committed = tx.commit().await;
        failpoint("erase-commit-after");
        match committed {
            Ok(()) => Ok(Batch::Committed(rows)),
            // The server said no, so nothing is gone.
            Err(e) if e.code().is_some() && !e.is_closed() => Err(failed("committing", &e)),
            Err(_) => Ok(Batch::Unknown(rows)),
        }
    }
}

/// How many blocks the next batch takes, from what this one did.
fn blocks_after(blocks: i64, took: Duration, rows: i64, rate: Option<u32>) -> i64 {
    let next = if took > AIM {
        (blocks / 2).max(blocks.min(FIRST_BLOCKS))
    } else if took < AIM / 2 {
        (blocks * 2).min(MOST_BLOCKS)
    } else {
        blocks
    };
    // A batch must not hold more than a second's worth, or the pause after it would be long.
    if rate.is_some_and(|rate| rows * 2 > i64::from(rate)) { (next / 4).max(1) } else { next }
}

enum Failed {
    /// A lock or a deadlock: nothing was deleted, and the next try may succeed.
    Retry(EraseError),
    /// Anything else.
    End(EraseError),
}

fn failed(doing: &'static str, error: &tokio_postgres::Error) -> Failed {
    let passing =
        [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    let named = EraseError::database(doing, error);
    if error.code().is_some_and(|c| passing.contains(c)) { Failed::Retry(named) } else { Failed::End(named) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_way_to_the_server_does_not_make_batches_of_single_blocks() {
        let mut blocks = MOST_BLOCKS;
        for _ in 0..30 {
            blocks = blocks_after(blocks, AIM * 4, 1, None);
        }
        assert_eq!(blocks, FIRST_BLOCKS);
    }

    #[test]
    fn batches_grow_while_they_are_quick_and_the_rate_alone_makes_them_small() {
        assert_eq!(blocks_after(16, AIM / 4, 100, None), 32);
        assert_eq!(blocks_after(32, AIM, 100, None), 32);
        assert_eq!(blocks_after(MOST_BLOCKS, AIM / 4, 100, None), MOST_BLOCKS);
        assert_eq!(blocks_after(16, AIM / 4, 60, Some(100)), 8);
        assert_eq!(blocks_after(2, AIM * 4, 60, Some(100)), 1);
        assert_eq!(blocks_after(2, AIM * 4, 10, Some(100)), 2);
    }
}
