//! Which header holds what. The public site has changed its export before; what is not known is refused, not guessed.

use super::file::Table;

/// What the file says, in the order of [`DEFAULTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Name of the organisation.
    Organisation,
    /// One framework, or several.
    Framework,
    /// Status.
    Status,
    /// First day.
    Since,
    /// Last day before re-certification.
    RecertifyBy,
    /// HR, NonHR or both.
    CoveredData,
}

/// Each column by the name with which `--column NAME=HEADER` sets it, its usual header, and whether it must be there.
pub const DEFAULTS: [(&str, Column, &str, bool); 6] = [
    ("organisation", Column::Organisation, "Organization Name", true),
    ("framework", Column::Framework, "Framework", true),
    ("status", Column::Status, "Status", true),
    ("since", Column::Since, "Original Certification Date", false),
    ("recertifyBy", Column::RecertifyBy, "Next Certification Due Date", false),
    ("coveredData", Column::CoveredData, "Covered Data", false),
];

/// Why the headers do not fit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Not `NAME=HEADER`.
    #[error(
        "--column {0}: write NAME=HEADER, where NAME is one of organisation, framework, status, since, recertifyBy and coveredData"
    )]
    Setting(String),
    /// A header that must be there is not.
    #[error("the file has no column `{header}`: set it with --column {name}=HEADER; there are {there}")]
    Missing {
        /// Name of the column.
        name: &'static str,
        /// The header that was looked for.
        header: String,
        /// The headers that are there.
        there: String,
    },
    /// A header twice.
    #[error("the file has the column `{0}` twice")]
    Twice(String),
    /// Headers that nothing reads.
    #[error(
        "the file has columns that are not known: {0}; set what they hold with --column, or leave them unread with \
         --ignore-columns (`*` for all)"
    )]
    Unknown(String),
}

/// Where each column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns([Option<usize>; DEFAULTS.len()]);

impl Columns {
    /// Finds the columns of a table.
    pub fn of(table: &Table, settings: &[String], ignored: &[String]) -> Result<Self, ColumnError> {
        let mut headers: Vec<(String, bool)> =
            DEFAULTS.iter().map(|(_, _, header, required)| ((*header).to_owned(), *required)).collect();
        for setting in settings {
            let (name, header) =
                setting.split_once('=').ok_or_else(|| ColumnError::Setting(setting.clone()))?;
            let at = DEFAULTS.iter().position(|(known, ..)| *known == name.trim());
            let at = at.ok_or_else(|| ColumnError::Setting(setting.clone()))?;
            // What somebody says is there must be there.
            headers[at] = (header.trim().to_owned(), true);
        }
        let mut found = [None; DEFAULTS.len()];
        for (at, (header, required)) in headers.iter().enumerate() {
            let mut places = table.headers.iter().enumerate().filter(|(_, h)| h == &header).map(|(i, _)| i);
            found[at] = places.next();
            if places.next().is_some() {
                return Err(ColumnError::Twice(header.clone()));
            }
            if found[at].is_none() && *required {
                let there = table.headers.iter().map(|h| format!("`{h}`")).collect::<Vec<_>>().join(", ");
                return Err(ColumnError::Missing { name: DEFAULTS[at].0, header: header.clone(), there });
            }
        }
        let all_ignored = ignored.iter().any(|i| i == "*");
        let unknown: Vec<String> = table
            .headers
            .iter()
            .enumerate()
            .filter(|(i, h)| !found.contains(&Some(*i)) && !all_ignored && !ignored.contains(h))
            .map(|(_, h)| format!("`{h}`"))
            .collect();
        if unknown.is_empty() { Ok(Self(found)) } else { Err(ColumnError::Unknown(unknown.join(", "))) }
    }

    /// The cell of a row; none where the file has no such column.
    pub fn cell<'a>(&self, row: &'a [String], column: Column) -> Option<&'a str> {
        let at = DEFAULTS.iter().position(|(_, c, ..)| *c == column)?;
        row.get(self.0[at]?).map(|cell| cell.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(headers: &[&str]) -> Table {
        Table { headers: headers.iter().map(ToString::to_string).collect(), rows: vec![] }
    }

    fn of(headers: &[&str], settings: &[&str], ignored: &[&str]) -> Result<Columns, String> {
        let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        Columns::of(&table(headers), &texts(settings), &texts(ignored)).map_err(|e| e.to_string())
    }

    #[test]
    fn headers_are_those_that_are_usual_or_that_are_set() {
        let usual = of(&["Status", "Framework", "Organization Name"], &[], &[]).unwrap();
        let row = ["Active".to_owned(), "EU-US".into(), " Acme ".into()];
        assert_eq!(usual.cell(&row, Column::Organisation), Some("Acme"));
        assert_eq!(usual.cell(&row, Column::Since), None);
        let set = of(&["Stand", "Framework", "Organization Name"], &["status=Stand"], &[]).unwrap();
        assert_eq!(set.cell(&row, Column::Status), Some("Active"));
    }

    #[test]
    fn a_header_that_is_not_known_is_refused_with_what_to_do() {
        let base = ["Organization Name", "Framework", "Status", "Industry"];
        let error = of(&base, &[], &[]).unwrap_err();
        assert!(error.contains("`Industry`") && error.contains("--ignore-columns"), "{error}");
        assert!(of(&base, &[], &["Industry"]).is_ok() && of(&base, &[], &["*"]).is_ok());
        let missing = of(&["Name", "Framework", "Status"], &[], &["*"]).unwrap_err();
        assert!(missing.contains("--column organisation=HEADER") && missing.contains("`Name`"), "{missing}");
        assert!(of(&base, &["since=From"], &["*"]).unwrap_err().contains("`From`"));
        for wrong in ["since", "unheard=Of"] {
            assert!(of(&base, &[wrong], &["*"]).unwrap_err().contains("write NAME=HEADER"));
        }
        assert!(
            of(&["Status", "Status", "Framework", "Organization Name"], &[], &[])
                .unwrap_err()
                .contains("twice")
        );
    }
}
