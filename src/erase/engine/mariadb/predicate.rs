//! Which rows are due, as SQL: identifiers quoted, every value a parameter.

use jiff::{Timestamp, civil, tz::TimeZone};
use mysql_async::Value;
use sha2::{Digest, Sha256};

use super::{
    sql::{Sql, quoted},
    table::{Column, Table},
    zone::{surely_begun, surely_over},
};
use crate::{
    core::store::ColumnReading,
    erase::{
        engine::column::ColumnType,
        order::{OrderCondition, OrderTarget},
    },
};

/// SQL over one table.
#[derive(Clone, Debug)]
pub(in crate::erase) struct Predicate {
    /// `` `schema`.`table` ``.
    pub(super) relation: String,
    /// Whether a row is due: never where an anchor is missing or implausible.
    pub(super) due: Sql,
    /// Whether a row has an anchor that is missing or implausible.
    pub(super) undated: Sql,
    /// The anchor as a number, where there is one alone.
    pub(super) oldest: Option<Oldest>,
}

/// An anchor as a number.
#[derive(Clone, Debug)]
pub(super) struct Oldest {
    /// Microseconds since 1970-01-01 00:00:00, of an instant or of a local time.
    pub sql: String,
    /// The zone of a local time.
    pub zone: Option<TimeZone>,
}

/// The first plausible instant, 1971-01-01T00:00:00Z, in microseconds since 1970. What lies before it is how an unset
/// number looks, an unset date in a zone west of UTC, and seconds that were declared as milliseconds (until 2970).
const LEAST: i64 = 365 * DAY;
const DAY: i64 = 86_400_000_000;

/// Microseconds since 1970, rounded down: what the server can tell apart.
pub(super) fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}

/// A zone that a store was read with; one that is not known is none, and nothing is due by it.
pub(super) fn zone_of(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

impl Predicate {
    /// The predicate of a target over the columns as the server has them. `latest` is the last plausible instant.
    pub fn new(target: &OrderTarget, columns: &[Column], latest: Timestamp) -> Self {
        let (mut due, mut undated, mut oldest) = (vec![], vec![], None);
        for condition in &target.conditions {
            let kind = columns.iter().find(|c| c.name == condition.column).map(|c| c.kind);
            let anchor = Anchor::of(condition, kind.unwrap_or(ColumnType::Other), latest);
            due.push(anchor.as_ref().map_or_else(|| Sql::new("FALSE"), Anchor::due));
            undated.push(anchor.as_ref().map_or_else(|| Sql::new("TRUE"), Anchor::undated));
            oldest = anchor.map(|a| a.oldest);
        }
        Self {
            relation: format!("{}.{}", quoted(&target.schema), quoted(&target.table)),
            // Without a condition nothing is due.
            due: Sql::joined(&due, " AND ", "FALSE"),
            undated: Sql::joined(&undated, " OR ", "TRUE"),
            oldest: oldest.filter(|_| target.conditions.len() == 1),
        }
    }
}

/// One column with its bounds.
struct Anchor {
    column: String,
    /// Whether the column can hold what is no date: a day or month of zero, a 31st of February.
    is_date: bool,
    least: Value,
    cutoff: Value,
    most: Value,
    oldest: Oldest,
}

impl Anchor {
    fn of(condition: &OrderCondition, kind: ColumnType, latest: Timestamp) -> Option<Self> {
        let column = quoted(&condition.column);
        // Nothing plausible lies before 1970.
        let (cutoff, latest) = (micros(condition.cutoff).max(0), micros(latest));
        let bounds = [LEAST, cutoff, latest];
        let ([least, cutoff, most], sql, zone) = match (&condition.reading, kind) {
            (ColumnReading::Native, ColumnType::Date) => {
                // A day has passed when its end has: the last that is due is the one before the cut-off's.
                let days = [LEAST, cutoff - DAY, latest].map(|m| moment(m.div_euclid(DAY) * DAY));
                let sql = format!("(DATEDIFF({column}, DATE '1970-01-01') + 1) * {DAY}");
                (days, sql, None)
            }
            (ColumnReading::Epoch { per_second }, _) => {
                let unit = 1_000_000 / per_second;
                let numbers = bounds.map(|m| Value::from(m.div_euclid(unit)));
                (numbers, format!("CAST({column} * {unit} AS SIGNED)"), None)
            }
            (ColumnReading::Local { zone }, _) => {
                let zone = zone_of(zone)?;
                let [least, cutoff, most] = bounds.map(instant);
                let bounds =
                    [surely_begun(&zone, least), surely_over(&zone, cutoff), surely_begun(&zone, most)];
                let sql = format!("TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {column})");
                (bounds.map(value), sql, Some(zone))
            }
            (ColumnReading::Native, _) => {
                let sql = format!("CAST(UNIX_TIMESTAMP({column}) * 1000000 AS SIGNED)");
                (bounds.map(moment), sql, None)
            }
        };
        let is_date = !matches!(condition.reading, ColumnReading::Epoch { .. });
        Some(Self { column, is_date, least, cutoff, most, oldest: Oldest { sql, zone } })
    }

    /// A sum with nothing is null where the date is none, whatever its order among dates.
    fn is_real(&self) -> String {
        if self.is_date { format!("({} + INTERVAL 0 DAY) IS NOT NULL", self.column) } else { "TRUE".into() }
    }

    fn due(&self) -> Sql {
        let Self { column, least, cutoff, .. } = self;
        Sql::new(format!("({column} IS NOT NULL AND {column} >= "))
            .bind(least.clone())
            .then(&format!(" AND {column} <= "))
            .bind(cutoff.clone())
            .then(&format!(" AND {})", self.is_real()))
    }

    fn undated(&self) -> Sql {
        let Self { column, least, most, .. } = self;
        Sql::new(format!("({column} IS NULL OR {column} < "))
            .bind(least.clone())
            .then(&format!(" OR {column} > "))
            .bind(most.clone())
            .then(&format!(" OR NOT ({}))", self.is_real()))
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// An instant as the server's date and time, in UTC as the session is.
fn moment(micros: i64) -> Value {
    value(instant(micros).to_zoned(TimeZone::UTC).datetime())
}

fn value(at: civil::DateTime) -> Value {
    let number = |n: i8| n.unsigned_abs();
    Value::Date(
        at.year().unsigned_abs(),
        number(at.month()),
        number(at.day()),
        number(at.hour()),
        number(at.minute()),
        number(at.second()),
        at.subsec_nanosecond().unsigned_abs() / 1000,
    )
}

/// Hash over table, conditions, and the columns that they and the walk read: sixteen hex digits, for room in the report.
pub(super) fn hash(target: &OrderTarget, table: &Table) -> String {
    let conditions: Vec<_> = target
        .conditions
        .iter()
        .map(|c| format!("{:?}/{:?}/{}", c.column, c.reading, micros(c.cutoff)))
        .collect();
    let shown = |c: &Column| format!("{:?}/{}/{}", c.name, c.number, c.declared);
    let columns: Vec<_> = table.columns.iter().map(shown).collect();
    let key: Vec<_> = table.key.iter().map(shown).collect();
    let text = format!(
        "carnet/predicate/mariadb/1 {:?}.{:?} {conditions:?} {columns:?} {key:?}",
        target.schema, target.table
    );
    let digest = Sha256::digest(text.as_bytes());
    digest[..8].iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
