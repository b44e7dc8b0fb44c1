//! The independent count: written apart from the predicate, on a connection of its own. It reckons every anchor in
//! microseconds and compares numbers, where the predicate compares points in time.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    error::Trouble,
    predicate::{micros, zone_of},
    session::{Session, get},
    sql::{Sql, quoted},
    table::Table,
    zone::{surely_begun, surely_over},
};
use crate::{
    core::store::ColumnReading,
    erase::{engine::column::ColumnType, error::EraseError, order::OrderTarget},
};

/// Rows that a target's order lets go and that are still there.
pub(super) async fn remaining(
    session: &mut Session,
    target: &OrderTarget,
    table: &Table,
) -> Result<i64, EraseError> {
    let doing = "counting what remains";
    let first = Timestamp::from_microsecond(31_536_000_000_000).unwrap_or(Timestamp::MAX);
    let mut tests = vec![];
    for condition in &target.conditions {
        let column = quoted(&condition.column);
        let is_date = table.columns.iter().any(|c| c.name == condition.column && c.kind == ColumnType::Date);
        let since = format!("TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {column})");
        // What is no date has no days.
        let is_real = format!("TO_DAYS({column} + INTERVAL 0 DAY) IS NOT NULL");
        // A day counts by its end, and is plausible by its start.
        let mut least = if is_date { 31_622_400_000_000 } else { 31_536_000_000_000 };
        let mut cutoff = micros(condition.cutoff);
        let (is_real, reckoned) = match &condition.reading {
            ColumnReading::Native if is_date => {
                (is_real, format!("(TO_DAYS({column}) - TO_DAYS('1970-01-01') + 1) * 86400000000"))
            }
            ColumnReading::Native => (is_real, since),
            ColumnReading::Epoch { per_second } => {
                ("TRUE".into(), format!("CAST({column} AS DECIMAL(65,6)) * {}", 1_000_000 / per_second))
            }
            ColumnReading::Local { zone } => {
                let zone = zone_of(zone).ok_or_else(|| Trouble::unreadable(doing))?;
                cutoff = as_if_utc(surely_over(&zone, condition.cutoff));
                least = as_if_utc(surely_begun(&zone, first));
                (is_real, since)
            }
        };
        let test = Sql::new(format!("COALESCE({is_real} AND {reckoned} BETWEEN "));
        tests.push(test.bind(least).then(" AND ").bind(cutoff).then(", FALSE)"));
    }
    let from = format!("SELECT COUNT(*) FROM {}.{} WHERE ", quoted(&target.schema), quoted(&target.table));
    let sql = Sql::new(from).and_then(&Sql::joined(&tests, " AND ", "FALSE"));
    let rows = session.rows(doing, &sql.text, &sql.values).await?;
    let [row] = rows.as_slice() else { return Err(Trouble::unreadable(doing).into()) };
    Ok(get(doing, row, 0)?)
}

/// Microseconds since 1970-01-01 00:00:00 on the same clock.
fn as_if_utc(local: DateTime) -> i64 {
    local.to_zoned(TimeZone::UTC).map_or(i64::MIN, |at| micros(at.timestamp()))
}
