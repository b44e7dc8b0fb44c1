//! Deleting in short batches, along the primary key.
//!
//! The bounds of a batch stay on the server, in the session's variables: a primary key can be a name or an address, and
//! they keep their type and collation there.

use std::time::{Duration, Instant};

use super::{
    Batch, Failed, Mariadb, Work,
    error::Trouble,
    predicate::Predicate,
    session::Session,
    sql::{Sql, quoted},
    table::{Column, inspect, references},
};
use crate::erase::engine::{another_place, committing};

/// A walk along one table's primary key.
#[derive(Debug)]
pub(in crate::erase) struct Walk {
    /// Which of the two sets of variables holds the last key that was gone through; none at the beginning.
    low: Option<Side>,
    is_done: bool,
}

/// One of two sets of variables: what is the end of a batch is the beginning of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Even,
    Odd,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }

    fn variable(self, number: usize) -> String {
        match self {
            Self::Even => format!("@carnet_even_{number}"),
            Self::Odd => format!("@carnet_odd_{number}"),
        }
    }
}

impl Walk {
    /// Starts a walk.
    pub(super) fn begin() -> Self {
        Self { low: None, is_done: false }
    }

    /// Whether the walk has come to the end.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Deletes the due rows among the next ones in a transaction of its own.
    pub(super) async fn batch(
        &mut self,
        session: &mut Session,
        work: &Work<'_, Mariadb>,
        rows: i64,
    ) -> Result<Batch, Failed> {
        let tried = self.delete(session, work, rows).await;
        if tried.is_err() {
            // What it did is undone with the connection where this does not succeed.
            let _ = session.run("undoing a batch", "ROLLBACK").await;
        }
        let (items, took, high) = tried?;
        let is_certain = match committing(session.run("committing", "COMMIT")).await {
            Ok(()) => true,
            // The server said that it undid the batch. Of any other error it is not known what it left.
            Err(trouble) if trouble.is_passing() => return Err(failed(trouble)),
            Err(_) => false,
        };
        self.low = high;
        self.is_done = high.is_none();
        Ok(Batch { items, is_certain, took })
    }

    async fn delete(
        &self,
        session: &mut Session,
        work: &Work<'_, Mariadb>,
        rows: i64,
    ) -> Result<(i64, Duration, Option<Side>), Failed> {
        let Predicate { relation, due, undated: _, oldest: _ } = &work.predicate;
        let key = &work.place.key;
        session.run("beginning a batch", "START TRANSACTION").await.map_err(failed)?;
        // Whoever has read a table keeps its definition as it is until the end: no trigger or column can be added, and the
        // name cannot move to another table.
        let lock = format!("SELECT 1 FROM {relation} LIMIT 0");
        session.run("locking the table", &lock).await.map_err(failed)?;
        if inspect(session, work.target).await.map_err(Failed::End)? != work.place {
            return Err(Failed::End(another_place(work.target)));
        }
        let high = self.low.map_or(Side::Even, Side::other);
        let is_last = !self.look_ahead(session, relation, key, high, rows).await.map_err(failed)?;
        let mut range = self.low.map(|low| beyond(key, low)).into_iter().collect::<Vec<_>>();
        range.extend((!is_last).then(|| up_to(key, high)));
        range.push(Sql::new("(").and_then(due).then(")"));
        let sql = Sql::new(format!("DELETE FROM {relation} WHERE "))
            .and_then(&Sql::joined(&range, " AND ", "FALSE"));
        let asked = Instant::now();
        let items = session.change("deleting", &sql).await.map_err(failed)?;
        let took = asked.elapsed();
        // A foreign key from another table does not wait for that lock (tried on 10.11). What it would have cascaded to in
        // between is undone with the batch.
        if !references(session, work.target).await.map_err(Failed::End)?.is_empty() {
            return Err(Failed::End(another_place(work.target)));
        }
        Ok((items, took, (!is_last).then_some(high)))
    }

    /// Puts the key that so many rows lead to into variables; whether there is one.
    async fn look_ahead(
        &self,
        session: &mut Session,
        relation: &str,
        key: &[Column],
        high: Side,
        rows: i64,
    ) -> Result<bool, Trouble> {
        let doing = "looking for the end of a batch";
        let columns: Vec<_> = key.iter().map(|c| quoted(&c.name)).collect();
        let variables: Vec<_> = (0..key.len()).map(|i| high.variable(i)).collect();
        let (columns, variables) = (columns.join(", "), variables.join(", "));
        let beyond = self.low.map_or_else(String::new, |low| format!("WHERE {}", beyond(key, low).text));
        session.run(doing, "SET @carnet_found = NULL").await?;
        let sql = format!(
            "SELECT 1, {columns} INTO @carnet_found, {variables} FROM {relation} FORCE INDEX (PRIMARY) {beyond} \
             ORDER BY {columns} LIMIT 1 OFFSET {}",
            rows.max(1) - 1
        );
        session.run(doing, &sql).await?;
        Ok(session.number(doing, "SELECT @carnet_found = ?", 1).await? == Some(1))
    }
}

/// Rows after a key. The first column alone is spoken of as well, since the optimizer reads a range from that.
fn beyond(key: &[Column], side: Side) -> Sql {
    Sql::new(format!("{} AND ({})", first(key, side, ">="), ordered(key, side, ">", ">")))
}

/// Rows up to a key, with it.
fn up_to(key: &[Column], side: Side) -> Sql {
    Sql::new(format!("{} AND ({})", first(key, side, "<="), ordered(key, side, "<", "<=")))
}

fn first(key: &[Column], side: Side, sign: &str) -> String {
    let name = key.first().map(|c| quoted(&c.name)).unwrap_or_default();
    format!("{name} {sign} {}", side.variable(0))
}

/// `a < x OR (a = x AND b <= y)`: a comparison of rows in words that the optimizer reads ranges from.
fn ordered(key: &[Column], side: Side, sign: &str, last: &str) -> String {
    let mut either = vec![];
    for i in 0..key.len() {
        let mut both: Vec<_> =
            (0..i).map(|j| format!("{} = {}", quoted(&key[j].name), side.variable(j))).collect();
        let sign = if i + 1 == key.len() { last } else { sign };
        both.push(format!("{} {sign} {}", quoted(&key[i].name), side.variable(i)));
        either.push(format!("({})", both.join(" AND ")));
    }
    either.join(" OR ")
}

fn failed(trouble: Trouble) -> Failed {
    if trouble.is_passing() { Failed::Retry(trouble.into()) } else { Failed::End(trouble.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erase::engine::column::ColumnType;

    fn key(names: &[&str]) -> Vec<Column> {
        let column = |name: &&str| Column {
            name: (*name).into(),
            number: 1,
            declared: "int(11)".into(),
            kind: ColumnType::Number,
        };
        names.iter().map(column).collect()
    }

    #[test]
    fn ranges_of_a_key_of_several_columns_neither_overlap_nor_leave_a_gap() {
        let key = key(&["a", "b"]);
        let (upto, beyond) = (up_to(&key, Side::Odd).text, beyond(&key, Side::Odd).text);
        let (a, b) = ("@carnet_odd_0", "@carnet_odd_1");
        assert_eq!(upto, format!("`a` <= {a} AND ((`a` < {a}) OR (`a` = {a} AND `b` <= {b}))"));
        assert_eq!(beyond, format!("`a` >= {a} AND ((`a` > {a}) OR (`a` = {a} AND `b` > {b}))"));
    }
}
