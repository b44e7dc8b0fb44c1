//! Statements, each with an end to our patience: the driver itself would wait for a silent server for ever.

use std::time::Duration;

use mysql_async::{
    Conn, Params, Row, Value,
    prelude::{FromValue, Queryable},
};
use tokio::time::{error::Elapsed, timeout};

use super::{error::Trouble, sql::Sql};

/// A connection.
pub(super) struct Session {
    /// None once a statement was given up: what the server still says to that one would be taken for the next one's answer.
    connection: Option<Conn>,
    patience: Duration,
}

impl Session {
    /// Over a connection that is set up.
    pub fn new(connection: Conn, patience: Duration) -> Self {
        Self { connection: Some(connection), patience }
    }

    /// Runs a statement without parameters and without an answer.
    pub async fn run(&mut self, doing: &'static str, sql: &str) -> Result<(), Trouble> {
        let answer = timeout(self.patience, self.connection(doing)?.query_drop(sql)).await;
        self.settled(doing, answer)
    }

    /// Runs a statement and returns how many rows it changed.
    pub async fn change(&mut self, doing: &'static str, sql: &Sql) -> Result<i64, Trouble> {
        let (patience, values) = (self.patience, parameters(&sql.values));
        let answer = timeout(patience, self.connection(doing)?.exec_drop(&*sql.text, values)).await;
        self.settled(doing, answer)?;
        Ok(i64::try_from(self.connection(doing)?.affected_rows()).unwrap_or(i64::MAX))
    }

    /// Rows of a question without parameters, by the text protocol, which alone can be asked everything.
    pub async fn ask(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Row>, Trouble> {
        let answer = timeout(self.patience, self.connection(doing)?.query(sql)).await;
        self.settled(doing, answer)
    }

    /// Rows of a question.
    pub async fn rows(
        &mut self,
        doing: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, Trouble> {
        let answer = timeout(self.patience, self.connection(doing)?.exec(sql, parameters(values))).await;
        self.settled(doing, answer)
    }

    /// The only number of the only row; none where it is null.
    pub async fn number(
        &mut self,
        doing: &'static str,
        sql: &str,
        value: impl Into<Value>,
    ) -> Result<Option<i64>, Trouble> {
        let rows = self.rows(doing, sql, &[value.into()]).await?;
        match rows.as_slice() {
            [row] => get(doing, row, 0),
            _ => Err(Trouble::unreadable(doing)),
        }
    }

    fn connection(&mut self, doing: &'static str) -> Result<&mut Conn, Trouble> {
        self.connection.as_mut().ok_or_else(|| Trouble::silent(doing))
    }

    fn settled<T>(
        &mut self,
        doing: &'static str,
        answer: Result<mysql_async::Result<T>, Elapsed>,
    ) -> Result<T, Trouble> {
        let Ok(answer) = answer else {
            self.connection = None;
            return Err(Trouble::silent(doing));
        };
        answer.map_err(|error| Trouble::of(doing, &error))
    }
}

/// The value of a column.
pub(super) fn get<T: FromValue>(doing: &'static str, row: &Row, column: usize) -> Result<T, Trouble> {
    match row.get_opt(column) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => Err(Trouble::unreadable(doing)),
    }
}

fn parameters(values: &[Value]) -> Params {
    if values.is_empty() { Params::Empty } else { Params::Positional(values.to_vec()) }
}
