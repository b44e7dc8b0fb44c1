//! Which rows are due, as SQL: identifiers quoted, every value a parameter.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_postgres::types::ToSql;

use super::table::Column;
use crate::{
    core::store::ColumnReading,
    erase::{
        engine::column::ColumnType,
        order::{OrderCondition, OrderTarget},
    },
};

/// A parameter.
#[derive(Clone, Debug)]
pub(in crate::erase) enum Value {
    Instant(SystemTime),
    Number(i64),
    Text(String),
}

impl Value {
    pub fn sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Instant(v) => v,
            Self::Number(v) => v,
            Self::Text(v) => v,
        }
    }
}

/// SQL over one table and its parameters.
#[derive(Clone, Debug)]
pub(in crate::erase) struct Predicate {
    /// `"schema"."table"`.
    pub relation: String,
    /// Whether a row is due: never where an anchor is missing or implausible.
    pub due: String,
    /// Whether a row has an anchor that is missing or implausible.
    pub undated: String,
    /// The anchor in microseconds since 1970, where there is one alone.
    pub micros: Option<String>,
    /// Parameters from `$1` on.
    pub values: Vec<Value>,
}

/// The first plausible instant, 1971-01-01T00:00:00Z, in microseconds since 1970. What lies before it is how an unset
/// number looks, an unset date in a zone west of UTC, and seconds that were declared as milliseconds (until 2970).
const LEAST: i64 = 365 * DAY;
const DAY: i64 = 86_400_000_000;

/// Quotes an identifier.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Microseconds since 1970, rounded down: what the server can tell apart.
pub(super) fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}

fn instant(micros: i64) -> Value {
    Value::Instant(SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
}

impl Predicate {
    /// The predicate of a target over the columns as the server has them. `latest` is the last plausible instant.
    pub fn new(target: &OrderTarget, columns: &[Column], latest: Timestamp) -> Self {
        let mut p = Self {
            relation: format!("{}.{}", quoted(&target.schema), quoted(&target.table)),
            due: String::new(),
            undated: String::new(),
            micros: None,
            values: vec![],
        };
        let (mut due, mut undated) = (vec![], vec![]);
        for condition in &target.conditions {
            let kind = columns.iter().find(|c| c.name == condition.column).map(|c| c.kind);
            p.add(condition, kind.unwrap_or(ColumnType::Other), latest, &mut due, &mut undated);
        }
        // Without a condition nothing is due.
        p.due = if due.is_empty() { "false".into() } else { due.join(" AND ") };
        p.undated = if undated.is_empty() { "true".into() } else { undated.join(" OR ") };
        if target.conditions.len() != 1 {
            p.micros = None;
        }
        p
    }

    fn add(
        &mut self,
        condition: &OrderCondition,
        kind: ColumnType,
        latest: Timestamp,
        due: &mut Vec<String>,
        undated: &mut Vec<String>,
    ) {
        let column = quoted(&condition.column);
        // Nothing plausible lies before 1970, and the server's calendar is shorter than ours.
        let (cutoff, latest) = (micros(condition.cutoff).max(0), micros(latest));
        let (anchor, least, cutoff, most, micros) = match (&condition.reading, kind) {
            (ColumnReading::Native, ColumnType::Date) => {
                let day = |p: &mut Self, micros: i64| {
                    let n = p.bind(Value::Number(micros.div_euclid(DAY)));
                    format!("(DATE '1970-01-01' + ${n}::int8::int4)")
                };
                // A day has passed when its end has: the last that is due is the one before the cut-off's.
                let (least, cutoff, most) = (day(self, LEAST), day(self, cutoff - DAY), day(self, latest));
                let micros = format!("(({column} - DATE '1970-01-01')::int8 + 1) * {DAY}");
                (column, least, cutoff, most, micros)
            }
            (ColumnReading::Epoch { per_second }, _) => {
                let unit = 1_000_000 / per_second;
                let number = |p: &mut Self, micros: i64| {
                    let n = p.bind(Value::Number(micros.div_euclid(unit)));
                    format!("${n}::int8")
                };
                let (least, cutoff, most) = (number(self, LEAST), number(self, cutoff), number(self, latest));
                let micros = format!("({column}::numeric * {unit})::int8");
                (column, least, cutoff, most, micros)
            }
            (reading, _) => {
                let anchor = match reading {
                    ColumnReading::Local { zone } => {
                        let n = self.bind(Value::Text(zone.clone()));
                        format!("({column} AT TIME ZONE ${n}::text)")
                    }
                    _ => column,
                };
                let point = |p: &mut Self, micros: i64| {
                    let n = p.bind(instant(micros));
                    format!("${n}::timestamptz")
                };
                let (least, cutoff, most) = (point(self, LEAST), point(self, cutoff), point(self, latest));
                let micros = format!("(extract(epoch FROM {anchor}) * 1000000)::int8");
                (anchor, least, cutoff, most, micros)
            }
        };
        due.push(format!("({anchor} IS NOT NULL AND {anchor} >= {least} AND {anchor} <= {cutoff})"));
        undated.push(format!("({anchor} IS NULL OR {anchor} < {least} OR {anchor} > {most})"));
        self.micros = Some(micros);
    }

    fn bind(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len()
    }

    /// Parameters for the driver.
    pub fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(Value::sql).collect()
    }
}

/// Hash over table, conditions and the columns that they read: sixteen hex digits, for room in the report.
pub(super) fn hash(target: &OrderTarget, columns: &[Column]) -> String {
    let conditions: Vec<_> = target
        .conditions
        .iter()
        .map(|c| format!("{:?}/{:?}/{}", c.column, c.reading, micros(c.cutoff)))
        .collect();
    let columns: Vec<_> = columns.iter().map(|c| format!("{:?}/{}/{:?}", c.name, c.number, c.kind)).collect();
    let text =
        format!("carnet/predicate/2 {:?}.{:?} {conditions:?} {columns:?}", target.schema, target.table);
    let digest = Sha256::digest(text.as_bytes());
    digest[..8].iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_cannot_end_its_quotes() {
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    }

    #[test]
    fn instants_are_rounded_down_to_what_the_server_tells_apart() {
        let at = |t: &str| t.parse::<Timestamp>().map(micros).ok();
        assert_eq!(at("1970-01-01T00:00:00.000001999Z"), Some(1));
        assert_eq!(at("1969-12-31T23:59:59.999999999Z"), Some(-1));
    }
}
