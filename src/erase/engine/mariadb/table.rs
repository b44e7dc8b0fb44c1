//! Whether a table can be deleted from cleanly, looked up by name and pinned by the engine's own id.

use mysql_async::{Row, Value};

use super::{
    error::Trouble,
    grants::Grants,
    session::{Session, get},
};
use crate::erase::{
    engine::column::{ColumnType, TypeNames, fits},
    error::EraseError,
    order::OrderTarget,
};

/// What is known of a table. Equal facts mean: the same table, as fit as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Table {
    /// InnoDB's id: another one after the table was made anew, the same after it was renamed.
    pub id: i64,
    /// Columns that a predicate reads.
    pub columns: Vec<Column>,
    /// The primary key, in its order.
    pub key: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::erase) struct Column {
    pub name: String,
    pub number: i64,
    /// As the server writes it, with length and sign.
    pub declared: String,
    pub kind: ColumnType,
}

/// What its types are called.
const TYPES: TypeNames = TypeNames { numbers: "int, bigint, decimal", local: "datetime" };

const DOING: &str = "looking the table up";
const TABLE: &str = "SELECT TABLE_TYPE, COALESCE(ENGINE, 'none'), COALESCE(CREATE_OPTIONS, '') LIKE '%partitioned%' \
    FROM information_schema.TABLES \
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND BINARY TABLE_SCHEMA = ? AND BINARY TABLE_NAME = ?";
const TRANSACTIONAL: &str =
    "SELECT COUNT(*) FROM information_schema.ENGINES WHERE ENGINE = ? AND TRANSACTIONS = 'YES'";
const TRIGGERS: &str = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
    WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND EVENT_MANIPULATION = 'DELETE' ORDER BY 1";
const COLUMNS: &str = "SELECT COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, DATA_TYPE \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
const KEY: &str = "SELECT COLUMN_NAME, SUB_PART IS NOT NULL FROM information_schema.STATISTICS \
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX";
/// InnoDB names things by the names of its files. Its own lists show the keys of tables that the account may not see, too.
const FILE_NAME: &str = "CONCAT(CAST(CAST(CONVERT(? USING filename) AS BINARY) AS CHAR CHARACTER SET utf8mb3), '/', \
    CAST(CAST(CONVERT(? USING filename) AS BINARY) AS CHAR CHARACTER SET utf8mb3))";

/// Types of columns along which rows can be walked: their order is that of their comparison.
const WALKABLE: [&str; 16] = [
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "decimal",
    "char",
    "varchar",
    "binary",
    "varbinary",
    "date",
    "datetime",
    "timestamp",
    "uuid",
    "inet4",
    "inet6",
];

/// Looks a table up and refuses what cannot be deleted from cleanly, by name of what stands in the way.
pub(super) async fn inspect(session: &mut Session, target: &OrderTarget) -> Result<Table, EraseError> {
    let unfit =
        |why: String| EraseError::Table { dataset: target.dataset.clone(), table: target.shown(), why };
    let names: [Value; 2] = [target.schema.clone().into(), target.table.clone().into()];
    let both = [names.clone(), names.clone()].concat();
    let rows = session.rows(DOING, TABLE, &both).await?;
    let row = rows.first().ok_or_else(|| unfit("it does not exist".into()))?;
    let (kind, engine): (String, String) = (get(DOING, row, 0)?, get(DOING, row, 1)?);
    match kind.as_str() {
        "BASE TABLE" => {}
        "VIEW" | "SYSTEM VIEW" => return Err(unfit("it is a view".into())),
        "SYSTEM VERSIONED" => {
            return Err(unfit("it is system-versioned: a deleted row stays in its history".into()));
        }
        _ => return Err(unfit("it is no ordinary table".into())),
    }
    if engine != "InnoDB" {
        let transactional = session.number(DOING, TRANSACTIONAL, engine.as_str()).await? == Some(1);
        let what = if transactional { "none of those that were tried" } else { "not transactional" };
        return Err(unfit(format!("its storage engine {engine} is {what}: InnoDB is needed")));
    }
    if get::<i64>(DOING, row, 2)? != 0 {
        return Err(unfit("it is partitioned, which is not planned for yet".into()));
    }
    permitted(session, target).await?;
    let triggers: Vec<String> = first(&session.rows(DOING, TRIGGERS, &names).await?)?;
    if !triggers.is_empty() {
        return Err(unfit(format!("delete trigger {}", triggers.join(", "))));
    }
    let references = references(session, target).await?;
    if !references.is_empty() {
        return Err(unfit(format!("referenced by foreign key {}", references.join(", "))));
    }
    let mut all = vec![];
    for row in session.rows(DOING, COLUMNS, &names).await? {
        all.push(column(&row)?);
    }
    let key = key(&all, &session.rows(DOING, KEY, &names).await?)?.map_err(unfit)?;
    let read = |c: &Column| target.conditions.iter().any(|condition| condition.column == c.name);
    let columns: Vec<_> = all.into_iter().filter(read).collect();
    for condition in &target.conditions {
        let column = columns.iter().find(|c| c.name == condition.column);
        let column = column.ok_or_else(|| unfit(format!("it has no column {}", condition.column)))?;
        fits(&condition.reading, column.kind, &TYPES)
            .map_err(|why| unfit(format!("column {}: {why}", condition.column)))?;
    }
    let sql = format!("SELECT TABLE_ID FROM information_schema.INNODB_SYS_TABLES WHERE NAME = {FILE_NAME}");
    let ids = session.rows(DOING, &sql, &names).await?;
    let [row] = ids.as_slice() else { return Err(unfit("InnoDB does not know it by its name".into())) };
    Ok(Table { id: get(DOING, row, 0)?, columns, key })
}

