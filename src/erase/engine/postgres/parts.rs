//! Where the rows of a table lie: in itself, or in its partitions.

use tokio_postgres::Client;

use super::{error::database, table::Table};
use crate::erase::error::EraseError;

/// A table that holds rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub oid: u32,
    /// `"schema"."table"`.
    pub relation: String,
    /// Blocks of its heap.
    pub blocks: i64,
    /// Whether it may be emptied at once where all of it is due.
    pub may_go_whole: bool,
}

/// Emptying needs a right of its own. It passes by triggers on TRUNCATE, and what a publication tells its subscribers of it
/// depends on settings there: rows would stay with them. Then rows are deleted.
const PARTS: &str = "
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname),
  pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8,
  c.oid <> $1::oid AND pg_catalog.has_table_privilege(c.oid, 'TRUNCATE')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                    WHERE t.tgrelid = c.oid AND (t.tgtype & 32) <> 0 AND t.tgenabled <> 'D')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a (part)
                    JOIN pg_catalog.pg_class ac ON ac.oid = a.part::oid
                    JOIN pg_catalog.pg_namespace an ON an.oid = ac.relnamespace
                    JOIN pg_catalog.pg_publication_tables p ON p.schemaname = an.nspname AND p.tablename = ac.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND c.oid IN (SELECT $1::oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree($1::oid))
ORDER BY c.oid";

/// What holds the rows of a table now.
pub(super) async fn parts(client: &Client, table: &Table) -> Result<Vec<Part>, EraseError> {
    let rows = client.query(PARTS, &[&table.oid]).await;
    let rows = rows.map_err(|e| database("asking for the table's size", &e))?;
    let part = |row: &tokio_postgres::Row| Part {
        oid: row.get(0),
        relation: row.get(1),
        blocks: row.get(2),
        may_go_whole: row.get(3),
    };
    Ok(rows.iter().map(part).collect())
}
