//! Whether a column can hold an anchor, as the DataStore says that it is to be read.

use crate::core::store::ColumnReading;

/// Types that can hold an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::erase) enum ColumnType {
    Instant,
    Local,
    Date,
    Number,
    Other,
}

/// What a store calls its types.
pub(super) struct TypeNames {
    /// Whole numbers that can count from an epoch.
    pub numbers: &'static str,
    /// A time on a clock that does not say where it hangs.
    pub local: &'static str,
}

/// Whether a column of that type can be read so; the error says why not.
pub(super) fn fits(reading: &ColumnReading, kind: ColumnType, names: &TypeNames) -> Result<(), String> {
    let TypeNames { numbers, local } = names;
    match (reading, kind) {
        (ColumnReading::Native, ColumnType::Instant | ColumnType::Date)
        | (ColumnReading::Epoch { .. }, ColumnType::Number)
        | (ColumnReading::Local { .. }, ColumnType::Local) => Ok(()),
        (ColumnReading::Native, ColumnType::Local) => {
            Err("is a local time without a zone: say columnType: {timestamp: {timeZone: ...}}".into())
        }
        (ColumnReading::Native, ColumnType::Number) => {
            Err("is a number: say columnType: {epoch: ...}".into())
        }
        (ColumnReading::Native, ColumnType::Other) => Err("is no point in time".into()),
        (ColumnReading::Epoch { .. }, _) => {
            Err(format!("is no whole number ({numbers}), as columnType says"))
        }
        (ColumnReading::Local { .. }, _) => Err(format!("is no {local}, as columnType says")),
    }
}