/// Foreign keys that refer to a table, by name and by what they would do.
pub(super) async fn references(
    session: &mut Session,
    target: &OrderTarget,
) -> Result<Vec<String>, EraseError> {
    // 1 and 2 are InnoDB's DICT_FOREIGN_ON_DELETE_CASCADE and DICT_FOREIGN_ON_DELETE_SET_NULL.
    let sql = format!(
        "SELECT CONCAT(SUBSTRING_INDEX(ID, '/', -1), ' of ', REPLACE(FOR_NAME, '/', '.'), CASE WHEN TYPE & 1 THEN \
         ' (cascades)' WHEN TYPE & 2 THEN ' (sets null)' ELSE ' (would refuse)' END) \
         FROM information_schema.INNODB_SYS_FOREIGN WHERE REF_NAME = {FILE_NAME} ORDER BY 1"
    );
    let names: [Value; 2] = [target.schema.clone().into(), target.table.clone().into()];
    Ok(first(&session.rows("looking foreign keys up", &sql, &names).await?)?)
}

/// SELECT and DELETE, and what it takes to see all that stands in the way: the server shows triggers and keys only to those
/// with a right to them, and says nothing of it to others.
async fn permitted(session: &mut Session, target: &OrderTarget) -> Result<(), EraseError> {
    let doing = "asking for the account's rights";
    let lines: Vec<String> = first(&session.ask(doing, "SHOW GRANTS").await?)?;
    let grants = Grants::read(lines.iter().map(String::as_str));
    let missing = ["SELECT", "DELETE", "TRIGGER"]
        .into_iter()
        .find(|right| !grants.on_table(right, &target.schema, &target.table))
        .or_else(|| (!grants.globally("PROCESS")).then_some("PROCESS"));
    match missing {
        None => Ok(()),
        Some(right) => {
            let (dataset, table) = (target.dataset.clone(), target.shown());
            Err(EraseError::Permission { dataset, table, right })
        }
    }
}

fn first(rows: &[Row]) -> Result<Vec<String>, Trouble> {
    rows.iter().map(|row| get(DOING, row, 0)).collect()
}

fn column(row: &Row) -> Result<Column, Trouble> {
    let kind: String = get(DOING, row, 3)?;
    Ok(Column {
        name: get(DOING, row, 0)?,
        number: get(DOING, row, 1)?,
        declared: get(DOING, row, 2)?,
        kind: match kind.as_str() {
            "timestamp" => ColumnType::Instant,
            "datetime" => ColumnType::Local,
            "date" => ColumnType::Date,
            "int" | "bigint" | "decimal" => ColumnType::Number,
            _ => ColumnType::Other,
        },
    })
}

/// The columns of the primary key; the inner error says why rows cannot be walked along it.
fn key(all: &[Column], rows: &[Row]) -> Result<Result<Vec<Column>, String>, Trouble> {
    let mut key = vec![];
    for row in rows {
        let (name, is_prefix): (String, i64) = (get(DOING, row, 0)?, get(DOING, row, 1)?);
        let Some(column) = all.iter().find(|c| c.name == name) else {
            return Ok(Err(format!("column {name} of its primary key is not shown")));
        };
        let base = column.declared.split(['(', ' ']).next().unwrap_or_default();
        if is_prefix != 0 || !WALKABLE.contains(&base) {
            let declared = &column.declared;
            return Ok(Err(format!(
                "its primary key has column {name} of type {declared}, along which is no walk"
            )));
        }
        key.push(column.clone());
    }
    Ok(if key.is_empty() { Err("it has no primary key, along which batches go".into()) } else { Ok(key) })
}
