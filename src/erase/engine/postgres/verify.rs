//! The independent count: written apart from the predicate, on a connection of its own. It reckons every anchor in
//! microseconds and compares numbers, where the predicate compares points in time.

use tokio_postgres::{Client, types::ToSql};

use super::{
    error::database,
    predicate::{micros, quoted},
    table::Table,
};
use crate::{
    core::store::ColumnReading,
    erase::{engine::column::ColumnType, error::EraseError, order::OrderTarget},
};

/// Rows that a target's order lets go and that are still there.
pub(super) async fn remaining(
    client: &Client,
    target: &OrderTarget,
    table: &Table,
) -> Result<i64, EraseError> {
    let mut tests = vec![
        "tableoid IN (SELECT $1::oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree($1::oid))"
            .to_owned(),
    ];
    let mut zones: Vec<&str> = vec![];
    for condition in &target.conditions {
        let column = quoted(&condition.column);
        let is_date = table.columns.iter().any(|c| c.name == condition.column && c.kind == ColumnType::Date);
        let (finite, reckoned) = match &condition.reading {
            ColumnReading::Native if is_date => (
                format!("isfinite({column})"),
                format!("({column} - DATE '1970-01-01' + 1)::numeric * 86400000000"),
            ),
            ColumnReading::Native => {
                (format!("isfinite({column})"), format!("extract(epoch FROM {column})::numeric * 1000000"))
            }
            ColumnReading::Epoch { per_second } => (
                format!("{column}::numeric <> 'NaN'::numeric"),
                format!("{column}::numeric * {}", 1_000_000 / per_second),
            ),
            ColumnReading::Local { zone } => {
                zones.push(zone);
                let n = zones.len() + 1;
                (
                    format!("isfinite({column})"),
                    format!("extract(epoch FROM {column} AT TIME ZONE ${n}::text)::numeric * 1000000"),
                )
            }
        };
        let cutoff = micros(condition.cutoff);
        // A day counts by its end, and is plausible by its start.
        let least = if is_date { "31622400000000" } else { "31536000000000" };
        tests.push(format!("CASE WHEN {finite} THEN {reckoned} BETWEEN {least} AND {cutoff} ELSE false END"));
    }
    let sql = format!(
        "SELECT count(*) FROM {}{}.{} WHERE {}",
        table.only(),
        quoted(&target.schema),
        quoted(&target.table),
        tests.join(" AND ")
    );
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&table.oid];
    values.extend(zones.iter().map(|z| z as &(dyn ToSql + Sync)));
    let row = client.query_one(&sql, &values).await;
    Ok(row.map_err(|e| database("counting what remains", &e))?.get(0))
}
