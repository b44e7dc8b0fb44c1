//! Whether a table can be deleted from cleanly, looked up by name and pinned by object id; its partitions with it.

use tokio_postgres::{GenericClient, Row};

use super::error::database;
use crate::erase::{
    engine::{
        another_place,
        column::{ColumnType, TypeNames, fits},
    },
    error::EraseError,
    order::OrderTarget,
};

/// What is known of a table. Equal facts mean: the same table, as fit as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Table {
    pub oid: u32,
    /// Whether its rows lie in partitions.
    pub is_partitioned: bool,
    pub columns: Vec<Column>,
}

impl Table {
    /// What keeps a statement from looking at other tables that inherit; partitions are looked at.
    pub fn only(&self) -> &'static str {
        if self.is_partitioned { "" } else { "ONLY " }
    }
}

/// A column that a predicate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Column {
    pub name: String,
    pub number: i16,
    pub kind: ColumnType,
}

/// What its types are called.
const TYPES: TypeNames = TypeNames { numbers: "int4, int8, numeric", local: "timestamp without time zone" };

/// Of the table and of its partitions, or of one of these and of what it is a partition of.
const FACTS: &str = "
WITH root AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
), tree AS (
  SELECT oid FROM root
  UNION SELECT t.relid::oid FROM root, LATERAL pg_catalog.pg_partition_tree(root.oid) t WHERE $4::oid IS NULL
  UNION SELECT a.part::oid FROM pg_catalog.pg_partition_ancestors($4::oid) a (part) WHERE $4::oid IS NOT NULL
)
SELECT c.oid, c.relkind::text, c.relrowsecurity,
  pg_catalog.has_table_privilege(c.oid, 'SELECT'), pg_catalog.has_table_privilege(c.oid, 'DELETE'),
  ARRAY(SELECT i.inhrelid::pg_catalog.regclass::text FROM pg_catalog.pg_inherits i
        WHERE i.inhparent = c.oid AND c.relkind <> 'p' ORDER BY 1),
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
          AND a.attname::text = ANY($3::text[]) ORDER BY a.attnum),
  pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid = root.oid,
  $4::oid IS NULL OR $4::oid = root.oid
    OR root.oid IN (SELECT b.part::oid FROM pg_catalog.pg_partition_ancestors($4::oid) b (part))
FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN root
ORDER BY c.oid <> root.oid, c.oid";

/// Looks a table up with all of its partitions, and refuses what cannot be deleted from cleanly, by name of what stands in
/// the way.
pub(super) async fn inspect(client: &impl GenericClient, target: &OrderTarget) -> Result<Table, EraseError> {
    facts(client, target, None).await
}

/// Looks a table up with one of its partitions alone. `planned` is what was found at first: another table under its name is
/// refused as such, before anything is said of the partition.
pub(super) async fn inspect_part(
    client: &impl GenericClient,
    target: &OrderTarget,
    planned: &Table,
    part: u32,
) -> Result<Table, EraseError> {
    facts(client, target, Some((planned, part))).await
}

async fn facts(
    client: &impl GenericClient,
    target: &OrderTarget,
    part: Option<(&Table, u32)>,
) -> Result<Table, EraseError> {
    let names: Vec<&str> = target.conditions.iter().map(|c| c.column.as_str()).collect();
    let rows = client
        .query(FACTS, &[&target.schema, &target.table, &names, &part.map(|(_, oid)| oid)])
        .await
        .map_err(|e| database("looking the table up", &e))?;
    let unfit =
        |why: String| EraseError::Table { dataset: target.dataset.clone(), table: target.shown(), why };
    let root = rows.first().ok_or_else(|| unfit("it does not exist".into()))?;
    if part.is_some_and(|(planned, _)| planned.oid != root.get::<_, u32>(0)) {
        return Err(another_place(target));
    }
    for row in &rows {
        fit(target, row)?;
    }
    if !root.get::<_, bool>(14) {
        return Err(unfit("a partition was taken out of it".into()));
    }
    let (names, numbers, types): (Vec<String>, Vec<i16>, Vec<u32>) =
        (root.get(9), root.get(10), root.get(11));
    let columns: Vec<_> = names
        .into_iter()
        .zip(numbers)
        .zip(types)
        .map(|((name, number), oid)| Column { name, number, kind: column_type(oid) })
        .collect();
    for condition in &target.conditions {
        let column = columns.iter().find(|c| c.name == condition.column);
        let column = column.ok_or_else(|| unfit(format!("it has no column {}", condition.column)))?;
        fits(&condition.reading, column.kind, &TYPES)
            .map_err(|why| unfit(format!("column {}: {why}", condition.column)))?;
    }
    Ok(Table { oid: root.get(0), is_partitioned: root.get::<_, &str>(1) == "p", columns })
}

/// Whether one of the tables can be deleted from cleanly.
fn fit(target: &OrderTarget, row: &Row) -> Result<(), EraseError> {
    let (relation, is_root): (String, bool) = (row.get(12), row.get(13));
    let dataset = || target.dataset.clone();
    let unfit = |why: String| {
        let why = if is_root { why } else { format!("partition {relation}: {why}") };
        EraseError::Table { dataset: dataset(), table: target.shown(), why }
    };
    let kind: &str = row.get(1);
    match kind {
        "r" | "p" => {}
        "v" => return Err(unfit("it is a view".into())),
        "m" => return Err(unfit("it is a materialized view".into())),
        "f" => return Err(unfit("it is a foreign table".into())),
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
            let table = if is_root { target.shown() } else { relation };
            return Err(EraseError::Permission { dataset: dataset(), table, right });
        }
    }
    Ok(())
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
