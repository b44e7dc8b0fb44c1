//! A partition all of whose rows are due is emptied at once.

use tokio_postgres::{Client, error::SqlState};

use super::{Batch, Failed, Postgres, Work, count::used, error::database, parts::Part, table::inspect_part};
use crate::erase::{
    engine::{another_place, committing},
    pace::AIM,
};

/// How long those who write to the partition wait at the most while it is counted. More rows than can be counted in it go
/// batch by batch.
const COUNTING: &str = "SET LOCAL statement_timeout = '5s'";

/// Empties a partition, where all of its rows are due; none where one is not, or where somebody is at work in it.
pub(super) async fn empty(
    client: &mut Client,
    work: &Work<'_, Postgres>,
    part: &Part,
) -> Result<Option<Batch>, Failed> {
    match try_to_empty(client, work, part).await {
        // It says nothing of how long a batch of rows takes: the next is as large as it would have been.
        Ok(Some((items, is_certain))) => Ok(Some(Batch { items, is_certain, took: AIM })),
        Ok(None) | Err(Trouble::Busy) => Ok(None),
        Err(Trouble::Failed(failed)) => Err(failed),
    }
}

enum Trouble {
    /// A lock or too many rows.
    Busy,
    Failed(Failed),
}

fn trouble(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> Trouble {
    let passing = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::QUERY_CANCELED,
    ];
    move |error| {
        if error.code().is_some_and(|code| passing.contains(code)) {
            Trouble::Busy
        } else {
            Trouble::Failed(Failed::End(database(doing, &error)))
        }
    }
}

async fn try_to_empty(
    client: &mut Client,
    work: &Work<'_, Postgres>,
    part: &Part,
) -> Result<Option<(i64, bool)>, Trouble> {
    let (doing, relation, predicate) = ("emptying a partition", &part.relation, &work.predicate);
    let tx = client.transaction().await.map_err(trouble(doing))?;
    // Readers pass, writers wait: what is counted is what goes.
    let lock = format!("{COUNTING}; LOCK TABLE ONLY {relation} IN SHARE MODE");
    tx.batch_execute(&lock).await.map_err(trouble(doing))?;
    let place = inspect_part(&tx, work.target, &work.place, part.oid)
        .await
        .map_err(|e| Trouble::Failed(Failed::End(e)))?;
    if place != work.place {
        return Err(Trouble::Failed(Failed::End(another_place(work.target))));
    }
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE {}) FROM ONLY {relation} WHERE tableoid = {}::oid",
        predicate.due, part.oid
    );
    let (sql, values) = used(&sql, predicate);
    let row = tx.query_one(&sql, &values).await.map_err(trouble(doing))?;
    let (all, due): (i64, i64) = (row.get(0), row.get(1));
    if all == 0 || all != due {
        return Ok(None);
    }
    tx.batch_execute(&format!("TRUNCATE TABLE ONLY {relation}")).await.map_err(trouble(doing))?;
    match committing(tx.commit()).await {
        Ok(()) => Ok(Some((all, true))),
        // The server said no, so nothing is gone.
        Err(e) if e.code().is_some() && !e.is_closed() => Err(trouble("committing")(e)),
        Err(_) => Ok(Some((all, false))),
    }
}
