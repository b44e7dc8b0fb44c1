//! Whether a table can be deleted from cleanly, looked up by name and pinned by object id.

use tokio_postgres::GenericClient;

use super::error::database;
use crate::{
    core::store::ColumnReading,
    erase::{
        error::EraseError,
        order::{OrderCondition, OrderTarget},
    },
};

/// What is known of a table. Equal facts mean: the same table, as fit as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Table {
    pub oid: u32,
    pub columns: Vec<Column>,
}

/// A column that a predicate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Column {
    pub name: String,
    pub number: i16,
    pub kind: ColumnType,
}

/// Types that can hold an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::erase) enum ColumnType {
    Instant,
    Local,
    Date,
    Number,
    Other,
}

const FACTS: &str = "
SELECT c.oid, c.relkind::text, c.relrowsecurity,
  pg_catalog.has_table_privilege(c.oid, 'SELECT'), pg_catalog.has_table_privilege(c.oid, 'DELETE'),
  ARRAY(SELECT i.inhrelid::pg_catalog.regclass::text FROM pg_catalog.pg_inherits i
        WHERE i.inhparent = c.oid ORDER BY 1),
  ARRAY(SELECT t.tgname::text FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND (t.tgtype & 8) <> 0 AND t.tgenabled <> 'D' ORDER BY 1),
  ARRAY(SELECT r.rulename::text FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid ORDER BY 1),
  ARRAY(SELECT k.conname::text || ' of ' || k.conrelid::pg_catalog.regclass::text || CASE k.confdeltype
          WHEN 'c' THEN ' (cascades)' WHEN 'n' THEN ' (sets null)' WHEN 'd' THEN ' (sets a default)'
          ELSE ' (would refuse)' END
        FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f' ORDER BY 1),
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname::text = ANY($3::text[]) ORDER BY a.attnum),
  ARRAY(SELECT a.attnum FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname::text = ANY($3::text[]) ORDER BY a.attnum),
  ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname::text = ANY($3::text[]) ORDER BY a.attnum)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2";

/// Looks a table up and refuses what cannot be deleted from cleanly, by name of what stands in the way.
pub(super) async fn inspect(client: &impl GenericClient, target: &OrderTarget) -> Result<Table, EraseError> {
    let unfit =
        |why: String| EraseError::Table { dataset: target.dataset.clone(), table: target.shown(), why };
    let names: Vec<&str> = target.conditions.iter().map(|c| c.column.as_str()).collect();
    let row = client
        .query_opt(FACTS, &[&target.schema, &target.table, &names])
        .await
        .map_err(|e| database("looking the table up", &e))?
        .ok_or_else(|| unfit("it does not exist".into()))?;
    let kind: String = row.get(1);
    match kind.as_str() {
        "r" => {}
        "v" => return Err(unfit("it is a view".into())),
        "m" => return Err(unfit("it is a materialized view".into())),
        "f" => return Err(unfit("it is a foreign table".into())),
        "p" => return Err(unfit("it is partitioned, which is not planned for yet".into())),
        _ => return Err(unfit("it is no ordinary table".into())),
    }
    if row.get(2) {
        return Err(unfit("row security is on: rows may be hidden".into()));
    }
    for (list, what) in
        [(5, "inherited by"), (6, "delete trigger"), (7, "rule"), (8, "referenced by foreign key")]
    {
        let names: Vec<String> = row.get(list);
        if !names.is_empty() {
            return Err(unfit(format!("{what} {}", names.join(", "))));
        }
    }
    for (column, right) in [(3, "SELECT"), (4, "DELETE")] {
        if !row.get::<_, bool>(column) {
            let (dataset, table) = (target.dataset.clone(), target.shown());
            return Err(EraseError::Permission { dataset, table, right });
        }
    }
    let (names, numbers, types): (Vec<String>, Vec<i16>, Vec<u32>) = (row.get(9), row.get(10), row.get(11));
    let columns: Vec<_> = names
        .into_iter()
        .zip(numbers)
        .zip(types)
        .map(|((name, number), oid)| Column { name, number, kind: column_type(oid) })
        .collect();
    for condition in &target.conditions {
        let column = columns.iter().find(|c| c.name == condition.column);
        let column = column.ok_or_else(|| unfit(format!("it has no column {}", condition.column)))?;
        fits(condition, column.kind).map_err(|why| unfit(format!("column {}: {why}", condition.column)))?;
    }
    Ok(Table { oid: row.get(0), columns })
}

fn column_type(oid: u32) -> ColumnType {
    use tokio_postgres::types::Type;
    match oid {
        o if o == Type::TIMESTAMPTZ.oid() => ColumnType::Instant,
        o if o == Type::TIMESTAMP.oid() => ColumnType::Local,
        o if o == Type::DATE.oid() => ColumnType::Date,
        o if [Type::INT8, Type::INT4, Type::NUMERIC].iter().any(|t| t.oid() == o) => ColumnType::Number,
        _ => ColumnType::Other,
    }
}

fn fits(condition: &OrderCondition, kind: ColumnType) -> Result<(), &'static str> {
    match (&condition.reading, kind) {
        (ColumnReading::Native, ColumnType::Instant | ColumnType::Date)
        | (ColumnReading::Epoch { .. }, ColumnType::Number)
        | (ColumnReading::Local { .. }, ColumnType::Local) => Ok(()),
        (ColumnReading::Native, ColumnType::Local) => {
            Err("is a local time without a zone: say columnType: {timestamp: {timeZone: ...}}")
        }
        (ColumnReading::Native, ColumnType::Number) => Err("is a number: say columnType: {epoch: ...}"),
        (ColumnReading::Native, ColumnType::Other) => Err("is no point in time"),
        (ColumnReading::Epoch { .. }, _) => {
            Err("is no whole number (int4, int8, numeric), as columnType says")
        }
        (ColumnReading::Local { .. }, _) => Err("is no timestamp without time zone, as columnType says"),
    }
}
