//! Counting what a plan would delete.

use jiff::{SignedDuration, Timestamp, civil::date};

use super::{
    Counts,
    error::Trouble,
    predicate::{Oldest, Predicate},
    session::{Session, get},
    sql::Sql,
};
use crate::erase::error::EraseError;

/// Counts a table as the session sees it.
pub(super) async fn count(session: &mut Session, p: &Predicate) -> Result<Counts, EraseError> {
    let doing = "counting a table";
    let counted = |what: &Sql| Sql::new("COUNT(CASE WHEN ").and_then(what).then(" THEN 1 END), ");
    let oldest = match &p.oldest {
        Some(Oldest { sql, zone: _ }) => Sql::new("MIN(CASE WHEN NOT (")
            .and_then(&p.undated)
            .then(") AND NOT (")
            .and_then(&p.due)
            .then(&format!(") THEN {sql} END)")),
        None => Sql::new("NULL"),
    };
    let sql = Sql::new("SELECT COUNT(*), ")
        .and_then(&counted(&p.due))
        .and_then(&counted(&p.undated))
        .and_then(&oldest)
        .then(&format!(" FROM {}", p.relation));
    let rows = session.rows(doing, &sql.text, &sql.values).await?;
    let [row] = rows.as_slice() else { return Err(Trouble::unreadable(doing).into()) };
    let oldest: Option<i64> = get(doing, row, 3)?;
    Ok(Counts {
        total: get(doing, row, 0)?,
        due: get(doing, row, 1)?,
        undated: get(doing, row, 2)?,
        oldest: oldest.zip(p.oldest.as_ref()).and_then(|(micros, oldest)| shown(micros, oldest)),
    })
}

/// The number of an anchor as its instant.
fn shown(micros: i64, oldest: &Oldest) -> Option<Timestamp> {
    let Some(zone) = &oldest.zone else { return Timestamp::from_microsecond(micros).ok() };
    let local = date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_micros(micros)).ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// How many rows are due.
pub(super) async fn due(session: &mut Session, p: &Predicate) -> Result<i64, EraseError> {
    let doing = "counting due rows";
    let sql = Sql::new(format!("SELECT COUNT(*) FROM {} WHERE ", p.relation)).and_then(&p.due);
    let rows = session.rows(doing, &sql.text, &sql.values).await?;
    let [row] = rows.as_slice() else { return Err(Trouble::unreadable(doing).into()) };
    Ok(get(doing, row, 0)?)
}
