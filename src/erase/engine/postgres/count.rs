//! Counting what a plan would delete.

use jiff::Timestamp;
use tokio_postgres::GenericClient;

use super::{Counts, error::database, predicate::Predicate, table::Table};
use crate::erase::error::EraseError;

/// Counts a table in the caller's transaction.
pub(super) async fn count(
    client: &impl GenericClient,
    table: &Table,
    p: &Predicate,
) -> Result<Counts, EraseError> {
    let oldest = match &p.micros {
        Some(micros) => {
            format!("min(CASE WHEN NOT ({}) AND NOT ({}) THEN {micros} END)", p.undated, p.due)
        }
        None => "NULL::int8".into(),
    };
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE {}), count(*) FILTER (WHERE {}), {oldest} FROM {}{}",
        p.due,
        p.undated,
        table.only(),
        p.relation
    );
    let row = client.query_one(&sql, &p.parameters()).await.map_err(|e| database("counting a table", &e))?;
    let oldest = row.get::<_, Option<i64>>(3).and_then(|m| Timestamp::from_microsecond(m).ok());
    Ok(Counts { total: row.get(0), due: row.get(1), undated: row.get(2), oldest })
}

/// How many rows are due.
pub(super) async fn due(
    client: &impl GenericClient,
    table: &Table,
    p: &Predicate,
) -> Result<i64, EraseError> {
    let sql = format!("SELECT count(*) FROM {}{} WHERE {}", table.only(), p.relation, p.due);
    // Every parameter must be spoken of: those of the undated ones are not here.
    let (sql, values) = used(&sql, p);
    let row = client.query_one(&sql, &values).await;
    Ok(row.map_err(|e| database("counting due rows", &e))?.get(0))
}

/// The statement with all parameters spoken of, since the server asks for the type of each.
pub(super) fn used<'p>(
    sql: &str,
    p: &'p Predicate,
) -> (String, Vec<&'p (dyn tokio_postgres::types::ToSql + Sync)>) {
    // `undated` names every parameter that `due` does not; a condition that is always true mentions it.
    (format!("{sql} AND (({}) IS NOT NULL OR true)", p.undated), p.parameters())
}
